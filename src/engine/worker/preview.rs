//! What a sampler chain would do to the next token.

use super::{Slot, Worker, sequence};
use crate::engine::llama::{Decode, Output, Sampler, Vocab};
use crate::engine::reply::name;
use crate::engine::trace::{TokenTrace, Trace};
use crate::engine::{EngineError, EngineEvent, ErrorKind, PreviewRequest};
use crate::params::SamplingParams;

/// The logits after the last cached token of a conversation. A model whose state cannot go back by
/// a token cannot compute them again.
#[derive(Debug)]
pub(super) struct After {
    /// Tokens that were cached then; with another number they are of something else.
    n_cached: usize,
    logits: Vec<f32>,
}

impl Slot {
    fn take_after(&mut self) -> Option<After> {
        let n_cached = self.n_cached;
        self.after.take_if(|after| after.n_cached == n_cached)
    }
}

impl Worker {
    /// Keeps the logits of a reply that ends, if the last step computed them.
    pub(super) fn keep_logits(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let (Some(at), Some(running)) = (slot.logits_at.take(), &mut self.running) else {
            return;
        };
        slot.after = running.context.logits(at).map(|logits| After {
            n_cached: slot.n_cached,
            logits: logits.to_vec(),
        });
    }

    /// Answers [`crate::engine::Command::Preview`]: at once from the logits that the reply ended
    /// with, or from the last token computed again, or with the next logits of a reply in progress.
    pub(super) fn preview(&mut self, request: Box<PreviewRequest>) {
        let conversation = request.conversation;
        let slot = self
            .slots
            .iter()
            .position(|slot| slot.conversation == Some(conversation));
        if slot.is_some_and(|slot| self.slots[slot].reply.is_some()) {
            // Only the newest values are of interest.
            self.preview = Some(request);
            return;
        }
        let outcome = match slot {
            Some(slot) => self.look_after(slot, &request.sampling),
            None => Err(unknown("nothing of this chat is in the KV cache")),
        };
        self.mail.outbox.push(EngineEvent::Previewed {
            conversation,
            outcome: outcome.map(Box::new),
        });
    }

    /// A preview whose reply has ended is answered as if it had been asked for after it.
    pub(super) fn preview_late(&mut self) {
        if let Some(request) = self.preview.take() {
            self.preview(request);
        }
    }

    /// A preview that waits for this slot's logits gets them; what it looks at stays as it is.
    pub(super) fn preview_from(&mut self, slot: usize, logits_at: i32) {
        let conversation = self.slots[slot].conversation;
        let waits = |request: &mut Box<PreviewRequest>| Some(request.conversation) == conversation;
        let Some(request) = self.preview.take_if(waits) else {
            return;
        };
        let outcome = self.look_at(slot, logits_at, &request.sampling);
        self.mail.outbox.push(EngineEvent::Previewed {
            conversation: request.conversation,
            outcome: outcome.map(Box::new),
        });
    }

    fn look_after(
        &mut self,
        index: usize,
        sampling: &SamplingParams,
    ) -> Result<Trace, EngineError> {
        if let Some(token) = self.slots[index].drawn.take() {
            return self.go_on(index, token, sampling);
        }
        let Some(after) = self.slots[index].take_after() else {
            return self.compute_again(index, sampling);
        };
        let outcome = self.look(index, &after.logits, sampling);
        self.slots[index].after = Some(after);
        outcome
    }

    /// Decodes the token that a reply was cut off after: what comes next comes after it.
    fn go_on(
        &mut self,
        index: usize,
        token: i32,
        sampling: &SamplingParams,
    ) -> Result<Trace, EngineError> {
        let slot = &mut self.slots[index];
        slot.tokens.truncate(slot.n_cached);
        slot.tokens.push(token);
        let at = slot.n_cached;
        self.decode_for_preview(index, at, sampling)
    }

    /// The last cached token leaves the cache and is decoded once more, for its logits.
    fn compute_again(
        &mut self,
        index: usize,
        sampling: &SamplingParams,
    ) -> Result<Trace, EngineError> {
        let Some(running) = &mut self.running else {
            return Err(super::retune::no_model());
        };
        let slot = &mut self.slots[index];
        let Some(at) = slot.n_cached.checked_sub(1) else {
            return Err(unknown("nothing of this chat is in the KV cache"));
        };
        let seq = sequence(index);
        if !running.open.facts.is_recurrent && running.context.remove(seq, at, None) {
            slot.n_cached = at;
        } else {
            return Err(unknown("this model's state cannot go back by a token"));
        }
        self.decode_for_preview(index, at, sampling)
    }

    /// Decodes the token at that position, the first one that is not cached, and looks at what
    /// comes next.
    fn decode_for_preview(
        &mut self,
        index: usize,
        at: usize,
        sampling: &SamplingParams,
    ) -> Result<Trace, EngineError> {
        let Some(running) = &mut self.running else {
            return Err(super::retune::no_model());
        };
        let (slot, seq) = (&mut self.slots[index], sequence(index));
        self.batch.clear();
        let position = i32::try_from(at).unwrap_or(i32::MAX);
        let output = self
            .batch
            .add(slot.tokens[at], position, seq, Output::Logits);
        match running.context.decode(&mut self.batch) {
            Decode::Done => {}
            _ => {
                // What is not in the cache is decoded with the next reply.
                running.context.remove(seq, at, None);
                slot.tokens.truncate(at);
                return Err(unknown("the step was not finished"));
            }
        }
        slot.n_cached = at + 1;
        slot.logits_at = Some(output);
        self.keep_logits(index);
        self.look_at(index, output, sampling)
    }

    /// Looks at logits of the last step.
    fn look_at(
        &mut self,
        index: usize,
        logits_at: i32,
        sampling: &SamplingParams,
    ) -> Result<Trace, EngineError> {
        let running = self.running.as_mut();
        let logits = running.and_then(|running| running.context.logits(logits_at));
        let logits = logits.ok_or_else(|| unknown("llama.cpp gave no logits"))?;
        // A copy: what looks at them borrows all of the worker.
        let logits = logits.to_vec();
        self.look(index, &logits, sampling)
    }

    fn look(
        &self,
        index: usize,
        logits: &[f32],
        sampling: &SamplingParams,
    ) -> Result<Trace, EngineError> {
        let Some(running) = &self.running else {
            return Err(super::retune::no_model());
        };
        // XTC acts by chance: what it does when it does is what one wants to see.
        let sampling = SamplingParams {
            xtc_probability: sampling.xtc_probability.ceil(),
            n_probs: sampling.n_probs.max(1),
            ..sampling.clone()
        };
        let model = &running.open.model;
        let n_ctx = running.context_info.n_ctx;
        let mut sampler = Sampler::new(&sampling, 0, n_ctx, model)?;
        sampler.remember(&self.slots[index].tokens);
        sampler.sample(logits).map_err(|failed| unknown(failed.0))?;
        let tokens = sampler.take_trace().into_iter().collect();
        Ok(with_names(tokens, running.open.model.vocab()))
    }
}

fn with_names(tokens: Vec<TokenTrace>, vocab: Vocab<'_>) -> Trace {
    let candidates = tokens.iter().flat_map(|token| &token.candidates);
    let pieces = candidates
        .map(|candidate| (candidate.token, name(candidate.token, vocab)))
        .collect();
    Trace { tokens, pieces }
}

fn unknown(why: &str) -> EngineError {
    EngineError {
        kind: ErrorKind::Internal,
        what: "looking at the next token".into(),
        why: why.into(),
        hint: String::new(),
    }
}
