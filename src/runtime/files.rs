//! New files that the user asks for. None that is there already is replaced.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::paths;
use crate::app::{Content, FilePlace};
use crate::store::exchange;

/// Names tried where the first is taken.
const TRIES: u32 = 1_000;

/// The folders that places are relative to; what has none cannot be written.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub home: Option<PathBuf>,
    pub exports: Option<PathBuf>,
    pub presets: Option<PathBuf>,
}

/// Writes a new file; says where it lies now, or why it could not be written.
pub(super) fn write(
    place: &FilePlace,
    content: &Content,
    places: &Places,
) -> Result<String, String> {
    let text = match content {
        Content::Text(text) => text,
        Content::Chat { chat, format } => &exchange::write(std::slice::from_ref(chat), *format),
    };
    let (path, written) = match place {
        FilePlace::Named(typed) => {
            let path = paths::resolve(typed.into(), places.home.as_deref());
            let written = exchange::write_file(&path, text);
            (path, written)
        }
        FilePlace::Here(name) => first_free(Path::new(""), name, text),
        FilePlace::Exports(name) => {
            let folder = places.exports.as_deref();
            let folder = folder.ok_or("There is no folder for exports.")?;
            made(folder)?;
            first_free(folder, name, text)
        }
        FilePlace::Preset(name) => {
            let folder = places.presets.as_deref();
            let folder = folder.ok_or("There is no folder for presets.")?;
            made(folder)?;
            let path = folder.join(format!("{name}.toml"));
            let written = exchange::write_file(&path, text);
            (path, written)
        }
    };
    let shown = std::path::absolute(&path).unwrap_or(path);
    let shown = shown.display();
    match written {
        Ok(()) => Ok(format!("Written to {shown}")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(format!(
            "{shown} is there already and was left as it is; choose another name."
        )),
        Err(error) => Err(format!("{shown} was not written: {error}")),
    }
}

fn made(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))
}

/// Writes `name.md`, or `name-2.md` and so on where there is one.
fn first_free(folder: &Path, name: &str, text: &str) -> (PathBuf, io::Result<()>) {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "txt"));
    let mut path = folder.join(name);
    for number in 2..TRIES {
        match exchange::write_file(&path, text) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path = folder.join(format!("{stem}-{number}.{ending}"));
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

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    #[test]
    fn a_file_is_written_once_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let presets = folder.path().join("presets");
        let places = Places {
            presets: Some(presets.clone()),
            ..Places::default()
        };
        let place = FilePlace::Preset("mine".into());
        let again = |value| write(&place, &text(value), &places);
        assert!(again("a = 1").unwrap().ends_with("mine.toml"));
        assert!(again("a = 2").unwrap_err().contains("is there already"));
        assert_eq!(
            fs::read_to_string(presets.join("mine.toml")).unwrap(),
            "a = 1"
        );
        let missing = FilePlace::Named(folder.path().join("no/x.md").display().to_string());
        let refused = write(&missing, &text(""), &places).unwrap_err();
        assert!(refused.contains("was not written"), "{refused}");
        let nowhere = FilePlace::Exports("a.csv".into());
        let refused = write(&nowhere, &text(""), &places).unwrap_err();
        assert!(refused.contains("no folder"), "{refused}");
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            exports: Some(folder.path().join("new")),
            ..Places::default()
        };
        let place = FilePlace::Exports("metrics.csv".into());
        for (value, name) in [
            ("one", "metrics.csv"),
            ("two", "metrics-2.csv"),
            ("three", "metrics-3.csv"),
        ] {
            let said = write(&place, &text(value), &places).unwrap();
            assert!(said.ends_with(name), "{said}");
            let path = folder.path().join("new").join(name);
            assert_eq!(fs::read_to_string(path).unwrap(), value);
        }
    }
}
