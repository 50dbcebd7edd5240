//! Layers on the CPU although a GPU has memory for them.

use super::gib;
use crate::diagnose::{Facts, Finding, Fix, Gain};
use crate::params::{Param, Value};

/// Left free beside the layers, for compute buffers and the display; llama.cpp's own margin.
const MARGIN: u64 = 1 << 30;

/// Time saved: bytes moved / measured memory bandwidth, of the time a token takes now.
#[expect(
    clippy::cast_precision_loss,
    reason = "bytes of a model are far below 2^52"
)]
pub fn rule(facts: &Facts) -> Option<Finding> {
    let (layers, on_gpu) = (facts.model.n_layer?, facts.context.n_gpu_layers?);
    let on_cpu = layers.checked_sub(on_gpu).filter(|left| *left > 0)?;
    let kv = facts.context.kv_bytes.unwrap_or(0);
    let layer = (facts.model.size_bytes? + kv) / u64::from(layers).max(1);
    let free: u64 = facts
        .gpus
        .iter()
        .filter_map(|gpu| gpu.memory_free)
        .map(|free| free.saturating_sub(MARGIN))
        .sum();
    let more = u32::try_from(free / layer.max(1))
        .unwrap_or(u32::MAX)
        .min(on_cpu);
    if more == 0 {
        return None;
    }
    let saved = facts.machine.bandwidth.map(|bandwidth| {
        let reads = facts.context.weights_per_token.unwrap_or(0) / u64::from(layers);
        reads as f64 * f64::from(more) / bandwidth
    });
    let gain = facts.reply.decode.zip(saved).and_then(|(decode, saved)| {
        let now = 1.0 / decode;
        // What the GPU takes for them instead is not known; a tenth of now is left at least.
        Gain::new(
            now / (now - saved).max(now / 10.0),
            "without the time that the CPU's memory takes for these layers",
        )
    });
    Some(Finding {
        rule: "layers-on-cpu",
        what: format!(
            "{on_cpu} of {layers} layers are computed on the CPU although a GPU has room"
        ),
        evidence: format!(
            "{} free for layers of {} each: {more} more fit",
            gib(free),
            gib(layer)
        ),
        gain,
        fix: Fix::Set(Param::NGpuLayers, Value::Int((on_gpu + more).into())),
    })
}
