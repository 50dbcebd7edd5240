//! The typed view of [`super::Params`] that the engine takes: plain numbers with llama.cpp's meaning.

/// Everything a load or a retune needs. Comparing two tells what a change requires:
/// another `model` is a reload, another `context` a new context, `threads` are live.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadParams {
    pub model: ModelParams,
    pub context: ContextParams,
    pub threads: ThreadParams,
    pub shelf: ShelfParams,
    /// Models in memory at once, the one that runs among them.
    pub models_max: u32,
}

impl LoadParams {
    /// Whether a model loaded with the others needs neither other weights nor another context.
    pub fn is_same_load(&self, others: &Self) -> bool {
        self.model == others.model && self.context == others.context
    }
}

/// How much of the KV caches of other conversations is kept, in bytes; 0 = nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShelfParams {
    /// In main memory while the model runs; `u64::MAX` = no limit.
    pub ram: u64,
    /// On disk.
    pub disk: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ModelParams {
    pub n_gpu_layers: GpuLayers,
    pub split_mode: SplitMode,
    /// Share of each device; empty = by free memory.
    pub tensor_split: Vec<f32>,
    pub main_gpu: i32,
    /// Device names as llama.cpp lists them; empty = all, one "none" = CPU only.
    pub devices: Vec<String>,
    /// (tensor name pattern, buffer type name)
    pub override_tensor: Vec<(String, String)>,
    pub cpu_moe: bool,
    pub n_cpu_moe: u32,
    pub n_cpu_ffn: u32,
    pub load_mode: LoadMode,
    pub lazy_mode: LazyMode,
    /// Lower ctx-size and n-gpu-layers that the user left automatic to what memory allows.
    pub fit: bool,
    /// Memory to leave free on each device, in bytes.
    pub fit_target: u64,
    /// The smallest ctx-size that fitting may choose, in tokens.
    pub fit_ctx: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuLayers {
    /// As many as fit.
    #[default]
    Auto,
    All,
    Count(u32),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SplitMode {
    None,
    #[default]
    Layer,
    Row,
    Tensor,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadMode {
    #[default]
    Auto,
    None,
    Mmap,
    Mlock,
    MmapMlock,
    DirectIo,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LazyMode {
    Off,
    #[default]
    Auto,
    On,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlashAttention {
    #[default]
    Auto,
    On,
    Off,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ContextParams {
    /// Tokens; 0 = what the model was trained with, lowered to what fits when `fit` is on.
    pub n_ctx: u32,
    pub n_batch: u32,
    pub n_ubatch: u32,
    /// Sequences that can live at once; 0 = the engine chooses.
    pub n_seq_max: u32,
    pub kv_unified: bool,
    pub flash_attn: FlashAttention,
    /// ggml type names: `f16`, `q8_0` …
    pub type_k: String,
    pub type_v: String,
    pub offload_kqv: bool,
    pub swa_full: bool,
    pub rope: Rope,
}

impl ContextParams {
    /// What the form of cached tokens depends on: two contexts that agree in it can take over each
    /// other's cache.
    pub fn layout(&self) -> impl PartialEq + std::fmt::Debug + '_ {
        (
            &self.type_k,
            &self.type_v,
            self.flash_attn,
            self.swa_full,
            &self.rope,
            if self.kv_unified { 1 } else { self.n_seq_max },
        )
    }
}

/// RoPE and YaRN; zero or negative = from the model, as in llama.cpp.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// `none`, `linear`, `yarn`; empty = from the model.
    pub scaling: String,
    pub freq_base: f32,
    pub freq_scale: f32,
    pub yarn_orig_ctx: u32,
    pub yarn_ext_factor: f32,
    pub yarn_attn_factor: f32,
    pub yarn_beta_slow: f32,
    pub yarn_beta_fast: f32,
}

/// Threads; 0 or less = the number of cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadParams {
    pub n_threads: i32,
    /// 0 or less = as `n_threads`.
    pub n_threads_batch: i32,
}

/// How a reply is made around the sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplyParams {
    /// Tokens; `None` = until the model ends the turn or the context is full.
    pub max_tokens: Option<u32>,
    pub stop: Vec<String>,
    /// Prompt tokens kept at the front when the context shifts; negative = all.
    pub keep: i32,
    pub context_shift: bool,
    pub system: String,
    /// `Some` passes `enable_thinking` to the chat template.
    pub thinking: Option<bool>,
    /// Passed to the chat template as `reasoning_effort` when not empty.
    pub reasoning_effort: String,
    pub template: TemplateParams,
}

/// Which chat template is used, and its variables; empty = the model's own, and none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateParams {
    /// A name, or Jinja.
    pub source: String,
    /// A path; goes before `source`.
    pub file: String,
    /// A JSON object.
    pub variables: String,
}

/// One stage of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SamplerKind {
    Penalties,
    Dry,
    TopNSigma,
    TopK,
    TypicalP,
    TopP,
    MinP,
    Xtc,
    Temperature,
    Infill,
    AdaptiveP,
}

impl SamplerKind {
    /// Every kind, in llama.cpp's default order, then those not in the default chain.
    pub const ALL: [SamplerKind; 11] = [
        SamplerKind::Penalties,
        SamplerKind::Dry,
        SamplerKind::TopNSigma,
        SamplerKind::TopK,
        SamplerKind::TypicalP,
        SamplerKind::TopP,
        SamplerKind::MinP,
        SamplerKind::Xtc,
        SamplerKind::Temperature,
        SamplerKind::Infill,
        SamplerKind::AdaptiveP,
    ];

    /// llama.cpp's name: `top_k`.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// The kind of a name in any of llama.cpp's spellings: `top_k`, `top-k`, `topk`, `nucleus`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            let (own, also, _) = kind.names();
            std::iter::once(own)
                .chain(also.iter().copied())
                .any(|own| super::table::same(own, name))
        })
    }

    /// The kind of a letter of llama.cpp's short form `edskypmxt`.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.names().2 == letter)
    }

    /// Name, other names and letter in llama.cpp's `common/sampling.cpp`.
    fn names(self) -> (&'static str, &'static [&'static str], char) {
        match self {
            SamplerKind::Penalties => ("penalties", &[], 'e'),
            SamplerKind::Dry => ("dry", &[], 'd'),
            SamplerKind::TopNSigma => ("top_n_sigma", &[], 's'),
            SamplerKind::TopK => ("top_k", &[], 'k'),
            SamplerKind::TypicalP => ("typ_p", &["typ", "typical", "typical_p"], 'y'),
            SamplerKind::TopP => ("top_p", &["nucleus"], 'p'),
            SamplerKind::MinP => ("min_p", &[], 'm'),
            SamplerKind::Xtc => ("xtc", &[], 'x'),
            SamplerKind::Temperature => ("temperature", &["temp"], 't'),
            SamplerKind::Infill => ("infill", &[], 'i'),
            SamplerKind::AdaptiveP => ("adaptive_p", &[], 'a'),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mirostat {
    #[default]
    Off,
    V1,
    V2,
}

/// The sampler chain's values, with llama.cpp's meaning and defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingParams {
    /// `None` = drawn anew for each reply; the reply reports the one used.
    pub seed: Option<u32>,
    pub order: Vec<SamplerKind>,
    pub temp: f32,
    pub dynatemp_range: f32,
    pub dynatemp_exponent: f32,
    pub top_k: i32,
    pub top_p: f32,
    pub min_p: f32,
    pub typ_p: f32,
    pub top_n_sigma: f32,
    pub xtc_probability: f32,
    pub xtc_threshold: f32,
    pub penalty_last_n: i32,
    pub penalty_repeat: f32,
    pub penalty_freq: f32,
    pub penalty_present: f32,
    pub dry_multiplier: f32,
    pub dry_base: f32,
    pub dry_allowed_length: i32,
    pub dry_penalty_last_n: i32,
    pub dry_sequence_breakers: Vec<String>,
    pub adaptive_target: f32,
    pub adaptive_decay: f32,
    pub mirostat: Mirostat,
    pub mirostat_tau: f32,
    pub mirostat_eta: f32,
    pub min_keep: usize,
    /// (token id, bias)
    pub logit_bias: Vec<(i32, f32)>,
    pub ignore_eos: bool,
    /// GBNF; empty = none.
    pub grammar: String,
    /// JSON schema, turned into a grammar by llama.cpp; empty = none.
    pub json_schema: String,
    /// The likeliest candidates recorded of each token; 0 = nothing is recorded.
    pub n_probs: u32,
}
