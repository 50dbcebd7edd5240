//! What a search found, with every figure's bounds.

use std::time::Duration;

use super::race::Fate;
use crate::bench::stats::Interval;
use crate::engine::BenchTest;
use crate::params::Overrides;

/// What an axis came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub axis: &'static str,
    /// Simplest first; the first is what was in force.
    pub candidates: Vec<Candidate>,
    /// The index of the one chosen.
    pub winner: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub values: Overrides,
    pub fate: Fate,
    /// Rounds that it was measured in.
    pub rounds: usize,
    /// Tokens per second, with the bounds that hold the (geometric) mean with a chance of 95 %;
    /// `None` where the rounds are too few for bounds.
    pub rate: Option<Interval>,
    /// How many times as fast as the first in the same rounds, with the same bounds.
    pub ratio: Option<Interval>,
    /// Tokens per second of the first in the same rounds, where it was measured in more.
    pub first: Option<f64>,
}

impl Candidate {
    /// Whether the search learnt anything of it.
    fn is_known(&self) -> bool {
        self.rate.is_some() || self.fate != Fate::In
    }
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub test: BenchTest,
    pub findings: Vec<Finding>,
    /// The values that are certainly faster together than those at the start; empty where none are.
    pub values: Overrides,
    /// The last comparison; `None` where no axis chose anything, or there was no time for it.
    pub last: Option<Finding>,
    /// Ended from outside.
    pub cancelled: bool,
    /// The budget ended it before every axis was decided.
    pub out_of_time: bool,
    /// An estimate of the budget with which every candidate is measured, where it is known.
    pub would_do: Option<Duration>,
}

impl Outcome {
    /// Whether nothing was compared with what is in force.
    pub fn is_empty(&self) -> bool {
        let findings = self.findings.iter().chain(&self.last);
        let mut others = findings.flat_map(|finding| finding.candidates.iter().skip(1));
        !others.any(Candidate::is_known)
    }
}
