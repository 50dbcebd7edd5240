//! A reply being made.

use std::collections::HashSet;
use std::time::Instant;

use super::llama::{Sampler, Vocab};
use super::stops::StopMatcher;
use super::timing::ReplyClock;
use super::trace::{Ids, TokenTrace, Trace};
use super::utf8::Utf8Decoder;
use super::{Batches, EngineEvent, GenerateRequest, Origin, RequestId, StopReason, Timings};

/// Everything of a reply that is not in the KV cache.
#[derive(Debug)]
pub(super) struct Reply {
    pub request: Box<GenerateRequest>,
    pub sampler: Sampler,
    pub seed: u32,
    pub clock: ReplyClock,
    /// Arrival order.
    pub order: u64,
    /// Tokens of the prompt.
    pub n_prompt: usize,
    pub generated: u32,
    /// Waits for cache space that another reply holds.
    pub paused: bool,
    /// Whether it takes over what other sequences compute; not any more when that failed once.
    pub may_follow: bool,
    /// Whether the sampling was changed on the way.
    pub resampled: bool,
    pub batches: Batches,
    /// The prompt and every token that followed, whatever the context has shifted away.
    pub ids: Ids,
    /// The tokens whose text has been told with a trace.
    named: HashSet<i32>,
    decoder: Utf8Decoder,
    stops: StopMatcher,
}

/// A reply that waits for a slot.
#[derive(Debug)]
pub(super) struct Waiting {
    pub request: Box<GenerateRequest>,
    pub arrived: Instant,
    pub seed: u32,
    pub order: u64,
}

/// What a sampled token came to.
#[derive(Debug)]
pub(super) struct TokenStep {
    pub text: String,
    pub end: Option<StopReason>,
}

impl Reply {
    pub(super) fn new(waiting: Waiting, sampler: Sampler, n_prompt: usize) -> Self {
        let Waiting {
            request,
            arrived,
            seed,
            order,
        } = waiting;
        Self {
            sampler,
            seed,
            clock: ReplyClock::new(arrived),
            order,
            n_prompt,
            generated: 0,
            paused: false,
            may_follow: true,
            resampled: false,
            batches: Batches::default(),
            ids: Ids::default(),
            named: HashSet::new(),
            decoder: Utf8Decoder::default(),
            stops: StopMatcher::new(&request.reply.stop),
            request,
        }
    }

    pub(super) fn id(&self) -> RequestId {
        self.request.id
    }

    /// Whether the reply has all the tokens it may have.
    pub(super) fn is_full(&self) -> Option<u32> {
        self.request
            .reply
            .max_tokens
            .filter(|&most| self.generated >= most)
    }

    /// Takes the bytes of a token that is part of the reply's text.
    pub(super) fn take(&mut self, piece: &[u8]) -> TokenStep {
        let text = self.decoder.push(piece);
        let step = self.stops.push(&text);
        TokenStep {
            text: step.text,
            end: step.hit.map(StopReason::StopString),
        }
    }

    /// The token that has to come next, whatever is drawn.
    pub(super) fn forced(&self) -> Option<i32> {
        let forced = &self.request.exact.as_ref()?.forced;
        forced.get(self.generated as usize).copied()
    }

    /// Takes tokens that the reply begins with; gives their text as far as it is complete.
    pub(super) fn begin_with(&mut self, tokens: &[i32], vocab: Vocab<'_>) -> String {
        let mut text = String::new();
        let mut piece = Vec::new();
        for token in tokens {
            piece.clear();
            vocab.piece(*token, &mut piece);
            text.push_str(&self.take(&piece).text);
        }
        text
    }

    /// Text held back until now.
    pub(super) fn rest(&mut self) -> String {
        let tail = self.decoder.finish();
        let mut step = self.stops.push(&tail);
        if step.hit.is_none() {
            step.text.push_str(&self.stops.finish());
        }
        step.text
    }

    pub(super) fn timings(&mut self) -> Timings {
        self.clock.timings(Instant::now())
    }

    pub(super) fn tokens_event(
        &mut self,
        text: String,
        ids: Vec<i32>,
        context_used: usize,
    ) -> EngineEvent {
        EngineEvent::Tokens {
            request: self.id(),
            text,
            ids,
            context_used: count_of(context_used),
            timings: self.timings(),
        }
    }

    /// How a token came about, with the text of the tokens that were not told of before.
    pub(super) fn traced_event(&mut self, mut token: TokenTrace, vocab: Vocab<'_>) -> EngineEvent {
        token.at = count_of(self.ids.chosen.len().saturating_sub(1));
        let mut trace = Trace::default();
        let others = token.candidates.iter().map(|candidate| candidate.token);
        for id in others.chain([token.token]) {
            if self.named.insert(id) {
                trace.pieces.insert(id, name(id, vocab));
            }
        }
        trace.tokens.push(token);
        EngineEvent::Traced {
            request: self.id(),
            trace,
        }
    }

    /// What made it, as far as the reply knows; `around` is the rest.
    pub(super) fn made_event(&mut self, around: Origin) -> EngineEvent {
        EngineEvent::Made {
            request: self.id(),
            origin: self.origin(around),
            ids: std::mem::take(&mut self.ids),
        }
    }

    /// The same before its first token.
    pub(super) fn making_event(&self, around: Origin) -> EngineEvent {
        EngineEvent::Making {
            request: self.id(),
            origin: self.origin(around),
            ids: self.ids.clone(),
        }
    }

    fn origin(&self, around: Origin) -> Box<Origin> {
        let mut batches = self.batches.clone();
        batches.reused = self.clock.cache_n;
        let exact = self.request.exact.as_ref();
        Box::new(Origin {
            seed: self.seed,
            begun_with: exact.map_or(0, |exact| count_of(exact.reply.len())),
            resampled: self.resampled,
            batches,
            ..around
        })
    }

    pub(super) fn prefill_event(&mut self, done: usize) -> EngineEvent {
        EngineEvent::Prefill {
            request: self.id(),
            done: count_of(done),
            total: count_of(self.n_prompt),
            reused: self.clock.cache_n,
            timings: self.timings(),
        }
    }
}

/// The bytes of a token; of a control token its name.
pub(super) fn name(token: i32, vocab: Vocab<'_>) -> Box<[u8]> {
    let mut piece = Vec::with_capacity(16);
    vocab.piece(token, &mut piece);
    if piece.is_empty() {
        return vocab.text(token).into_bytes().into();
    }
    piece.into()
}

/// Token counts as events carry them.
pub(super) fn count_of(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}
