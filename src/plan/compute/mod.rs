//! Buffers for the computation itself: llama.cpp's graph, as far as sizes go, through ggml's
//! allocator.
//!
//! `arena` is the allocator, `layers` writes a layer's operations into it by kind, and here the
//! model is put together as `llama_context::sched_reserve` does: one step of `n_ubatch` tokens
//! over a full cache.

mod arena;
mod layers;

use super::memory::Run;
use crate::gguf::Facts;
use arena::Graph;
use layers::{Builder, Step};

/// Bytes on each device, the host first; `place` gives the device of each layer, with the output
/// as the last of them.
///
/// After the first layer of a kind on a device the next ones need the same places, so two of a
/// kind stand for all.
pub(super) fn buffers(facts: &Facts, run: &Run, devices: usize, place: &[usize]) -> Vec<u64> {
    let mut graph = Graph::default();
    let step = Step::new(facts, run);
    let trunk = place.len() - 1 - facts.n_layer_unused as usize;
    let layers = representatives(facts, &place[..trunk]);
    let mut builder = Builder::new(facts, run, step, &mut graph, place, devices);
    builder.inputs(place.first().copied().unwrap_or(0));
    for (index, layer) in layers.iter().enumerate() {
        let last = index + 1 == layers.len();
        builder.layer(*layer, place[*layer], last);
    }
    builder.output(place.last().copied().unwrap_or(0));
    graph.buffers(devices)
}

/// Layers that differ in kind or place from those near them, in order; the last one always.
fn representatives(facts: &Facts, place: &[usize]) -> Vec<usize> {
    let mut seen: Vec<(layers::Kind, usize, u32)> = Vec::new();
    let mut chosen = Vec::new();
    for (layer, device) in place.iter().enumerate() {
        let kind = layers::Kind::of(facts, layer);
        let known = seen.iter_mut().find(|(k, d, _)| *k == kind && d == device);
        let times = match known {
            Some((_, _, times)) => {
                *times += 1;
                *times
            }
            None => {
                seen.push((kind, *device, 1));
                1
            }
        };
        if times <= 2 || layer + 1 == place.len() {
            chosen.push(layer);
        }
    }
    chosen
}
