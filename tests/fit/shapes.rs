//! One small model of each kind of architecture.

use crate::fixture::Shape;

/// Sizes at which caches and buffers are some MiB, so that a percent shows.
fn small(arch: &str) -> Shape {
    Shape {
        arch: arch.into(),
        layers: 4,
        embd: 512,
        heads: 8,
        kv_heads: 4,
        ff: 1024,
        vocab: 4096,
        context: 8192,
        ..Shape::default()
    }
}

/// Every kind: dense, tied, grouped heads, experts, windows, compressed cache, recurrent, hybrid.
pub fn all() -> Vec<(&'static str, Shape)> {
    let with = |arch: &str, change: fn(&mut Shape)| {
        let mut shape = small(arch);
        change(&mut shape);
        shape
    };
    vec![
        ("dense", with("llama", |shape| shape.kv_heads = 8)),
        (
            "dense, as wide as a model of two billion",
            Shape {
                layers: 2,
                embd: 2048,
                heads: 16,
                ff: 8192,
                vocab: 8192,
                ..small("llama")
            },
        ),
        ("tied", with("llama", |shape| shape.tied = true)),
        ("grouped heads", small("qwen3")),
        (
            "experts",
            with("qwen3moe", |shape| (shape.experts, shape.ff) = (8, 256)),
        ),
        ("experts of llama", with("llama", |shape| shape.experts = 4)),
        (
            "windows",
            with("gemma3", |shape| {
                (shape.layers, shape.window, shape.tied) = (7, 256, true)
            }),
        ),
        (
            "windows and experts",
            with("gpt-oss", |shape| (shape.window, shape.experts) = (128, 4)),
        ),
        (
            "compressed cache",
            with("deepseek2", |shape| (shape.experts, shape.ff) = (4, 512)),
        ),
        ("recurrent", small("mamba")),
        ("recurrent, with heads", small("mamba2")),
        ("hybrid with convolutions", small("lfm2")),
        ("hybrid with states", small("granitehybrid")),
    ]
}
