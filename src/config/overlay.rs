//! Folders of TOML files, a file a thing, over embedded ones.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::ConfigError;

/// What is read from one file and known by its stem.
pub(super) trait Named: Clone {
    /// The folder of the embedded files, for messages.
    const FOLDER: &'static str;

    fn name(&self) -> &str;
}

/// The embedded things with those of the user's folder over them: a file of the same name replaces
/// an embedded one in its place, others follow in the order of their names. A file that cannot be
/// used is reported, and what `last` has of that name stays; a missing folder is an empty one.
pub(super) fn overlay<T: Named>(
    folder: &Path,
    embedded: &[(&str, &str)],
    last: &[T],
    parse: impl Fn(&str, &Path, &str) -> Result<T, ConfigError>,
) -> (Vec<T>, Vec<ConfigError>) {
    let (mut things, mut errors) = (Vec::new(), Vec::new());
    for (name, text) in embedded {
        let path = PathBuf::from(format!("{}/{name}.toml", T::FOLDER));
        match parse(name, &path, text) {
            Ok(thing) => things.push(thing),
            Err(error) => errors.push(error),
        }
    }
    let files = files(folder).unwrap_or_else(|error| {
        errors.push(ConfigError::unreadable(folder, &error));
        Vec::new()
    });
    for (name, path) in files {
        let text =
            std::fs::read_to_string(&path).map_err(|error| ConfigError::unreadable(&path, &error));
        let thing = text.and_then(|text| parse(&name, &path, &text));
        let thing = thing.map_err(|error| errors.push(error)).ok();
        let thing = thing.or_else(|| last.iter().find(|known| known.name() == name).cloned());
        let Some(thing) = thing else { continue };
        match things.iter_mut().find(|known| known.name() == name) {
            Some(known) => *known = thing,
            None => things.push(thing),
        }
    }
    (things, errors)
}

/// The folder's TOML files by stem, in the order of their names.
pub(super) fn files(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|stem| !stem.starts_with('.'));
        if let (Some(stem), Some("toml")) = (stem, path.extension().and_then(|ext| ext.to_str())) {
            files.push((stem.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}
