//! Bytes that a model and its context take, and on which device.

use super::compute;
use super::pins::Pin;
use crate::gguf::{Facts, LayerCache, ModelPart, TensorType};

/// llama.cpp rounds a context up to this many tokens (`llama_context`).
pub(super) const CONTEXT_STEP: u32 = 256;

/// How a model is to run, as far as memory goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Tokens in all sequences together.
    pub n_ctx: u32,
    /// Layers on GPUs, the output counted as one; from the last layer backwards.
    pub n_gpu_layers: u32,
    /// Tokens of one step of computation.
    pub n_ubatch: u32,
    /// Tokens of a step whose logits are kept: `n_ubatch` unless the context bounds them.
    pub n_outputs: u32,
    /// Sequences that can live at once.
    pub n_seq: u32,
    /// Whether all sequences share one cache, and not each has a part of it.
    pub kv_unified: bool,
    /// Whether windowed layers keep every token all the same.
    pub swa_full: bool,
    pub type_k: TensorType,
    pub type_v: TensorType,
    /// Whether the cache of a layer lies where the layer does, and not in system memory.
    pub offload_kqv: bool,
    /// Whether scores of all tokens against all others are never written down.
    pub flash_attn: bool,
    pub split: Split,
    /// Tensors that the user sent somewhere else than their layer.
    pub pins: Vec<Pin>,
}

/// How several GPUs share a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// Whole layers.
    #[default]
    Layers,
    /// Rows of each matrix; the cache stays with the layer.
    Rows,
    /// Each matrix and the cache.
    Tensors,
}

impl Default for Run {
    /// llama.cpp's own defaults for one sequence.
    fn default() -> Self {
        Self {
            n_ctx: 4096,
            n_gpu_layers: 0,
            n_ubatch: 512,
            n_outputs: 1,
            n_seq: 1,
            kv_unified: true,
            swa_full: false,
            type_k: TensorType::F16,
            type_v: TensorType::F16,
            offload_kqv: true,
            flash_attn: true,
            split: Split::Layers,
            pins: Vec::new(),
        }
    }
}

/// Cells of the cache; each holds a token of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// Of each stream, in layers that keep every token.
    pub full: u64,
    /// Of each stream, in windowed layers.
    pub window: u64,
    /// Caches beside each other: one, or one a sequence.
    pub streams: u64,
    /// Of all streams.
    pub total: u64,
}

impl Run {
    /// `llama_context` for the context, `llama_kv_cache_iswa` for the window.
    pub fn cells(&self, window: Option<u32>) -> Cells {
        let step = u64::from(CONTEXT_STEP);
        let sequences = u64::from(self.n_seq.max(1));
        let streams = if self.kv_unified { 1 } else { sequences };
        let full = (u64::from(self.n_ctx) / streams).next_multiple_of(step);
        let window = match window {
            Some(tokens) if !self.swa_full => {
                let sequences = if self.kv_unified { sequences } else { 1 };
                let needed = u64::from(tokens) * sequences + u64::from(self.n_ubatch);
                full.min(needed).next_multiple_of(step)
            }
            _ => full,
        };
        Cells {
            full,
            window,
            streams,
            total: full * streams,
        }
    }
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

/// Bytes that one more token of context takes: in layers that keep every token.
pub fn kv_bytes_per_token(facts: &Facts, type_k: TensorType, type_v: TensorType) -> u64 {
    let layers = facts.caches.iter().filter(|cache| !cache.windowed);
    layers
        .map(|cache| cell(cache, cache.values, type_k, type_v))
        .fold(0, u64::saturating_add)
}

/// Bytes of one layer's cache: `llama_kv_cache`, `llama_kv_cache_iswa`, `llama_memory_recurrent`.
pub fn kv_of_layer(facts: &Facts, layer: usize, run: &Run) -> u64 {
    let Some(cache) = facts.caches.get(layer) else {
        return 0;
    };
    let cells = run.cells(facts.sliding_window);
    let each = if cache.windowed {
        cells.window
    } else {
        cells.full
    };
    // Transposed values have one width in all layers (`n_embd_v_gqa_max`).
    let values = match cache.values {
        0 => 0,
        _ if run.flash_attn => cache.values,
        _ => facts.widest_values(),
    };
    let tokens = cell(cache, values, run.type_k, run.type_v)
        .saturating_mul(each)
        .saturating_mul(cells.streams);
    let states = cache
        .state
        .saturating_mul(4)
        .saturating_mul(run.n_seq.max(1).into());
    tokens.saturating_add(states)
}

/// Bytes of one token in one layer (`ggml_row_size`).
pub(super) fn token_bytes(cache: &LayerCache, type_k: TensorType, type_v: TensorType) -> u64 {
    cell(cache, cache.values, type_k, type_v)
}

fn cell(cache: &LayerCache, values: u64, type_k: TensorType, type_v: TensorType) -> u64 {
    let keys = type_k.bytes_for(cache.keys);
    let index = type_k.bytes_for(cache.index);
    keys.saturating_add(index)
        .saturating_add(type_v.bytes_for(values))
}

/// Logits that are read from: a row for each sequence (`llama_context::output_reserve`).
fn output_bytes(facts: &Facts, run: &Run) -> u64 {
    u64::from(run.n_seq.max(1)) * u64::from(facts.n_vocab) * 4
}

/// Where everything goes. `shares` has the free bytes of each GPU, by which llama.cpp divides the
/// layers unless told otherwise (`llama_model_base::load_tensors`): of the layers on GPUs, the
/// first go to the first GPU. The embedding stays in system memory.
pub fn place(facts: &Facts, run: &Run, shares: &[u64]) -> Placement {
    let layers = facts.caches.len();
    let parts = place_of_parts(facts, run, shares);
    let gpu = |index: usize| parts.get(index).copied().flatten();
    let mut out = Placement {
        host: Memory::default(),
        gpus: vec![Memory::default(); shares.len()],
    };
    memory(&mut out, None).weights = facts.input_bytes;
    for index in 0..=layers {
        let part = match u32::try_from(index) {
            Ok(layer) if index < layers => ModelPart::Layer(layer),
            _ => ModelPart::Output,
        };
        let pinned: u64 = run
            .pins
            .iter()
            .filter(|pin| pin.part == part)
            .map(|pin| pin.bytes)
            .sum();
        let mut weights = facts.layer_bytes.get(index).copied().unwrap_or_else(|| {
            // A model whose output is its embedding has one copy of it in system memory already.
            let again = if facts.tied && gpu(index).is_none() {
                facts.embedding_bytes
            } else {
                0
            };
            facts.output_bytes.saturating_sub(again)
        });
        weights = weights.saturating_sub(pinned);
        match gpu(index).filter(|_| run.split != Split::Layers) {
            Some(_) => spread(&mut out, shares, weights, |memory| &mut memory.weights),
            None => memory(&mut out, gpu(index)).weights += weights,
        }
        let kv = kv_of_layer(facts, index, run);
        let kv_gpu = gpu(index).filter(|_| run.offload_kqv);
        match kv_gpu.filter(|_| run.split == Split::Tensors) {
            Some(_) => spread(&mut out, shares, kv, |memory| &mut memory.kv),
            None => {
                let cache = memory(&mut out, kv_gpu);
                cache.kv = cache.kv.saturating_add(kv);
            }
        }
    }
    for pin in &run.pins {
        let gpu = pin.gpu.filter(|gpu| *gpu < shares.len());
        if pin.part == ModelPart::Input {
            out.host.weights = out.host.weights.saturating_sub(pin.bytes);
        }
        memory(&mut out, gpu).weights += pin.bytes;
    }
    let place: Vec<usize> = (0..=layers)
        .map(|index| gpu(index).map_or(0, |gpu| gpu + 1))
        .collect();
    let buffers = compute::buffers(facts, run, shares.len() + 1, &place);
    out.host.compute = buffers[0].saturating_add(output_bytes(facts, run));
    for (gpu, bytes) in out.gpus.iter_mut().zip(&buffers[1..]) {
        gpu.compute = *bytes;
    }
    out
}

/// The GPU of each layer and, last, of the output; `None` = system memory.
pub(super) fn place_of_parts(facts: &Facts, run: &Run, shares: &[u64]) -> Vec<Option<usize>> {
    let parts = facts.caches.len() + 1;
    let on_gpu = if shares.is_empty() {
        0
    } else {
        (run.n_gpu_layers as usize).min(parts)
    };
    let first = parts - on_gpu;
    (0..parts)
        .map(|index| (index >= first).then(|| device(index - first, on_gpu, shares)))
        .collect()
}

/// Divides bytes over all GPUs by their shares.
fn spread(out: &mut Placement, shares: &[u64], bytes: u64, part: impl Fn(&mut Memory) -> &mut u64) {
    let total: u128 = shares.iter().map(|share| u128::from(*share)).sum();
    for (gpu, share) in out.gpus.iter_mut().zip(shares) {
        let its = u128::from(bytes) * u128::from(*share);
        *part(gpu) += u64::try_from(its.checked_div(total).unwrap_or(0)).unwrap_or(u64::MAX);
    }
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::gguf::Weight;

    /// Llama 3.1 8B in Q8_0, by its published sizes.
    pub fn llama_8b() -> Facts {
        let layer = (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336) * 34 / 32 + 2 * 4096 * 4;
        let matrix = 128_256 * 4096 * 34 / 32;
        let cache = LayerCache {
            keys: 1024,
            values: 1024,
            ..LayerCache::default()
        };
        Facts {
            n_layer: 32,
            n_embd: 4096,
            n_ff: 14336,
            n_ff_dense: 14336,
            gated: true,
            n_head: vec![32; 32],
            n_head_kv: vec![8; 32],
            key_length: 128,
            value_length: 128,
            caches: vec![cache; 32],
            n_ctx_train: 131_072,
            n_vocab: 128_256,
            layer_bytes: vec![layer; 32],
            output_bytes: matrix + 4096 * 4,
            input_bytes: matrix,
            tensor_bytes: 32 * layer + 2 * matrix + 4096 * 4,
            active_bytes: 32 * layer + matrix + 4096 * 4,
            ..Facts::default()
        }
    }

    pub fn run() -> Run {
        Run {
            n_ctx: 8192,
            n_outputs: 512,
            ..Run::default()
        }
    }

    /// Layers of which the second keeps a window and the third a state.
    fn mixed() -> Facts {
        let full = LayerCache {
            keys: 64,
            values: 32,
            ..LayerCache::default()
        };
        let windowed = LayerCache {
            windowed: true,
            ..full
        };
        let state = LayerCache {
            state: 1000,
            ..LayerCache::default()
        };
        Facts {
            caches: vec![full, windowed, state],
            sliding_window: Some(512),
            ..Facts::default()
        }
    }

    /// Bytes of the cache and of recurrent states, on all devices together.
    fn kv_bytes(facts: &Facts, run: &Run) -> u64 {
        let layers = 0..facts.caches.len();
        layers
            .map(|layer| kv_of_layer(facts, layer, run))
            .fold(0, u64::saturating_add)
    }

    /// Bytes of the computation's buffers on one device that has all of the model.
    fn compute_bytes(facts: &Facts, run: &Run) -> u64 {
        let place = vec![0; facts.caches.len() + 1];
        compute::buffers(facts, run, 1, &place)[0].saturating_add(output_bytes(facts, run))
    }

    #[test]
    fn the_cache_of_grouped_heads() {
        // 2 × 32 layers × 8 heads × 128 × 2 bytes = 128 KiB, as llama.cpp logs.
        assert_eq!(
            kv_bytes_per_token(&llama_8b(), TensorType::F16, TensorType::F16),
            128 << 10
        );
        assert_eq!(kv_bytes(&llama_8b(), &run()), 1 << 30);
        let quantised = Run {
            n_ctx: 8000,
            type_k: TensorType::Q8_0,
            type_v: TensorType::Q8_0,
            ..run()
        };
        assert_eq!(kv_bytes(&llama_8b(), &quantised), (1 << 30) / 2 * 34 / 32);
    }

    #[test]
    fn a_window_and_a_state_do_not_grow_with_the_context() {
        let at = |n_ctx| kv_bytes(&mixed(), &Run { n_ctx, ..run() });
        let (row, state) = (96 * 2, 4000);
        // 512 tokens and those of a step.
        assert_eq!(at(8192), 8192 * row + 1024 * row + state);
        assert_eq!(at(65_536) - at(8192), (65_536 - 8192) * row);
        // A context shorter than the window bounds it.
        assert_eq!(at(256), 2 * 256 * row + state);
        let full = Run {
            swa_full: true,
            ..run()
        };
        assert_eq!(kv_bytes(&mixed(), &full), 2 * 8192 * row + state);
    }

    #[test]
    fn sequences_share_a_cache_or_have_one_each() {
        let cells = |n_seq, kv_unified| {
            Run {
                n_seq,
                kv_unified,
                ..run()
            }
            .cells(Some(512))
        };
        let Cells { full, window, .. } = cells(4, true);
        assert_eq!((full, window), (8192, 4 * 512 + 512));
        let each = cells(4, false);
        assert_eq!((each.full, each.window, each.total), (2048, 1024, 8192));
        // A state for each.
        let two = Run { n_seq: 2, ..run() };
        assert_eq!(kv_of_layer(&mixed(), 2, &two), 8000);
    }

    #[test]
    fn values_of_all_layers_have_one_width_without_flash_attention() {
        let mut facts = mixed();
        facts.caches[0].values = 64;
        let plain = Run {
            flash_attn: false,
            ..run()
        };
        assert_eq!(kv_of_layer(&facts, 1, &run()), 1024 * (64 + 32) * 2);
        assert_eq!(kv_of_layer(&facts, 1, &plain), 1024 * (64 + 64) * 2);
    }

    #[test]
    fn the_computation_is_mostly_logits_of_a_large_vocabulary() {
        let layer = LayerCache {
            keys: 128,
            values: 128,
            ..LayerCache::default()
        };
        // Qwen2.5 0.5B; llama.cpp reports 315 MiB for a row of logits a token.
        let facts = Facts {
            n_embd: 896,
            n_ff: 4864,
            n_ff_dense: 4864,
            gated: true,
            n_vocab: 151_936,
            n_head: vec![14; 24],
            caches: vec![layer; 24],
            layer_bytes: vec![0; 24],
            key_length: 64,
            value_length: 64,
            ..Facts::default()
        };
        let run = |n_outputs| Run {
            n_ctx: 256,
            n_outputs,
            ..run()
        };
        let megabytes = |n_outputs| compute_bytes(&facts, &run(n_outputs)) >> 20;
        assert!((148..165).contains(&megabytes(256)), "{}", megabytes(256));
        assert!(megabytes(1) < 40, "{}", megabytes(1));
    }

    #[test]
    fn nothing_is_lost_wherever_it_is_placed() {
        let facts = llama_8b();
        for split in [Split::Layers, Split::Rows, Split::Tensors] {
            for n_gpu_layers in [0, 1, 7, 32, 33, 99] {
                let run = Run {
                    n_gpu_layers,
                    split,
                    ..run()
                };
                let placed = place(&facts, &run, &[3 << 30, 1 << 30]);
                let all = placed.gpus.iter().fold(placed.host, |sum, gpu| Memory {
                    weights: sum.weights + gpu.weights,
                    kv: sum.kv + gpu.kv,
                    compute: 0,
                });
                // Shares are rounded down.
                assert!(facts.tensor_bytes - all.weights < 200, "{n_gpu_layers}");
                assert!((1 << 30) - all.kv < 200, "{n_gpu_layers}");
            }
        }
        let some = Run {
            n_gpu_layers: 17,
            ..run()
        };
        let some = place(&facts, &some, &[1, 1]);
        assert_eq!(some.gpus[0].weights, 9 * facts.layer_bytes[0]);
        assert_eq!(
            some.gpus[1].weights,
            7 * facts.layer_bytes[0] + facts.output_bytes
        );
        let held = Run {
            n_gpu_layers: 33,
            offload_kqv: false,
            ..run()
        };
        let held = place(&facts, &held, &[1]);
        assert_eq!((held.host.kv, held.gpus[0].kv), (1 << 30, 0));
    }

    #[test]
    fn rows_are_divided_by_shares() {
        let facts = llama_8b();
        let run = Run {
            n_gpu_layers: 33,
            split: Split::Rows,
            ..run()
        };
        let gpus = place(&facts, &run, &[3, 1]).gpus;
        assert!(gpus[0].weights.abs_diff(3 * gpus[1].weights) < 200);
    }

    fn weight(name: &str, bytes: u64, part: ModelPart) -> Weight {
        Weight {
            name: name.into(),
            bytes,
            part,
        }
    }

    #[test]
    fn a_tied_output_is_copied_only_to_a_gpu() {
        let facts = Facts {
            tied: true,
            embedding_bytes: 5,
            caches: vec![LayerCache::default()],
            layer_bytes: vec![10],
            output_bytes: 6,
            input_bytes: 5,
            ..Facts::default()
        };
        assert_eq!(place(&facts, &run(), &[]).host.weights, 16);
        let one = Run {
            n_gpu_layers: 1,
            ..run()
        };
        let placed = place(&facts, &one, &[1]);
        assert_eq!((placed.host.weights, placed.gpus[0].weights), (15, 6));
    }

    #[test]
    fn what_is_sent_elsewhere_leaves_its_layer() {
        use super::super::pins::{Override, pins};
        let part = ModelPart::Layer(0);
        let facts = Facts {
            weights: vec![
                weight("blk.0.attn_q.weight", 3, part),
                weight("blk.0.ffn_up_exps.weight", 7, part),
            ]
            .into(),
            caches: vec![LayerCache::default()],
            layer_bytes: vec![10],
            output_bytes: 1,
            ..Facts::default()
        };
        let placed = |overrides: &[Override]| {
            let run = Run {
                n_gpu_layers: 2,
                pins: pins(&facts, overrides),
                ..run()
            };
            let placed = place(&facts, &run, &[1, 1]);
            [placed.host, placed.gpus[0], placed.gpus[1]].map(|memory| memory.weights)
        };
        assert_eq!(placed(&[]), [0, 10, 1]);
        for options in [(true, 0, 0), (false, 1, 0)] {
            let (all, first, dense) = options;
            let overrides = Override::cpu_options(all, first, dense);
            assert_eq!(placed(&overrides), [7, 3, 1], "{options:?}");
        }
        assert_eq!(placed(&Override::cpu_options(false, 0, 1)), [0, 10, 1]);
        let by_name = Override::new("attn_q", Some(1)).expect("a pattern");
        assert_eq!(placed(&[by_name]), [0, 7, 4]);
        assert!(Override::new("(", None).is_err());
    }
}
