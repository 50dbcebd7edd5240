//! Profiles: what `llmdeck tune` found to be fastest, one file a model and machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::document::{Document, RawParams};
use super::error::ConfigError;
use super::paths;
use crate::hex;
use crate::params::{Overrides, spec};

/// Parameter values that were measured to be faster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The model file as it was found; the hash says which model it is.
    pub model: PathBuf,
    /// Bytes of the file.
    pub model_bytes: u64,
    pub model_hash: String,
    /// The machine in words; on another one the profile does not count.
    pub machine: String,
    /// What was to be fast: `decode`, `prefill` or `balanced`.
    pub goal: String,
    /// When, UTC.
    pub tuned_at: String,
    /// llama.cpp's version.
    pub llama_cpp: String,
    /// The gain, as it was measured: `1.12 times as fast (1.09 to 1.15), pp512+tg128`.
    pub gain: String,
    pub values: Overrides,
}

impl Profile {
    /// Writes the profile in place of the one there is for this model and machine, and tells
    /// where. Nobody ever sees half a file.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn save(&self, data_dir: &Path) -> io::Result<PathBuf> {
        let path = file(data_dir, &self.model_hash, &self.machine);
        let written = Written {
            model: self.model.to_string_lossy().into_owned(),
            model_bytes: self.model_bytes,
            model_hash: self.model_hash.clone(),
            machine: self.machine.clone(),
            goal: self.goal.clone(),
            tuned_at: self.tuned_at.clone(),
            llama_cpp: self.llama_cpp.clone(),
            gain: self.gain.clone(),
            params: self
                .values
                .iter()
                .map(|(param, value)| (spec(*param).name, spec(*param).format(value)))
                .collect(),
        };
        let text = toml::to_string(&written).map_err(io::Error::other)?;
        fs::create_dir_all(folder(data_dir))?;
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let mut out = fs::File::create(&part)?;
        out.write_all(HEAD.as_bytes())?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        drop(out);
        fs::rename(&part, &path)?;
        Ok(path)
    }

    /// Removes the profile of a model on a machine; the file that is gone, if there was one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(data_dir: &Path, model_hash: &str, machine: &str) -> io::Result<Option<PathBuf>> {
        let path = file(data_dir, model_hash, machine);
        match fs::remove_file(&path) {
            Ok(()) => Ok(Some(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The paths by which a user may call the model: in full, and with `~`.
    pub fn paths(&self) -> [PathBuf; 2] {
        [self.model.clone(), paths::short(&self.model).into()]
    }
}

const HEAD: &str = "# Made by `llmdeck tune`. `llmdeck tune --undo MODEL` takes it back; deleting this file does too.\n";

/// Every profile of the folder; a file that cannot be used is reported and left out.
pub fn load_profiles(data_dir: &Path) -> (Vec<Profile>, Vec<ConfigError>) {
    let folder = folder(data_dir);
    let (mut profiles, mut errors) = (Vec::new(), Vec::new());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            // A data folder that is none is told by whoever needs to write there.
            let none = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
            if !none {
                errors.push(ConfigError::unreadable(&folder, &error));
            }
            return (profiles, errors);
        }
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    for path in files {
        match read(&path) {
            Ok(profile) => profiles.push(profile),
            Err(error) => errors.push(error),
        }
    }
    (profiles, errors)
}

fn read(path: &Path) -> Result<Profile, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    let document = Document { path, text: &text };
    let file: Found = document.read()?;
    Ok(Profile {
        model: file.model.into(),
        model_bytes: file.model_bytes,
        model_hash: file.model_hash,
        machine: file.machine,
        goal: file.goal,
        tuned_at: file.tuned_at,
        llama_cpp: file.llama_cpp,
        gain: file.gain,
        values: document.params(&file.params)?,
    })
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("tuned")
}

/// A file for each model and machine: homes are shared between machines.
fn file(data_dir: &Path, model_hash: &str, machine: &str) -> PathBuf {
    let machine = hex::digits(&Sha256::digest(machine.as_bytes())[..4]);
    let model: String = model_hash
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(16)
        .collect();
    folder(data_dir).join(format!("{model}-{machine}.toml"))
}

/// The file as it is written.
#[derive(Serialize)]
struct Written {
    model: String,
    model_bytes: u64,
    model_hash: String,
    machine: String,
    goal: String,
    tuned_at: String,
    llama_cpp: String,
    gain: String,
    params: BTreeMap<&'static str, String>,
}

/// The file as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    model: String,
    model_bytes: u64,
    model_hash: String,
    machine: String,
    #[serde(default)]
    goal: String,
    #[serde(default)]
    tuned_at: String,
    #[serde(default)]
    llama_cpp: String,
    #[serde(default)]
    gain: String,
    params: RawParams,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Param, Value};

    fn profile(machine: &str, threads: i64) -> Profile {
        Profile {
            model: "/models/a \"b\".gguf".into(),
            model_bytes: 1 << 40,
            model_hash: "0123456789abcdef0123".into(),
            machine: machine.into(),
            goal: "balanced".into(),
            gain: "1.12 times as fast (1.09 to 1.15)".into(),
            values: Overrides::from([
                (Param::Threads, Value::Int(threads)),
                (Param::FlashAttn, Value::Text("off".into())),
                (Param::ThreadsBatch, Value::Int(-1)),
            ]),
            ..Profile::default()
        }
    }

    #[test]
    fn a_profile_comes_back_as_it_was_saved_one_for_each_machine() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load_profiles(dir.path()), (vec![], vec![]));
        for (machine, threads) in [("one", 1), ("two", 2), ("one", 3)] {
            profile(machine, threads).save(dir.path()).unwrap();
        }
        let (mut found, errors) = load_profiles(dir.path());
        assert_eq!(errors, []);
        found.sort_by_key(|profile| profile.machine.clone());
        assert_eq!(found, [profile("one", 3), profile("two", 2)]);
    }

    #[test]
    fn removing_takes_only_that_machines() {
        let dir = tempfile::tempdir().unwrap();
        let kept = profile("two", 2);
        kept.save(dir.path()).unwrap();
        let gone = profile("one", 1).save(dir.path()).unwrap();
        let remove = || Profile::remove(dir.path(), &kept.model_hash, "one").unwrap();
        assert_eq!(remove(), Some(gone));
        assert_eq!(remove(), None);
        assert_eq!(load_profiles(dir.path()).0, [kept]);
    }

    #[test]
    fn a_damaged_file_is_reported_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = profile("one", 1).save(dir.path()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("threads = \"1\"", "threds = \"1\"")).unwrap();
        let (found, errors) = load_profiles(dir.path());
        assert_eq!(found, []);
        let message = errors[0].to_string();
        assert!(message.contains("did you mean 'threads'?"), "{message}");
    }
}
