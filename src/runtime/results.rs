//! What a measurement leaves behind: where its figures come from, and profiles of faster values. The
//! deck and the command line keep the same.

use std::io;
use std::path::{Path, PathBuf};

use crate::bench::{Machine, Origin, test_name};
use crate::config::Profile;
use crate::engine;
use crate::gguf;
use crate::tune::{Goal, Outcome, words};

/// What a result of the model in a file depends on beside the test; its time is left open.
///
/// # Errors
/// When the file cannot be read.
pub fn origin(model: &Path) -> io::Result<Origin> {
    Ok(Origin {
        llama_cpp: engine::llama::version(),
        model_hash: gguf::fingerprint(model)?,
        machine: Machine::read(&engine::llama::devices()),
        time: String::new(),
    })
}

/// Now, as llama-bench writes it: `2026-01-31T12:00:00Z`.
pub fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Keeps the values that a search found for the model in a file; tells where.
///
/// # Errors
/// When the file cannot be read or the profile not written.
pub fn keep_profile(
    data_dir: &Path,
    model: &Path,
    outcome: &Outcome,
    goal: Goal,
    origin: &Origin,
) -> io::Result<PathBuf> {
    Profile {
        model: model.to_owned(),
        model_bytes: std::fs::metadata(model)?.len(),
        model_hash: origin.model_hash.clone(),
        machine: origin.machine.to_string(),
        goal: goal.name().to_owned(),
        tuned_at: now(),
        llama_cpp: origin.llama_cpp.clone(),
        gain: format!("{}, {}", words::gain(outcome), test_name(outcome.test)),
        values: outcome.values.clone(),
    }
    .save(data_dir)
}

/// Removes the profile of a model on this machine; the file that is gone, if there was one.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_profile(data_dir: &Path, origin: &Origin) -> io::Result<Option<PathBuf>> {
    Profile::remove(data_dir, &origin.model_hash, &origin.machine.to_string())
}
