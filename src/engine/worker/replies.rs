//! How replies begin, change and end.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

use super::Worker;
use crate::engine::reply::{Waiting, count_of};
use crate::engine::timing::ReplyClock;
use crate::engine::{EngineError, EngineEvent, ErrorKind, GenerateRequest, RequestId, StopReason};
use crate::params::SamplingParams;

impl Worker {
    pub(super) fn generate(&mut self, request: Box<GenerateRequest>, arrived: Instant) {
        if self.running.is_none() {
            let error = EngineError {
                kind: ErrorKind::NoModel,
                what: "making a reply".into(),
                why: "no model is loaded".into(),
                hint: "load one first".into(),
            };
            self.mail.outbox.push(EngineEvent::Failed {
                request: request.id,
                error,
            });
            return;
        }
        // A state of its own for every hasher is the standard library's source of randomness.
        let seed = request
            .sampling
            .seed
            .unwrap_or_else(|| RandomState::new().build_hasher().finish() as u32);
        self.clock += 1;
        self.mail.outbox.push(EngineEvent::Queued {
            request: request.id,
            seed,
        });
        self.queue.push_back(Waiting {
            request,
            arrived,
            seed,
            order: self.clock,
        });
    }

    pub(super) fn resample(&mut self, request: RequestId, sampling: &SamplingParams) {
        if let Some(waiting) = self
            .queue
            .iter_mut()
            .find(|waiting| waiting.request.id == request)
        {
            waiting.seed = sampling.seed.unwrap_or(waiting.seed);
            waiting.request.sampling = sampling.clone();
            return;
        }
        let Some(running) = &self.running else { return };
        for slot in &mut self.slots {
            let Some(reply) = slot.reply.as_mut().filter(|reply| reply.id() == request) else {
                continue;
            };
            // What belongs to a whole reply stays: its seed, and a grammar it is in the middle of.
            let now = &reply.request.sampling;
            let sampling = &SamplingParams {
                seed: now.seed,
                grammar: now.grammar.clone(),
                json_schema: now.json_schema.clone(),
                ..sampling.clone()
            };
            if sampling == now {
                continue;
            }
            // Only what is recorded changes: the chain goes on as it was.
            let n_probs = sampling.n_probs;
            if *sampling
                == (SamplingParams {
                    n_probs,
                    ..now.clone()
                })
            {
                reply.sampler.record(n_probs);
                reply.request.sampling.n_probs = n_probs;
                continue;
            }
            // A generator that starts again must not repeat its first choices.
            let fresh = reply.seed.wrapping_add(reply.generated);
            match reply
                .sampler
                .rebuild(sampling, fresh, &slot.tokens, &running.open.model)
            {
                Ok(()) => {
                    reply.request.sampling = sampling.clone();
                    reply.resampled = true;
                }
                Err(error) => tracing::warn!(%error, "the sampling stays as it was"),
            }
        }
    }

    pub(super) fn cancel(&mut self, request: RequestId) {
        if let Some(at) = self
            .queue
            .iter()
            .position(|waiting| waiting.request.id == request)
            && let Some(waiting) = self.queue.remove(at)
        {
            self.end_waiting(waiting);
        }
        for index in 0..self.slots.len() {
            if self.slots[index]
                .reply
                .as_ref()
                .is_some_and(|reply| reply.id() == request)
            {
                self.finish(index, StopReason::Cancelled);
            }
        }
    }

    fn end_waiting(&mut self, waiting: Waiting) {
        let mut clock = ReplyClock::new(waiting.arrived);
        let timings = clock.timings(Instant::now());
        let reason = StopReason::Cancelled;
        self.mail.outbox.push(EngineEvent::Finished {
            request: waiting.request.id,
            reason,
            context_used: 0,
            timings,
        });
    }

    /// Ends every reply, because the model goes away.
    pub(super) fn end_all(&mut self) {
        for index in 0..self.slots.len() {
            self.finish(index, StopReason::Cancelled);
        }
        while let Some(waiting) = self.queue.pop_front() {
            self.end_waiting(waiting);
        }
    }

    /// Ends a slot's reply; the slot keeps its cache for the next turn.
    pub(super) fn finish(&mut self, index: usize, reason: StopReason) {
        self.clock += 1;
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let Some(mut reply) = slot.reply.take() else {
            return;
        };
        // The last token drawn is decoded with the next turn; more than that was never computed.
        let context_used = slot.tokens.len().min(slot.n_cached + 1);
        let is_cut_off = matches!(reason, StopReason::MaxTokens(_) | StopReason::Cancelled);
        slot.drawn = match slot.tokens.get(slot.n_cached..) {
            Some([token]) if is_cut_off && reply.generated > 0 => Some(*token),
            _ => None,
        };
        self.keep_logits(index);
        // What comes after a stop string is not part of the text.
        let rest = if matches!(reason, StopReason::StopString(_)) {
            String::new()
        } else {
            reply.rest()
        };
        if !rest.is_empty() {
            self.mail
                .outbox
                .push(reply.tokens_event(rest, Vec::new(), context_used));
        }
        let timings = reply.timings();
        if let Some(running) = &self.running {
            let made = reply.made_event(running.origin());
            self.mail.outbox.push(made);
        }
        self.mail.outbox.push(EngineEvent::Finished {
            request: reply.id(),
            reason,
            context_used: count_of(context_used),
            timings,
        });
        self.leave(index);
    }

    pub(super) fn fail(&mut self, index: usize, error: EngineError) {
        let Some(reply) = self.slots.get_mut(index).and_then(|slot| slot.reply.take()) else {
            return;
        };
        self.mail.outbox.push(EngineEvent::Failed {
            request: reply.id(),
            error,
        });
        self.leave(index);
    }

    /// The slot is idle now; replies that waited for its cache try again.
    fn leave(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.tokens.truncate(slot.n_cached);
        slot.last_used = self.clock;
        for reply in self.slots.iter_mut().filter_map(|slot| slot.reply.as_mut()) {
            reply.paused = false;
        }
    }
}
