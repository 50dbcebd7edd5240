//! So little memory left that the next thing anybody starts will push the model out.

use super::{free_memory, gib};
use crate::diagnose::{Facts, Finding};

/// The share of memory, and the bytes, under which it is close.
const SHARE: f64 = 0.04;
const BYTES: u64 = 1 << 30;

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes of memory are far below 2^52"
)]
pub fn rule(facts: &Facts) -> Option<Finding> {
    let (available, total) = (facts.machine.memory_available?, facts.machine.memory_total?);
    if available >= BYTES || available as f64 > SHARE * total as f64 {
        return None;
    }
    Some(Finding {
        rule: "memory-close",
        what: "memory is nearly full; more would push the model out to disk".into(),
        evidence: format!("{} of {} left", gib(available), gib(total)),
        gain: None,
        fix: free_memory(facts),
    })
}
