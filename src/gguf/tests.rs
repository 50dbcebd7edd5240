use super::write::HeaderWriter;
use super::*;
use proptest::prelude::*;

/// Sizes of a small model, and metadata to leave out or to put in its place.
fn small(change: impl Fn(&mut HeaderWriter) -> &mut HeaderWriter) -> HeaderWriter {
    let mut header = HeaderWriter::default();
    header
        .text("general.architecture", "llama")
        .text("general.name", "small")
        .u32("llama.block_count", 2);
    header
        .u32("llama.context_length", 64)
        .u32("llama.embedding_length", 32)
        .u32("llama.attention.head_count", 4);
    header
        .i32s("llama.attention.head_count_kv", [2, 1])
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    change(&mut header);
    header
        .text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", ["a", "b", "", "c"]);
    header
        .tensor("token_embd.weight", &[32, 4], TensorType::Q8_0)
        .tensor("blk.0.attn_norm.weight", &[32], TensorType::F32);
    header.tensor("blk.1.attn_norm.weight", &[32], TensorType::F32);
    header
}

fn whole(header: &HeaderWriter) -> Vec<u8> {
    let mut bytes = header.header();
    bytes.resize(bytes.len() + header.data_len() as usize, 0);
    bytes
}

fn parse(bytes: &[u8]) -> Result<Header, GgufError> {
    Header::parse(bytes, bytes.len() as u64)
}

fn refused(change: impl Fn(&mut HeaderWriter) -> &mut HeaderWriter) -> String {
    parse(&whole(&small(change)))
        .expect_err("refused")
        .to_string()
}

#[test]
fn facts_come_from_the_header() {
    let header = parse(&whole(&small(|h| h))).expect("valid");
    let facts = header.facts();
    assert_eq!(
        (facts.n_layer, facts.n_embd, facts.n_vocab, facts.key_length),
        (2, 32, 4, 8)
    );
    assert_eq!((facts.n_head, facts.n_head_kv), (vec![4, 4], vec![2, 1]));
    assert_eq!(
        (facts.quant, facts.n_params, facts.tensor_bytes),
        ("F32", 192, 136 + 256)
    );
    assert_eq!(
        (
            facts.layer_bytes,
            facts.tied,
            facts.output_bytes,
            facts.input_bytes
        ),
        (vec![128, 128], true, 136, 136)
    );
    assert_eq!(header.array_len("tokenizer.ggml.tokens"), Some(4));
    assert_eq!(
        header.f32("llama.attention.layer_norm_rms_epsilon"),
        Some(1e-5)
    );
    assert_eq!(header.tensors[1].offset % write::ALIGNMENT, 0);
}

#[test]
fn the_kind_of_cache_is_known() {
    let kind = |keys: &[&str]| {
        let header = small(|h| keys.iter().fold(h, |h, key| h.u32(key, 8)));
        let facts = parse(&whole(&header)).expect("valid").facts();
        (facts.latent_cache, facts.caches[0].values > 0)
    };
    assert_eq!(kind(&[]), (false, true));
    let latent = [
        "llama.attention.key_length_mla",
        "llama.attention.value_length_mla",
    ];
    assert_eq!(kind(&latent), (true, false));
    assert_eq!(kind(&latent[..1]), (false, true));
}

/// What the layers of an architecture keep, by numbers of its own.
fn caches(arch: &str, layers: u32, change: impl Fn(&mut HeaderWriter)) -> Facts {
    let mut header = HeaderWriter::default();
    let key = |name: &str| format!("{arch}.{name}");
    header
        .text("general.architecture", arch)
        .u32(&key("block_count"), layers)
        .u32(&key("context_length"), 4096)
        .u32(&key("embedding_length"), 64)
        .u32(&key("attention.head_count"), 4)
        .f32(&key("attention.layer_norm_rms_epsilon"), 1e-5);
    change(&mut header);
    header
        .text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", ["a", "b"])
        .tensor("token_embd.weight", &[64, 2], TensorType::F32);
    parse(&whole(&header)).expect("valid").facts()
}

fn windowed(facts: &Facts) -> String {
    let layers = facts.caches.iter();
    layers.map(|c| if c.windowed { 'w' } else { '.' }).collect()
}

#[test]
fn windows_come_in_the_pattern_of_the_architecture() {
    let with_window = |arch: &str| {
        let key = format!("{arch}.attention.sliding_window");
        caches(arch, 7, |header| {
            header.u32(&key, 512);
        })
    };
    for (arch, pattern) in [
        ("gemma3", "wwwww.w"),
        ("gemma2", "w.w.w.w"),
        ("gpt-oss", "w.w.w.w"),
        ("cohere2", "www.www"),
        ("smallthinker", ".www.ww"),
        // These have the key and no windows in llama.cpp.
        ("phi3", "......."),
        ("qwen2", "......."),
        ("exaone4", "......."),
    ] {
        let facts = with_window(arch);
        assert_eq!(windowed(&facts), pattern, "{arch}");
        assert_eq!(
            facts.sliding_window.is_some(),
            pattern.contains('w'),
            "{arch}"
        );
    }
    assert_eq!(with_window("smallthinker").sliding_window, Some(4096));
    let listed = caches("gemma4", 4, |header| {
        header
            .u32("gemma4.attention.sliding_window", 512)
            .u32("gemma4.attention.key_length_swa", 32)
            .u32("gemma4.attention.shared_kv_layers", 1)
            .i32s("gemma4.attention.sliding_window_pattern", [1, 0, 1, 0]);
    });
    // The last layer uses the cache of another.
    assert_eq!(windowed(&listed), "w.w.");
    let keys: Vec<u64> = listed.caches.iter().map(|cache| cache.keys).collect();
    assert_eq!(keys, [4 * 32, 64, 4 * 32, 0]);
}

#[test]
fn recurrent_layers_keep_a_state() {
    let mamba = |header: &mut HeaderWriter| {
        for (name, value) in [
            ("conv_kernel", 4),
            ("inner_size", 128),
            ("state_size", 16),
            ("group_count", 1),
            ("time_step_rank", 2),
        ] {
            for arch in ["mamba2", "granitehybrid", "qwen3next"] {
                header.u32(&format!("{arch}.ssm.{name}"), value);
            }
        }
        header.i32s("granitehybrid.attention.head_count_kv", [0, 2, 0, 2]);
    };
    // Convolution and state, as `llama_hparams` counts them.
    let state = 3 * (128 + 2 * 16) + 16 * 128;
    for (arch, expected) in [
        ("mamba2", [state, state, state, state]),
        ("granitehybrid", [state, 0, state, 0]),
        ("qwen3next", [state, state, state, 0]),
    ] {
        let facts = caches(arch, 4, mamba);
        let states: Vec<u64> = facts.caches.iter().map(|cache| cache.state).collect();
        assert_eq!(states, expected, "{arch}");
        let keeps = |c: &LayerCache| (c.state > 0) != (c.keys > 0);
        assert!(facts.caches.iter().all(keeps), "{arch}");
    }
}

#[test]
fn layers_that_only_predict_are_not_loaded() {
    let facts = caches("glm4moe", 3, |header| {
        header.u32("glm4moe.nextn_predict_layers", 1);
    });
    assert_eq!((facts.n_layer, facts.n_layer_unused), (3, 1));
    assert_eq!(facts.caches[2], LayerCache::default());
}

#[test]
fn the_files_of_a_model_add_up() {
    let mut first = parse(&whole(&small(|h| h))).expect("valid");
    let alone = first.facts();
    let mut second = HeaderWriter::default();
    second.tensor("blk.1.ffn_up.weight", &[32, 8], TensorType::F32);
    let bytes = whole(&second);
    let part = parse::parse(
        bytes.as_slice(),
        bytes.len() as u64,
        parse::Vocabulary::Passed,
    )
    .expect("a part");
    first.append(part);
    let both = first.facts();
    assert_eq!(both.layer_bytes, vec![128, 128 + 1024]);
    assert_eq!(both.tensor_bytes, alone.tensor_bytes + 1024);
}

#[test]
fn what_is_no_chat_model_says_what_it_is() {
    assert!(refused(|h| h.text("general.type", "adapter")).contains("LoRA adapter"));
    assert!(refused(|h| h.text("general.type", "mmproj")).contains("image or audio part"));
    let mut clip = HeaderWriter::default();
    clip.text("general.architecture", "clip");
    assert!(
        parse(&whole(&clip))
            .expect_err("refused")
            .reason
            .contains("image or audio part")
    );
    let mut part = HeaderWriter::default();
    part.u32("split.no", 1).u32("split.count", 3).tensor(
        "blk.1.attn_norm.weight",
        &[32],
        TensorType::F32,
    );
    assert!(
        parse(&whole(&part))
            .expect_err("refused")
            .reason
            .contains("part 2 of 3 of a model: open the first part")
    );
    let mut vocabulary = HeaderWriter::default();
    vocabulary
        .text("general.architecture", "llama")
        .u32("llama.block_count", 2)
        .u32("llama.context_length", 64);
    vocabulary
        .u32("llama.embedding_length", 32)
        .text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", ["a"]);
    assert!(
        parse(&whole(&vocabulary))
            .expect_err("refused")
            .reason
            .contains("a vocabulary and no weights")
    );
}

#[test]
fn what_would_end_the_process_is_refused() {
    let mut cases = String::new();
    for (key, value) in [
        ("expert_count", 2000),
        ("expert_used_count", 1),
        ("rope.dimension_count", 6),
        ("nextn_predict_layers", 2),
        ("attention.key_length", 5),
    ] {
        let key = format!("llama.{key}");
        let result = parse(&whole(&small(|h| h.u32(&key, value))));
        cases += &format!(
            "{key}={value}: {}\n",
            result.err().map_or("fine".to_owned(), |error| error.reason)
        );
    }
    cases += &refused(|h| h.text("llama.rope.scaling.type", "linaer"));
    cases += "\n";
    cases += &refused(|h| h.f32("llama.attention.layer_norm_epsilon", f32::NAN));
    cases += "\n";
    cases += &refused(|h| h.tensor("blk.2.ffn_up.weight", &[32], TensorType::F32));
    insta::assert_snapshot!(cases, @r#"
    llama.expert_count=2000: llama.expert_count is 2000, but should be at most 1024
    llama.expert_used_count=1: llama.expert_used_count is 1, but should fit the number of experts
    llama.rope.dimension_count=6: llama.rope.dimension_count is 6, but should be the size of a head with this architecture
    llama.nextn_predict_layers=2: llama.nextn_predict_layers is 2, but should be less than the number of layers
    llama.attention.key_length=5: llama.rope.dimension_count is missing, but should be even
    byte 370: llama.rope.scaling.type is "linaer", but should be none, linear, yarn or longrope
    byte 370: llama.attention.layer_norm_epsilon is NaN, but should be a small number
    byte 736: the tensor "blk.2.ffn_up.weight" is of a layer that the model does not have
    "#);
}

#[test]
fn layer_counts_are_bounded() {
    for layers in [0u32, 513, u32::MAX] {
        let mut header = HeaderWriter::default();
        header
            .text("general.architecture", "llama")
            .u32("llama.block_count", layers)
            .u32("llama.embedding_length", 32);
        let error = parse(&whole(&header)).expect_err("refused");
        assert_eq!(
            error.reason,
            format!("llama.block_count is {layers}, but should be 1 to 512")
        );
    }
}

#[test]
fn a_cut_file_says_where_it_ends() {
    let bytes = whole(&small(|h| h));
    let start = bytes.len() - 416;
    let cut = start + 100;
    let error = parse(&bytes[..cut]).expect_err("cut");
    assert_eq!(
        error.reason,
        format!(
            "the file ends at byte {cut}, inside the tensor \"token_embd.weight\"; 316 bytes are missing: the download may be incomplete"
        )
    );
    for cut in 0..start {
        let error = parse(&bytes[..cut]).expect_err("cut");
        assert!(
            error.reason.contains("the file ends at byte")
                || error.reason.contains("more than the"),
            "{cut}: {error}"
        );
    }
}

#[test]
fn other_formats_and_versions_say_so() {
    let valid = whole(&small(|h| h));
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = valid.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        parse(&changed).expect_err("refused").to_string()
    };
    insta::assert_snapshot!([with(0, b"PK\x03\x04"), with(4, &[1]), with(4, &[0, 0, 0, 3]), with(4, &[9]), with(8, &[255; 8])].join("\n"), @r#"
    byte 0: this is not a GGUF file: it begins with "PK\x03\x04" instead of "GGUF"
    byte 4: GGUF version 1 is no longer supported: convert or download the model again
    byte 4: this is a big-endian GGUF file, for other processors: download the little-endian one
    byte 4: GGUF version 9 is unknown; versions 2 and 3 are supported
    byte 8: the number of tensors is 18446744073709551615, more than the 1072 bytes that follow can hold
    "#);
}

#[test]
fn names_and_tokens_are_unique() {
    assert!(
        refused(|h| h.u32("llama.block_count", 2)).contains("\"llama.block_count\" is there twice")
    );
    assert!(
        refused(|h| h.tensor("token_embd.weight", &[32, 4], TensorType::Q8_0))
            .contains("is there twice")
    );
    // Texts end at a zero byte, as for llama.cpp.
    for tokens in [["a", "[EMPTY_2]", ""], ["ab\0c", "ab", "c"]] {
        let mut header = HeaderWriter::default();
        header.texts("tokenizer.ggml.tokens", tokens);
        let error = parse(&whole(&header)).expect_err("refused");
        assert!(error.reason.contains("same text"), "{error}");
    }
}

#[test]
fn the_guide_is_read() {
    let path = std::path::Path::new("models/guide.gguf");
    let facts = Header::read(path).expect("valid").facts();
    assert_eq!(
        (facts.arch.as_str(), facts.quant, facts.chat_template),
        ("llama", "Q8_0", true)
    );
    assert!(facts.n_vocab > 256 && facts.n_layer > 0 && facts.n_params > 1_000_000);
    assert_eq!(
        facts.layer_bytes.iter().sum::<u64>() + facts.input_bytes + facts.output_bytes,
        facts.tensor_bytes
    );
}

proptest! {
    #[test]
    fn damaged_headers_end_in_an_answer(damage in prop::collection::vec((0usize..1000, any::<u8>()), 1..6), cut in prop::option::of(0usize..1000)) {
        let mut bytes = whole(&small(|h| h));
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(cut.unwrap_or(bytes.len()));
        if let Ok(header) = parse(&bytes) {
            let facts = header.facts();
            prop_assert!((1..=512).contains(&facts.n_layer));
            prop_assert!(header.tensors.iter().all(|t| t.offset + t.bytes <= bytes.len() as u64));
        }
    }

    /// A file may claim any length without having the bytes, as sparse files do.
    #[test]
    fn claims_are_not_believed(field in 0usize..60, value in any::<u64>(), claimed in any::<u64>()) {
        let mut bytes = whole(&small(|h| h));
        bytes[8 + field..16 + field].copy_from_slice(&value.to_le_bytes());
        let _ = Header::parse(bytes.as_slice(), claimed);
    }
}

/// A generator of numbers that are the same in every run (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    }
}

/// Bytes changed, numbers made extreme, pieces cut out, doubled and torn off: whatever became of
/// it, a header is an answer or a reason with a byte.
#[test]
fn a_hundred_thousand_damaged_headers_are_answered() {
    const EXTREMES: [u64; 8] = [
        0,
        1,
        255,
        1 << 31,
        u32::MAX as u64,
        1 << 32,
        1 << 63,
        u64::MAX,
    ];
    let original = whole(&small(|h| h));
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut refused = 0;
    for round in 0..100_000 {
        let mut bytes = original.clone();
        for _ in 0..=numbers.next(4) {
            if bytes.is_empty() {
                break;
            }
            let at = numbers.next(bytes.len());
            match numbers.next(5) {
                0 => bytes[at] = numbers.next(256) as u8,
                1 => {
                    let extreme = EXTREMES[numbers.next(EXTREMES.len())].to_le_bytes();
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].copy_from_slice(&extreme[..end - at]);
                }
                2 => {
                    let end = (at + 1 + numbers.next(16)).min(bytes.len());
                    bytes.drain(at..end);
                }
                3 => {
                    let end = (at + 1 + numbers.next(16)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        let length = bytes.len() as u64;
        for vocabulary in [parse::Vocabulary::Compared, parse::Vocabulary::Passed] {
            let read = parse::parse(bytes.as_slice(), length, vocabulary);
            let answer = read.and_then(|header| header.check().map(|()| header.facts()));
            if let Err(error) = answer {
                assert!(error.offset <= length, "round {round}: {error}");
                assert!(!error.reason.is_empty(), "round {round}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100_000, "only {refused} of 200,000 were refused");
}
