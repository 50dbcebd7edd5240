//! What reading a header costs: the built-in model's, and one with the vocabulary of a large model.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use llmdeck::gguf::write::HeaderWriter;
use llmdeck::gguf::{Header, TensorType};

const TOKENS: u32 = 150_000;
const WIDTH: u32 = 896;
const LAYERS: u32 = 24;

/// A header with so many tokens, and what a file with it would measure in bytes.
fn large() -> (Vec<u8>, u64) {
    let mut header = HeaderWriter::default();
    header
        .text("general.architecture", "llama")
        .u32("llama.block_count", LAYERS)
        .u32("llama.context_length", 32_768)
        .u32("llama.embedding_length", WIDTH)
        .u32("llama.feed_forward_length", 4864)
        .u32("llama.attention.head_count", 14)
        .u32("llama.attention.head_count_kv", 2)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .text("tokenizer.ggml.model", "gpt2")
        .texts(
            "tokenizer.ggml.tokens",
            (0..TOKENS).map(|token| format!("token{token}")),
        )
        .i32s("tokenizer.ggml.token_type", (0..TOKENS).map(|_| 1))
        .texts(
            "tokenizer.ggml.merges",
            (0..TOKENS).map(|merge| format!("to ken{merge}")),
        );
    let width = u64::from(WIDTH);
    let vocabulary = [width, u64::from(TOKENS)];
    header.tensor("token_embd.weight", &vocabulary, TensorType::Q8_0);
    for layer in 0..LAYERS {
        for name in ["attn_q", "attn_output", "ffn_up", "ffn_gate", "ffn_down"] {
            header.tensor(
                &format!("blk.{layer}.{name}.weight"),
                &[width, width],
                TensorType::Q8_0,
            );
        }
    }
    let bytes = header.header();
    let file_len = bytes.len() as u64 + header.data_len();
    (bytes, file_len)
}

fn headers(criterion: &mut Criterion) {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/guide.gguf");
    let (bytes, file_len) = large();
    // A header that is refused would be read in no time.
    for read in [
        Header::read(&guide),
        Header::parse(bytes.as_slice(), file_len),
    ] {
        assert!(read.is_ok(), "{read:?}");
    }
    criterion.bench_function("header of the built-in model", |bencher| {
        bencher.iter(|| Header::read(&guide));
    });
    criterion.bench_function("header with 150,000 tokens", |bencher| {
        bencher.iter(|| Header::parse(bytes.as_slice(), file_len));
    });
    let header = Header::parse(bytes.as_slice(), file_len);
    criterion.bench_function("facts of a header with 150,000 tokens", |bencher| {
        bencher.iter(|| header.as_ref().map(Header::facts));
    });
}

criterion_group!(benches, headers);
criterion_main!(benches);
