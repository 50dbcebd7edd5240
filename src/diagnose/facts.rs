//! Everything a rule may look at. A field that is `None` is not known.
//!
//! Facts are plain data and can be read from TOML, so that what happened on one machine can be
//! judged on another.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    pub model: Model,
    pub context: Context,
    pub reply: Reply,
    pub machine: Machine,
    pub disk: Disk,
    pub gpus: Vec<Gpu>,
}

/// The model that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Bytes of all tensors.
    pub size_bytes: Option<u64>,
    /// Layers that can lie on a GPU: the repeating ones and the output.
    pub n_layer: Option<u32>,
    pub n_ctx_train: Option<u32>,
    /// Whether the file brings a chat template, or one was given.
    pub has_chat_template: Option<bool>,
}

/// Parameters in force and what the context holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    pub n_ctx: Option<u32>,
    /// Tokens in it.
    pub used: Option<u32>,
    pub n_gpu_layers: Option<u32>,
    pub n_ubatch: Option<u32>,
    pub n_threads: Option<u32>,
    /// Whether the threads were chosen by hand.
    pub threads_by_hand: Option<bool>,
    pub flash_attn: Option<bool>,
    /// Whether the KV cache of layers on a GPU lies there.
    pub kv_offload: Option<bool>,
    /// `f16` …
    pub cache_type: Option<String>,
    /// Bytes of the whole KV cache.
    pub kv_bytes: Option<u64>,
    /// Bytes of weights that a token reads.
    pub weights_per_token: Option<u64>,
    /// Bytes of KV cache that a token reads for each token before it.
    pub kv_per_token: Option<u64>,
}

/// The present or last reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// Whether tokens are made now.
    pub decoding: Option<bool>,
    /// Tokens per second.
    pub decode: Option<f64>,
    pub prefill: Option<f64>,
    /// Prompt tokens computed.
    pub prompt_new: Option<u32>,
    /// Prompt tokens found in the KV cache.
    pub prompt_reused: Option<u32>,
    /// Tokens that the conversation had in the cache before, where not all were reused.
    pub could_reuse: Option<u32>,
    /// Why the cache was not used, and what keeps that from happening again.
    pub missed_because: Option<String>,
    pub missed_advice: Option<String>,
    /// What is wrong with the text: see [`super::degenerate`].
    pub degenerate: Option<String>,
}

/// The machine, this process and the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Machine {
    /// Cores this process may use.
    pub n_cores: Option<u32>,
    /// Cores that other processes take.
    pub cores_taken: Option<f64>,
    /// Percent of all cores.
    pub cpu_load: Option<f64>,
    /// Bytes.
    pub memory_total: Option<u64>,
    pub memory_available: Option<u64>,
    pub swap_used: Option<u64>,
    /// Bytes per second read back from swap.
    pub swap_in: Option<f64>,
    /// Per second, of this process.
    pub major_faults: Option<f64>,
    /// Bytes per second read from memory at most, measured.
    pub bandwidth: Option<f64>,
    /// GPUs that the system has and this build cannot use: their names and what would use them.
    pub unused_gpus: Vec<String>,
    /// Instruction sets that the processor has and this build does not use.
    pub unused_features: Vec<String>,
}

/// The last load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// Bytes per second while the weights were read, when they came from a disk.
    pub load_rate: Option<f64>,
    pub load_seconds: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gpu {
    pub name: String,
    /// Percent.
    pub load: Option<f64>,
    /// Bytes.
    pub memory_total: Option<u64>,
    pub memory_free: Option<u64>,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// Watts.
    pub power: Option<f64>,
    pub power_limit: Option<f64>,
    /// MHz.
    pub clock: Option<f64>,
    pub clock_max: Option<f64>,
    /// Why it runs slower than it could, in the driver's words: `thermal`, `power`.
    pub throttled: Option<String>,
}

impl Facts {
    /// Bytes that a token reads now: weights and the KV cache of the tokens before it.
    pub(super) fn bytes_per_token(&self) -> Option<f64> {
        let kv = self.kv_read()?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "bytes of a model are far below 2^52"
        )]
        let weights = self.context.weights_per_token? as f64;
        Some(weights + kv)
    }

    /// Bytes of KV cache that a token reads now.
    #[expect(
        clippy::cast_precision_loss,
        reason = "bytes of a context are far below 2^52"
    )]
    pub(super) fn kv_read(&self) -> Option<f64> {
        Some(self.context.kv_per_token? as f64 * f64::from(self.context.used?))
    }
}
