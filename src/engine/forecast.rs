//! What a change of load parameters would do, told before it is made.

use super::{DeviceMemory, KvOutcome};

/// The outcome to expect. Bytes before are llama.cpp's own, those after an estimate from the
/// model's header (see [`crate::plan`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    pub change: Change,
    /// Tokens of one sequence after fitting.
    pub n_ctx: u32,
    /// Layers on GPUs after fitting.
    pub n_gpu_layers: u32,
    /// System memory first, then each GPU that has or gets something.
    pub devices: Vec<DeviceForecast>,
    /// What becomes of the cached tokens.
    pub kv: KvOutcome,
    /// Whether all of it fits with what is to stay free.
    pub fits: bool,
    /// What fitting would lower, and what would be slow.
    pub notes: Vec<String>,
}

/// How much of the running model has to be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it applies as it runs.
    Live,
    NewContext,
    Reload,
}

/// One device's part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceForecast {
    /// As llama.cpp names it, `CPU` for system memory.
    pub name: String,
    pub before: DeviceMemory,
    pub after: DeviceMemory,
    /// Bytes of memory of the device; 0 when it does not tell.
    pub total: u64,
}
