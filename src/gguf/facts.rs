//! What the rest of llmdeck wants to know about a model.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::layers::{Caches, caches, is_latent};
use super::{Header, LayerCache, ModelPart, TensorType, Weight, runs};

/// Sizes and properties of a model, from the header alone. Of a model in several files these are
/// the facts of the first file: its tensors are not all there.
///
/// Serialised without the list of weights: what plans need of it are the sums beside it. Only
/// tensors that are sent elsewhere by name (`plan::pins`) need the list itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// As in the file, such as `llama` or `qwen3moe`.
    pub arch: String,
    /// Empty when the file gives none.
    pub name: String,
    /// All layers that the file counts.
    pub n_layer: u32,
    /// Of these, the last ones that only predict further tokens: llama.cpp does not load them.
    pub n_layer_unused: u32,
    /// Width of the residual stream.
    pub n_embd: u32,
    /// Width inside the feed-forward part; with experts, of those used together.
    pub n_ff: u32,
    /// Width inside the feed-forward part of layers without experts.
    pub n_ff_dense: u32,
    /// Width inside one expert; 0 in a dense model.
    pub n_ff_exp: u32,
    /// Width inside what every token uses beside the experts.
    pub n_ff_shared: u32,
    /// Query heads of each layer; 0 where a layer has no attention.
    #[serde(with = "runs")]
    pub n_head: Vec<u32>,
    /// Key and value heads of each layer.
    #[serde(with = "runs")]
    pub n_head_kv: Vec<u32>,
    /// Elements of a key and of a value of one head.
    pub key_length: u32,
    pub value_length: u32,
    /// Whether the cache has one compressed row a token, the key, and no values (MLA).
    pub latent_cache: bool,
    /// What each layer keeps of tokens and of sequences.
    #[serde(with = "runs")]
    pub caches: Vec<LayerCache>,
    /// Whether `caches` is only an upper bound, because llama.cpp keeps less of this architecture
    /// by rules of its own.
    pub rough_cache: bool,
    /// The widths that computing the recurrent layers takes.
    pub recurrent: Recurrent,
    /// Elements of a query's and of a value's head once unfolded from a compressed cache.
    pub latent_heads: [u32; 2],
    /// Rank of the queries of a compressed cache (`attention.q_lora_rank`).
    pub q_rank: u32,
    /// Elements of a key and of a value of one head in windowed layers.
    pub window_lengths: [u32; 2],
    /// Which layers have experts.
    #[serde(with = "runs")]
    pub with_experts: Vec<bool>,
    /// Whether the feed-forward part multiplies two halves with each other.
    pub gated: bool,
    /// Whether queries, keys and values come from one matrix.
    pub fused_qkv: bool,
    /// The context the model was trained for, in tokens.
    pub n_ctx_train: u32,
    pub n_vocab: u32,
    /// 0 for a dense model.
    pub n_expert: u32,
    pub n_expert_used: u32,
    /// Tokens that windowed layers see, in models that have such.
    pub sliding_window: Option<u32>,
    /// Tensors that are loaded.
    #[serde(skip)]
    pub weights: Arc<[Weight]>,
    /// Bytes that one token reads of each layer and, behind the last, of the output; empty where
    /// only sums are known.
    #[serde(with = "runs")]
    pub read_bytes: Vec<u64>,
    /// Bytes of the matrix that has a row for each token.
    pub embedding_bytes: u64,
    /// Whether attention has sinks.
    pub sinks: bool,
    /// llama.cpp's number of the kind of quantisation.
    pub file_type: Option<u32>,
    /// The type that most bytes are in, such as `Q4_K`.
    #[serde(deserialize_with = "quant")]
    pub quant: TypeName,
    pub n_params: u64,
    /// Bytes of all tensors of the file.
    pub tensor_bytes: u64,
    /// Bytes of the tensors of each layer, as far as they are loaded.
    #[serde(with = "runs")]
    pub layer_bytes: Vec<u64>,
    /// Bytes of the last norm and the output matrix; a model without one uses the embedding again.
    pub output_bytes: u64,
    /// Bytes of the tables that rows are taken from: the embedding above all.
    pub input_bytes: u64,
    /// Bytes read for one token: all weights but the tables, and of experts those in use.
    pub active_bytes: u64,
    /// Whether the output matrix is the embedding.
    pub tied: bool,
    pub license: Option<String>,
    /// Whether the file brings a chat template.
    pub chat_template: bool,
    /// Set when the model lies in several files.
    pub shard: Option<Shard>,
}

/// One of the names of [`TensorType`], such as `Q4_K`; empty for none.
pub type TypeName = &'static str;

/// Which file of a model in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 0.
    pub number: u32,
    pub count: u32,
}

/// Widths of recurrent layers; 0 where the model has no such part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrent {
    /// Tokens that a convolution sees (`ssm.conv_kernel`, `shortconv.l_cache`).
    pub kernel: u32,
    /// `ssm.inner_size`
    pub inner: u32,
    /// `ssm.state_size`
    pub state: u32,
    /// `ssm.group_count`
    pub groups: u32,
    /// `ssm.time_step_rank`
    pub rank: u32,
}

impl Facts {
    /// Gathers the facts of a checked header.
    pub(super) fn new(header: &Header) -> Self {
        let arch = |name: &str| header.u32(&header.key(name));
        let n_layer = arch("block_count").unwrap_or(0);
        let layers = n_layer.min(MAX_LAYERS) as usize;
        let per_layer = |name: &str| header.per_layer(&header.key(name), layers);
        let n_head = per_layer("attention.head_count").unwrap_or_else(|| vec![0; layers]);
        let n_embd = arch("embedding_length").unwrap_or(0);
        let head = n_embd
            .checked_div(n_head.iter().copied().max().unwrap_or(0))
            .unwrap_or(0);
        let n_head_kv = per_layer("attention.head_count_kv").unwrap_or_else(|| n_head.clone());
        let Caches {
            layers: caches,
            window,
            rough,
            unused,
        } = caches(header, &n_head, &n_head_kv);
        let mut facts = Self {
            arch: header.arch().to_owned(),
            name: header.str("general.name").unwrap_or_default().to_owned(),
            n_layer,
            n_embd,
            n_layer_unused: unused,
            n_head_kv,
            n_head,
            key_length: arch("attention.key_length").unwrap_or(head),
            value_length: arch("attention.value_length").unwrap_or(head),
            latent_cache: is_latent(header),
            latent_heads: ["attention.key_length_mla", "attention.value_length_mla"]
                .map(|name| arch(name).unwrap_or(0)),
            q_rank: arch("attention.q_lora_rank").unwrap_or(0),
            caches,
            rough_cache: rough,
            recurrent: recurrent(header),
            n_ctx_train: arch("context_length").unwrap_or(0),
            n_vocab: header
                .array_len(TOKENS)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0),
            n_expert: arch("expert_count").unwrap_or(0),
            n_expert_used: per_layer("expert_used_count")
                .and_then(|used| used.into_iter().max())
                .unwrap_or(0),
            sliding_window: window,
            file_type: header.u32("general.file_type"),
            license: header.str("general.license").map(str::to_owned),
            chat_template: header.str("tokenizer.chat_template").is_some(),
            shard: shard(header),
            ..Self::default()
        };
        let widest = |name: &str| {
            per_layer(name)
                .and_then(|all| all.into_iter().max())
                .unwrap_or(0)
        };
        facts.window_lengths = [
            arch("attention.key_length_swa").unwrap_or(facts.key_length),
            arch("attention.value_length_swa").unwrap_or(facts.value_length),
        ];
        facts.n_ff_dense = widest("feed_forward_length");
        facts.n_ff_exp = widest("expert_feed_forward_length");
        if facts.n_expert > 0 && facts.n_ff_exp == 0 {
            facts.n_ff_exp = widest("feed_forward_length");
        }
        facts.n_ff_shared = match widest("expert_shared_feed_forward_length") {
            0 => facts
                .n_ff_exp
                .saturating_mul(arch("expert_shared_count").unwrap_or(0)),
            width => width,
        };
        let experts = facts.n_ff_exp.saturating_mul(facts.n_expert_used);
        facts.n_ff = facts.n_ff_dense.max(experts);
        facts.weigh(header, layers);
        facts
    }

    fn weigh(&mut self, header: &Header, layers: usize) {
        let mut types: BTreeMap<u32, (u64, TensorType)> = BTreeMap::new();
        for tensor in &header.tensors {
            self.n_params = self.n_params.saturating_add(tensor.elements());
            self.tensor_bytes = self.tensor_bytes.saturating_add(tensor.bytes);
            let (bytes, _) = types.entry(tensor.kind.id).or_insert((0, tensor.kind));
            *bytes = bytes.saturating_add(tensor.bytes);
        }
        self.quant = types
            .into_values()
            .max_by_key(|(bytes, _)| *bytes)
            .map_or("", |(_, kind)| kind.name);
        let loaded = self.n_layer.saturating_sub(self.n_layer_unused);
        let tensors = header.tensors.iter();
        self.weights = tensors.filter_map(|t| Weight::new(t, loaded)).collect();
        self.with_experts = vec![false; layers];
        for weight in self.weights.iter().filter(|weight| weight.is_of_experts()) {
            if let ModelPart::Layer(layer) = weight.part
                && let Some(with) = self.with_experts.get_mut(layer as usize)
            {
                *with = true;
            }
        }
        self.fused_qkv = self.weights.iter().any(|w| w.name.contains(".attn_qkv."));
        self.gated = header.tensors.iter().any(|tensor| {
            let doubled = || tensor.dims.get(1) > Some(&self.n_ff_dense.into());
            tensor.name.contains(".ffn_gate") && !tensor.name.contains("_inp")
                || tensor.name.ends_with(".ffn_up.weight") && doubled()
        });
        self.tied = !header.tensors.iter().any(|t| t.name == "output.weight");
        self.sinks = self.weights.iter().any(|w| w.name.contains(".attn_sinks."));
        let mut weights = self.weights.iter();
        self.embedding_bytes = weights
            .find(|weight| &*weight.name == "token_embd.weight")
            .map_or(0, |weight| weight.bytes);
        self.layer_bytes = vec![0; layers];
        self.read_bytes = vec![0; layers + 1];
        (self.output_bytes, self.input_bytes, self.active_bytes) = (0, 0, 0);
        for weight in &*self.weights.clone() {
            let bytes = match weight.part {
                ModelPart::Input => &mut self.input_bytes,
                ModelPart::Output => &mut self.output_bytes,
                ModelPart::Layer(layer) => match self.layer_bytes.get_mut(layer as usize) {
                    Some(bytes) => bytes,
                    None => continue,
                },
            };
            *bytes = bytes.saturating_add(weight.bytes);
            let read = self.read_of(weight);
            self.active_bytes = self.active_bytes.saturating_add(read);
            if let Some(bytes) = weight
                .part
                .index(layers)
                .and_then(|at| self.read_bytes.get_mut(at))
            {
                *bytes = bytes.saturating_add(read);
            }
        }
        if self.tied {
            let bytes = self.embedding_bytes;
            self.output_bytes = self.output_bytes.saturating_add(bytes);
            self.active_bytes = self.active_bytes.saturating_add(bytes);
            self.read_bytes[layers] = self.read_bytes[layers].saturating_add(bytes);
        }
    }

    /// Whether some layers keep a state of fixed size.
    pub fn has_states(&self) -> bool {
        self.caches.iter().any(|cache| cache.state > 0)
    }

    /// Whether layers have more than what mixes tokens: those of Mamba have not.
    pub fn feeds_forward(&self) -> bool {
        self.n_ff > 0 && !["mamba", "mamba2"].contains(&self.arch.as_str())
    }

    /// Whether a layer has experts.
    pub fn has_experts(&self, layer: usize) -> bool {
        self.with_experts.get(layer).copied().unwrap_or(false)
    }

    /// Elements of a key and of a value of one head.
    pub fn head_lengths(&self, windowed: bool) -> (u64, u64) {
        let [key, value] = if windowed {
            self.window_lengths
        } else {
            [self.key_length, self.value_length]
        };
        (key.into(), value.into())
    }

    /// Elements of the values of one token, in the layer that has most of them.
    pub fn widest_values(&self) -> u64 {
        let values = self.caches.iter().map(|cache| cache.values);
        values.max().unwrap_or(0)
    }

    /// Bytes that one token reads of a layer or, behind the last of them, of the output.
    pub fn active_part(&self, part: usize) -> u64 {
        if let Some(bytes) = self.read_bytes.get(part) {
            return *bytes;
        }
        // Known by their sums alone; what a token does not read is in the layers.
        let output = self.output_bytes;
        let layers = self.layer_bytes.len() as u64;
        let each = self.active_bytes.saturating_sub(output).checked_div(layers);
        if part < self.layer_bytes.len() {
            each.unwrap_or(0)
        } else {
            output
        }
    }

    /// Bytes of a tensor that one token reads.
    pub fn read_of(&self, weight: &Weight) -> u64 {
        if weight.is_table() {
            return 0;
        }
        if !weight.is_of_experts() || self.n_expert == 0 {
            return weight.bytes;
        }
        let part = u128::from(weight.bytes) * u128::from(self.n_expert_used);
        u64::try_from(part / u128::from(self.n_expert)).unwrap_or(u64::MAX)
    }
}

fn recurrent(header: &Header) -> Recurrent {
    let number = |name: &str| header.u32(&header.key(name)).unwrap_or(0);
    Recurrent {
        kernel: number("ssm.conv_kernel").max(number("shortconv.l_cache")),
        inner: number("ssm.inner_size"),
        state: number("ssm.state_size"),
        groups: number("ssm.group_count"),
        rank: number("ssm.time_step_rank"),
    }
}

/// `LLAMA_MAX_LAYERS` of llama.cpp.
pub(super) const MAX_LAYERS: u32 = 512;
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";

fn shard(header: &Header) -> Option<Shard> {
    let count = header.u32("split.count").filter(|count| *count > 1)?;
    Some(Shard {
        number: header.u32("split.no").unwrap_or(0),
        count,
    })
}

/// The name of a type that is known.
fn quant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TypeName, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(TensorType::from_name(&name).map_or("", |kind| kind.name))
}
