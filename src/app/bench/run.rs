//! One measurement: how far it is, and what came out so far.

use super::Question;
use super::order::{End, Order, Work};
use crate::bench::{Record, test_name};
use crate::engine::BenchTest;
use crate::tune::Finding;

/// A measurement in progress, or the last one.
#[derive(Clone, Debug)]
pub struct Run {
    pub question: Question,
    /// The names of the tests, in order; of a search none.
    pub tests: Vec<String>,
    /// Repetitions of each.
    pub repetitions: u32,
    /// The test that is measured, and its repetitions that are done.
    pub at: (usize, usize),
    /// What a search measures, and how many axes it tries.
    pub search: Option<(BenchTest, usize)>,
    pub records: Vec<Record>,
    pub findings: Vec<Finding>,
    /// Tests that could not be made, and why.
    pub failed: Vec<String>,
    /// `None` while it runs.
    pub end: Option<End>,
}

/// How far a measurement has come.
#[derive(Debug)]
pub enum Progress {
    Sample { index: usize, n: usize },
    Measured(Box<Record>),
    Failed { index: usize, why: String },
    Began { test: BenchTest, axes: usize },
    Found(Finding),
}

impl Run {
    pub(super) fn new(question: Question, order: &Order) -> Self {
        let (tests, repetitions) = match &order.work {
            Work::Bench {
                plan, repetitions, ..
            } => (
                plan.iter().map(|one| test_name(one.test)).collect(),
                *repetitions,
            ),
            Work::Tune(_) => (Vec::new(), 0),
        };
        Self {
            question,
            tests,
            repetitions,
            at: (0, 0),
            search: None,
            records: Vec::new(),
            findings: Vec::new(),
            failed: Vec::new(),
            end: None,
        }
    }

    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }

    pub(super) fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Sample { index, n } => self.at = (index, n),
            Progress::Measured(record) => {
                self.records.push(*record);
                self.at = (self.at.0 + 1, 0);
            }
            Progress::Failed { index, why } => {
                let name = self.tests.get(index).map_or("", String::as_str);
                self.failed.push(format!("{name}: {why}"));
                self.at = (index + 1, 0);
            }
            Progress::Began { test, axes } => self.search = Some((test, axes)),
            Progress::Found(finding) => self.findings.push(finding),
        }
    }

    pub(super) fn end(&mut self, end: End) {
        self.end = Some(end);
    }
}
