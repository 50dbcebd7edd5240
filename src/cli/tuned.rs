//! Profiles of `llmdeck tune` that count on this machine, and the values they have for a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::bench::Machine;
use crate::config::{self, Profile};
use crate::engine;
use crate::gguf;
use crate::params::{Overrides, Params, Source};

/// Profiles made on this machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tuned {
    profiles: Vec<Profile>,
}

impl Tuned {
    /// Reads the profiles; what is wrong with them is added to the problems. A machine is looked at
    /// only where there are any.
    pub(super) fn read(data_dir: &Path, problems: &mut Vec<String>) -> Self {
        let (mut profiles, errors) = config::load_profiles(data_dir);
        problems.extend(errors.iter().map(ToString::to_string));
        if !profiles.is_empty() {
            engine::llama::install_logging();
            let here = Machine::read(&engine::llama::devices()).to_string();
            profiles.retain(|profile| profile.machine == here);
        }
        Self { profiles }
    }

    /// The parameters with the values found for the model in a file. Which model that is, its
    /// content says.
    pub(super) fn apply(&self, params: &Params, model: &Path) -> Params {
        let mut params = params.clone();
        params.replace(Source::Tuned, self.values(model));
        params
    }

    /// The values by the paths of the models, as they were when they were tuned. The file given is
    /// looked into; of others only the size is compared.
    pub(super) fn by_path(&self, given: Option<&Path>) -> BTreeMap<PathBuf, Overrides> {
        let same_size = |profile: &&Profile| size(&profile.model) == Some(profile.model_bytes);
        let mut all: BTreeMap<PathBuf, Overrides> = self
            .profiles
            .iter()
            .filter(same_size)
            .flat_map(|profile| profile.paths().map(|path| (path, profile.values.clone())))
            .collect();
        if let Some(given) = given {
            all.insert(given.to_owned(), self.values(given));
        }
        all
    }

    fn values(&self, model: &Path) -> Overrides {
        let size = size(model);
        let mut alike = self
            .profiles
            .iter()
            .filter(|profile| size == Some(profile.model_bytes))
            .peekable();
        // Most models have no profile, and then nothing is read.
        if alike.peek().is_none() {
            return Overrides::new();
        }
        let hash = gguf::fingerprint(model).unwrap_or_default();
        alike
            .find(|profile| profile.model_hash == hash)
            .map(|profile| profile.values.clone())
            .unwrap_or_default()
    }
}

fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|facts| facts.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Param, Value};

    #[test]
    fn a_profile_counts_for_the_model_it_was_made_with_wherever_that_lies() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (model, moved) = (file("a.gguf", "one"), file("b.gguf", "one"));
        let (other, longer) = (file("c.gguf", "two"), file("d.gguf", "three"));
        let values = Overrides::from([(Param::Threads, Value::Int(3))]);
        let tuned = Tuned {
            profiles: vec![Profile {
                model: model.clone(),
                model_bytes: 3,
                model_hash: gguf::fingerprint(&model).unwrap(),
                values: values.clone(),
                ..Profile::default()
            }],
        };
        let source = |path: &Path| tuned.apply(&Params::default(), path).source(Param::Threads);
        assert_eq!(source(&model), Source::Tuned);
        assert_eq!(source(&moved), Source::Tuned);
        assert_eq!(source(&other), Source::Default);
        assert_eq!(source(&longer), Source::Default);
        let by_path = tuned.by_path(Some(&other));
        assert_eq!(by_path[&model], values);
        assert_eq!(by_path[&other], Overrides::new());
        std::fs::write(&model, "changed").unwrap();
        assert!(!tuned.by_path(None).contains_key(&model));
    }
}
