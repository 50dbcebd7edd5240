//! A model that takes long to come from its disk.

use super::gib;
use crate::diagnose::{Facts, Finding, Fix};

/// Bytes per second under which a disk is slow, and seconds from which on it matters.
const RATE: f64 = 200e6;
const SECONDS: f64 = 10.0;

pub fn rule(facts: &Facts) -> Option<Finding> {
    let (rate, seconds) = (facts.disk.load_rate?, facts.disk.load_seconds?);
    let size = facts.model.size_bytes?;
    (rate < RATE && seconds > SECONDS).then(|| Finding {
        rule: "slow-disk",
        what: "the model lies on a slow disk".into(),
        evidence: format!("{} in {seconds:.0} s: {:.0} MB/s", gib(size), rate / 1e6),
        gain: None,
        fix: Fix::Do("keep the model on a faster disk; only loading is slow, not replies".into()),
    })
}
