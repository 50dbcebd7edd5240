//! Why a model is slow: facts in, findings out.
//!
//! ```text
//! state, sensors, header ─► Facts ─► each rule ─► Finding: what, evidence, gain, fix
//! ```
//! A rule speaks only when its facts prove it; a fact that is not known proves nothing. Gains are
//! estimates, and each says how it was made. No rule knows a screen or a clock.

mod degenerate;
mod facts;
mod finding;
mod rules;
#[cfg(test)]
mod tests;

pub use degenerate::{Degenerate, degenerate};
pub use facts::{Context, Disk, Facts, Gpu, Machine, Model, Reply};
pub use finding::{Finding, Fix, Gain};

/// Findings that are shown at most.
pub const SHOWN: usize = 3;

/// What holds the model back, the most costly first; at most [`SHOWN`].
///
/// Findings whose gain can be estimated come by that; the others after them, in the order of the rules.
pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = rules::ALL.iter().filter_map(|rule| rule(facts)).collect();
    // Two rules may name the same remedy; the first of them knows most.
    let mut fixes: Vec<Fix> = Vec::new();
    found.retain(|finding| {
        let new = !fixes.contains(&finding.fix);
        fixes.push(finding.fix.clone());
        new
    });
    found.sort_by(|a, b| {
        let gain = |finding: &Finding| finding.gain.as_ref().map_or(0.0, |gain| gain.times);
        gain(b).total_cmp(&gain(a))
    });
    found.truncate(SHOWN);
    found
}
