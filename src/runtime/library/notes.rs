//! What is kept on the disk about models beside their files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::bench::history;
use crate::config::Folders;
use crate::library::{self, Estimate, Known, Marks, Measured, MeasuredBy, Model};

/// Tokens of a test from which on its speed is a model's.
const ENOUGH: u32 = 16;

/// The marks of models, and how fast each was measured to be.
#[derive(Debug, Default)]
pub struct Notes {
    marks: Marks,
    /// Tokens per second of the last measurement of decoding.
    benched: BTreeMap<PathBuf, f64>,
}

impl Notes {
    /// Reads them; what cannot be read is not there.
    pub fn read(folders: &Folders) -> Self {
        Self {
            marks: super::marks(folders),
            benched: benched(&folders.data_dir),
        }
    }

    /// What is known of a model; whatever place it was used from counts.
    pub fn of(&self, model: &Model, estimate: Option<Estimate>) -> Known {
        let Marks {
            favourites,
            used,
            replied,
            ..
        } = &self.marks;
        let paths = || {
            let places = model.places.iter().map(|place| &place.path);
            std::iter::once(&model.path).chain(places)
        };
        let measured = |by, all: &BTreeMap<PathBuf, f64>| {
            let per_second = paths().find_map(|path| all.get(path).copied())?;
            Some(Measured { per_second, by })
        };
        Known {
            estimate,
            measured: measured(MeasuredBy::Bench, &self.benched)
                .or_else(|| measured(MeasuredBy::Reply, replied)),
            used: paths().filter_map(|path| used.get(path).copied()).max(),
            favourite: paths().any(|path| favourites.contains(path)),
            removable: library::removable(model, &self.marks).is_ok(),
            modelfile: None,
            named: None,
        }
    }
}

fn benched(data_dir: &Path) -> BTreeMap<PathBuf, f64> {
    let history = history::read(&history::file(data_dir)).unwrap_or_default();
    // How fast a reply begins to be: not beside other work, not far into a context, and long enough
    // to tell.
    let decoding = history.records.into_iter().filter(|record| {
        record.n_prompt == 0
            && record.n_depth == 0
            && record.n_gen >= ENOUGH
            && record.held_up_by().is_none()
    });
    decoding
        .map(|record| (PathBuf::from(record.model_filename), record.avg_ts))
        .collect()
}
