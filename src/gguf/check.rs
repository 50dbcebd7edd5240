//! Headers that are well formed and yet would end the process inside llama.cpp, or are no chat
//! models. llama.cpp reports most other mistakes as a failed load by itself.
//!
//! After the assertions of `llama_model_base::load_hparams`, `llama_vocab::impl::load`, the graphs
//! in `src/models/` and the operations `ggml_rope`, `ggml_rms_norm`, `ggml_mul` and `ggml_mul_mat`.

use super::facts::{MAX_LAYERS, TOKENS};
use super::{Facts, GgufError, Header, TensorType, Value};

/// `LLAMA_MAX_EXPERTS` of llama.cpp.
const MAX_EXPERTS: u32 = 1024;
/// Architectures whose graph asserts that position turns the whole of each head.
const WHOLE_HEAD: [&str; 46] = [
    "apertus",
    "arcee",
    "arctic",
    "baichuan",
    "chameleon",
    "codeshell",
    "cogvlm",
    "dbrx",
    "deci",
    "deepseek",
    "dots1",
    "dream",
    "ernie4_5",
    "ernie4_5-moe",
    "exaone",
    "exaone-moe",
    "exaone4",
    "falcon",
    "granite",
    "grok",
    "grovemoe",
    "hunyuan-moe",
    "internlm2",
    "llada",
    "llada-moe",
    "llama",
    "maincoder",
    "mistral3",
    "olmo",
    "olmo2",
    "olmoe",
    "orion",
    "plamo",
    "qwen2",
    "qwen2moe",
    "qwen2vl",
    "qwen3",
    "qwen3moe",
    "qwen3vl",
    "qwen3vlmoe",
    "rnd1",
    "seed_oss",
    "smallthinker",
    "smollm3",
    "starcoder2",
    "xverse",
];

/// Fails for what llama.cpp should not see.
pub fn check(header: &Header) -> Result<(), GgufError> {
    let facts = Facts::new(header);
    purpose(header, &facts)?;
    sizes(header, &facts)?;
    experts(header, &facts)?;
    attention(header, &facts)?;
    numbers(header)?;
    vocabulary(header)?;
    tensors(header, &facts)
}

/// Is this a language model at all?
fn purpose(header: &Header, facts: &Facts) -> Result<(), GgufError> {
    if let Some(shard) = facts.shard.filter(|shard| shard.number != 0) {
        let reason = format!(
            "this is part {} of {} of a model: open the first part",
            u64::from(shard.number) + 1,
            shard.count
        );
        return Err(GgufError::new(header.offset("split.no"), reason));
    }
    let at = header.offset("general.type");
    let kind = header.str("general.type").unwrap_or("model");
    if kind == "mmproj" || header.arch() == "clip" {
        return Err(GgufError::new(
            at,
            "this is the image or audio part of a model (mmproj): open the model itself",
        ));
    }
    match kind {
        "adapter" => Err(GgufError::new(
            at,
            "this is a LoRA adapter: it goes on top of a model and is none itself",
        )),
        "imatrix" => Err(GgufError::new(
            at,
            "this is an importance matrix for quantising, not a model",
        )),
        _ if header.arch().is_empty() => Err(GgufError::new(
            0,
            "the header does not say which architecture the model has (general.architecture)",
        )),
        _ => Ok(()),
    }
}

fn sizes(header: &Header, facts: &Facts) -> Result<(), GgufError> {
    require(
        header,
        "block_count",
        (1..=MAX_LAYERS).contains(&facts.n_layer),
        "be 1 to 512",
    )?;
    require(
        header,
        "embedding_length",
        facts.n_embd > 0,
        "be at least 1",
    )?;
    require(
        header,
        "context_length",
        facts.n_ctx_train > 0,
        "be at least 1",
    )?;
    let extra = header.u32(&header.key("nextn_predict_layers")).unwrap_or(0);
    require(
        header,
        "nextn_predict_layers",
        extra < facts.n_layer,
        "be less than the number of layers",
    )
}

fn experts(header: &Header, facts: &Facts) -> Result<(), GgufError> {
    let Facts {
        n_expert,
        n_expert_used,
        ..
    } = *facts;
    let groups = header.u32(&header.key("expert_group_count")).unwrap_or(0);
    let groups_used = header
        .u32(&header.key("expert_group_used_count"))
        .unwrap_or(0);
    require(
        header,
        "expert_count",
        n_expert <= MAX_EXPERTS,
        "be at most 1024",
    )?;
    // llama.cpp takes a single expert of these for none.
    if facts.arch.starts_with("hunyuan") && n_expert <= 1 {
        return Ok(());
    }
    let used = if n_expert == 0 {
        n_expert_used == 0
    } else {
        (1..=n_expert).contains(&n_expert_used)
    };
    require(
        header,
        "expert_used_count",
        used,
        "fit the number of experts",
    )?;
    let divides = groups <= 1 || n_expert.is_multiple_of(groups);
    require(
        header,
        "expert_group_count",
        groups == 0 || (groups < n_expert && divides),
        "divide the number of experts",
    )?;
    let fits = groups <= 1 || (1..groups).contains(&groups_used);
    require(
        header,
        "expert_group_used_count",
        fits,
        "be less than the number of groups, and not 0",
    )?;
    let gate = header
        .get(&header.key("expert_gating_func"))
        .map(|value| value.unsigned());
    require(
        header,
        "expert_gating_func",
        gate.is_none_or(|g| g.is_some_and(|g| g <= 5)),
        "be 0 to 5",
    )
}

fn attention(header: &Header, facts: &Facts) -> Result<(), GgufError> {
    let shared = facts
        .n_head
        .iter()
        .zip(&facts.n_head_kv)
        .all(|(q, kv)| *q == 0 || *kv == 0 || q.is_multiple_of(*kv));
    require(
        header,
        "attention.head_count_kv",
        shared,
        "divide the number of heads in every layer",
    )?;
    let Some(heads) = facts
        .n_head
        .iter()
        .copied()
        .max()
        .filter(|heads| *heads > 0)
    else {
        return Ok(());
    };
    let given = header.u32(&header.key("attention.key_length")).is_some();
    require(
        header,
        "attention.head_count",
        given || facts.n_embd.is_multiple_of(heads),
        "divide the embedding length",
    )?;
    let turned = header.u32(&header.key("rope.dimension_count"));
    if WHOLE_HEAD.contains(&facts.arch.as_str()) {
        let whole = turned.is_none_or(|turned| turned == facts.key_length);
        require(
            header,
            "rope.dimension_count",
            whole,
            "be the size of a head with this architecture",
        )?;
        return require(
            header,
            "rope.dimension_count",
            facts.key_length.is_multiple_of(2),
            "be even",
        );
    }
    let half = turned.is_none_or(|turned| turned <= facts.key_length && turned.is_multiple_of(2));
    require(
        header,
        "rope.dimension_count",
        half,
        "be even and no more than the size of a head",
    )
}

/// Numbers and names that operations assert on.
fn numbers(header: &Header) -> Result<(), GgufError> {
    for name in [
        "attention.layer_norm_rms_epsilon",
        "attention.layer_norm_epsilon",
        "attention.group_norm_epsilon",
    ] {
        let epsilon = header.f32(&header.key(name)).unwrap_or(0.0);
        require(
            header,
            name,
            (0.0..=1.0).contains(&epsilon),
            "be a small number",
        )?;
    }
    for name in ["rope.freq_base", "rope.scaling.factor"] {
        let finite = header.f32(&header.key(name)).is_none_or(f32::is_finite);
        require(header, name, finite, "be a number")?;
    }
    let scaling = header
        .str(&header.key("rope.scaling.type"))
        .unwrap_or("linear");
    let known = ["none", "linear", "yarn", "longrope"].contains(&scaling);
    require(
        header,
        "rope.scaling.type",
        known,
        "be none, linear, yarn or longrope",
    )
}

fn vocabulary(header: &Header) -> Result<(), GgufError> {
    let model = header.str("tokenizer.ggml.model").unwrap_or("none");
    if header.array_len(TOKENS).unwrap_or(0) == 0 || matches!(model, "none" | "no_vocab") {
        return Err(GgufError::new(
            header.offset(TOKENS),
            format!("the file brings no vocabulary ({TOKENS}): nothing can be typed into it"),
        ));
    }
    Ok(())
}

fn tensors(header: &Header, facts: &Facts) -> Result<(), GgufError> {
    if header.tensors.is_empty() && facts.shard.is_none() {
        return Err(GgufError::new(
            0,
            "the file has a vocabulary and no weights: it serves to test tokenisers",
        ));
    }
    for tensor in &header.tensors {
        let bad = |reason: &str| {
            Err(GgufError::new(
                tensor.offset,
                format!("the tensor {:?} {reason}", tensor.name),
            ))
        };
        if tensor.layer().is_some_and(|layer| layer >= facts.n_layer) {
            return bad("is of a layer that the model does not have");
        }
        if tensor.name.ends_with("_norm.weight") && tensor.kind != TensorType::F32 {
            return bad(&format!(
                "is a norm in {}, which should be F32",
                tensor.kind.name
            ));
        }
        if tensor.name.ends_with(".weight")
            && !tensor.kind.is_weight()
            && !tensor.name.contains("tid2eid")
        {
            return bad(&format!(
                "is of type {}, with which nothing can be multiplied",
                tensor.kind.name
            ));
        }
    }
    Ok(())
}

fn require(header: &Header, name: &str, holds: bool, should: &str) -> Result<(), GgufError> {
    if holds {
        return Ok(());
    }
    let key = header.key(name);
    let found = match header.get(&key) {
        None => "is missing".to_owned(),
        Some(Value::Unsigned(n)) => format!("is {n}"),
        Some(Value::Signed(n)) => format!("is {n}"),
        Some(Value::Float(x)) => format!("is {x}"),
        Some(Value::Text(text)) => format!("is {text:?}"),
        Some(Value::Bool(_) | Value::Array(_)) => "does not".to_owned(),
    };
    Err(GgufError::new(
        header.offset(&key),
        format!("{key} {found}, but should {should}"),
    ))
}
