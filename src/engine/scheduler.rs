//! What the next decode step contains. Pure: no llama.cpp, no clock.
//!
//! The work left in a slot is `tokens[n_cached..]`: a prompt to prefill, or the one token sampled
//! last. Generating is a prefill of one token, so both mix freely in one batch, and whatever is
//! lost from the KV cache (an eviction, a new cache type) comes back by itself.

use std::ops::Range;

/// What one slot has left to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub slot: usize,
    /// Tokens in the KV cache.
    pub n_cached: usize,
    /// Tokens of the sequence.
    pub n_tokens: usize,
    /// Arrival order of the reply.
    pub order: u64,
}

impl Backlog {
    fn left(&self) -> usize {
        self.n_tokens.saturating_sub(self.n_cached)
    }
}

/// Tokens of one slot in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub slot: usize,
    /// Positions in the sequence.
    pub range: Range<usize>,
    /// The sequence's last token is in it, so a token can be sampled after the step.
    pub wants_logits: bool,
}

/// Plans one step of at most `budget` tokens: slots with one token left go first, because someone
/// reads along, then prompts in the order they came. With a budget of at least one token a slot,
/// every reply moves in every step and the oldest prompt gets all that is left.
pub(crate) fn plan_step(backlog: &[Backlog], budget: usize) -> Vec<Chunk> {
    let mut order: Vec<&Backlog> = backlog.iter().filter(|slot| slot.left() > 0).collect();
    order.sort_by_key(|slot| (slot.left() > 1, slot.order));
    let mut left = budget;
    let mut chunks = Vec::with_capacity(order.len());
    for slot in order {
        let taken = slot.left().min(left);
        if taken == 0 {
            break;
        }
        left -= taken;
        let end = slot.n_cached + taken;
        chunks.push(Chunk {
            slot: slot.slot,
            range: slot.n_cached..end,
            wants_logits: end == slot.n_tokens,
        });
    }
    chunks
}

/// How many tokens a step may hold, from the speed measured so far.
#[derive(Clone, Debug)]
pub(crate) struct StepBudget {
    /// Prompt tokens per second; `None` before the first measurement.
    speed: Option<f64>,
    steps: Steps,
}

/// A step shorter than this many tokens wastes the machine.
const MIN_TOKENS: usize = 64;
/// Rows that a matrix kernel takes at once, at most.
const ROWS: usize = 32;
/// Seconds a step may take when nobody reads along: a reply that is stopped waits for its end
/// where llama.cpp cannot stop one, and else only the news of its progress does. Every step costs
/// a little of its own, on the CPU about a fiftieth of a second at 200 tokens per second.
const ALONE_S: f64 = 1.0;
const ALONE_STOPPABLE_S: f64 = 3.0;
/// And when someone does.
const BESIDE_S: f64 = 0.25;

/// Whether a step in progress can be stopped, as llama.cpp can on the CPU alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    CanStop,
    RunToEnd,
}

impl StepBudget {
    /// `guess` is the expected speed in tokens per second, when something is known of the machine.
    pub(crate) fn new(guess: Option<f64>, steps: Steps) -> Self {
        Self {
            speed: guess,
            steps,
        }
    }

    /// Learns from a step that prefilled.
    pub(crate) fn learn(&mut self, tokens: usize, seconds: f64) {
        if tokens < MIN_TOKENS / 2 || seconds <= 0.0 {
            return;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a batch has far fewer than 2^52 tokens"
        )]
        let measured = tokens as f64 / seconds;
        self.speed = Some(
            self.speed
                .map_or(measured, |speed| 0.5 * (speed + measured)),
        );
    }

    /// Tokens for the next step; `decoding` slots are waiting for their next token.
    ///
    /// Whole `n_ubatch` when more than one fits, because llama.cpp computes in units of it.
    pub(crate) fn tokens(&self, decoding: usize, n_batch: usize, n_ubatch: usize) -> usize {
        let Some(speed) = self.speed else {
            return MIN_TOKENS.min(n_batch).max(decoding + 1);
        };
        let seconds = match (decoding, self.steps) {
            (0, Steps::CanStop) => ALONE_STOPPABLE_S,
            (0, Steps::RunToEnd) => ALONE_S,
            _ => BESIDE_S,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "float to int saturates"
        )]
        let wanted = (speed * seconds) as usize;
        let wanted = wanted.clamp(MIN_TOKENS.min(n_batch), n_batch);
        // Kernels work in blocks of rows, so odd sizes waste a part of the last one.
        let unit = if wanted >= n_ubatch {
            n_ubatch.max(1)
        } else {
            ROWS
        };
        let whole = if wanted >= unit {
            wanted - wanted % unit
        } else {
            wanted
        };
        // The decoding slots' tokens come on top of a full unit only where the batch has room.
        (whole + decoding).min(n_batch).max(decoding + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(slot: usize, n_cached: usize, n_tokens: usize) -> Backlog {
        Backlog {
            slot,
            n_cached,
            n_tokens,
            order: slot as u64,
        }
    }

    #[test]
    fn decoding_goes_first_and_prefill_takes_the_rest() {
        let plan = plan_step(&[slot(0, 0, 100), slot(1, 9, 10), slot(2, 5, 5)], 33);
        assert_eq!(
            plan,
            [
                Chunk {
                    slot: 1,
                    range: 9..10,
                    wants_logits: true
                },
                Chunk {
                    slot: 0,
                    range: 0..32,
                    wants_logits: false
                },
            ]
        );
    }

    #[test]
    fn a_slow_machine_gets_short_steps_and_a_fast_one_whole_units() {
        let slow = StepBudget::new(Some(100.0), Steps::RunToEnd);
        assert_eq!(slow.tokens(0, 2048, 512), 96);
        assert_eq!(slow.tokens(2, 2048, 512), 66);
        let stoppable = StepBudget::new(Some(100.0), Steps::CanStop);
        assert_eq!(stoppable.tokens(0, 2048, 512), 288);
        assert_eq!(stoppable.tokens(2, 2048, 512), 66);
        let fast = StepBudget::new(Some(1e6), Steps::RunToEnd);
        assert_eq!(fast.tokens(0, 2048, 512), 2048);
        let middle = StepBudget::new(Some(1300.0), Steps::RunToEnd);
        assert_eq!(middle.tokens(0, 2048, 512), 1024);
        assert_eq!(
            StepBudget::new(None, Steps::RunToEnd).tokens(0, 2048, 512),
            64
        );
        assert_eq!(
            StepBudget::new(None, Steps::RunToEnd).tokens(0, 32, 512),
            32
        );
    }

    #[test]
    fn the_budget_follows_what_was_measured() {
        let mut budget = StepBudget::new(None, Steps::RunToEnd);
        budget.learn(64, 0.5);
        assert_eq!(budget.tokens(0, 2048, 512), 128);
        budget.learn(1, 10.0);
        assert_eq!(
            budget.tokens(0, 2048, 512),
            128,
            "a single token says nothing of prefill"
        );
    }

    proptest! {
        /// Runs plans until nothing is left, with new tokens sampled into slots as a reply does.
        #[test]
        fn every_token_is_decoded_once_in_order_and_nobody_starves(
            prompts in prop::collection::vec((1_usize..300, 0_usize..20), 1..8),
            extra in 0_usize..100,
        ) {
            let budget = prompts.len() + extra;
            let mut slots: Vec<Backlog> = prompts.iter().enumerate().map(|(i, &(prompt, _))| slot(i, 0, prompt)).collect();
            let mut to_generate: Vec<usize> = prompts.iter().map(|&(_, generate)| generate).collect();
            let total: usize = prompts.iter().map(|&(prompt, generate)| prompt + generate).sum();
            let mut decoded = 0;
            let mut steps = 0;
            while slots.iter().any(|slot| slot.left() > 0) {
                let plan = plan_step(&slots, budget);
                let size: usize = plan.iter().map(|chunk| chunk.range.len()).sum();
                prop_assert!(size <= budget && size > 0);
                for before in &slots {
                    let chunk = plan.iter().find(|chunk| chunk.slot == before.slot);
                    if before.left() == 1 { prop_assert!(chunk.is_some(), "a decoding slot waits"); }
                }
                if let Some(oldest) = slots.iter().filter(|slot| slot.left() > 1).min_by_key(|slot| slot.order) {
                    prop_assert!(plan.iter().any(|chunk| chunk.slot == oldest.slot), "the oldest prompt waits");
                }
                for chunk in plan {
                    let slot = &mut slots[chunk.slot];
                    prop_assert_eq!(chunk.range.start, slot.n_cached, "in order, no gap, no repeat");
                    slot.n_cached = chunk.range.end;
                    prop_assert_eq!(chunk.wants_logits, slot.n_cached == slot.n_tokens);
                    if chunk.wants_logits && to_generate[chunk.slot] > 0 {
                        to_generate[chunk.slot] -= 1;
                        slot.n_tokens += 1;
                    }
                    decoded += chunk.range.len();
                }
                steps += 1;
                prop_assert!(steps <= total, "no progress");
            }
            prop_assert_eq!(decoded, total);
        }

        #[test]
        fn the_budget_is_kept(speed in prop::option::of(0.0_f64..1e7), decoding in 0_usize..8, n_batch in 16_usize..4096, n_ubatch in 1_usize..1024, stoppable in any::<bool>()) {
            let steps = if stoppable { Steps::CanStop } else { Steps::RunToEnd };
            let tokens = StepBudget::new(speed, steps).tokens(decoding, n_batch, n_ubatch);
            prop_assert!(tokens <= n_batch);
            prop_assert!(tokens > decoding);
        }
    }
}
