//! Finding models for the whole program: the places of this machine, with the index beside the log.

mod estimator;
mod librarian;
mod notes;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::config::{self, Folders};
use crate::hub::Record;
use crate::library::{self, Called, Environment, Index, Listing, Marks, Place, Source, Unreadable};
pub use estimator::Estimator;
pub use librarian::{Librarian, Situation};
pub use notes::Notes;

/// The index in the folder of what can be lost.
const INDEX: &str = "library.json";
/// Settings of other tools longer than this are not theirs.
const LONGEST: u64 = 1 << 20;
/// Milliseconds by which the clocks of a disk and of the program may differ.
const SLACK: u128 = 2_000;

/// Every model on this machine, and the built-in one, which is put in its place first. `own` are
/// folders of the user. Reads files: not for the thread that draws.
pub fn find_models(folders: &Folders, own: &[PathBuf]) -> Listing {
    find_in(folders, &places(folders, own))
}

/// As [`find_models`], in these places.
fn find_in(folders: &Folders, places: &[Place]) -> Listing {
    let guide = config::install_builtin_model(&folders.data_dir);
    let file = folders.state_dir.join(INDEX);
    let mut index = Index::read(&file);
    let mut listing = library::scan(places, &mut index);
    match guide {
        // Those of other versions of the program lie beside it.
        Ok(guide) => listing
            .models
            .retain(|model| model.source != Source::BuiltIn || model.path == guide),
        Err(error) => listing.unreadable.push(Unreadable {
            path: folders.models_dir.clone(),
            why: error.to_string(),
        }),
    }
    index.call(Called::of(&listing));
    if let Err(error) = index.write(&file) {
        tracing::warn!("{} was not written: {error}", file.display());
    }
    listing
}

/// What the models that were found last are called; looks for none.
pub fn model_names(folders: &Folders) -> Called {
    Index::read_called(&folders.state_dir.join(INDEX))
}

/// Where models are looked for, in the order in which places give them their names.
fn places(folders: &Folders, own: &[PathBuf]) -> Vec<Place> {
    let environment = Environment::system();
    let guide = Place {
        source: Source::BuiltIn,
        folder: folders.models_dir.clone(),
    };
    let mut all = vec![guide];
    let usual = library::places(&environment, &[]);
    let moved = library::moved(&environment, &read);
    let own = own.iter().map(|folder| Place {
        source: Source::Folder,
        folder: folder.clone(),
    });
    for place in usual.into_iter().chain(moved).chain(own) {
        if all.iter().all(|known| known.folder != place.folder) {
            all.push(place);
        }
    }
    all
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// What the deck remembers of models, with what it downloaded. A file that changed since is somebody
/// else's.
pub fn marks(folders: &Folders) -> Marks {
    let mut marks = Marks::read(&folders.data_dir);
    let files = Record::of(&folders.data_dir).files();
    let own = files.into_values().filter(|file| {
        let changed = fs::metadata(&file.path).and_then(|facts| facts.modified());
        let changed = changed
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        changed
            .is_some_and(|time| time.as_millis() <= u128::from(file.at_ms.unsigned_abs()) + SLACK)
    });
    marks.downloaded = own
        .map(|file| file.path.canonicalize().unwrap_or(file.path))
        .collect();
    marks
}
