//! Requests into slots: what is to be computed, what chooses the tokens, and what of the caches
//! serves it.

use super::missed::Had;
use super::prompt::LastPrompt;
use super::recover::Answering;
use super::step::sampling_failed;
use super::{Running, Slot, Worker, sequence};
use crate::engine::llama::{self, Sampler};
use crate::engine::prompt::Made;
use crate::engine::reply::{Reply, Waiting, count_of};
use crate::engine::slots::{Candidate, Choice, Sharing, choose};
use crate::engine::trace::Ids;
use crate::engine::{
    ConversationId, EngineError, EngineEvent, ErrorKind, Missed, StopReason, prompt,
};

/// A request with all that it needs but a place.
struct Prepared {
    ids: Ids,
    sampler: Sampler,
    /// What of its chat was in the context before.
    had: Option<Had>,
}

/// The slot of a request, whose first `keep` tokens are in the cache already.
struct Place {
    slot: usize,
    keep: usize,
}

impl Worker {
    /// Gives waiting requests the slots that are free, in order.
    pub(super) fn admit(&mut self) {
        while self.slots.iter().any(|slot| slot.reply.is_none()) {
            let Some(waiting) = self.queue.pop_front() else {
                return;
            };
            let request = waiting.request.id;
            // It is in no queue and no slot meanwhile, where a panic would find it.
            self.answering = Some(Answering::Generate(request));
            let admitted = self.admit_one(waiting);
            self.answering = None;
            if let Err(error) = admitted {
                self.mail
                    .outbox
                    .push(EngineEvent::Failed { request, error });
            }
        }
    }

    fn admit_one(&mut self, waiting: Waiting) -> Result<(), EngineError> {
        let (made, begins_with) = self.make_prompt(&waiting)?;
        let prepared = self.prepare(&waiting, made, begins_with)?;
        let prompt = [&*prepared.ids.prompt, &*prepared.ids.chosen].concat();
        let place = self.place(waiting.request.conversation, &prompt)?;
        self.begin(waiting, prepared, prompt, &place);
        Ok(())
    }

    /// The prompt of a request, and the tokens that its reply begins with.
    fn make_prompt(&mut self, waiting: &Waiting) -> Result<(Made, Vec<i32>), EngineError> {
        let running = self.running.as_mut().ok_or_else(no_slot)?;
        let vocab = running.open.model.vocab();
        if let Some(exact) = &waiting.request.exact {
            // First of all: llama.cpp throws where it is asked for the text of no token.
            for ids in [&exact.prompt, &exact.reply, &exact.forced] {
                check_ids(ids, vocab)?;
            }
            return Ok((prompt::exact(&exact.prompt, vocab), exact.reply.clone()));
        }
        let made = prompt::of(&waiting.request, &mut running.open.templates, vocab)?;
        self.last_prompt = Some(LastPrompt {
            request: waiting.request.id,
            segments: made.segments.clone(),
            tokens: made.tokens.clone(),
        });
        Ok((made, Vec::new()))
    }

    /// Checks that the prompt has room, and builds what will choose the tokens.
    fn prepare(
        &mut self,
        waiting: &Waiting,
        made: Made,
        begins_with: Vec<i32>,
    ) -> Result<Prepared, EngineError> {
        let request = &waiting.request;
        if let Some(tags) = made.thinking {
            let request = request.id;
            self.mail
                .outbox
                .push(EngineEvent::Thinking { request, tags });
        }
        let had = self.had(request.conversation, &made, &request.messages);
        let running = self.running.as_ref().ok_or_else(no_slot)?;
        let ids = Ids {
            prompt: made.tokens,
            chosen: begins_with,
        };
        let n_ctx = running.context_info.n_ctx;
        let n_prompt = count_of(ids.prompt.len() + ids.chosen.len());
        if n_prompt == 0 || n_prompt >= n_ctx {
            return Err(does_not_fit(n_prompt, n_ctx));
        }
        let model = &running.open.model;
        let mut sampler = Sampler::new(&request.sampling, waiting.seed, n_ctx, model)?;
        sampler.remember(&ids.prompt);
        sampler
            .begin_with(&ids.chosen)
            .map_err(|failed| sampling_failed(failed.0))?;
        Ok(Prepared { ids, sampler, had })
    }

    /// Chooses a slot for a prompt and brings as much of it as there is into its cache.
    fn place(
        &mut self,
        conversation: ConversationId,
        prompt: &[i32],
    ) -> Result<Place, EngineError> {
        let running = self.running.as_ref().ok_or_else(no_slot)?;
        let can_be_cut = running.can_be_cut();
        let sharing = match running.context_info.sharing.why_not() {
            None => Sharing::Possible,
            Some(_) => Sharing::Impossible,
        };
        let candidates: Vec<Candidate<'_>> = self.slots.iter().map(Slot::candidate).collect();
        let choice = choose(&candidates, conversation, prompt, sharing).ok_or_else(no_slot)?;
        let index = choice.slot;
        if self.slots[index].conversation != Some(conversation) {
            self.note_lost(index, Missed::Taken);
            self.shelve(index);
        }
        let keep = self.keep(&choice)?;
        // What the slot held is gone, also when memory has to be made for what comes in its place.
        let slot = &mut self.slots[index];
        slot.tokens.truncate(keep);
        slot.n_cached = keep;
        slot.after = None;
        slot.drawn = None;
        let fetched = self.fetch(index, prompt, keep, !can_be_cut);
        let slot = &mut self.slots[index];
        slot.shares &= fetched == keep && keep > 0;
        slot.n_cached = fetched;
        slot.conversation = Some(conversation);
        slot.shifted = false;
        Ok(Place {
            slot: index,
            keep: fetched,
        })
    }

    /// Cuts the cache of the chosen slot to what serves, or takes over what another slot has; how
    /// many tokens that are.
    fn keep(&mut self, choice: &Choice) -> Result<usize, EngineError> {
        let running = self.running.as_mut().ok_or_else(no_slot)?;
        let Some(other) = choice.share_from else {
            let (n_swa, can_be_cut) = (running.open.facts.n_swa, running.can_be_cut());
            let seq = sequence(choice.slot);
            if cut(&mut running.context, seq, choice.keep, n_swa, can_be_cut) {
                return Ok(choice.keep);
            }
            running.context.clear(seq);
            return Ok(0);
        };
        if !running.share(other, choice.slot, choice.keep) {
            return Ok(0);
        }
        self.slots[other].shares = true;
        self.slots[choice.slot].shares = true;
        Ok(choice.keep)
    }

    /// Puts the reply into its slot and tells what it begins with.
    fn begin(&mut self, waiting: Waiting, prepared: Prepared, prompt: Vec<i32>, place: &Place) {
        let Prepared { ids, sampler, had } = prepared;
        self.tell_missed(waiting.request.id, had, place.keep);
        let Some(running) = &self.running else {
            return;
        };
        let vocab = running.open.model.vocab();
        let slot = &mut self.slots[place.slot];
        let mut reply = Reply::new(waiting, sampler, prompt.len());
        reply.clock.cache_n = count_of(place.keep);
        slot.tokens = prompt;
        self.mail.outbox.push(reply.prefill_event(place.keep));
        let text = reply.begin_with(&ids.chosen, vocab);
        if !text.is_empty() {
            let event = reply.tokens_event(text, Vec::new(), slot.tokens.len());
            self.mail.outbox.push(event);
        }
        let has_ended = ids.chosen.last().is_some_and(|token| vocab.is_end(*token));
        reply.ids = ids;
        slot.reply = Some(reply);
        if has_ended {
            self.finish(place.slot, StopReason::EndOfTurn);
        }
    }
}

impl Running {
    /// Whether a sequence may be cut anywhere: recurrent states cannot, and a sliding window has
    /// forgotten what lies before it.
    fn can_be_cut(&self) -> bool {
        let facts = &self.open.facts;
        !facts.is_recurrent && (facts.n_swa == 0 || self.context_info.params.context.swa_full)
    }
}

impl Slot {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            cached: &self.tokens[..self.n_cached.min(self.tokens.len())],
            conversation: self.conversation,
            busy: self.reply.is_some(),
            last_used: self.last_used,
        }
    }
}

/// Cuts a sequence to its first `keep` tokens; false when what is left cannot be used.
pub(super) fn cut(
    context: &mut llama::Context,
    seq: i32,
    keep: usize,
    n_swa: u32,
    can_be_cut: bool,
) -> bool {
    if keep == 0 || !context.remove(seq, keep, None) {
        return false;
    }
    // A sliding window forgets; what the next token looks at must still be there.
    can_be_cut
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
