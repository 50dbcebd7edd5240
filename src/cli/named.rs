//! Models by the names that a models preset of llama-server gives them.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{ExitCode, Failure, General, model};
use crate::config::{Config, Folders, ModelsPreset, NamedModel, Weights};
use crate::params::{Overrides, nearest_word};
use crate::runtime;

/// The models of the preset in use; none without one.
#[derive(Clone, Debug, Default)]
pub struct NamedModels(Vec<NamedModel>);

impl NamedModels {
    /// Reads the file of the command line, or else the configured one. What is wrong in it is added
    /// to the notes.
    ///
    /// # Errors
    /// When the file of the command line cannot be read.
    pub(super) fn read(
        general: &General,
        config: &Config,
        notes: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let read = match (&general.models_preset, &config.models_preset) {
            (Some(path), _) => ModelsPreset::read(path).map_err(|error| {
                let what = "reading the models preset";
                Failure::new(ExitCode::NoInput, what, error)
                    .hint("give an INI file as llama-server's --models-preset takes it")
            })?,
            (None, Some(path)) => ModelsPreset::read(path).unwrap_or_else(|error| {
                notes.push(error.to_string());
                ModelsPreset::default()
            }),
            (None, None) => ModelsPreset::default(),
        };
        notes.extend(read.problems);
        Ok(Self(read.models))
    }

    /// The model of that name.
    pub(super) fn find(&self, name: &Path) -> Option<&NamedModel> {
        self.0.iter().find(|model| Path::new(&model.name) == name)
    }

    /// The files that are named by their path.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().filter_map(|named| match &named.weights {
            Weights::File(path) => Some(path.clone()),
            Weights::Hub(_) | Weights::SameName => None,
        })
    }

    /// The model of the command line: one of these by its name, or as [`model::asked`].
    ///
    /// # Errors
    /// When it is not here; the message names what is near.
    pub(super) fn asked(
        &self,
        general: &General,
        folders: &Folders,
        config: &Config,
    ) -> Result<Option<PathBuf>, Failure> {
        let find = |name: &Path| model::find(name, folders, config);
        let given = general.model.as_deref();
        if let Some(named) = given.and_then(|name| self.find(name)) {
            return weights(named, general, find).map(Some);
        }
        model::asked(general, folders, config).map_err(|failure| {
            let names = || self.0.iter().map(|named| named.name.as_str());
            let near = given.and_then(|given| nearest_word(given.to_str()?, names()));
            match near {
                Some(near) => failure.hint(format!("did you mean {near}, of the models preset?")),
                None => failure,
            }
        })
    }

    /// Files and parameters by name, of those that are here; why others are not is added to the
    /// notes.
    pub(super) fn by_name(
        &self,
        general: &General,
        folders: &Folders,
        config: &Config,
        notes: &mut Vec<String>,
    ) -> BTreeMap<String, (PathBuf, Overrides)> {
        // Looked for once, and only where a name asks for it.
        let listing = LazyCell::new(|| runtime::find_models(folders, &config.library.folders));
        let among = |name: &Path| model::among(name, &listing);
        let here = self.0.iter().filter_map(|named| {
            let path = weights(named, general, among);
            path.map(|path| (named.name.clone(), (path, named.values.clone())))
                .map_err(|failure| {
                    notes.push(format!("the models preset's {}: {failure}", named.name));
                })
                .ok()
        });
        here.collect()
    }
}

/// The file of a named model; `find` knows those of this machine by name.
///
/// # Errors
/// When it is not here.
pub(super) fn weights(
    named: &NamedModel,
    general: &General,
    find: impl Fn(&Path) -> Result<PathBuf, Failure>,
) -> Result<PathBuf, Failure> {
    match &named.weights {
        Weights::File(path) => model::check(path).map(|()| path.clone()),
        Weights::Hub(name) => model::of_hub(name, general),
        Weights::SameName => find(Path::new(&named.name)),
    }
}
