//! llama.cpp behind small safe types. Nothing outside this folder names it or is unsafe.
//!
//! Why not `llama-cpp-2` throughout: its handles are private and it does not pass on what this
//! engine needs — `n_outputs_max`, live thread counts, load modes, tensor splits, the abort
//! callbacks, adaptive-p and infill. Its pinned companion `llama-cpp-sys-2` has all of llama.cpp.
#![allow(unsafe_code)]

mod abort;
mod backend;
mod batch;
mod context;
mod context_options;
mod file;
mod forecast;
mod info;
mod load;
mod logs;
mod model;
mod options;
mod peak;
mod place;
mod report;
pub mod rpc;
mod samplers;
mod threads;
mod vocab;
mod vocabulary;

pub use abort::set_abort_hook;
pub use backend::{devices, system_info, version};
pub use logs::install_logging;
pub use peak::{measure_compute, measure_device};
pub use place::{limits, machine, overrides, present, run_for};

pub(super) use backend::init;
pub(super) use batch::{Batch, Output};
pub(super) use context::{Context, Decode, Interrupt};
pub(super) use context_options::{check_heads, is_unified, sequences};
pub use file::validate;
pub(super) use forecast::{Neighbour, forecast, turns_values};
pub(super) use load::{OpenModel, check, open_context, open_model};
pub(super) use logs::failure_reason;
pub(super) use place::{check_size, host_has, stays};
pub(super) use samplers::{DetachedGrammar, Sampler};
pub(super) use threads::Threads;
pub(super) use vocab::{Side, Special, Vocab};
pub use vocabulary::Vocabulary;

use std::path::PathBuf;

use super::{EngineEvent, EngineHandle, worker};

/// Starts the engine thread.
///
/// # Errors
/// When the operating system gives no thread.
pub fn start() -> std::io::Result<(EngineHandle, tokio::sync::mpsc::Receiver<EngineEvent>)> {
    worker::start(None)
}

/// Starts the engine thread and lets it keep KV caches on disk, in a folder of its own.
///
/// # Errors
/// When the operating system gives no thread.
pub fn start_keeping(
    folder: PathBuf,
) -> std::io::Result<(EngineHandle, tokio::sync::mpsc::Receiver<EngineEvent>)> {
    worker::start(Some(folder))
}
