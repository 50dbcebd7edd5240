//! Other processes have cores that this one would compute with.

use crate::diagnose::{Facts, Finding, Fix};

/// Cores taken from which on it counts.
const MANY: f64 = 0.5;

/// Threads left to the program give way by themselves, and what is left computes more slowly; threads
/// set by hand are another rule's.
pub fn rule(facts: &Facts) -> Option<Finding> {
    let (threads, cores) = (facts.context.n_threads?, facts.machine.n_cores?);
    let taken = facts.machine.cores_taken?;
    let all_on_gpu = facts
        .model
        .n_layer
        .is_some_and(|layers| layers > 0 && facts.context.n_gpu_layers.unwrap_or(0) >= layers);
    let full = f64::from(threads) + taken > f64::from(cores) - MANY;
    if facts.context.threads_by_hand? || all_on_gpu || !full || !(MANY..=1e6).contains(&taken) {
        return None;
    }
    Some(Finding {
        rule: "cores-taken",
        what: "other processes take processor time that computing would use".into(),
        evidence: format!("they take {taken:.1} of {cores} cores, {threads} compute here"),
        gain: None,
        fix: Fix::Do("end them, or give them a lower priority with renice".into()),
    })
}
