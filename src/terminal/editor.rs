//! The user's own editor on a text of ours.
//!
//! The text goes through a file that only its owner can read, in memory where the system has a folder
//! for that, and which is gone when the editor is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};

/// More than anybody writes by hand; a larger file is something else.
const LARGEST: u64 = 16 << 20;

/// An editor at work.
#[derive(Debug)]
pub struct Editor {
    child: Child,
    name: String,
    file: TextFile,
}

/// Removed when it is dropped.
#[derive(Debug)]
struct TextFile(PathBuf);

impl Drop for TextFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Editor {
    /// Starts `$VISUAL`, `$EDITOR` or `vi` on a text. The terminal must have been given back.
    ///
    /// # Errors
    /// A sentence that says what could not be done.
    pub fn start(text: &str) -> Result<Self, String> {
        let name = ["VISUAL", "EDITOR"]
            .into_iter()
            .filter_map(std::env::var_os)
            .find(|name| !name.is_empty())
            .unwrap_or_else(|| OsString::from("vi"));
        Self::start_with(&name, text, &folder())
    }

    fn start_with(editor: &OsString, text: &str, folder: &Path) -> Result<Self, String> {
        let file = write_file(text, folder).map_err(|error| {
            format!(
                "cannot write the message to a file in {}: {error}",
                folder.display()
            )
        })?;
        let name = editor.to_string_lossy().into_owned();
        // Through the shell, because the variable may hold arguments: `code --wait`.
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("{name} \"$1\""))
            .arg("sh")
            .arg(&file.0)
            .stdin(keyboard())
            .spawn()
            .map_err(|error| format!("cannot start the editor {name}: {error}"))?;
        Ok(Self { child, name, file })
    }

    /// Ends an editor from another thread than the one that waits for it.
    pub fn ender(&self) -> impl Fn() + Send + 'static {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        move || {
            if let Some(pid) = pid {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    }

    /// Waits until the editor has ended; gives what the text is then.
    ///
    /// # Errors
    /// When it failed or its file cannot be read: then the text is as it was.
    pub fn wait(mut self) -> Result<String, String> {
        let kept = "the message is as it was";
        let name = &self.name;
        let ended = self
            .child
            .wait()
            .map_err(|error| format!("{name} was lost: {error}; {kept}"))?;
        if !ended.success() {
            let how = match ended.code() {
                Some(127) => "was not found (set EDITOR to one that is there)".to_owned(),
                Some(code) => format!("ended with status {code}"),
                None => "was killed".to_owned(),
            };
            return Err(format!("The editor {name} {how}; {kept}."));
        }
        read_file(&self.file.0)
            .map_err(|error| format!("cannot read what {name} wrote: {error}; {kept}"))
    }
}

/// In memory where the system offers it.
fn folder() -> PathBuf {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(std::env::temp_dir)
}

fn write_file(text: &str, folder: &Path) -> io::Result<TextFile> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let name = format!(
        "llmdeck-{}-{}.md",
        std::process::id(),
        now.map_or(0, |now| now.as_nanos())
    );
    let path = folder.join(name);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let guarded = TextFile(path);
    file.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        file.write_all(b"\n")?;
    }
    Ok(guarded)
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    // Editors often write a new file in place of the old one, so it is opened by name.
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!(
            "it is larger than {LARGEST} bytes"
        )));
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(super::sanitise_paste(text.trim_end_matches(['\n', '\r'])))
}

/// What the editor reads keys from: our stdin may be something else.
fn keyboard() -> Stdio {
    if rustix::termios::isatty(rustix::stdio::stdin()) {
        return Stdio::inherit();
    }
    File::open("/dev/tty").map_or_else(|_| Stdio::inherit(), Stdio::from)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn edited(editor: &str, text: &str) -> (Result<String, String>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let editor = Editor::start_with(&editor.into(), text, folder.path()).unwrap();
        let result = editor.wait();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        (result, folder)
    }

    #[test]
    fn nobody_else_can_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let editor = Editor::start_with(&"true".into(), "x", folder.path()).unwrap();
        let mode = fs::metadata(&editor.file.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(editor.wait().is_ok());
    }

    #[test]
    fn what_the_editor_wrote_comes_back() {
        let (text, _folder) = edited("f() { printf 'new\\n\\033[31m' >> \"$1\"; }; f", "old");
        assert_eq!(text, Ok("old\nnew\n[31m".to_owned()));
        assert_eq!(edited("true", "as it was").0, Ok("as it was".to_owned()));
        assert_eq!(edited("true", "").0, Ok(String::new()));
    }

    #[test]
    fn failures_say_what_happened() {
        let why = edited("false", "x").0.unwrap_err();
        assert!(why.contains("false ended with status 1"), "{why}");
        let why = edited("/no/such/editor", "x").0.unwrap_err();
        assert!(why.contains("was not found"), "{why}");
        let why = edited("rm", "x").0.unwrap_err();
        assert!(why.contains("cannot read what rm wrote"), "{why}");
        let missing = Editor::start_with(&"true".into(), "x", Path::new("/no/such/folder"));
        assert!(missing.unwrap_err().contains("/no/such/folder"));
    }
}
