//! What the rest of llmdeck wants to know about a model.

use std::collections::BTreeMap;

use super::{Header, TensorType};

/// Sizes and properties of a model, from the header alone. Of a model in several files these are
/// the facts of the first file: its tensors are not all there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// As in the file, such as `llama` or `qwen3moe`.
    pub arch: String,
    /// Empty when the file gives none.
    pub name: String,
    pub n_layer: u32,
    /// Width of the residual stream.
    pub n_embd: u32,
    /// Width inside the feed-forward part; with experts, of those used together.
    pub n_ff: u32,
    /// Query heads of each layer; 0 where a layer has no attention.
    pub n_head: Vec<u32>,
    /// Key and value heads of each layer.
    pub n_head_kv: Vec<u32>,
    /// Elements of a key and of a value of one head.
    pub key_length: u32,
    pub value_length: u32,
    /// Whether the cache has one compressed row a token, the key, and no values (MLA).
    pub latent_cache: bool,
    /// Whether the cache has less than every token in every layer: windows, layers that share
    /// one, recurrent layers.
    pub partial_cache: bool,
    /// The context the model was trained for, in tokens.
    pub n_ctx_train: u32,
    pub n_vocab: u32,
    /// 0 for a dense model.
    pub n_expert: u32,
    pub n_expert_used: u32,
    /// Tokens that windowed layers see, in models that have such.
    pub sliding_window: Option<u32>,
    /// llama.cpp's number of the kind of quantisation.
    pub file_type: Option<u32>,
    /// The type that most bytes are in, such as `Q4_K`.
    pub quant: &'static str,
    pub n_params: u64,
    /// Bytes of all tensors.
    pub tensor_bytes: u64,
    /// Bytes of the tensors of each layer.
    pub layer_bytes: Vec<u64>,
    /// Bytes of the output matrix, or of the embedding that a model without one uses again.
    pub output_bytes: u64,
    /// Bytes of all other tensors: the embedding above all.
    pub input_bytes: u64,
    /// Whether the output matrix is the embedding.
    pub tied: bool,
    pub license: Option<String>,
    /// Whether the file brings a chat template.
    pub chat_template: bool,
    /// Set when the model lies in several files.
    pub shard: Option<Shard>,
}

/// Which file of a model in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub number: u32,
    pub count: u32,
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
        let mut facts = Self {
            arch: header.arch().to_owned(),
            name: header.str("general.name").unwrap_or_default().to_owned(),
            n_layer,
            n_embd,
            n_head_kv: per_layer("attention.head_count_kv").unwrap_or_else(|| n_head.clone()),
            n_head,
            key_length: arch("attention.key_length").unwrap_or(head),
            value_length: arch("attention.value_length").unwrap_or(head),
            // `llama_hparams::is_mla`
            latent_cache: ["attention.key_length_mla", "attention.value_length_mla"]
                .iter()
                .all(|key| arch(key).is_some_and(|length| length > 0)),
            partial_cache: WINDOWED.contains(&header.arch())
                || PARTIAL
                    .iter()
                    .any(|key| header.get(&header.key(key)).is_some()),
            n_ctx_train: arch("context_length").unwrap_or(0),
            n_vocab: header
                .array_len(TOKENS)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0),
            n_expert: arch("expert_count").unwrap_or(0),
            n_expert_used: per_layer("expert_used_count")
                .and_then(|used| used.into_iter().max())
                .unwrap_or(0),
            sliding_window: arch("attention.sliding_window").filter(|n| *n > 0),
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
        let experts = widest("expert_feed_forward_length").saturating_mul(facts.n_expert_used);
        facts.n_ff = widest("feed_forward_length").max(experts);
        facts.weigh(header, layers);
        facts
    }

    fn weigh(&mut self, header: &Header, layers: usize) {
        let mut types: BTreeMap<u32, (u64, TensorType)> = BTreeMap::new();
        self.layer_bytes = vec![0; layers];
        self.tied = !header
            .tensors
            .iter()
            .any(|tensor| tensor.name == "output.weight");
        for tensor in &header.tensors {
            self.n_params = self.n_params.saturating_add(tensor.elements());
            self.tensor_bytes = self.tensor_bytes.saturating_add(tensor.bytes);
            types.entry(tensor.kind.id).or_insert((0, tensor.kind)).0 += tensor.bytes;
            let layer = tensor
                .layer()
                .and_then(|layer| self.layer_bytes.get_mut(layer as usize));
            match (layer, tensor.name.as_str()) {
                (Some(bytes), _) => *bytes += tensor.bytes,
                (None, "output.weight") => self.output_bytes = tensor.bytes,
                (None, "token_embd.weight") if self.tied => {
                    self.output_bytes = tensor.bytes;
                    self.input_bytes += tensor.bytes;
                }
                (None, _) => self.input_bytes += tensor.bytes,
            }
        }
        self.quant = types
            .into_values()
            .max_by_key(|(bytes, _)| *bytes)
            .map_or("", |(_, kind)| kind.name);
    }
}

/// `LLAMA_MAX_LAYERS` of llama.cpp.
pub(super) const MAX_LAYERS: u32 = 512;
/// Architectures that have windows without a key that says so (llama.cpp's `src/models`).
const WINDOWED: [&str; 5] = ["exaone-moe", "exaone4", "gemma2", "llama4", "smallthinker"];
/// Keys of architectures whose layers do not all keep every token.
const PARTIAL: [&str; 8] = [
    "attention.sliding_window",
    "attention.shared_kv_layers",
    "attention.compress_ratios",
    "full_attention_interval",
    "ssm.conv_kernel",
    "wkv.head_size",
    "shortconv.l_cache",
    "kda.head_dim",
];
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";

fn shard(header: &Header) -> Option<Shard> {
    let count = header.u32("split.count").filter(|count| *count > 1)?;
    Some(Shard {
        number: header.u32("split.no").unwrap_or(0),
        count,
    })
}
