//! The figures of the speed pane.

use std::collections::VecDeque;

use super::State;
use super::chat::Entry;
use crate::engine::{Missed, StopReason, Timings};

/// Prompt tokens from which on their speed says something of other prompts.
const TELLING: u32 = 64;
/// Points kept for the chart.
const HISTORY: usize = 600;

/// Figures of the present or last reply and totals of the session.
#[derive(Clone, Debug, Default)]
pub struct SpeedState {
    pub timings: Timings,
    /// Prompt tokens done, of all, while prefilling.
    pub prefill: Option<(u32, u32)>,
    pub stop: Option<StopReason>,
    /// Prompt tokens per second of the last prompt that was long enough to say something of others;
    /// none since the model was loaded, or its layers moved, if `None`.
    pub prefill_rate: Option<f64>,
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
            prefill_rate: self.prefill_rate,
            context_used: self.context_used,
            total_prompt: self.total_prompt,
            total_predicted: self.total_predicted,
            ..Self::default()
        };
    }

    pub(super) fn prefilling(&mut self, done: u32, total: u32, timings: Timings) {
        self.prefill = Some((done, total));
        self.measured(timings);
        self.context_used = done;
    }

    pub(super) fn streaming(&mut self, context_used: u32, timings: Timings) {
        self.prefill = None;
        self.measured(timings);
        self.context_used = context_used;
        if timings.recent_per_second.is_finite() && timings.recent_per_second > 0.0 {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(timings.recent_per_second);
        }
    }

    pub(super) fn finished(&mut self, reason: StopReason, context_used: u32, timings: Timings) {
        self.measured(timings);
        self.context_used = context_used;
        self.stop = Some(reason);
        self.settle();
    }

    /// Takes figures of the reply in progress.
    fn measured(&mut self, timings: Timings) {
        let tells = timings.prompt_n >= TELLING && timings.prompt_per_second > 0.0;
        if tells {
            self.prefill_rate = Some(timings.prompt_per_second);
        }
        self.timings = timings;
        self.uncounted = true;
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
    use crate::app::{Event, update};
    use crate::engine::{CameFrom, ContextInfo, EngineEvent, KvOutcome, LoadId};

    #[test]
    fn what_the_model_has_not_read_yet_is_unknown_and_not_nothing() {
        let mut state = ready();
        assert_eq!(state.context_used(), Some(0), "nothing was said");

        state.chat.entries.push(Entry::User("Hello".into()));
        assert_eq!(state.context_used(), None);

        state.speed.streaming(12, Timings::default());
        assert_eq!(state.context_used(), Some(12));
    }

    #[test]
    fn the_rate_of_a_long_prompt_outlasts_short_ones() {
        let prompt = |prompt_n, prompt_per_second| Timings {
            prompt_n,
            prompt_per_second,
            ..Timings::default()
        };
        let mut speed = SpeedState::default();
        speed.finished(StopReason::EndOfTurn, 20, prompt(20, 900.0));
        assert_eq!(speed.prefill_rate, None, "too short to tell");

        for timings in [prompt(300, 188.0), prompt(20, 900.0)] {
            speed.begin();
            speed.finished(StopReason::EndOfTurn, 346, timings);
            assert_eq!(speed.prefill_rate, Some(188.0));
        }
    }

    #[test]
    fn a_rate_is_forgotten_when_other_processors_or_another_model_would_compute() {
        let took = std::time::Duration::ZERO;
        let retuned = |n_gpu_layers| EngineEvent::Retuned {
            id: LoadId(1),
            context: Box::new(ContextInfo {
                n_gpu_layers,
                ..ContextInfo::default()
            }),
            kv: KvOutcome::Untouched,
            took,
        };
        let loaded = EngineEvent::Loaded {
            id: LoadId(2),
            model: Box::default(),
            context: Box::default(),
            came_from: CameFrom::File,
            took,
        };
        let mut state = ready();
        for (event, left) in [
            (retuned(0), Some(188.0)),
            (retuned(12), None),
            (loaded, None),
        ] {
            state.speed.prefill_rate = Some(188.0);
            update(&mut state, Event::Engine(event));
            assert_eq!(state.speed.prefill_rate, left);
        }
    }
}
