//! A model that was found, and all of them.

use std::path::{Path, PathBuf};

use super::{About, Source, Unreadable};

/// A model, wherever it lies and however often.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What people call it.
    pub name: String,
    /// What is loaded: its only file, or the first of several.
    pub path: PathBuf,
    /// Every file of its weights.
    pub files: Vec<PathBuf>,
    pub source: Source,
    /// Every place where it lies, this one first.
    pub places: Vec<Spot>,
    /// Bytes of its files.
    pub size_bytes: u64,
    /// `None` when no header could be read.
    pub about: Option<About>,
    /// Why it cannot be loaded.
    pub error: Option<String>,
    /// Files that let it see or hear.
    pub projectors: Vec<PathBuf>,
    /// LoRA adapters beside it.
    pub adapters: Vec<PathBuf>,
    /// Whether one of its projectors is for images.
    pub vision: bool,
    /// Whether one of its projectors is for sounds.
    pub audio: bool,
}

impl Model {
    /// A model of one file that nothing more is known of.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>, source: Source) -> Self {
        let (name, path) = (name.into(), path.into());
        Self {
            files: vec![path.clone()],
            source,
            places: vec![Spot {
                source,
                name: name.clone(),
                path: path.clone(),
            }],
            name,
            path,
            size_bytes: 0,
            about: None,
            error: None,
            projectors: vec![],
            adapters: vec![],
            vision: false,
            audio: false,
        }
    }

    /// The file that has this name, where it lies in several places under several names.
    pub fn place_of(&self, name: &str) -> &Path {
        let is_meant = |spot: &&Spot| {
            let latest = spot.name.strip_suffix(":latest");
            spot.name == name || latest == Some(name)
        };
        let meant = self.places.iter().find(is_meant);
        meant.map_or(&self.path, |spot| &spot.path)
    }
}

/// One place of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub source: Source,
    pub name: String,
    pub path: PathBuf,
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// By name.
    pub models: Vec<Model>,
    /// Places that could not be looked through.
    pub unreadable: Vec<Unreadable>,
    /// Headers that had to be read, because the index did not have them.
    pub headers_read: usize,
}
