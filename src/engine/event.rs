//! What the engine tells.

use std::path::PathBuf;
use std::time::Duration;

use super::trace::{Ids, Trace};
use super::{
    BenchId, ConversationId, CountId, Forecast, HeldModel, LetGo, LoadId, Missed, Origin, Prompt,
    PromptOf, RequestId, TextSize, Timings,
};
use crate::params::{LoadParams, Overrides};
use crate::plan::Reads;

/// An event; it names what it answers.
#[derive(Clone, Debug)]
pub enum EngineEvent {
    /// `progress` is 0 to 1 of the weights.
    Loading {
        id: LoadId,
        progress: f32,
    },
    Loaded {
        id: LoadId,
        model: Box<ModelInfo>,
        context: Box<ContextInfo>,
        came_from: CameFrom,
        took: Duration,
    },
    /// Another model is held now than before. Comes before the `Loaded` of the one that runs.
    Held(Box<HeldModel>),
    /// No model is held any more.
    LetGo {
        /// The name of the one that was.
        name: String,
        why: LetGo,
    },
    /// `running` tells whether the model from before still runs.
    LoadFailed {
        id: LoadId,
        error: EngineError,
        running: bool,
    },
    Retuned {
        id: LoadId,
        context: Box<ContextInfo>,
        kv: KvOutcome,
        took: Duration,
    },
    /// What ran before runs again, unless `running` is false.
    RetuneFailed {
        id: LoadId,
        error: EngineError,
        running: bool,
    },
    /// A retune was overtaken by a newer one before it began; only that is answered.
    Merged {
        id: LoadId,
        into: LoadId,
    },
    /// What a change would do, or why it would be refused.
    Foreseen {
        id: LoadId,
        outcome: Result<Box<Forecast>, EngineError>,
    },
    Unloaded,
    /// Other processes took cores or gave some back, and threads left automatic followed.
    Threads {
        n_threads: u32,
        n_threads_batch: u32,
        /// Threads fewer than without them.
        given_up: u32,
    },
    /// Accepted; `seed` is the one in use, drawn when none was given.
    Queued {
        request: RequestId,
        seed: u32,
    },
    /// The template ended with the opening tag of a thought: the reply begins inside it.
    Thinking {
        request: RequestId,
        tags: crate::chat::reasoning::Tags,
    },
    /// So many tokens of this prompt's conversation were in the KV cache or had been, and not all of
    /// them are reused; why. Comes before `Prefill`, which tells how many are.
    Missed {
        request: RequestId,
        tokens: u32,
        why: Missed,
    },
    /// Prompt tokens: `done` of `total` are in the KV cache, `reused` of them were there before.
    Prefill {
        request: RequestId,
        done: u32,
        total: u32,
        reused: u32,
        timings: Timings,
    },
    /// `text` is whole characters; it can be empty while a character is incomplete. `ids` are the
    /// tokens drawn since the event before.
    Tokens {
        request: RequestId,
        text: String,
        ids: Vec<i32>,
        context_used: u32,
        timings: Timings,
    },
    /// How the tokens told of last came about; only where `n_probs` asks for it.
    Traced {
        request: RequestId,
        trace: Trace,
    },
    /// What makes a reply, just before its first token: the prompt, and what it was begun with. So
    /// much is known of one that nobody lets come to its end.
    Making {
        request: RequestId,
        origin: Box<Origin>,
        ids: Ids,
    },
    /// What made a reply, just before it ends.
    Made {
        request: RequestId,
        origin: Box<Origin>,
        ids: Ids,
    },
    /// What the chain would do to the next token: a trace of one token, which was not taken.
    Previewed {
        conversation: ConversationId,
        outcome: Result<Box<Trace>, EngineError>,
    },
    Finished {
        request: RequestId,
        reason: StopReason,
        context_used: u32,
        timings: Timings,
    },
    /// The reply could not be made or go on; what was streamed stays valid.
    Failed {
        request: RequestId,
        error: EngineError,
    },
    /// One repetition of a measurement.
    BenchSample {
        id: BenchId,
        sample: BenchSample,
    },
    BenchDone {
        id: BenchId,
        /// Cores that other processes took during the repetitions, on average; `None` where the
        /// system does not tell or the time was too short.
        cores_taken: Option<f64>,
    },
    /// The measurement could not be made or was ended; samples told before stay valid.
    BenchFailed {
        id: BenchId,
        error: EngineError,
    },
    /// How long texts are, in the order in which they were asked about.
    Counted {
        id: CountId,
        sizes: Vec<TextSize>,
    },
    /// The prompt of a reply.
    PromptShown {
        request: RequestId,
        of: PromptOf,
        prompt: Result<Box<Prompt>, EngineError>,
    },
    Stopped,
}

/// Where the model that runs now was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameFrom {
    File,
    /// It was held: nothing was read, and its KV caches are those that it had.
    Memory,
}

/// What one repetition took. Neither tokenising nor sampling is part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BenchSample {
    /// Prefill and decoding, without the filling to depth.
    pub took: Duration,
    /// Until the logits that the first new token is sampled from were there: the prefill, or the
    /// first step where there is none.
    pub first_token: Duration,
}

/// Why a reply ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model ended its turn.
    EndOfTurn,
    /// A stop string was met; it is not part of the text.
    StopString(String),
    MaxTokens(u32),
    /// No room is left in the context of that many tokens.
    ContextFull {
        n_ctx: u32,
    },
    Cancelled,
}

/// What became of the KV cache in a retune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvOutcome {
    /// Nothing was touched.
    Untouched,
    /// That many tokens were carried over.
    Kept { tokens: u32 },
    /// The next step prefills that many tokens again, and why.
    Prefill { tokens: u32, reason: String },
}

/// A failure, told so that a person can act: what was tried, why it failed, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}{}", if .hint.is_empty() { String::new() } else { format!(" ({})", .hint) })]
pub struct EngineError {
    pub kind: ErrorKind,
    /// What was tried, with the file or value: `loading /models/a.gguf`.
    pub what: String,
    /// Why it failed: `the file ends at byte 1,024, inside tensor data`.
    pub why: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

/// The kinds of failure that callers tell apart (exit codes, choices offered).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The file is missing or unreadable.
    NoInput,
    /// The file is damaged, no GGUF, or not a model that can chat.
    BadData,
    /// Not enough memory.
    NoMemory,
    /// A parameter cannot be used with this model or machine.
    BadParameter,
    /// The prompt is longer than the context.
    PromptTooLong {
        n_prompt: u32,
        n_ctx: u32,
    },
    NoModel,
    Cancelled,
    /// The chat template failed; the one of this name is of the same kind.
    Template {
        like: &'static str,
    },
    /// llama.cpp failed in a way that has no kind of its own.
    Internal,
}

/// What is known of a loaded model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelInfo {
    pub path: PathBuf,
    /// `gguf::fingerprint` of the file; empty when it could not be read again.
    pub fingerprint: String,
    /// `general.name`, or the file's stem; sanitised for display.
    pub name: String,
    /// `general.architecture`
    pub arch: String,
    /// The prevailing tensor type: `Q8_0`.
    pub quant: String,
    /// llama.cpp's own words for architecture, size and type: `qwen2 7B Q4_K - Medium`.
    pub description: String,
    pub license: Option<String>,
    pub n_params: u64,
    pub size_bytes: u64,
    pub n_ctx_train: u32,
    pub n_layer: u32,
    pub n_vocab: u32,
    /// `general.sampling.*` of the file, as parameter values.
    pub recommended: Overrides,
    /// Whether the file brings a chat template; otherwise ChatML is used, and the screen says so.
    pub has_chat_template: bool,
}

/// What a context and the placement of a model came out as.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextInfo {
    /// The parameters in force, after fitting.
    pub params: LoadParams,
    pub n_ctx: u32,
    pub n_batch: u32,
    pub n_ubatch: u32,
    pub n_seq_max: u32,
    /// Whether prompts that begin alike are computed once.
    pub sharing: PrefixSharing,
    pub n_threads: u32,
    pub n_threads_batch: u32,
    /// Layers on GPUs, of `n_layer` + 1 (the output layer counts).
    pub n_gpu_layers: u32,
    pub devices: Vec<DeviceMemory>,
    /// Bytes of the weights that lie in the page cache, which counts as free memory.
    pub mapped: u64,
    /// What a token reads on each device; empty where that is not known.
    pub reads: Vec<Reads>,
    /// What fitting lowered and why, for the log and the screen; empty when nothing was.
    pub notes: Vec<String>,
}

/// Whether a sequence can take over the beginning of another, so that it is computed once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PrefixSharing {
    #[default]
    Whole,
    /// Only while the sliding window still holds the end of the beginning.
    InWindow,
    /// The state of a recurrent model stands for all tokens so far and cannot be cut.
    Recurrent,
    /// Each sequence has a part of the cache of its own (`kv-unified` is off).
    SplitCache,
}

impl PrefixSharing {
    /// Why every prompt is computed by itself; `None` when it is not.
    pub fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Whole | Self::InWindow => None,
            Self::Recurrent => {
                Some("the state of this recurrent model cannot be copied between sequences")
            }
            Self::SplitCache => Some(
                "each sequence has a part of the KV cache of its own; kv-unified lets them share",
            ),
        }
    }
}

/// Bytes that llama.cpp says it took on one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceMemory {
    pub name: String,
    pub weights: u64,
    pub kv: u64,
    pub compute: u64,
}

impl DeviceMemory {
    pub fn total(&self) -> u64 {
        self.weights
            .saturating_add(self.kv)
            .saturating_add(self.compute)
    }
}

/// A compute device that llama.cpp can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub name: String,
    pub description: String,
    /// `CPU`, `CUDA`, `RPC` …
    pub backend: String,
    pub kind: DeviceKind,
    /// Bytes; 0 when the backend does not say.
    pub memory_total: u64,
    pub memory_free: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    Cpu,
    Gpu,
    IntegratedGpu,
    Accelerator,
}
