//! The latest readings and a short history for the sparklines.

use std::collections::VecDeque;

use crate::plan::Peak;
use crate::telemetry::Sample;

/// Samples kept for the sparkline.
const HISTORY: usize = 120;

#[derive(Clone, Debug, Default)]
pub struct GaugesState {
    /// `None` before the first sample.
    pub latest: Option<Sample>,
    /// CPU load in percent, oldest first; at most 120.
    pub cpu_history: VecDeque<f32>,
    /// What the devices reach at most, once it was measured.
    pub peaks: Vec<Peak>,
}

impl GaugesState {
    pub(super) fn take(&mut self, sample: Sample) {
        if let Ok(load) = sample.cpu.load {
            if self.cpu_history.len() == HISTORY {
                self.cpu_history.pop_front();
            }
            self.cpu_history.push_back(load);
        }
        self.latest = Some(sample);
    }
}
