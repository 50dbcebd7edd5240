//! More threads than cores that are free for them.

use crate::diagnose::{Facts, Finding, Fix};
use crate::params::{Param, Value};
use crate::units::counted;

/// Threads left to llama.cpp's default follow the free cores by themselves; only a number chosen by
/// hand can be too high.
pub fn rule(facts: &Facts) -> Option<Finding> {
    let (threads, cores) = (facts.context.n_threads?, facts.machine.n_cores?);
    if !facts.context.threads_by_hand? {
        return None;
    }
    let taken = facts.machine.cores_taken.unwrap_or(0.0).max(0.0);
    let free = (f64::from(cores) - taken).round().max(1.0);
    if f64::from(threads) <= free {
        return None;
    }
    let others = if taken >= 0.5 {
        format!(", other processes take {taken:.1}")
    } else {
        String::new()
    };
    Some(Finding {
        rule: "too-many-threads",
        what: "more threads than free cores: they wait for each other at every step".into(),
        evidence: format!("{threads} threads on {}{others}", counted(cores, "core")),
        gain: None,
        #[expect(clippy::cast_possible_truncation, reason = "a number of cores")]
        fix: Fix::Set(Param::Threads, Value::Int(free as i64)),
    })
}
