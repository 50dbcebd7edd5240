//! A GPU that this build of the program cannot use.

use crate::diagnose::{Facts, Finding, Fix};

pub fn rule(facts: &Facts) -> Option<Finding> {
    let unused = facts.machine.unused_gpus.first()?;
    (facts.context.n_gpu_layers? == 0).then(|| Finding {
        rule: "gpu-unused",
        what: "this machine has a GPU that this build cannot use".into(),
        evidence: facts.machine.unused_gpus.join(", "),
        gain: None,
        fix: Fix::Do(format!(
            "build with the backend for {unused}; llmdeck doctor names the feature"
        )),
    })
}
