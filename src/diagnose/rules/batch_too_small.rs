//! Prompts computed in smaller pieces than the hardware likes.

use crate::diagnose::{Facts, Finding, Fix};
use crate::params::{Param, Value};

/// llama.cpp's default, and the prompt from which on it matters.
const USUAL: u32 = 512;
const PROMPT: u32 = 512;

pub fn rule(facts: &Facts) -> Option<Finding> {
    let (n_ubatch, new) = (facts.context.n_ubatch?, facts.reply.prompt_new?);
    (n_ubatch < USUAL / 2 && new >= PROMPT).then(|| Finding {
        rule: "batch-too-small",
        what: "the prompt is computed in small pieces".into(),
        evidence: format!("ubatch-size {n_ubatch}, a prompt of {new} tokens"),
        gain: None,
        fix: Fix::Set(Param::UbatchSize, Value::Int(USUAL.into())),
    })
}
