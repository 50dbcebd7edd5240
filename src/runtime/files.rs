//! Files that the user asks for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::paths;
use crate::app::FilePlace;

/// Writes a new file; says where it lies now, or why it could not be written.
pub(super) fn write(
    place: &FilePlace,
    text: &str,
    presets_dir: Option<&Path>,
    home: Option<&Path>,
) -> Result<String, String> {
    let path: PathBuf = match place {
        FilePlace::Named(typed) => paths::resolve(typed.into(), home),
        FilePlace::Preset(name) => presets_dir
            .ok_or("There is no folder for presets.")?
            .join(format!("{name}.toml")),
    };
    let made = path.parent().map_or(Ok(()), |folder| match place {
        FilePlace::Preset(_) => fs::create_dir_all(folder),
        FilePlace::Named(_) => Ok(()),
    });
    made.and_then(|()| create(&path, text))
        .map(|()| format!("Written to {}", path.display()))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => format!(
                "{} is there already and was left as it is; choose another name.",
                path.display()
            ),
            _ => format!("{} was not written: {error}", path.display()),
        })
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let presets = folder.path().join("presets");
        let place = FilePlace::Preset("mine".into());
        let again = |text| write(&place, text, Some(&presets), None);
        assert!(again("a = 1").unwrap().ends_with("mine.toml"));
        assert!(again("a = 2").unwrap_err().contains("is there already"));
        assert_eq!(
            fs::read_to_string(presets.join("mine.toml")).unwrap(),
            "a = 1"
        );
        let missing = FilePlace::Named(folder.path().join("no/x.md").display().to_string());
        assert!(
            write(&missing, "", None, None)
                .unwrap_err()
                .contains("was not written")
        );
    }
}
