//! One decode step: tokens into a batch, tokens out of logits.

use std::time::Instant;

use super::{Slot, Worker, sequence};
use crate::engine::groups::Way;
use crate::engine::llama::{self, Decode, Output};
use crate::engine::outbox::Outbox;
use crate::engine::reply::{Reply, count_of};
use crate::engine::scheduler::{Backlog, Chunk, plan_step};
use crate::engine::{EngineError, ErrorKind, StopReason};
use crate::units::counted;

impl Worker {
    /// Runs a step if any reply has work.
    pub(super) fn step(&mut self) {
        self.admit();
        self.make_way();
        self.mind_other_processes();
        let waits = self.follow();
        let Some(running) = &mut self.running else {
            return;
        };
        let backlog: Vec<Backlog> = self
            .slots
            .iter()
            .enumerate()
            .zip(&waits)
            .filter(|(_, waits)| !**waits)
            .filter_map(|((index, slot), _)| slot.backlog(index))
            .collect();
        let decoding = backlog
            .iter()
            .filter(|slot| slot.n_tokens == slot.n_cached + 1)
            .count();
        let (n_batch, n_ubatch) = (
            running.context_info.n_batch as usize,
            running.context_info.n_ubatch as usize,
        );
        let plan = plan_step(&backlog, self.budget.tokens(decoding, n_batch, n_ubatch));
        if plan.is_empty() {
            return;
        }
        let (on_cpu, n_threads) = (
            running.context_info.n_gpu_layers == 0,
            running.context_info.n_threads_batch,
        );
        let one_token_each = plan.iter().all(|chunk| chunk.range.len() == 1);
        let way = match on_cpu && one_token_each {
            true => self.groups.way(plan.len(), n_threads),
            false => Way::Together,
        };
        let started = Instant::now();
        let done = plan
            .chunks(way.batch(plan.len()))
            .all(|part| self.decode(part));
        if done && on_cpu && one_token_each {
            let seconds = started.elapsed().as_secs_f64();
            self.groups.learn(plan.len(), n_threads, way, seconds);
        }
    }

    /// Decodes one batch and takes what comes of it; false when it could not be decoded.
    fn decode(&mut self, plan: &[Chunk]) -> bool {
        let Some(running) = &mut self.running else {
            return false;
        };
        let started = Instant::now();
        self.batch.clear();
        // The index in the batch after which each chunk's logits come.
        let mut outputs = Vec::with_capacity(plan.len());
        for chunk in plan {
            let slot = &mut self.slots[chunk.slot];
            if let Some(reply) = &mut slot.reply {
                reply.clock.start(started);
            }
            let mut last = 0;
            for position in chunk.range.clone() {
                let output = if chunk.wants_logits && position + 1 == chunk.range.end {
                    Output::Logits
                } else {
                    Output::None
                };
                let at = i32::try_from(position).unwrap_or(i32::MAX);
                last = self
                    .batch
                    .add(slot.tokens[position], at, sequence(chunk.slot), output);
            }
            outputs.push(last);
        }
        // The next step's logits take the place of the last one's.
        for slot in &mut self.slots {
            slot.logits_at = None;
        }
        let decoded = running.context.decode(&mut self.batch);
        match decoded {
            Decode::Done => self.take_results(plan, &outputs, started),
            Decode::NoSpace => self.make_room(),
            Decode::Aborted => self.roll_back(plan),
            Decode::Failed(code) => {
                let why = llama::failure_reason()
                    .unwrap_or_else(|| format!("llama_decode returned {code}"));
                self.roll_back(plan);
                let error = EngineError {
                    kind: ErrorKind::Internal,
                    what: format!("decoding {}", counted(self.batch.len(), "token")),
                    why,
                    hint: "the log has more; loading the model again may help".into(),
                };
                for chunk in plan {
                    self.fail(chunk.slot, error.clone());
                }
            }
        }
        decoded == Decode::Done
    }

    fn take_results(&mut self, plan: &[Chunk], outputs: &[i32], started: Instant) {
        // All tokens are drawn before any is told, so that whoever listens is woken once a step and
        // not between two columns.
        let mut drawn = Vec::with_capacity(plan.len());
        for (chunk, &output) in plan.iter().zip(outputs) {
            if chunk.wants_logits {
                self.slots[chunk.slot].logits_at = Some(output);
                self.preview_from(chunk.slot, output);
            }
            let Some(running) = &mut self.running else {
                return;
            };
            let slot = &mut self.slots[chunk.slot];
            slot.n_cached = chunk.range.end;
            let Some(reply) = &mut slot.reply else {
                continue;
            };
            if !chunk.wants_logits {
                // Only the logits are read below, so the time is right without waiting for them.
                note_prefill(reply, chunk, started, &mut self.mail.outbox);
                continue;
            }
            // Reading logits waits for a GPU, so the time after it is the step's.
            let logits = running.context.logits(output);
            note_prefill(reply, chunk, started, &mut self.mail.outbox);
            reply.batches.sequences = reply.batches.sequences.max(count_of(plan.len()));
            if let Some(most) = reply.is_full() {
                self.finish(chunk.slot, StopReason::MaxTokens(most));
                continue;
            }
            let given = reply.forced();
            let token = match logits.map(|logits| reply.sampler.sample_or(logits, given)) {
                Some(Ok(token)) => token,
                Some(Err(failed)) => {
                    self.fail(chunk.slot, sampling_failed(failed.0));
                    continue;
                }
                None => {
                    self.fail(chunk.slot, sampling_failed("llama.cpp gave no logits"));
                    continue;
                }
            };
            drawn.push((chunk.slot, token));
        }
        for (slot, token) in drawn {
            self.take_token(slot, token);
        }
        let prefilled: usize = plan
            .iter()
            .map(|chunk| chunk.range.len())
            .filter(|&tokens| tokens > 1)
            .sum();
        self.budget
            .learn(prefilled, started.elapsed().as_secs_f64());
    }

    /// Takes a sampled token into the reply and ends it where it ends.
    fn take_token(&mut self, index: usize, token: i32) {
        let Some(running) = &self.running else { return };
        let vocab = running.open.model.vocab();
        let n_ctx = running.context_info.n_ctx;
        let slot = &mut self.slots[index];
        let Some(reply) = &mut slot.reply else { return };
        reply.clock.token(Instant::now());
        if reply.generated == 0 {
            self.mail.outbox.push(reply.making_event(running.origin()));
        }
        reply.generated += 1;
        reply.ids.chosen.push(token);
        if let Some(trace) = reply.sampler.take_trace() {
            self.mail.outbox.push(reply.traced_event(trace, vocab));
        }
        if vocab.is_end(token) {
            let rest = reply.rest();
            self.mail
                .outbox
                .push(reply.tokens_event(rest, vec![token], slot.tokens.len()));
            self.finish(index, StopReason::EndOfTurn);
            return;
        }
        slot.tokens.push(token);
        let mut piece = Vec::with_capacity(16);
        vocab.piece(token, &mut piece);
        let step = reply.take(&piece);
        self.mail
            .outbox
            .push(reply.tokens_event(step.text, vec![token], slot.tokens.len()));
        let full = reply.is_full().map(StopReason::MaxTokens);
        let shifts = reply.request.reply.context_shift;
        let no_room = (slot.tokens.len() >= n_ctx as usize && !shifts)
            .then_some(StopReason::ContextFull { n_ctx });
        if let Some(reason) = step.end.or(full).or(no_room) {
            self.finish(index, reason);
        }
    }
}

impl Slot {
    fn backlog(&self, index: usize) -> Option<Backlog> {
        let reply = self.reply.as_ref().filter(|reply| !reply.paused)?;
        Some(Backlog {
            slot: index,
            n_cached: self.n_cached,
            n_tokens: self.tokens.len(),
            order: reply.order,
        })
    }
}

/// Takes in what of a prompt a step that began at `started` computed.
fn note_prefill(reply: &mut Reply, chunk: &Chunk, started: Instant, outbox: &mut Outbox) {
    if reply.generated > 0 {
        // A cache lost during a reply is filled again: no news of the prompt, and no decoding.
        let computed = count_of(chunk.range.len());
        let again = computed.saturating_sub(u32::from(chunk.wants_logits));
        if again > 0 {
            let time = started
                .elapsed()
                .mul_f64(f64::from(again) / f64::from(computed));
            reply.clock.pause(time);
        }
        return;
    }
    reply.batches.prefill.push(count_of(chunk.range.len()));
    reply
        .clock
        .prefilled(Instant::now(), count_of(chunk.range.len()));
    outbox.push(reply.prefill_event(chunk.range.end));
}

pub(super) fn sampling_failed(why: &str) -> EngineError {
    EngineError {
        kind: ErrorKind::Internal,
        what: "choosing the next token".into(),
        why: why.into(),
        hint: "check the grammar and the samplers".into(),
    }
}
