//! The figures of the speed pane.

use std::collections::VecDeque;

use super::State;
use super::chat::Entry;
use crate::engine::{Missed, StopReason, Timings};

/// Points kept for the chart.
const HISTORY: usize = 600;

/// Figures of the present or last reply and totals of the session.
#[derive(Clone, Debug, Default)]
pub struct SpeedState {
    pub timings: Timings,
    /// Prompt tokens done, of all, while prefilling.
    pub prefill: Option<(u32, u32)>,
    pub stop: Option<StopReason>,
    /// Tokens in the context of the present conversation, as far as a reply has told.
    pub context_used: u32,
    /// Tokens per second over the last second, one entry per report, oldest first; at most 600.
    pub history: VecDeque<f64>,
    /// Tokens that were in the cache, and why not all of them were reused; `None` where they were.
    pub missed: Option<(u32, Missed)>,
    pub total_prompt: u64,
    pub total_predicted: u64,
    /// Whether `timings` are of a reply that the totals do not have yet.
    uncounted: bool,
}

impl SpeedState {
    /// Prompt tokens computed and tokens generated in this session, the reply in progress included.
    pub fn totals(&self) -> (u64, u64) {
        let (prompt, predicted) = if self.uncounted {
            (self.timings.prompt_n, self.timings.predicted_n)
        } else {
            (0, 0)
        };
        (
            self.total_prompt + u64::from(prompt),
            self.total_predicted + u64::from(predicted),
        )
    }

    /// Counts a reply that has ended, however it did.
    pub(super) fn settle(&mut self) {
        (self.total_prompt, self.total_predicted) = self.totals();
        self.uncounted = false;
        self.prefill = None;
    }

    /// Forgets the reply before; the totals stay.
    pub(super) fn begin(&mut self) {
        self.settle();
        *self = Self {
            context_used: self.context_used,
            total_prompt: self.total_prompt,
            total_predicted: self.total_predicted,
            ..Self::default()
        };
    }

    pub(super) fn prefilling(&mut self, done: u32, total: u32, timings: Timings) {
        self.prefill = Some((done, total));
        self.timings = timings;
        self.uncounted = true;
        self.context_used = done;
    }

    pub(super) fn streaming(&mut self, context_used: u32, timings: Timings) {
        self.prefill = None;
        self.timings = timings;
        self.uncounted = true;
        self.context_used = context_used;
        if timings.recent_per_second.is_finite() && timings.recent_per_second > 0.0 {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(timings.recent_per_second);
        }
    }

    pub(super) fn finished(&mut self, reason: StopReason, context_used: u32, timings: Timings) {
        self.timings = timings;
        self.uncounted = true;
        self.context_used = context_used;
        self.stop = Some(reason);
        self.settle();
    }
}

impl State {
    /// Tokens in the context of the present conversation; `None` until the model that runs has read
    /// what was said: after another one was loaded, or a saved chat was opened.
    pub fn context_used(&self) -> Option<u32> {
        let told = self.speed.context_used;
        let said = self.chat.entries.iter().any(Entry::is_message);
        (told > 0 || !said).then_some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::ready;

    #[test]
    fn what_the_model_has_not_read_yet_is_unknown_and_not_nothing() {
        let mut state = ready();
        assert_eq!(state.context_used(), Some(0), "nothing was said");

        state.chat.entries.push(Entry::User("Hello".into()));
        assert_eq!(state.context_used(), None);

        state.speed.streaming(12, Timings::default());
        assert_eq!(state.context_used(), Some(12));
    }
}
