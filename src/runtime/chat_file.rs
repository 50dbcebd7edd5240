//! Writing the chat on the screen to a file.

use std::io;
use std::path::{Path, PathBuf};

use super::paths;
use crate::app::ExportFile;
use crate::store::exchange::{self, Archive, Format};

/// Numbers tried for a file whose name the user did not choose.
const TRIES: u32 = 1_000;

/// Writes a chat; says where it lies now, or why it could not be written.
pub(super) fn write(
    file: &ExportFile,
    format: Format,
    chat: &Archive,
    home: Option<&Path>,
) -> Result<String, String> {
    let text = exchange::write(std::slice::from_ref(chat), format);
    let (path, written) = match file {
        ExportFile::Named(name) => {
            let path = paths::resolve(PathBuf::from(name), home);
            let written = exchange::write_file(&path, &text);
            (path, written)
        }
        ExportFile::Default(name) => first_free(name, &text),
    };
    let shown = std::path::absolute(&path).unwrap_or(path);
    let shown = shown.display();
    match written {
        Ok(()) => Ok(format!("The chat was written to {shown}")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{shown} exists already; name another file."))
        }
        Err(error) => Err(format!("The chat could not be written to {shown}: {error}")),
    }
}

/// Writes `name.md`, or `name-2.md` and so on where there is one.
fn first_free(name: &str, text: &str) -> (PathBuf, io::Result<()>) {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "md"));
    let mut path = PathBuf::from(name);
    for number in 2..TRIES {
        match exchange::write_file(&path, text) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path = PathBuf::from(format!("{stem}-{number}.{ending}"));
            }
            written => return (path, written),
        }
    }
    let written = exchange::write_file(&path, text);
    (path, written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        let name = path.to_str().unwrap();
        assert_eq!(first_free(name, "one").0, path);
        let second = first_free(name, "two").0;
        assert_eq!(second, folder.path().join("a-2.md"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(second).unwrap(), "two");
        let refused = write(
            &ExportFile::Named(name.to_owned()),
            Format::Markdown,
            &Archive::default(),
            None,
        );
        assert!(refused.unwrap_err().contains("exists already"));
    }
}
