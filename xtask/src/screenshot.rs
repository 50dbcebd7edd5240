//! The picture for the README: the real program in a pseudo-terminal, its screen as SVG.
//!
//! `cargo run -p xtask --release -- screenshot [--size 120x36] [--out FILE] [--prompt TEXT]`

mod session;
mod svg;

use std::path::{Path, PathBuf};

use session::Session;

/// Shown below a reply once it is finished.
const FINISHED: &str = "first after";
/// Shown in the header once the model is loaded.
const READY: &str = " ready";

struct Options {
    columns: u16,
    rows: u16,
    out: PathBuf,
    prompt: String,
}

/// Takes a picture of the program as cargo builds it, with the built-in model and default settings;
/// returns what was written.
///
/// # Errors
/// A wrong option, a program that cannot be built or started, a screen that never shows a finished reply
/// (with what it shows instead), a file that cannot be written.
pub fn run(args: &[&str]) -> Result<String, String> {
    let options = Options::parse(args)?;
    let program = build()?;
    let home = Home::make()?;
    let mut session = Session::start(&program, &home.path, options.columns, options.rows)?;
    session.wait_for(READY)?;
    session.send(&options.prompt)?;
    session.send("\r")?;
    session.wait_for(FINISHED)?;
    let picture = svg::render(session.screen(), "llmdeck");
    if let Some(folder) = options.out.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    std::fs::write(&options.out, picture)
        .map_err(|error| format!("cannot write {}: {error}", options.out.display()))?;
    Ok(format!("wrote {}", options.out.display()))
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            columns: 120,
            rows: 36,
            out: root().join("docs/screenshot.svg"),
            prompt: "What does temperature do?".to_owned(),
        };
        let mut rest = args.iter();
        while let Some(name) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
            match *name {
                "--size" => (options.columns, options.rows) = size(value)?,
                "--out" => options.out = PathBuf::from(value),
                "--prompt" => options.prompt = (*value).to_owned(),
                unknown => {
                    return Err(format!(
                        "unknown option {unknown}; known: --size, --out, --prompt"
                    ));
                }
            }
        }
        Ok(options)
    }
}

fn size(text: &str) -> Result<(u16, u16), String> {
    text.split_once('x')
        .and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)))
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .ok_or_else(|| format!("{text:?} is no size; write columns x rows, as 120x36"))
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Builds the program and says where it is: beside this one, in the folder of the same profile.
fn build() -> Result<PathBuf, String> {
    let built = std::process::Command::new(env!("CARGO"))
        .args(["build", "--release", "--bin", "llmdeck"])
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !built.success() {
        return Err("llmdeck could not be built; see above".to_owned());
    }
    let own = std::env::current_exe()
        .map_err(|error| format!("cannot find this program's folder: {error}"))?;
    let program = own.with_file_name("llmdeck");
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!(
            "no llmdeck beside {}; use --release",
            own.display()
        ))
    }
}

/// An empty home folder, so that no settings of the user are in the picture; removed at the end.
struct Home {
    path: PathBuf,
}

impl Home {
    fn make() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("llmdeck-screenshot-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options =
            Options::parse(&["--size", "80x24", "--out", "x.svg", "--prompt", "hi"]).unwrap();
        assert_eq!((options.columns, options.rows), (80, 24));
        assert_eq!(
            (options.out, options.prompt.as_str()),
            (PathBuf::from("x.svg"), "hi")
        );
        assert_eq!(Options::parse(&[]).unwrap().columns, 120);
    }

    #[test]
    fn wrong_options_are_named() {
        for (args, part) in [
            (&["--size"][..], "--size needs a value"),
            (&["--size", "80"], "\"80\" is no size"),
            (&["--size", "0x24"], "\"0x24\" is no size"),
            (&["--colour", "red"], "unknown option --colour"),
        ] {
            let said = Options::parse(args).err().unwrap();
            assert!(said.contains(part), "{said}");
        }
    }
}
