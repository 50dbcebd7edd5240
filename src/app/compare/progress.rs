//! What the engine tells of the columns, and the rates that follow from it.

use super::run::{Answer, Run};
use crate::app::ReplyState;
use crate::engine::{EngineEvent, RequestId};

/// Tokens after which the rate of one that goes on alone is believed.
pub(super) const ALONE: u32 = 16;

impl Run {
    /// Takes the engine's word about the columns in.
    pub(super) fn on_engine(&mut self, event: &EngineEvent) {
        let of = |request: RequestId| move |answer: &&mut Answer| answer.request == request;
        let mut answers = self.answers.iter_mut();
        match event {
            EngineEvent::Queued { request, seed } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.seed = Some(*seed);
                }
            }
            EngineEvent::Prefill {
                request,
                done,
                total,
                reused,
                timings,
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.timings = Some(*timings);
                    answer.state = ReplyState::Prefilling {
                        done: *done,
                        total: *total,
                        reused: *reused,
                    };
                }
            }
            EngineEvent::Tokens {
                request,
                text,
                timings,
                ..
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.text.push_str(text);
                    answer.timings = Some(*timings);
                    answer.state = ReplyState::Streaming;
                    self.watch_together();
                    self.watch_alone();
                }
            }
            EngineEvent::Traced { request, trace } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.kept.trace.append(trace.clone());
                }
            }
            EngineEvent::Made {
                request,
                origin,
                ids,
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.kept.origin = (**origin).clone();
                    answer.kept.ids = ids.clone();
                }
            }
            EngineEvent::Finished {
                request,
                reason,
                timings,
                ..
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.timings = Some(*timings);
                    answer.state = ReplyState::Done(reason.clone());
                }
            }
            EngineEvent::Failed { request, error } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.state = ReplyState::Failed(error.to_string());
                }
            }
            _ => {}
        }
    }

    /// How many columns speak now, and the tokens per second that they reach together.
    pub(in crate::app) fn speaking(&self) -> (u32, f64) {
        let speaking = self
            .answers
            .iter()
            .filter(|answer| answer.state == ReplyState::Streaming);
        speaking.fold((0, 0.0), |(count, rate), answer| {
            let own = answer
                .timings
                .map_or(0.0, |timings| timings.recent_per_second);
            (count + 1, rate + own)
        })
    }

    /// Learns what columns reach together from those that speak now.
    fn watch_together(&mut self) {
        let (count, rate) = self.speaking();
        let most = self.together.map_or(2, |(most, _)| most);
        if count >= most && rate > 0.0 {
            self.together = Some((count, rate));
        }
    }

    /// Learns what one stream reaches from a column that goes on alone.
    fn watch_alone(&mut self) {
        let alone = {
            let mut running = self.running();
            let first = running
                .next()
                .and_then(|answer| Some((answer.request, answer.timings?)));
            first.filter(|_| running.next().is_none())
        };
        let Some((request, timings)) = alone else {
            self.alone = None;
            return;
        };
        match self.alone {
            Some((same, from)) if same == request => {
                if timings.predicted_n >= from + ALONE && timings.recent_per_second > 0.0 {
                    self.single = Some(timings.recent_per_second);
                }
            }
            _ => self.alone = Some((request, timings.predicted_n)),
        }
    }
}
