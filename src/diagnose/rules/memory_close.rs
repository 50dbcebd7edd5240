//! So little memory left that the next thing anybody starts will push the model out.

use super::gib;
use crate::diagnose::{Facts, Finding, Fix};
use crate::params::{Param, Value};

/// The share of memory, and the bytes, under which it is close.
const SHARE: f64 = 0.04;
const BYTES: u64 = 1 << 30;
/// A context smaller than this is no help.
const SMALLEST: i64 = 1024;

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes of memory are far below 2^52"
)]
pub fn rule(facts: &Facts) -> Option<Finding> {
    let (available, total) = (facts.machine.memory_available?, facts.machine.memory_total?);
    if available >= BYTES || available as f64 > SHARE * total as f64 {
        return None;
    }
    let half = i64::from(facts.context.n_ctx.unwrap_or(0)) / 2;
    let room = facts.context.used.is_none_or(|used| i64::from(used) < half);
    Some(Finding {
        rule: "memory-close",
        what: "memory is nearly full; more would push the model out to disk".into(),
        evidence: format!("{} of {} left", gib(available), gib(total)),
        gain: None,
        fix: if half >= SMALLEST && room {
            Fix::Set(Param::CtxSize, Value::Int(half))
        } else {
            Fix::Do("close other programs, or take a smaller quantisation of the model".into())
        },
    })
}
