//! Finding and reading files.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::decode::decode;
use super::extract::{Extractor, Kind};
use crate::units::counted;

/// The largest file that is read, in bytes.
pub(super) const LARGEST: u64 = 32 << 20;
/// Files that one pattern may name.
const MOST_FILES: usize = 64;

/// A file whose text is part of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Its path as it was given, on one line.
    pub name: String,
    pub text: String,
    /// What is to be known of the text; may be empty.
    pub note: String,
}

impl File {
    /// Name and size for people: `a.md (12 lines)`.
    pub fn label(&self) -> String {
        let lines = counted(self.text.lines().count(), "line");
        match self.note.as_str() {
            "" => format!("{} ({lines})", self.name),
            note => format!("{} ({note})", self.name),
        }
    }
}

/// Reads the files that a path or a pattern such as `src/*.rs` names, in the order of their names.
/// `~` is `home`, and other paths are seen from the working folder.
///
/// # Errors
/// In words, naming the file, when there is none, one cannot be read, or one is no text.
pub fn read(typed: &str, home: Option<&Path>, extractor: &Extractor) -> Result<Vec<File>, String> {
    let typed = unquoted(typed);
    let path = match (typed.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(&typed),
    };
    if path.is_file() {
        return Ok(vec![read_one(&path, &typed, extractor)?]);
    }
    if path.is_dir() {
        return Err(format!(
            "{typed} is a folder; {}/*.md would name files in it",
            typed.trim_end_matches('/')
        ));
    }
    let found = matching(&path, &typed)?;
    found
        .iter()
        .map(|path| read_one(path, &path.to_string_lossy(), extractor))
        .collect()
}

/// Whether a pasted text may be a dropped file: one line with an absolute path, perhaps in quotes.
pub fn looks_like_path(text: &str) -> bool {
    let text = text.trim();
    let path = text.trim_matches(['\'', '"']);
    !text.contains('\n')
        && text.len() < 4096
        && (path.starts_with("/") || path.starts_with("~/") || path.starts_with("file://"))
}

fn matching(path: &Path, typed: &str) -> Result<Vec<PathBuf>, String> {
    if !typed.contains(['*', '?', '[']) {
        return Err(format!("{typed}: there is no such file"));
    }
    let pattern = path.to_string_lossy();
    let found = glob::glob(&pattern).map_err(|error| format!("{typed}: {error}"))?;
    let files = found.flatten().filter(|path| path.is_file());
    let files: Vec<PathBuf> = files.take(MOST_FILES + 1).collect();
    match files.len() {
        0 => Err(format!("{typed}: no file fits this pattern")),
        n if n > MOST_FILES => Err(format!(
            "{typed}: more than {MOST_FILES} files fit this pattern"
        )),
        _ => Ok(files),
    }
}

fn read_one(path: &Path, name: &str, extractor: &Extractor) -> Result<File, String> {
    let failed = |why: String| format!("{name}: {why}");
    let about = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if about.len() > LARGEST {
        let mib = |bytes: u64| bytes >> 20;
        return Err(failed(format!(
            "it has {} MiB, and at most {} are read",
            mib(about.len()),
            mib(LARGEST)
        )));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
        .map_err(|error| failed(error.to_string()))?;
    let (text, note) = match Kind::of(path, &bytes) {
        Kind::Text => {
            let decoded = decode(&bytes).map_err(failed)?;
            (decoded.text, decoded.note)
        }
        kind => {
            let text = extractor.run(path).map_err(failed)?;
            let text = text.trim().to_owned();
            if text.is_empty() {
                return Err(failed("there is no text in it".to_owned()));
            }
            let lines = counted(text.lines().count(), "line");
            (text, format!("{lines}, text of {}", kind.name()))
        }
    };
    Ok(File {
        name: one_line(name),
        text,
        note,
    })
}

/// A path as terminals write it when a file is dropped: in quotes, with backslashes, as a URI.
fn unquoted(typed: &str) -> String {
    let typed = typed.trim();
    for quote in ['\'', '"'] {
        let inside = typed
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inside) = inside {
            return inside.to_owned();
        }
    }
    if let Some(rest) = typed.strip_prefix("file://") {
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        return percent_decoded(path);
    }
    let mut out = String::new();
    let mut characters = typed.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters
                .peek()
                .is_some_and(|c| " '\"()&[]\\".contains(*c)) => {}
            other => {
                out.push(other);
                continue;
            }
        }
        out.extend(characters.next());
    }
    out
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        let decoded = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(decoded.unwrap_or(*byte));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn one_line(name: &str) -> String {
    let clean = |c: char| if c.is_control() || c == '`' { ' ' } else { c };
    name.chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_extractor() -> Extractor {
        Extractor::new("/no/such/program")
    }

    #[test]
    fn paths_and_patterns_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("b.txt"), "two\n").unwrap();
        fs::write(at("a.txt"), "one").unwrap();
        fs::write(at("c.bin"), [0, 1, 2]).unwrap();
        let read = |typed: &str| super::read(typed, Some(folder.path()), &no_extractor());
        let pattern = at("*.txt").to_string_lossy().into_owned();
        let files = read(&pattern).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].text, "one");
        assert!(files[0].label().ends_with("a.txt (1 line)"));
        assert_eq!(read("~/b.txt").unwrap()[0].name, "~/b.txt");
        assert!(read("~/c.bin").unwrap_err().ends_with("it is no text"));
        assert!(read("~/none").unwrap_err().contains("no such file"));
        assert!(read("~/*.none").unwrap_err().contains("no file fits"));
        assert!(read("~/").unwrap_err().contains("is a folder"));
    }

    #[test]
    fn dropped_paths_are_understood() {
        assert_eq!(unquoted("'/tmp/a b.txt' "), "/tmp/a b.txt");
        assert_eq!(unquoted("/tmp/a\\ b\\(1\\).txt"), "/tmp/a b(1).txt");
        assert_eq!(unquoted("file:///tmp/a%20b%C3%A9.txt"), "/tmp/a bé.txt");
        assert_eq!(unquoted("file://host/tmp/a"), "/tmp/a");
        assert!(looks_like_path("'/tmp/a b.txt'\n"));
        assert!(looks_like_path("~/a"));
        assert!(!looks_like_path("/usr is full\nand so on"));
        assert!(!looks_like_path("see /tmp/a"));
    }
}
