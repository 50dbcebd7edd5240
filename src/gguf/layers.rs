//! What each layer keeps in memory of the tokens it has seen: keys and values of all of them, of a
//! window, or a state of fixed size.
//!
//! After llama.cpp's `llama_hparams`, the `load_arch_hparams` of `src/models/`, and
//! `llama_model::create_memory`, which chooses the kind of memory by architecture.

use serde::{Deserialize, Serialize};

use super::facts::MAX_LAYERS;
use super::{Header, Value};

/// What one layer keeps. A layer may keep tokens, a state, both (`falcon-h1`) or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerCache {
    /// Elements of the keys of one token in all heads.
    pub keys: u64,
    /// Elements of the values of one token; 0 with a compressed cache, whose keys hold them.
    pub values: u64,
    /// Elements of the keys of a lightning indexer.
    pub index: u64,
    /// Whether only tokens of the sliding window are kept.
    pub windowed: bool,
    /// F32 numbers of a sequence's recurrent state, however long it is.
    pub state: u64,
}

/// What the layers keep, together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caches {
    pub layers: Vec<LayerCache>,
    /// Tokens of the window that windowed layers see.
    pub window: Option<u32>,
    /// Whether llama.cpp's rule for this architecture is not modelled: then every layer counts as
    /// one that keeps every token, which is an upper bound.
    pub rough: bool,
    /// Trailing layers that only predict further tokens, which llama.cpp does not load.
    pub unused: u32,
}

/// Models of recurrent layers only (`llm_arch_is_recurrent`).
const RECURRENT: [&str; 6] = ["arwkv7", "mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7"];
/// Hybrids whose recurrent layers are those without key heads (`load_arch_hparams`).
const HYBRID_BY_HEADS: [&str; 9] = [
    "bailingmoe3",
    "granitehybrid",
    "jamba",
    "kimi-linear",
    "lfm2",
    "lfm2moe",
    "nemotron_h",
    "nemotron_h_moe",
    "plamo2",
];
/// Hybrids whose every n-th layer has full attention, with n where the file gives none.
const HYBRID_BY_INTERVAL: [(&str, u32); 4] = [
    ("minimax-01", 8),
    ("qwen35", 4),
    ("qwen35moe", 4),
    ("qwen3next", 4),
];
/// Architectures whose memory follows rules of its own in llama.cpp, not modelled here.
const ROUGH: [&str; 14] = [
    "deepseek4",
    "dflash",
    "dots3note",
    "eagle3",
    "gemma4-assistant",
    "glm-dsa",
    "glm5-next",
    "hrm_text",
    "hy_v4",
    "kimi-k3",
    "minimax-m3",
    "nanbeige",
    "qwen4exp",
    "t5",
];

/// Reads the keys of the header; `n_layer` as the file says, all layers counted.
pub(super) fn caches(header: &Header, n_head: &[u32], n_head_kv: &[u32]) -> Caches {
    let arch = header.arch();
    let layers = n_head.len();
    let unused = unused(header, layers);
    let trunk = layers - unused as usize;
    let rough = ROUGH.contains(&arch);
    let (window, windowed) = if rough {
        (None, vec![false; layers])
    } else {
        windows(header, layers, trunk)
    };
    let recurrent = recurrent(header, n_head_kv, trunk);
    let state = state(header, n_head.first().copied().unwrap_or(0));
    let heads = Heads::read(header, n_head.first().copied().unwrap_or(0));
    let index = index_keys(header);
    let keeps_from_start = keeps_from_start(header, layers);
    let layers = (0..layers).map(|layer| {
        let mut cache = LayerCache::default();
        let recurrent = recurrent[layer];
        if layer >= trunk {
            return cache;
        }
        if recurrent.state {
            cache.state = state;
        }
        if recurrent.tokens && layer < keeps_from_start {
            cache.windowed = windowed[layer];
            let n_head_kv = u64::from(n_head_kv[layer]);
            cache.keys = n_head_kv * heads.key(cache.windowed);
            cache.values = n_head_kv * heads.value(cache.windowed);
            cache.index = index;
        }
        cache
    });
    Caches {
        layers: layers.collect(),
        window: window.filter(|_| windowed.contains(&true)),
        rough,
        unused,
    }
}

/// Layers of `nextn_predict_layers` come last and are skipped unless asked for (`load_mtp`).
fn unused(header: &Header, layers: usize) -> u32 {
    // In this one they are a layer of the trunk (`router_layer`).
    if header.arch() == "graniteswitch" {
        return 0;
    }
    let nextn = header.u32(&header.key("nextn_predict_layers")).unwrap_or(0);
    if (nextn as usize) < layers { nextn } else { 0 }
}

/// Elements of a head, in full and in windowed layers.
struct Heads {
    full: (u64, u64),
    window: (u64, u64),
    latent: bool,
}

impl Heads {
    /// `llama_model_base::load_hparams`: without heads in the first layer there are none.
    fn read(header: &Header, n_head: u32) -> Self {
        let number = |name: &str| header.u32(&header.key(name)).map(u64::from);
        let even = number("embedding_length").and_then(|width| width.checked_div(n_head.into()));
        let length = |name| match even {
            Some(even) => number(name).unwrap_or(even),
            None => 0,
        };
        let full = (
            length("attention.key_length"),
            length("attention.value_length"),
        );
        let window = (
            number("attention.key_length_swa").unwrap_or(full.0),
            number("attention.value_length_swa").unwrap_or(full.1),
        );
        Self {
            full,
            window,
            latent: is_latent(header),
        }
    }

    fn key(&self, windowed: bool) -> u64 {
        if windowed { self.window.0 } else { self.full.0 }
    }

    fn value(&self, windowed: bool) -> u64 {
        match (self.latent, windowed) {
            (true, _) => 0,
            (false, true) => self.window.1,
            (false, false) => self.full.1,
        }
    }
}

/// `llama_hparams::is_mla`
pub(super) fn is_latent(header: &Header) -> bool {
    ["attention.key_length_mla", "attention.value_length_mla"]
        .iter()
        .all(|name| {
            header
                .u32(&header.key(name))
                .is_some_and(|length| length > 0)
        })
}

/// `llama_kv_cache_dsa` keeps keys of one head for the lightning indexer beside the others.
fn index_keys(header: &Header) -> u64 {
    if header.arch() != "deepseek32" {
        return 0;
    }
    header
        .u32(&header.key("attention.indexer.key_length"))
        .map_or(0, u64::from)
}

/// Layers from here on use the cache of an earlier one (`n_layer_kv_from_start`).
fn keeps_from_start(header: &Header, layers: usize) -> usize {
    match header.arch() {
        "gemma3n" => 20,
        "gemma4" => {
            let shared = header
                .u32(&header.key("attention.shared_kv_layers"))
                .unwrap_or(0);
            layers.saturating_sub(shared as usize)
        }
        _ => layers,
    }
}

/// Which layers keep tokens and which a state.
#[derive(Clone, Copy)]
struct Keeps {
    tokens: bool,
    state: bool,
}

fn recurrent(header: &Header, n_head_kv: &[u32], trunk: usize) -> Vec<Keeps> {
    let layers = n_head_kv.len();
    let arch = header.arch();
    let all = |tokens, state| vec![Keeps { tokens, state }; layers];
    if RECURRENT.contains(&arch) {
        return all(false, true);
    }
    if arch == "falcon-h1" {
        return all(true, true);
    }
    if HYBRID_BY_HEADS.contains(&arch) {
        // `llama_model_nemotron_h` has layers that are neither.
        let only_feeds_forward = |layer: usize| {
            arch.starts_with("nemotron_h")
                && header
                    .per_layer(&header.key("feed_forward_length"), layers)
                    .and_then(|all| all.get(layer).copied())
                    .is_some_and(|width| width > 0)
        };
        let keeps = |layer: usize| Keeps {
            tokens: n_head_kv[layer] > 0 && !only_feeds_forward(layer),
            state: n_head_kv[layer] == 0 && layer < trunk && !only_feeds_forward(layer),
        };
        return (0..layers).map(keeps).collect();
    }
    let interval = HYBRID_BY_INTERVAL.iter().find(|(name, _)| *name == arch);
    if let Some((_, default)) = interval {
        let listed = header.per_layer(&header.key("attention.recurrent_layers"), layers);
        let interval = header
            .u32(&header.key("full_attention_interval"))
            .unwrap_or(*default)
            .max(1) as usize;
        let is_state = |layer: usize| match &listed {
            Some(listed) => listed[layer] != 0,
            None => !(layer + 1).is_multiple_of(interval),
        };
        let keeps = |layer: usize| Keeps {
            tokens: layer < trunk && !is_state(layer),
            state: layer < trunk && is_state(layer),
        };
        return (0..layers).map(keeps).collect();
    }
    all(true, false)
}

/// `llama_hparams::n_embd_r` and `n_embd_s`, of one sequence.
fn state(header: &Header, n_head: u32) -> u64 {
    let number = |name: &str| u64::from(header.u32(&header.key(name)).unwrap_or(0));
    let (n_embd, n_head) = (number("embedding_length"), u64::from(n_head));
    let wkv = number("wkv.head_size");
    if wkv > 0 {
        let shifts = header.u32(&header.key("token_shift_count")).unwrap_or(2);
        return u64::from(shifts)
            .saturating_mul(n_embd)
            .saturating_add(n_embd.saturating_mul(wkv));
    }
    let (kernel, inner) = (number("ssm.conv_kernel"), number("ssm.inner_size"));
    let (size, groups) = (number("ssm.state_size"), number("ssm.group_count"));
    let short = number("shortconv.l_cache");
    if short > 0 {
        return n_embd
            .saturating_mul(short - 1)
            .saturating_add(size.saturating_mul(inner));
    }
    let linear = number("kda.head_dim");
    if linear > 0 {
        let steps = if kernel > 0 { kernel - 1 } else { 3 };
        let width = n_head.saturating_mul(linear);
        return (3 * steps)
            .saturating_mul(width)
            .saturating_add(linear.saturating_mul(width));
    }
    let convolution = kernel
        .saturating_sub(1)
        .saturating_mul(inner.saturating_add((2 * groups).saturating_mul(size)));
    if header.arch() == "minimax-01" {
        let head = Heads::read(header, u32::try_from(n_head).unwrap_or(0))
            .full
            .0;
        let state = head.saturating_mul(head).saturating_mul(n_head);
        return convolution.saturating_add(state);
    }
    convolution.saturating_add(size.saturating_mul(inner))
}

/// How an architecture tells which layers are windowed.
struct Rule {
    arch: &'static str,
    /// One in so many layers is a full one, unless the file says otherwise; 0 = it has to.
    period: u32,
    /// Whether that is the first of them, not the last.
    full_first: bool,
    /// What the window is where the file does not say.
    window: Option<u32>,
    /// Whether the file's window counts only as a sign that there is one.
    fixed: bool,
}

const fn rule(arch: &'static str, period: u32) -> Rule {
    Rule {
        arch,
        period,
        full_first: false,
        window: None,
        fixed: false,
    }
}

const fn full_first(arch: &'static str, period: u32) -> Rule {
    Rule {
        full_first: true,
        ..rule(arch, period)
    }
}

const fn usually(arch: &'static str, period: u32, window: u32) -> Rule {
    Rule {
        window: Some(window),
        ..rule(arch, period)
    }
}

/// `load_swa_pattern` in `src/models/*.cpp`.
const RULES: [Rule; 23] = [
    rule("afmoe", 4),
    rule("cohere2", 4),
    full_first("cohere2moe", 4),
    usually("exaone-moe", 4, 128),
    usually("exaone4", 4, 4096),
    usually("gemma2", 2, 4096),
    rule("gemma3", 6),
    rule("gemma3n", 5),
    rule("gemma4", 0),
    rule("gpt-oss", 2),
    rule("granite_swa", 0),
    full_first("laguna", 4),
    Rule {
        fixed: true,
        ..usually("llama4", 4, 8192)
    },
    rule("maple", 0),
    rule("mellum", 4),
    rule("mimo2", 0),
    rule("muse-glimmer", 4),
    rule("olmo2", 4),
    rule("plamo3", 8),
    Rule {
        fixed: true,
        ..full_first("smallthinker", 4)
    },
    rule("spark2_5", 0),
    rule("step35", 0),
    rule("lfm2", 0),
];

/// The window, and which layers have it.
fn windows(header: &Header, layers: usize, trunk: usize) -> (Option<u32>, Vec<bool>) {
    let none = (None, vec![false; layers]);
    let arch = header.arch();
    let given = header.u32(&header.key("attention.sliding_window"));
    let Some(rule) = RULES.iter().find(|rule| rule.arch == arch) else {
        return none;
    };
    // Only the large one of the two has them (`llama_model_exaone4`).
    if arch == "exaone4" && trunk != 64 {
        return none;
    }
    let window = match (given, rule.window) {
        (Some(0), _) | (None, None) => return none,
        (Some(_), Some(window)) if rule.fixed => window,
        (Some(_), None) if rule.fixed => 4096,
        (Some(window), _) | (None, Some(window)) => window,
    };
    if arch == "lfm2" {
        let heads = header
            .per_layer(&header.key("attention.head_count_kv"), layers)
            .unwrap_or_default();
        let windowed = |layer: usize| heads.get(layer).is_some_and(|heads| *heads > 0);
        return (Some(window), (0..layers).map(windowed).collect());
    }
    let key = header.key("attention.sliding_window_pattern");
    let windowed: Vec<bool> = match header.get(&key) {
        Some(Value::Array(array)) => {
            let listed = |layer: usize| array.integers.get(layer).is_some_and(|flag| *flag != 0);
            (0..layers).map(listed).collect()
        }
        value => {
            let period = value
                .and_then(Value::unsigned)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(rule.period);
            (0..layers)
                .map(|layer| layer < trunk && in_window(layer, period, rule.full_first))
                .collect()
        }
    };
    (Some(window), windowed)
}

/// `llama_hparams::set_swa_pattern`
fn in_window(layer: usize, period: u32, full_first: bool) -> bool {
    debug_assert!(layer < MAX_LAYERS as usize);
    let period = period as usize;
    match (period, full_first) {
        (0, _) => true,
        (_, true) => !layer.is_multiple_of(period),
        (_, false) => layer % period < period - 1,
    }
}
