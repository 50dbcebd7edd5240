//! What a search found, with every figure's bounds.

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
    /// Tokens per second, with the bounds that hold the (geometric) mean with a chance of 95 %.
    pub rate: Option<Interval>,
    /// How many times as fast as the first, with the same bounds.
    pub ratio: Option<Interval>,
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
}
