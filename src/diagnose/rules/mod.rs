//! The rules, one file each: a function from facts to a finding.

mod batch_too_small;
mod context_deep;
mod context_full;
mod cores_taken;
mod degenerate_output;
mod flash_attention_off;
mod gpu_idle;
mod gpu_unused;
mod kv_on_host;
mod layers_on_cpu;
mod memory_close;
mod prompt_cache_missed;
mod slow_disk;
mod swapping;
mod throttled;
mod too_many_threads;
mod unused_features;

use super::{Facts, Finding, Fix};
use crate::params::{Param, Value};

/// A rule: what it finds, when its facts prove it.
pub type Rule = fn(&Facts) -> Option<Finding>;

/// Every rule; among findings without an estimate the earlier one counts more.
pub const ALL: &[Rule] = &[
    swapping::rule,
    gpu_unused::rule,
    layers_on_cpu::rule,
    kv_on_host::rule,
    throttled::rule,
    degenerate_output::rule,
    too_many_threads::rule,
    cores_taken::rule,
    gpu_idle::rule,
    flash_attention_off::rule,
    unused_features::rule,
    prompt_cache_missed::rule,
    batch_too_small::rule,
    context_full::rule,
    context_deep::rule,
    memory_close::rule,
    slow_disk::rule,
];

/// A context smaller than this is no help.
const SMALLEST: i64 = 1024;

/// What frees memory: half the context where the chat leaves room for that.
fn free_memory(facts: &Facts) -> Fix {
    let half = i64::from(facts.context.n_ctx.unwrap_or(0)) / 2;
    let room = facts.context.used.is_none_or(|used| i64::from(used) < half);
    if half >= SMALLEST && room {
        Fix::Set(Param::CtxSize, Value::Int(half))
    } else {
        Fix::Do("close other programs, or take a smaller quantisation of the model".into())
    }
}

/// Bytes in words, for evidence.
#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
