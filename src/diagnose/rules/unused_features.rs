//! Instruction sets of the processor that this build leaves out.

use crate::diagnose::{Facts, Finding, Fix};

pub fn rule(facts: &Facts) -> Option<Finding> {
    let unused = &facts.machine.unused_features;
    let (layers, on_gpu) = (facts.model.n_layer?, facts.context.n_gpu_layers?);
    (!unused.is_empty() && on_gpu < layers).then(|| Finding {
        rule: "cpu-features-unused",
        what: "this build does not use all that the processor can do".into(),
        evidence: format!(
            "the processor has {}; the build does not use them",
            unused.join(", ")
        ),
        gain: None,
        fix: Fix::Do("build on this machine, so that llama.cpp is compiled for it".into()),
    })
}
