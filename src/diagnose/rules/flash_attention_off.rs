//! Flash attention switched off where all layers are on a GPU.

use crate::diagnose::{Facts, Finding, Fix};
use crate::params::{Param, Value};

/// Tokens in the context from which on it matters.
const DEPTH: u32 = 512;

/// On the CPU it is measured to be slower at depth, so the rule speaks of GPUs only.
pub fn rule(facts: &Facts) -> Option<Finding> {
    let context = &facts.context;
    let (layers, on_gpu, used) = (facts.model.n_layer?, context.n_gpu_layers?, context.used?);
    (!context.flash_attn? && on_gpu >= layers && used >= DEPTH).then(|| Finding {
        rule: "flash-attention-off",
        what: "flash attention is off although the whole model is on a GPU".into(),
        evidence: format!(
            "flash-attn off, {on_gpu} of {layers} layers on GPUs, {used} tokens in the context"
        ),
        gain: None,
        fix: Fix::Set(Param::FlashAttn, Value::Text("on".into())),
    })
}
