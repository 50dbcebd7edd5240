//! The pages of docs/ that are made from the program's own tables.

use std::fs;
use std::path::Path;

/// A page and what it must say.
struct Page {
    name: &'static str,
    text: String,
}

fn pages() -> Vec<Page> {
    vec![
        Page {
            name: "parameters.md",
            text: llmdeck::params::markdown(),
        },
        Page {
            name: "keymap.md",
            text: llmdeck::keymap::Keymap::default().markdown(llmdeck::app::slash_commands()),
        },
    ]
}

/// Writes the pages, or with `--check` only compares them.
pub fn run(arguments: &[&str]) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    match arguments {
        [] => write(&folder),
        ["--check"] => check(&folder),
        _ => Err(format!(
            "docs takes --check or nothing, not '{}'",
            arguments.join(" ")
        )),
    }
}

fn write(folder: &Path) -> Result<String, String> {
    let mut written = Vec::new();
    for page in pages() {
        let path = folder.join(page.name);
        fs::write(&path, page.text).map_err(|error| failed("write", &path, &error))?;
        written.push(format!("wrote docs/{}", page.name));
    }
    Ok(written.join("\n"))
}

fn check(folder: &Path) -> Result<String, String> {
    for page in pages() {
        let path = folder.join(page.name);
        let found = fs::read_to_string(&path).map_err(|error| failed("read", &path, &error))?;
        if found != page.text {
            return Err(format!(
                "docs/{} is out of date: run cargo run -p xtask --release -- docs",
                page.name
            ));
        }
    }
    Ok("the generated pages are up to date".to_owned())
}

fn failed(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("could not {verb} {}: {error}", path.display())
}
