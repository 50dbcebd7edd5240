//! The answer as data; the text and the JSON object are made from it.

use serde::{Serialize, Serializer};

#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub model: Model,
    /// Tokens of the context that the figures are for.
    pub n_ctx: u32,
    /// Layers on GPUs, the output counted as one.
    pub n_gpu_layers: u32,
    /// Bytes on all devices together.
    pub weights_bytes: u64,
    pub kv_bytes: u64,
    pub compute_bytes: u64,
    /// Bytes that are to stay free on each device.
    pub margin_bytes: u64,
    pub devices: Vec<Device>,
    pub fits: bool,
    /// Whether there is one to put layers on.
    #[serde(skip)]
    pub has_gpu: bool,
    /// `None`, in the object 0, when no number of them fits.
    #[serde(serialize_with = "or_zero")]
    pub max_n_gpu_layers: Option<u32>,
    /// Tokens; `None` when no context fits with these layers.
    pub max_ctx_size: Option<u32>,
    /// Bandwidth / bytes read per token; `None` when a bandwidth is not known.
    pub tokens_per_second_ceiling: Option<f64>,
    /// Tokens in the cache for which that is told.
    pub depth: u32,
    /// Why not, and what else is worth knowing.
    pub reasons: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Model {
    pub name: String,
    pub arch: String,
    pub n_params: u64,
    pub quant: String,
    pub size_bytes: u64,
    pub n_layer: u32,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Device {
    pub name: String,
    /// Bytes; `None` when they are not known.
    pub total: Option<u64>,
    pub free: Option<u64>,
    pub weights: u64,
    pub kv: u64,
    pub compute: u64,
    pub fits: bool,
}

#[expect(clippy::ref_option, reason = "as serde calls it")]
fn or_zero<S: Serializer>(count: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(count.unwrap_or(0))
}
