//! A reply being made.

use std::time::Instant;

use super::llama::Sampler;
use super::stops::StopMatcher;
use super::timing::ReplyClock;
use super::utf8::Utf8Decoder;
use super::{EngineEvent, GenerateRequest, RequestId, StopReason, Timings};

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
        count: u32,
        context_used: usize,
    ) -> EngineEvent {
        EngineEvent::Tokens {
            request: self.id(),
            text,
            count,
            context_used: count_of(context_used),
            timings: self.timings(),
        }
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

/// Token counts as events carry them.
pub(super) fn count_of(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}
