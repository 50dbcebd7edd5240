//! What made a reply, so that it can be made again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a reply depends on beside its parameters, which its message has, and its tokens.
///
/// Equal origins do not promise equal replies: sums in other orders round differently, and those
/// depend on the shape of the batches and on the hardware.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    pub model: PathBuf,
    /// `gguf::fingerprint` of the file.
    pub fingerprint: String,
    /// The program and its version.
    pub program: String,
    /// llama.cpp's version.
    pub llama_cpp: String,
    /// What it was built with and for, in llama.cpp's own words.
    pub backend: String,
    /// Where weights and cache lie.
    pub devices: Vec<String>,
    pub n_gpu_layers: u32,
    pub n_ctx: u32,
    pub n_threads: u32,
    pub n_threads_batch: u32,
    /// The seed in use.
    pub seed: u32,
    /// Tokens at its beginning that were given and not drawn.
    pub begun_with: u32,
    /// Whether the sampling was changed while the reply was made; it cannot be made again then.
    pub resampled: bool,
    pub batches: Batches,
}

/// The shape of what was computed together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Batches {
    /// Tokens of the prompt that were in the KV cache.
    pub reused: u32,
    /// Tokens of the prompt in each step until the first token was drawn.
    pub prefill: Vec<u32>,
    /// The most sequences in one step while tokens were drawn.
    pub sequences: u32,
}
