//! The header of a GGUF file, read in safe Rust before llama.cpp sees the file.
//! Bounded: no panic, no large allocation, no endless loop, whatever the bytes say.
//!
//! `parse` reads the bytes (`source`) into metadata (`value`) and tensors (`tensor`); `check`
//! rejects what would end the process inside llama.cpp; [`Facts`] are what the rest of llmdeck
//! wants to know about a model. Little-endian GGUF 2 and 3, as llama.cpp writes them.

mod check;
mod error;
mod facts;
mod file_name;
mod fingerprint;
mod header;
mod layers;
mod parse;
mod runs;
mod source;
mod tensor;
mod value;
mod weights;
pub mod write;

#[cfg(test)]
mod tests;

pub use error::GgufError;
pub use facts::{Facts, Recurrent, Shard};
pub use file_name::{FileName, parts};
pub use fingerprint::fingerprint;
pub use header::Header;
pub use layers::LayerCache;
pub use tensor::{Tensor, TensorType};
pub use value::{Array, ArrayKind, Entry, Value};
pub use weights::{ModelPart, Weight};
