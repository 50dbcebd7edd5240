//! What the runtime is asked to measure, and what it tells.

use std::path::PathBuf;

use super::Progress;
use crate::bench::{Instance, Record, Running};
use crate::params::Overrides;
use crate::tune::{self, Outcome};

/// A thing to do; the outcome comes back as [`News`].
#[derive(Clone, Debug)]
pub enum Measure {
    /// Read what is kept; answered by [`News::History`].
    Read,
    /// Answered by [`News::Progress`] and at the end by [`News::Over`].
    Begin(Box<Order>),
    /// End what is measured within a step.
    Cancel,
    /// Forget what tuning found for the model in a file; answered by [`News::Undone`].
    Undo(PathBuf),
}

/// A measurement of the model that runs.
#[derive(Clone, Debug)]
pub struct Order {
    pub running: Running,
    pub work: Work,
}

#[derive(Clone, Debug)]
pub enum Work {
    Bench {
        plan: Vec<Instance>,
        repetitions: u32,
        /// The first number for commands; larger ones follow.
        first_id: u64,
    },
    Tune(Box<tune::Request>),
}

/// What the runtime tells of measurements.
#[derive(Debug)]
pub enum News {
    /// Oldest first, or why they could not be read.
    History(Result<Vec<Record>, String>),
    Progress(Progress),
    /// Faster values were found and are kept for this model.
    Tuned {
        path: PathBuf,
        values: Overrides,
    },
    /// The model's file, and where the profile was, in a sentence; or why it could not be removed.
    Undone(Result<(PathBuf, String), String>),
    Over(End),
}

/// How a measurement ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Done,
    Cancelled,
    /// What a search found, and where its profile lies, if there is one.
    Found {
        outcome: Box<Outcome>,
        kept: Option<Result<PathBuf, String>>,
    },
    Failed(String),
}
