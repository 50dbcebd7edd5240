//! Removing a model that the deck downloaded. Files of other tools are never touched.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Listing, Marks, Model, Source, same};

/// What would be removed, or why nothing may be.
///
/// # Errors
/// When the model comes with the program or another tool brought it.
pub fn removable(model: &Model, marks: &Marks) -> Result<Vec<PathBuf>, String> {
    let files: Vec<PathBuf> = model
        .files
        .iter()
        .filter(|file| marks.downloaded.contains(&same::real(file)))
        .cloned()
        .collect();
    let all = !files.is_empty() && files.len() == model.files.len();
    if model.source == Source::BuiltIn || !all {
        return Err(why_kept(model));
    }
    Ok(files)
}

/// Why a model that the deck did not download stays where it is.
pub fn why_kept(model: &Model) -> String {
    let name = &model.name;
    match model.source {
        Source::BuiltIn => format!("{name} comes with the program"),
        Source::Folder => format!(
            "{name} was not downloaded by llmdeck: remove {} by hand",
            model.path.display()
        ),
        tool => format!(
            "{name} was not downloaded by llmdeck but belongs to {}: remove it there, or {} by hand",
            tool.name(),
            model.path.display()
        ),
    }
}

/// Why what a models preset calls so cannot be removed: it is no file, only a name for one.
pub fn only_a_name(name: &str, path: &Path) -> String {
    format!(
        "{name} is only a name that the models preset gives to {}: take its section out of that file by hand",
        path.display()
    )
}

/// Removes the files of a model, and the blobs behind them that nothing else leads to. Returns the
/// bytes that came free.
///
/// # Errors
/// As [`removable`], and when a file cannot be removed.
pub fn remove(
    model: &Model,
    listing: &Listing,
    marks: &Marks,
    data_dir: &Path,
) -> Result<u64, String> {
    let files = removable(model, marks)?;
    let others: Vec<PathBuf> = listing
        .models
        .iter()
        .flat_map(|model| {
            model
                .files
                .iter()
                .chain(model.places.iter().map(|place| &place.path))
        })
        .filter(|path| !files.contains(path))
        .map(|path| same::real(path))
        .collect();
    let mut freed = 0;
    for file in &files {
        let real = same::real(file);
        let size = fs::metadata(&real).map_or(0, |facts| facts.len());
        let cannot = |path: &Path, error: &std::io::Error| {
            format!("could not remove {}: {error}", path.display())
        };
        fs::remove_file(file).map_err(|error| cannot(file, &error))?;
        if others.contains(&real) {
            continue;
        }
        if real != *file {
            fs::remove_file(&real).map_err(|error| cannot(&real, &error))?;
        }
        freed += size;
    }
    let forgotten = Marks::change(data_dir, |marks| {
        for file in &files {
            marks.favourites.remove(file);
            marks.used.remove(file);
            marks.replied.remove(file);
        }
    });
    forgotten.map_err(|error| format!("the files are gone, but not from the notes: {error}"))?;
    Ok(freed)
}
