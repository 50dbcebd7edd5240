//! Bytes that a model and its context take, and on which device.

use crate::gguf::{Facts, TensorType};

/// llama.cpp rounds a context up to this many tokens (`llama_context`).
pub(super) const CONTEXT_STEP: u32 = 256;

/// How a model is to run, as far as memory goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Tokens in all sequences together.
    pub n_ctx: u32,
    /// Layers on GPUs, the output counted as one; from the last layer backwards.
    pub n_gpu_layers: u32,
    /// Tokens of one step of computation.
    pub n_ubatch: u32,
    /// Tokens of a step whose logits are kept: `n_ubatch` unless the context bounds them.
    pub n_outputs: u32,
    pub type_k: TensorType,
    pub type_v: TensorType,
    /// Whether the cache of a layer lies where the layer does, and not in system memory.
    pub offload_kqv: bool,
    /// Whether scores of all tokens against all others are never written down.
    pub flash_attn: bool,
}

/// Bytes on one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub weights: u64,
    pub kv: u64,
    /// An estimate: buffers for the computation itself.
    pub compute: u64,
}

impl Memory {
    pub fn total(self) -> u64 {
        self.weights
            .saturating_add(self.kv)
            .saturating_add(self.compute)
    }
}

/// Bytes on every device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// System memory.
    pub host: Memory,
    /// In the order given.
    pub gpus: Vec<Memory>,
}

/// Bytes of keys and values that one token takes in all layers.
///
/// A layer keeps `n_head_kv × key_length` elements of type K and `n_head_kv × value_length` of
/// type V (`llama_hparams::n_embd_k_gqa`, `ggml_row_size`); with a compressed cache only the
/// former (`llama_kv_cache`).
pub fn kv_bytes_per_token(facts: &Facts, type_k: TensorType, type_v: TensorType) -> u64 {
    (0..facts.n_head_kv.len())
        .map(|layer| kv_of_layer(facts, layer, type_k, type_v))
        .sum()
}

/// Bytes of the cache for a context of `n_ctx` tokens, which llama.cpp rounds up to 256.
pub fn kv_bytes(facts: &Facts, n_ctx: u32, type_k: TensorType, type_v: TensorType) -> u64 {
    cells(n_ctx).saturating_mul(kv_bytes_per_token(facts, type_k, type_v))
}

/// Estimates the computation's buffers, in bytes: nearly all of them are the logits,
/// `n_outputs × n_vocab` of 4 bytes; then some rows of activations for each token of a step, the
/// mask in F32 and F16, and without flash attention the scores of all heads.
///
/// llama.cpp's own figure for a 24-layer, 896-wide model with 151,936 tokens at `n_ubatch` 512 is
/// 315 MiB; this gives 323.
pub fn compute_bytes(facts: &Facts, run: &Run) -> u64 {
    let steps = u64::from(run.n_ubatch.min(run.n_ctx.max(1)));
    let logits = u64::from(run.n_outputs.min(run.n_ubatch)) * u64::from(facts.n_vocab) * 4;
    let activations = steps * (4 * u64::from(facts.n_embd) + 2 * u64::from(facts.n_ff)) * 4;
    let heads = u64::from(facts.n_head.iter().copied().max().unwrap_or(0));
    let scores = if run.flash_attn { 0 } else { 4 * heads };
    logits
        + activations
        + steps
            .saturating_mul(cells(run.n_ctx))
            .saturating_mul(6 + scores)
}

/// Where everything goes. `shares` has the free bytes of each GPU, by which llama.cpp divides the
/// layers unless told otherwise (`llama_model_base::load_tensors`): of the layers on GPUs, the
/// first go to the first GPU. The embedding stays in system memory.
pub fn place(facts: &Facts, run: &Run, shares: &[u64]) -> Placement {
    let layers = facts.layer_bytes.len();
    let on_gpu = if shares.is_empty() {
        0
    } else {
        (run.n_gpu_layers as usize).min(layers + 1)
    };
    let first = layers + 1 - on_gpu;
    let mut out = Placement {
        host: Memory {
            weights: facts.input_bytes,
            ..Memory::default()
        },
        gpus: vec![Memory::default(); shares.len()],
    };
    for index in 0..=layers {
        let gpu = (index >= first).then(|| device(index - first, on_gpu, shares));
        // A model whose output is its embedding has one copy of it in system memory already.
        let again = facts.tied && gpu.is_none();
        let weights = facts.layer_bytes.get(index).copied().unwrap_or(if again {
            0
        } else {
            facts.output_bytes
        });
        let kv = cells(run.n_ctx).saturating_mul(kv_of_layer(facts, index, run.type_k, run.type_v));
        let kv_gpu = gpu.filter(|_| run.offload_kqv);
        memory(&mut out, gpu).weights += weights;
        let cache = memory(&mut out, kv_gpu);
        cache.kv = cache.kv.saturating_add(kv);
    }
    let compute = compute_bytes(facts, run);
    // With all layers on GPUs, the embedding's rows and the mask are still made on the host.
    let steps = u64::from(run.n_ubatch);
    let inputs = steps.saturating_mul(4 * u64::from(facts.n_embd) + 4 * cells(run.n_ctx));
    out.host.compute = if on_gpu > layers { inputs } else { compute };
    for gpu in out.gpus.iter_mut().filter(|gpu| gpu.weights > 0) {
        gpu.compute = compute;
    }
    out
}

fn memory(placement: &mut Placement, gpu: Option<usize>) -> &mut Memory {
    match gpu {
        Some(gpu) if gpu < placement.gpus.len() => &mut placement.gpus[gpu],
        _ => &mut placement.host,
    }
}

/// The GPU of one of the `count` layers on GPUs.
fn device(index: usize, count: usize, shares: &[u64]) -> usize {
    let total: u128 = shares.iter().map(|share| u128::from(*share)).sum();
    let mut before = 0;
    let at = |before: u128| before * count as u128 > index as u128 * total;
    let found = shares.iter().position(|share| {
        before += u128::from(*share);
        at(before)
    });
    found.unwrap_or(shares.len().saturating_sub(1))
}

fn kv_of_layer(facts: &Facts, layer: usize, type_k: TensorType, type_v: TensorType) -> u64 {
    let heads = u64::from(facts.n_head_kv.get(layer).copied().unwrap_or(0));
    let keys = type_k.bytes_for(heads * u64::from(facts.key_length));
    if facts.latent_cache {
        return keys;
    }
    keys + type_v.bytes_for(heads * u64::from(facts.value_length))
}

fn cells(n_ctx: u32) -> u64 {
    u64::from(n_ctx).next_multiple_of(CONTEXT_STEP.into())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Llama 3.1 8B in Q8_0, by its published sizes.
    pub fn llama_8b() -> Facts {
        let layer = (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336) * 34 / 32 + 2 * 4096 * 4;
        let matrix = 128_256 * 4096 * 34 / 32;
        Facts {
            n_layer: 32,
            n_embd: 4096,
            n_ff: 14336,
            n_head: vec![32; 32],
            n_head_kv: vec![8; 32],
            key_length: 128,
            value_length: 128,
            n_ctx_train: 131_072,
            n_vocab: 128_256,
            layer_bytes: vec![layer; 32],
            output_bytes: matrix,
            input_bytes: matrix + 4096 * 4,
            tensor_bytes: 32 * layer + 2 * matrix + 4096 * 4,
            ..Facts::default()
        }
    }

    pub fn run() -> Run {
        Run {
            n_ctx: 8192,
            n_gpu_layers: 0,
            n_ubatch: 512,
            n_outputs: 512,
            type_k: TensorType::F16,
            type_v: TensorType::F16,
            offload_kqv: true,
            flash_attn: true,
        }
    }

    #[test]
    fn the_cache_of_grouped_heads() {
        // 2 × 32 layers × 8 heads × 128 × 2 bytes = 128 KiB, as llama.cpp logs.
        assert_eq!(
            kv_bytes_per_token(&llama_8b(), TensorType::F16, TensorType::F16),
            128 << 10
        );
        assert_eq!(
            kv_bytes(&llama_8b(), 8192, TensorType::F16, TensorType::F16),
            1 << 30
        );
        assert_eq!(
            kv_bytes(&llama_8b(), 8000, TensorType::Q8_0, TensorType::Q8_0),
            (1 << 30) / 2 * 34 / 32
        );
        let uneven = Facts {
            n_head_kv: vec![4, 0, 1],
            key_length: 64,
            value_length: 32,
            ..Facts::default()
        };
        assert_eq!(
            kv_bytes_per_token(&uneven, TensorType::F16, TensorType::F16),
            5 * (64 + 32) * 2
        );
    }

    #[test]
    fn a_compressed_cache_has_keys_only() {
        // DeepSeek V3: 512 values of rank and 64 of position, in 61 layers.
        let facts = Facts {
            n_head_kv: vec![1; 61],
            key_length: 576,
            value_length: 512,
            latent_cache: true,
            ..Facts::default()
        };
        assert_eq!(
            kv_bytes_per_token(&facts, TensorType::F16, TensorType::F16),
            61 * 576 * 2
        );
    }

    #[test]
    fn the_computation_is_mostly_logits() {
        let facts = Facts {
            n_embd: 896,
            n_ff: 4864,
            n_vocab: 151_936,
            n_head: vec![14; 24],
            ..Facts::default()
        };
        let run = Run {
            n_ctx: 256,
            ..run()
        };
        let megabytes = compute_bytes(&facts, &run) >> 20;
        assert!((300..330).contains(&megabytes), "{megabytes}");
        assert!(
            compute_bytes(
                &facts,
                &Run {
                    n_outputs: 1,
                    ..run
                }
            ) < 40 << 20
        );
    }

    #[test]
    fn nothing_is_lost_wherever_it_is_placed() {
        let facts = llama_8b();
        for n_gpu_layers in [0, 1, 7, 32, 33, 99] {
            let placed = place(
                &facts,
                &Run {
                    n_gpu_layers,
                    ..run()
                },
                &[3 << 30, 1 << 30],
            );
            let all = placed.gpus.iter().fold(placed.host, |sum, gpu| Memory {
                weights: sum.weights + gpu.weights,
                kv: sum.kv + gpu.kv,
                compute: 0,
            });
            assert_eq!(
                (all.weights, all.kv),
                (facts.tensor_bytes, 1 << 30),
                "{n_gpu_layers}"
            );
        }
        let some = place(
            &facts,
            &Run {
                n_gpu_layers: 17,
                ..run()
            },
            &[1, 1],
        );
        assert_eq!(some.gpus[0].weights, 9 * facts.layer_bytes[0]);
        assert_eq!(
            some.gpus[1].weights,
            7 * facts.layer_bytes[0] + facts.output_bytes
        );
        let held = place(
            &facts,
            &Run {
                n_gpu_layers: 33,
                offload_kqv: false,
                ..run()
            },
            &[1],
        );
        assert_eq!((held.host.kv, held.gpus[0].kv), (1 << 30, 0));
    }

    #[test]
    fn a_tied_output_is_copied_only_to_a_gpu() {
        let facts = Facts {
            tied: true,
            layer_bytes: vec![10],
            output_bytes: 5,
            input_bytes: 5,
            ..Facts::default()
        };
        assert_eq!(place(&facts, &run(), &[]).host.weights, 15);
        let placed = place(
            &facts,
            &Run {
                n_gpu_layers: 1,
                ..run()
            },
            &[1],
        );
        assert_eq!((placed.host.weights, placed.gpus[0].weights), (15, 5));
    }
}
