//! One decode step: requests into slots, tokens into a batch, tokens out of logits.

use std::time::Instant;

use super::prompt::LastPrompt;
use super::{Slot, Worker, sequence};
use crate::engine::groups::Way;
use crate::engine::llama::{self, Decode, Output, Sampler};
use crate::engine::reply::{Reply, Waiting, count_of};
use crate::engine::scheduler::{Backlog, Chunk, plan_step};
use crate::engine::slots::{Candidate, Sharing, choose};
use crate::engine::trace::Ids;
use crate::engine::{EngineError, EngineEvent, ErrorKind, Missed, StopReason, prompt};
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

    /// Gives waiting requests the slots that are free, in order.
    fn admit(&mut self) {
        while self.slots.iter().any(|slot| slot.reply.is_none()) {
            let Some(waiting) = self.queue.pop_front() else {
                return;
            };
            let request = waiting.request.id;
            if let Err(error) = self.admit_one(waiting) {
                self.mail
                    .outbox
                    .push(EngineEvent::Failed { request, error });
            }
        }
    }

    fn admit_one(&mut self, waiting: Waiting) -> Result<(), EngineError> {
        let Some(running) = &mut self.running else {
            return Err(no_slot());
        };
        let model = &running.open.model;
        let (made, begins_with) = match &waiting.request.exact {
            Some(exact) => {
                // First of all: llama.cpp throws where it is asked for the text of no token.
                for ids in [&exact.prompt, &exact.reply, &exact.forced] {
                    check_ids(ids, model.vocab())?;
                }
                (
                    prompt::exact(&exact.prompt, model.vocab()),
                    exact.reply.clone(),
                )
            }
            None => {
                let templates = &mut running.open.templates;
                let made = prompt::of(&waiting.request, templates, model.vocab())?;
                self.last_prompt = Some(LastPrompt {
                    request: waiting.request.id,
                    segments: made.segments.clone(),
                    tokens: made.tokens.clone(),
                });
                (made, Vec::new())
            }
        };
        if let Some(tags) = made.thinking {
            let request = waiting.request.id;
            self.mail
                .outbox
                .push(EngineEvent::Thinking { request, tags });
        }
        let conversation = waiting.request.conversation;
        let had = self.had(conversation, &made, &waiting.request.messages);
        let Some(running) = &mut self.running else {
            return Err(no_slot());
        };
        let ids = Ids {
            prompt: made.tokens.clone(),
            chosen: begins_with.clone(),
        };
        let prompt = [made.tokens, begins_with].concat();
        let n_ctx = running.context_info.n_ctx;
        let n_prompt = count_of(prompt.len());
        if prompt.is_empty() || n_prompt >= n_ctx {
            return Err(does_not_fit(n_prompt, n_ctx));
        }
        let model = &running.open.model;
        let mut sampler = Sampler::new(&waiting.request.sampling, waiting.seed, n_ctx, model)?;
        sampler.remember(&ids.prompt);
        sampler
            .begin_with(&ids.chosen)
            .map_err(|failed| sampling_failed(failed.0))?;

        let plain = !running.open.facts.is_recurrent
            && (running.open.facts.n_swa == 0 || running.context_info.params.context.swa_full);
        let sharing = match running.context_info.sharing.why_not() {
            None => Sharing::Possible,
            Some(_) => Sharing::Impossible,
        };
        let candidates: Vec<Candidate<'_>> = self.slots.iter().map(Slot::candidate).collect();
        let Some(choice) = choose(&candidates, conversation, &prompt, sharing) else {
            return Err(no_slot());
        };

        let seq = sequence(choice.slot);
        let mut keep = choice.keep;
        if self.slots[choice.slot].conversation != Some(conversation) {
            self.note_lost(choice.slot, Missed::Taken);
            self.shelve(choice.slot);
        }
        let Some(running) = &mut self.running else {
            return Err(no_slot());
        };
        if let Some(other) = choice.share_from {
            if running.share(other, choice.slot, keep) {
                self.slots[other].shares = true;
                self.slots[choice.slot].shares = true;
            } else {
                keep = 0;
            }
        } else if !cut(
            &mut running.context,
            seq,
            keep,
            running.open.facts.n_swa,
            plain,
        ) {
            running.context.clear(seq);
            keep = 0;
        }
        // What the slot held is gone, also when memory has to be made for what comes in its place.
        let slot = &mut self.slots[choice.slot];
        slot.tokens.truncate(keep);
        slot.n_cached = keep;
        slot.after = None;
        slot.drawn = None;
        let fetched = self.fetch(choice.slot, &prompt, keep, !plain);
        let slot = &mut self.slots[choice.slot];
        slot.shares &= fetched == keep && keep > 0;
        keep = fetched;
        slot.n_cached = keep;
        slot.conversation = Some(conversation);
        slot.shifted = false;
        self.tell_missed(waiting.request.id, had, keep);
        let slot = &mut self.slots[choice.slot];
        let mut reply = Reply::new(waiting, sampler, prompt.len());
        reply.clock.cache_n = count_of(keep);
        slot.tokens = prompt;
        self.mail.outbox.push(reply.prefill_event(keep));
        if let Some(running) = &self.running {
            let vocab = running.open.model.vocab();
            let text = reply.begin_with(&ids.chosen, vocab);
            if !text.is_empty() {
                let event = reply.tokens_event(text, Vec::new(), slot.tokens.len());
                self.mail.outbox.push(event);
            }
        }
        let ends = |token: &i32| {
            let running = self.running.as_ref();
            running.is_some_and(|running| running.open.model.vocab().is_end(*token))
        };
        let has_ended = ids.chosen.last().is_some_and(ends);
        reply.ids = ids;
        slot.reply = Some(reply);
        if has_ended {
            self.finish(choice.slot, StopReason::EndOfTurn);
        }
        Ok(())
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
                note_prefill(reply, chunk, &mut self.mail.outbox);
                continue;
            }
            // Reading logits waits for a GPU, so the time after it is the step's.
            let logits = running.context.logits(output);
            if reply.generated == 0 {
                note_prefill(reply, chunk, &mut self.mail.outbox);
            }
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

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            cached: &self.tokens[..self.n_cached.min(self.tokens.len())],
            conversation: self.conversation,
            busy: self.reply.is_some(),
            last_used: self.last_used,
        }
    }
}

fn note_prefill(reply: &mut Reply, chunk: &Chunk, outbox: &mut crate::engine::outbox::Outbox) {
    // A cache lost during a reply is filled again, which is no news of the prompt.
    if reply.generated > 0 {
        return;
    }
    reply.batches.prefill.push(count_of(chunk.range.len()));
    reply
        .clock
        .prefilled(Instant::now(), count_of(chunk.range.len()));
    outbox.push(reply.prefill_event(chunk.range.end));
}

/// Cuts a sequence to its first `keep` tokens; false when what is left cannot be used.
pub(super) fn cut(
    context: &mut llama::Context,
    seq: i32,
    keep: usize,
    n_swa: u32,
    plain: bool,
) -> bool {
    if keep == 0 || !context.remove(seq, keep, None) {
        return false;
    }
    // A sliding window forgets; what the next token looks at must still be there.
    plain
        || n_swa == 0
        || context
            .first_position(seq)
            .is_some_and(|first| first <= keep.saturating_sub(n_swa as usize))
}

/// Ids that come from a file may be any number.
fn check_ids(ids: &[i32], vocab: llama::Vocab<'_>) -> Result<(), EngineError> {
    let n_vocab = vocab.len();
    let known = |id: &i32| usize::try_from(*id).is_ok_and(|id| id < n_vocab);
    match ids.iter().find(|id| !known(id)) {
        None => Ok(()),
        Some(id) => Err(EngineError {
            kind: ErrorKind::BadParameter,
            what: "making a reply from tokens".into(),
            why: format!("the model has no token {id}"),
            hint: "the tokens belong to another model".into(),
        }),
    }
}

fn does_not_fit(n_prompt: u32, n_ctx: u32) -> EngineError {
    EngineError {
        kind: ErrorKind::PromptTooLong { n_prompt, n_ctx },
        what: "making a reply".into(),
        why: format!(
            "the prompt has {n_prompt} tokens and the context holds {n_ctx}, of which the reply needs at least one"
        ),
        hint: "raise ctx-size or shorten the conversation".into(),
    }
}

fn no_slot() -> EngineError {
    EngineError {
        kind: ErrorKind::Internal,
        what: "making a reply".into(),
        why: "there is no sequence for it".into(),
        hint: "loading the model again may help".into(),
    }
}

fn sampling_failed(why: &str) -> EngineError {
    EngineError {
        kind: ErrorKind::Internal,
        what: "choosing the next token".into(),
        why: why.into(),
        hint: "check the grammar and the samplers".into(),
    }
}
