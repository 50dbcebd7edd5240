//! A GPU that waits while the CPU computes.

use crate::diagnose::{Facts, Finding, Fix};

/// Percent under which a GPU is idle, and over which the CPU is busy.
const IDLE: f64 = 20.0;
const BUSY: f64 = 60.0;

pub fn rule(facts: &Facts) -> Option<Finding> {
    let (layers, on_gpu) = (facts.model.n_layer?, facts.context.n_gpu_layers?);
    let busy = facts.machine.cpu_load?;
    let gpu = facts.gpus.iter().find(|gpu| gpu.load.is_some())?;
    let load = gpu.load?;
    let waits = facts.reply.decoding? && on_gpu > 0 && load < IDLE && busy > BUSY;
    waits.then(|| Finding {
        rule: "gpu-idle",
        what: "the GPU waits for the CPU".into(),
        evidence: format!(
            "{} at {load:.0} % while the CPU is at {busy:.0} %; {on_gpu} of {layers} layers on GPUs",
            gpu.name
        ),
        gain: None,
        fix: Fix::Do(
            "a smaller quantisation, a smaller ctx-size or an 8-bit KV cache makes room for more layers on the GPU"
                .into(),
        ),
    })
}
