//! The context: how much fits in it and how its KV cache is kept. A change makes a new context.

use super::build::row;
use crate::params::{Cost, Group, Param, Spec};

/// KV cache types, from the largest to the smallest.
const CACHE_TYPES: &[&str] = &[
    "f32", "bf16", "f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl",
];

const fn context(param: Param, name: &'static str) -> Spec {
    row(Group::Context, Cost::NewContext, param, name)
}

/// A change moves or scales positions, so what is cached no longer holds.
const fn rope(param: Param, name: &'static str) -> Spec {
    row(Group::Context, Cost::Prefill, param, name)
}

pub(super) const ROWS: &[Spec] = &[
    context(Param::CtxSize, "ctx-size")
        .short(&["c"])
        .aliases(&["num_ctx", "n_ctx", "context-size", "contextLength"])
        .int((256, 16_777_216), 0, &[("model", 0)], 0)
        .help("Tokens that prompt and replies share. KV memory grows with it, and decode slows as it fills; llama.cpp rounds up to 256."),
    context(Param::BatchSize, "batch-size")
        .short(&["b"])
        .aliases(&["batch", "num_batch", "n_batch", "evalBatchSize"])
        .int((1, 65_536), 0, &[], 2048)
        .help("The most prompt tokens handed to llama.cpp in one call; larger than ubatch-size only helps pipelines over several GPUs."),
    context(Param::UbatchSize, "ubatch-size")
        .short(&["ub"])
        .aliases(&["ubatch", "n_ubatch"])
        .int((1, 65_536), 0, &[], 512)
        .help("Prompt tokens computed at once. Larger prefills faster on a GPU and takes more compute memory; decode does not change."),
    context(Param::Parallel, "parallel")
        .short(&["np"])
        .aliases(&["n_parallel", "numParallel"])
        .int((1, 256), 1, &[("auto", -1)], -1)
        .help("Sequences that can decode side by side, for comparing replies. More give more tokens in total and fewer to each."),
    context(Param::KvUnified, "kv-unified")
        .short(&["kvu"])
        .on()
        .help("All sequences share one KV cache, so a common prompt is kept once; off gives each sequence an equal part of the context."),
    context(Param::FlashAttn, "flash-attn")
        .short(&["fa"])
        .aliases(&["flashattention"])
        .choice(&["auto", "on", "off"], "auto")
        .help("Fused attention: less memory, faster on GPUs, needed for a quantised V cache; auto is off without a GPU, where it decodes slower."),
    context(Param::CacheTypeK, "cache-type-k")
        .short(&["ctk"])
        .aliases(&["llamaKCacheQuantizationType"])
        .choice(CACHE_TYPES, "f16")
        .cost(Cost::Prefill)
        .help("Precision of cached keys: q8_0 nearly halves their memory with little loss, 4-bit types often hurt long contexts."),
    context(Param::CacheTypeV, "cache-type-v")
        .short(&["ctv"])
        .aliases(&["llamaVCacheQuantizationType"])
        .choice(CACHE_TYPES, "f16")
        .cost(Cost::Prefill)
        .help("Precision of cached values: bears quantising better than keys, but only with flash attention."),
    context(Param::KvOffload, "kv-offload")
        .short(&["kvo"])
        .aliases(&["offloadKVCacheToGpu", "offload_kqv"])
        .on()
        .help("Keeps the KV cache beside the layers on the GPU; off frees that memory and slows attention, more so in long chats."),
    context(Param::SwaFull, "swa-full")
        .help("Full-size cache for sliding-window models: more memory, but editing or branching far back needs no new prefill."),
    rope(Param::RopeScaling, "rope-scaling")
        .choice(&["model", "none", "linear", "yarn"], "model")
        .help("How positions stretch beyond the trained context; leave it to the model unless its card names a method."),
    rope(Param::RopeScale, "rope-scale")
        .float((1.0, 1024.0), 0.5, &[("model", 0.0)], 0.0)
        .help("Stretches the context by this factor (it is 1 / rope-freq-scale); quality drops as it grows."),
    rope(Param::RopeFreqBase, "rope-freq-base")
        .aliases(&["rope_frequency_base"])
        .float((1.0, 1_000_000_000.0), 10_000.0, &[("model", 0.0)], 0.0)
        .help("RoPE base frequency; raise it only as the model's card says, a wrong one turns long texts to noise."),
    rope(Param::RopeFreqScale, "rope-freq-scale")
        .aliases(&["rope_frequency_scale"])
        .float((0.0001, 10.0), 0.05, &[("model", 0.0)], 0.0)
        .help("RoPE frequency factor, 1/N for an N times longer context; wins over rope-scale when both are set."),
    rope(Param::YarnOrigCtx, "yarn-orig-ctx")
        .int((256, 16_777_216), 0, &[("model", 0)], 0)
        .help("The context YaRN stretches from, in tokens; the model's own training length is nearly always right."),
    rope(Param::YarnExtFactor, "yarn-ext-factor")
        .float((0.0, 1.0), 0.05, &[("model", -1.0)], -1.0)
        .help("YaRN's mix of extrapolation: 0 interpolates everything, 1 extrapolates the high frequencies fully."),
    rope(Param::YarnAttnFactor, "yarn-attn-factor")
        .float((0.0, 10.0), 0.05, &[("model", -1.0)], -1.0)
        .help("YaRN's scale of attention magnitude; change it only to match how the model was tuned."),
    rope(Param::YarnBetaSlow, "yarn-beta-slow")
        .float((0.0, 1024.0), 0.5, &[("model", -1.0)], -1.0)
        .help("YaRN's bound, in rotations, below which dimensions are interpolated; the paper uses 1."),
    rope(Param::YarnBetaFast, "yarn-beta-fast")
        .float((0.0, 1024.0), 1.0, &[("model", -1.0)], -1.0)
        .help("YaRN's bound, in rotations, above which dimensions keep their frequency; the paper uses 32."),
    context(Param::CacheRam, "cache-ram")
        .short(&["cram"])
        .int((0, 1_048_576), 1024, &[("unlimited", -1), ("off", 0)], 8192)
        .cost(Cost::Free)
        .help("The most MiB of main memory for the KV caches of conversations that are not in the context, so that going back to one needs no prefill."),
    context(Param::CacheDisk, "cache-disk")
        .int((0, 1_048_576), 1024, &[("off", 0)], 4096)
        .cost(Cost::Free)
        .help("The most MiB of disk for KV caches, so that a chat opened after a restart needs no prefill. They hold what was said; off writes nothing."),
    context(Param::CtxCheckpoints, "ctx-checkpoints")
        .short(&["ctxcp"])
        .aliases(&["swa-checkpoints"])
        .int((0, 1024), 1, &[("off", 0)], 32)
        .missing("the engine does not save checkpoints inside a context yet")
        .help("Saved states of sliding-window and recurrent models that an edit can return to."),
];
