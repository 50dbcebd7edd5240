//! One prefill for prompts that begin alike: which reply computes, which waits for what another
//! computes, and which takes it over. Pure.
//!
//! Nobody asks for it: columns of a comparison, a reply made again beside others, conversations
//! under one system prompt are all the same case. The reply that came first computes the common
//! beginning, and the others take its cells over when they are there.

use super::slots::{WORTH_SHARING, common_prefix};

/// A slot as far as the turn depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence<'a> {
    /// All its tokens, those still to be computed too.
    pub tokens: &'a [i32],
    /// How many of them are in the KV cache.
    pub n_cached: usize,
    /// Arrival order of the reply that computes here; `None` = there is none, or it waits for room.
    pub order: Option<u64>,
    /// Whether it may take tokens over.
    pub may_take: bool,
}

/// What a slot does in the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Compute,
    /// A reply that came earlier is computing what this one begins with.
    Wait,
    /// The first `tokens` are in the cache of the slot `from`.
    Take {
        from: usize,
        tokens: usize,
    },
}

/// The turn of each slot. A reply waits only for one that came before it, so the first one always
/// computes.
pub(crate) fn turns(slots: &[Sequence<'_>]) -> Vec<Turn> {
    (0..slots.len()).map(|index| turn(slots, index)).collect()
}

fn turn(slots: &[Sequence<'_>], index: usize) -> Turn {
    let own = &slots[index];
    let Some(order) = own.order else {
        return Turn::Compute;
    };
    // The last token is computed, to get logits.
    let most = own.tokens.len().saturating_sub(1);
    if !own.may_take || most < own.n_cached + WORTH_SHARING {
        return Turn::Compute;
    }
    let (mut there, mut coming) = ((own.n_cached, index), own.n_cached);
    for (other, slot) in slots.iter().enumerate() {
        if other == index {
            continue;
        }
        let common = common_prefix(own.tokens, slot.tokens).min(most);
        let cached = common.min(slot.n_cached);
        if cached > there.0 {
            there = (cached, other);
        }
        if slot.order.is_some_and(|theirs| theirs < order) {
            coming = coming.max(common);
        }
    }
    let (tokens, from) = there;
    if coming >= tokens + WORTH_SHARING {
        Turn::Wait
    } else if tokens >= own.n_cached + WORTH_SHARING {
        Turn::Take { from, tokens }
    } else {
        Turn::Compute
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequence(tokens: &[i32], n_cached: usize, order: Option<u64>) -> Sequence<'_> {
        Sequence {
            tokens,
            n_cached,
            order,
            may_take: true,
        }
    }

    #[test]
    fn the_first_computes_and_the_others_wait_then_take() {
        let prompt: Vec<i32> = (0..100).collect();
        let at = |n_cached| {
            [
                sequence(&prompt, 0, Some(2)),
                sequence(&prompt, n_cached, Some(1)),
                sequence(&prompt, 0, Some(3)),
            ]
        };
        assert_eq!(turns(&at(0)), [Turn::Wait, Turn::Compute, Turn::Wait]);
        assert_eq!(turns(&at(64)), [Turn::Wait, Turn::Compute, Turn::Wait]);
        let take = Turn::Take {
            from: 1,
            tokens: 99,
        };
        assert_eq!(turns(&at(100)), [take, Turn::Compute, take]);
    }

    #[test]
    fn a_different_ending_waits_for_the_common_part_only() {
        let first: Vec<i32> = (0..100).collect();
        let second: Vec<i32> = (0..60).chain(200..300).collect();
        let at = |n_cached| {
            [
                sequence(&first, n_cached, Some(1)),
                sequence(&second, 0, Some(2)),
            ]
        };
        assert_eq!(turns(&at(32))[1], Turn::Wait);
        assert_eq!(
            turns(&at(64))[1],
            Turn::Take {
                from: 0,
                tokens: 60
            }
        );
    }

    #[test]
    fn little_in_common_is_computed() {
        let first: Vec<i32> = (0..100).collect();
        let second: Vec<i32> = (0..10).chain(200..300).collect();
        let slots = [sequence(&first, 0, Some(1)), sequence(&second, 0, Some(2))];
        assert_eq!(turns(&slots), [Turn::Compute, Turn::Compute]);
    }

    #[test]
    fn nobody_follows_a_reply_that_decodes_token_by_token() {
        let whole: Vec<i32> = (0..100).collect();
        let slots = [
            sequence(&whole[..51], 50, Some(1)),
            sequence(&whole, 0, Some(2)),
        ];
        assert_eq!(
            turns(&slots)[1],
            Turn::Take {
                from: 0,
                tokens: 50
            }
        );
    }

    #[test]
    fn who_waits_for_room_is_not_waited_for() {
        let prompt: Vec<i32> = (0..100).collect();
        let slots = [sequence(&prompt, 0, None), sequence(&prompt, 0, Some(2))];
        assert_eq!(turns(&slots)[1], Turn::Compute);
        let alone = Sequence {
            may_take: false,
            ..sequence(&prompt, 0, Some(3))
        };
        let slots = [sequence(&prompt, 0, Some(1)), alone];
        assert_eq!(turns(&slots)[1], Turn::Compute);
    }

    proptest! {
        /// Runs prompts to their end with steps of a few tokens for each that computes.
        #[test]
        fn every_prompt_is_computed_and_what_is_common_once(
            prompts in prop::collection::vec(prop::collection::vec(0_i32..2, 1..80), 1..6),
            copies in 1_usize..4,
            chunk in 1_usize..40,
        ) {
            let prompts: Vec<Vec<i32>> = prompts.iter().flat_map(|prompt| std::iter::repeat_n(prompt.clone(), copies)).collect();
            let mut cached = vec![0; prompts.len()];
            let mut computed = 0;
            for _ in 0..prompts.len() * 100 {
                let slots: Vec<Sequence<'_>> = prompts.iter().zip(&cached).enumerate()
                    .map(|(index, (prompt, &n_cached))| sequence(prompt, n_cached, (n_cached < prompt.len()).then_some(index as u64)))
                    .collect();
                let plan = turns(&slots);
                let before = cached.clone();
                for (index, turn) in plan.iter().enumerate() {
                    match *turn {
                        Turn::Wait => prop_assert!(index > 0),
                        Turn::Take { from, tokens } => {
                            prop_assert!(tokens < prompts[index].len() && tokens > before[index]);
                            prop_assert!(tokens <= before[from]);
                            prop_assert_eq!(&prompts[index][..tokens], &prompts[from][..tokens]);
                            cached[index] = tokens;
                        }
                        Turn::Compute => {
                            let more = chunk.min(prompts[index].len() - cached[index]);
                            cached[index] += more;
                            computed += more;
                        }
                    }
                }
            }
            prop_assert!(cached.iter().zip(&prompts).all(|(cached, prompt)| *cached == prompt.len()));
            let mut unique = prompts.clone();
            unique.sort();
            unique.dedup();
            let once: usize = unique.iter().map(Vec::len).sum();
            // Beside each different prompt once: for each copy its last token, and what is too little to
            // share, at the beginning and where the takeover ends.
            prop_assert!(computed <= once + prompts.len() * 2 * WORTH_SHARING, "{} of {}", computed, once);
        }
    }
}
