//! What a rule says.

use crate::params::{Param, Value};

/// Something that costs speed, proven by facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// A name that stays the same, for files and scripts: `layers-on-cpu`.
    pub rule: &'static str,
    /// What it is, in a sentence without a full stop.
    pub what: String,
    /// The readings that prove it.
    pub evidence: String,
    /// What mending it would bring, where that can be estimated.
    pub gain: Option<Gain>,
    pub fix: Fix,
}

/// An estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    /// So many times as fast.
    pub times: f64,
    /// How it was estimated.
    pub formula: String,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fix {
    /// Set a parameter; the deck can do it.
    Set(Param, Value),
    /// Something that no parameter does.
    Do(String),
}

impl Gain {
    /// None where it would be no gain, or is no number.
    pub(super) fn new(times: f64, formula: impl Into<String>) -> Option<Self> {
        (times.is_finite() && times > 1.01).then(|| Self {
            times,
            formula: formula.into(),
        })
    }

    /// `about 1.8 times as fast (formula)`
    pub fn words(&self) -> String {
        format!("about {:.1} times as fast ({})", self.times, self.formula)
    }
}
