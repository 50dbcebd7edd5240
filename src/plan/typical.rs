//! Models that are not here: sizes from a number of parameters and a quantisation.

use crate::gguf::{Facts, LayerCache};

/// The shape of a published dense model, by its size.
struct Shape {
    /// Millions of parameters.
    millions: u64,
    name: &'static str,
    layers: u32,
    embd: u32,
    ff: u32,
    heads: u32,
    kv_heads: u32,
    vocab: u32,
}

const fn shape(
    millions: u64,
    name: &'static str,
    [layers, embd, ff]: [u32; 3],
    [heads, kv_heads]: [u32; 2],
    vocab: u32,
) -> Shape {
    Shape {
        millions,
        name,
        layers,
        embd,
        ff,
        heads,
        kv_heads,
        vocab,
    }
}

/// From the `config.json` that the makers published with each.
const SHAPES: [Shape; 9] = [
    shape(494, "Qwen2.5 0.5B", [24, 896, 4864], [14, 2], 151_936),
    shape(1236, "Llama 3.2 1B", [16, 2048, 8192], [32, 8], 128_256),
    shape(3213, "Llama 3.2 3B", [28, 3072, 8192], [24, 8], 128_256),
    shape(8030, "Llama 3.1 8B", [32, 4096, 14_336], [32, 8], 128_256),
    shape(14_770, "Qwen2.5 14B", [48, 5120, 13_824], [40, 8], 152_064),
    shape(32_764, "Qwen2.5 32B", [64, 5120, 27_648], [40, 8], 152_064),
    shape(
        70_554,
        "Llama 3.1 70B",
        [80, 8192, 28_672],
        [64, 8],
        128_256,
    ),
    shape(
        122_610,
        "Mistral Large 2",
        [88, 12_288, 28_672],
        [96, 8],
        32_768,
    ),
    shape(
        405_853,
        "Llama 3.1 405B",
        [126, 16_384, 53_248],
        [128, 8],
        128_256,
    ),
];

/// Bits of a weight: of the whole of Llama 3.1 8B as measured by llama.cpp
/// (`tools/quantize/README.md`), and of its embedding.
const QUANTS: [(&str, f64, f64); 29] = [
    ("F32", 32.0, 32.0),
    ("F16", 16.0, 16.0),
    ("BF16", 16.0, 16.0),
    ("FP8", 8.0, 8.0),
    ("Q8_0", 8.5, 8.5),
    ("Q6_K", 6.5633, 6.5625),
    ("Q5_K_M", 5.7036, 5.5),
    ("Q5_K_S", 5.5704, 5.5),
    ("Q5_0", 5.5, 5.5),
    ("Q4_K_M", 4.8944, 4.5),
    ("Q4_K_S", 4.6672, 4.5),
    ("Q4_0", 4.64, 4.5),
    ("MXFP4", 4.25, 4.25),
    ("IQ4_NL", 4.6818, 4.5),
    ("IQ4_XS", 4.4597, 4.25),
    ("Q3_K_L", 4.2979, 3.4375),
    ("Q3_K_M", 3.9960, 3.4375),
    ("Q3_K_S", 3.6429, 3.4375),
    ("IQ3_M", 3.7628, 3.4375),
    ("IQ3_S", 3.6606, 3.4375),
    ("IQ3_XS", 3.4977, 3.4375),
    ("IQ3_XXS", 3.2548, 3.4375),
    ("Q2_K", 3.1593, 2.625),
    ("Q2_K_S", 2.9697, 2.625),
    ("IQ2_M", 2.9294, 2.625),
    ("IQ2_S", 2.7403, 2.625),
    ("IQ2_XS", 2.5882, 2.625),
    ("IQ2_XXS", 2.3824, 2.625),
    ("IQ1_M", 2.1460, 2.625),
];

/// Bits of the output matrix below 8 bits: Q6_K.
const OUTPUT_BITS: f64 = 6.5625;

/// Names that [`typical`] takes.
pub fn quants() -> impl Iterator<Item = &'static str> {
    QUANTS.iter().map(|(name, ..)| *name)
}

/// A model of that many parameters in that quantisation, of the shape of the published dense model
/// nearest in size, whose name comes with it. Of its parameters `active` are read for a token:
/// fewer in a mixture of experts. `None` for an unknown quantisation.
pub fn typical(n_params: u64, quant: &str, active: Option<u64>) -> Option<(Facts, &'static str)> {
    let wanted = match quant.to_uppercase().as_str() {
        "FP32" => "F32".to_owned(),
        "FP16" => "F16".to_owned(),
        "INT8" | "8BIT" | "8-BIT" => "FP8".to_owned(),
        name => name.to_owned(),
    };
    let (name, measured, table) = *QUANTS.iter().find(|(name, ..)| *name == wanted)?;
    #[expect(clippy::cast_precision_loss, reason = "sizes to three digits")]
    let far = |shape: &&Shape| {
        let ratio = (shape.millions * 1_000_000) as f64 / n_params.max(1) as f64;
        (ratio.ln().abs() * 1e6) as u64
    };
    let shape = SHAPES.iter().min_by_key(far)?;
    let output = if measured < 8.0 { OUTPUT_BITS } else { table };
    // What is left of the measured model are its layers.
    let layers_bits = (8.030 * measured - 0.5253 * (table + output)) / (8.030 - 2.0 * 0.5253);
    let matrix = u64::from(shape.vocab) * u64::from(shape.embd);
    let matrix = matrix.min(n_params / 3);
    let in_layers = n_params - 2 * matrix;
    let layers = u64::from(shape.layers);
    let layer_bytes = bytes(in_layers, layers_bits) / layers;
    let (input_bytes, output_bytes) = (bytes(matrix, table), bytes(matrix, output));
    let total = input_bytes + output_bytes + layer_bytes * layers;
    let read = output_bytes + layer_bytes * layers;
    let head = shape.embd / shape.heads;
    let row = u64::from(shape.kv_heads) * u64::from(head);
    let cache = LayerCache {
        keys: row,
        values: row,
        ..LayerCache::default()
    };
    let count = shape.layers as usize;
    let facts = Facts {
        arch: match active {
            Some(active) if active < n_params => "mixture of experts",
            _ => "dense",
        }
        .into(),
        n_layer: shape.layers,
        n_embd: shape.embd,
        n_ff: shape.ff,
        n_ff_dense: shape.ff,
        gated: true,
        n_head: vec![shape.heads; count],
        n_head_kv: vec![shape.kv_heads; count],
        key_length: head,
        value_length: head,
        window_lengths: [head; 2],
        caches: vec![cache; count],
        with_experts: vec![false; count],
        n_ctx_train: 131_072,
        n_vocab: shape.vocab,
        quant: name,
        n_params,
        tensor_bytes: total,
        layer_bytes: vec![layer_bytes; count],
        output_bytes,
        input_bytes,
        active_bytes: active.map_or(read, |active| part(read, active, n_params)),
        ..Facts::default()
    };
    Some((facts, shape.name))
}

/// The same model in files of so many bytes: all of its weights grow or shrink alike.
#[must_use]
pub fn of_size(facts: Facts, file_bytes: u64) -> Facts {
    let all = facts.tensor_bytes.max(1);
    let scaled = |bytes: u64| {
        let bytes = u128::from(bytes) * u128::from(file_bytes) / u128::from(all);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    };
    Facts {
        layer_bytes: facts
            .layer_bytes
            .iter()
            .map(|bytes| scaled(*bytes))
            .collect(),
        output_bytes: scaled(facts.output_bytes),
        input_bytes: scaled(facts.input_bytes),
        active_bytes: scaled(facts.active_bytes),
        tensor_bytes: file_bytes,
        ..facts
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes to three digits; float to int saturates"
)]
fn bytes(weights: u64, bits: f64) -> u64 {
    (weights as f64 * bits / 8.0) as u64
}

fn part(of: u64, some: u64, all: u64) -> u64 {
    let part = u128::from(of) * u128::from(some.min(all)) / u128::from(all.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gigabytes(billions: u64, quant: &str) -> f64 {
        let (facts, _) = typical(billions * 1_000_000_000, quant, None).expect("known");
        facts.tensor_bytes as f64 / 1e9
    }

    #[test]
    fn sizes_are_those_that_are_published() {
        for (billions, quant, least, most) in [
            (70, "FP16", 139.0, 141.0),
            (70, "8-bit", 69.0, 71.0),
            (70, "Q8_0", 73.0, 76.0),
            (70, "Q4_K_M", 40.0, 43.0),
            (70, "Q2_K", 24.0, 26.5),
            (7, "FP16", 13.9, 14.1),
            (13, "FP16", 25.9, 26.1),
            (120, "Q4_K_M", 68.0, 73.0),
            // The file of Llama 3.1 8B that the measure is from.
            (8, "Q4_K_M", 4.8, 5.0),
        ] {
            let size = gigabytes(billions, quant);
            assert!((least..most).contains(&size), "{billions}B {quant}: {size}");
        }
        assert!(typical(7_000_000_000, "Q9_Z", None).is_none());
    }

    #[test]
    fn a_known_size_scales_the_weights() {
        let (facts, _) = typical(8_000_000_000, "Q4_K_M", None).expect("known");
        let twice = of_size(facts.clone(), facts.tensor_bytes * 2);
        assert_eq!(twice.tensor_bytes, facts.tensor_bytes * 2);
        assert_eq!(twice.layer_bytes[0], facts.layer_bytes[0] * 2);
        let _ = of_size(facts, u64::MAX);
    }

    #[test]
    fn every_quantisation_has_a_size_at_every_scale() {
        for quant in quants() {
            for n_params in [1, 1_000_000, 500_000_000, 2_000_000_000_000] {
                let (facts, _) = typical(n_params, quant, Some(1)).expect("known");
                assert!(facts.active_bytes <= facts.tensor_bytes);
            }
        }
    }
}
