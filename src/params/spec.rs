//! What one row of the parameter table says.

/// Every parameter the deck knows, in the order of [`super::TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Param {
    // Model: a change reloads it.
    NGpuLayers,
    SplitMode,
    TensorSplit,
    MainGpu,
    Device,
    OverrideTensor,
    CpuMoe,
    NCpuMoe,
    NCpuFfn,
    LoadMode,
    LazyMode,
    Fit,
    FitTarget,
    FitCtx,
    ModelsMax,
    Mmproj,
    ImageMinTokens,
    ImageMaxTokens,
    SpecType,
    SpecDraftNMax,
    SpecDraftNMin,
    SpecDraftPMin,
    // Context: a change makes a new one.
    CtxSize,
    BatchSize,
    UbatchSize,
    Parallel,
    KvUnified,
    FlashAttn,
    CacheTypeK,
    CacheTypeV,
    KvOffload,
    SwaFull,
    RopeScaling,
    RopeScale,
    RopeFreqBase,
    RopeFreqScale,
    YarnOrigCtx,
    YarnExtFactor,
    YarnAttnFactor,
    YarnBetaSlow,
    YarnBetaFast,
    CacheRam,
    CacheDisk,
    CtxCheckpoints,
    // Threads: live.
    Threads,
    ThreadsBatch,
    // Reply: from the next reply on.
    NPredict,
    Stop,
    Keep,
    ContextShift,
    System,
    Reasoning,
    ReasoningEffort,
    ReasoningBudget,
    ReasoningFormat,
    ChatTemplate,
    ChatTemplateFile,
    ChatTemplateKwargs,
    // Sampling: from the next token on.
    Seed,
    Samplers,
    Temp,
    DynatempRange,
    DynatempExp,
    TopK,
    TopP,
    MinP,
    Typical,
    TopNSigma,
    XtcProbability,
    XtcThreshold,
    RepeatLastN,
    RepeatPenalty,
    FrequencyPenalty,
    PresencePenalty,
    DryMultiplier,
    DryBase,
    DryAllowedLength,
    DryPenaltyLastN,
    DrySequenceBreaker,
    AdaptiveTarget,
    AdaptiveDecay,
    Mirostat,
    MirostatEnt,
    MirostatLr,
    MinKeep,
    LogitBias,
    IgnoreEos,
    Grammar,
    JsonSchema,
    BackendSampling,
    NProbs,
}

/// One parameter, told once.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub param: Param,
    /// llama.cpp's long spelling without the dashes: `n-gpu-layers`. Unique.
    pub name: &'static str,
    /// llama.cpp's short spellings without the dash: `ngl`, `c`.
    pub short: &'static [&'static str],
    /// Other spellings: llama.cpp's alternatives and other tools' names (`num_ctx`, `gpu_layers`).
    /// [`super::find`] compares them without regard to case, `-` and `_`.
    pub aliases: &'static [&'static str],
    pub group: Group,
    pub kind: Kind,
    pub default: DefaultValue,
    pub cost: Cost,
    pub support: Support,
    /// One honest line: what it does and when to change it.
    pub help: &'static str,
}

/// The headings under which the pane lists parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Model,
    Context,
    Threads,
    Reply,
    Sampling,
}

/// What a change to a running model costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cost {
    /// Takes effect with the next token.
    Free,
    /// Takes effect with the next reply.
    NextReply,
    /// A new context; the KV cache is carried over where llama.cpp allows it.
    NewContext,
    /// A new context whose KV cache has another layout or other positions: the conversation is
    /// prefilled again.
    Prefill,
    /// The model file is loaded again; the KV cache is carried over where llama.cpp allows it.
    Reload,
}

/// Whether this build can act on a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Yes,
    /// Known by name, not possible yet; says why. Setting it is an error that repeats the reason.
    Missing(&'static str),
}

/// The values a parameter takes. `words` name special numbers, `("auto", -1)`, `("off", 0)`, which
/// are allowed even outside `min` to `max`. A `step` of 0 means that each step doubles or halves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Int {
        min: i64,
        max: i64,
        step: i64,
        words: &'static [(&'static str, i64)],
    },
    Float {
        min: f64,
        max: f64,
        step: f64,
        words: &'static [(&'static str, f64)],
    },
    Bool,
    Choice(&'static [&'static str]),
    /// Free text; `hint` says the form: `3,1` or `name;name`.
    Text {
        hint: &'static str,
    },
}

/// A default that can stand in a constant table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(&'static str),
}
