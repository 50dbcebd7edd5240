//! Which sequence of the KV cache a reply gets. Pure.

use super::ConversationId;

/// A slot as far as the choice depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// The tokens in the KV cache, in order.
    pub cached: &'a [i32],
    pub conversation: Option<ConversationId>,
    pub busy: bool,
    /// Grows with every use.
    pub last_used: u64,
}

/// Whether tokens can be taken over from another sequence without decoding them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Possible,
    Impossible,
}

/// The slot for a prompt and how much of the prompt is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub slot: usize,
    /// Tokens to keep, always fewer than the prompt: its last token is decoded to get logits.
    pub keep: usize,
    /// The slot whose first `keep` tokens are shared into this one first.
    pub share_from: Option<usize>,
}

/// Tokens worth the trouble of sharing them.
pub(crate) const WORTH_SHARING: usize = 16;

/// Chooses an idle slot; `None` when all are busy.
///
/// The conversation's own slot first. Another conversation's cache is only given up when no slot
/// is empty: then the one used longest ago goes, or, where nothing can be shared, the one with the
/// most in common. Whatever a slot lacks is shared from the slot that has most of the prompt.
pub(crate) fn choose(
    slots: &[Candidate<'_>],
    conversation: ConversationId,
    prompt: &[i32],
    sharing: Sharing,
) -> Option<Choice> {
    let most = prompt.len().saturating_sub(1);
    let common = |slot: &Candidate<'_>| common_prefix(slot.cached, prompt).min(most);
    let own = |slot: &Candidate<'_>| slot.conversation == Some(conversation);
    let (index, slot) = slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| !slot.busy)
        .min_by_key(|(_, slot)| {
            let gain = if sharing == Sharing::Impossible {
                common(slot)
            } else {
                0
            };
            (
                !own(slot),
                gain <= slot.cached.len() / 2,
                !slot.cached.is_empty(),
                slot.last_used,
            )
        })?;
    let keep = common(slot);
    let richer = slots
        .iter()
        .enumerate()
        .filter(|&(other, _)| sharing == Sharing::Possible && other != index)
        .map(|(other, slot)| (common(slot), other))
        .max()
        .filter(|&(theirs, _)| theirs >= keep + WORTH_SHARING);
    Some(match richer {
        Some((theirs, other)) => Choice {
            slot: index,
            keep: theirs,
            share_from: Some(other),
        },
        None => Choice {
            slot: index,
            keep,
            share_from: None,
        },
    })
}

/// How many tokens two sequences begin with in common.
pub(crate) fn common_prefix(a: &[i32], b: &[i32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: ConversationId = ConversationId(1);
    const THERE: ConversationId = ConversationId(2);

    fn slot(cached: &[i32], conversation: Option<ConversationId>, last_used: u64) -> Candidate<'_> {
        Candidate {
            cached,
            conversation,
            busy: false,
            last_used,
        }
    }

    #[test]
    fn the_own_slot_is_found_again() {
        let prompt: Vec<i32> = (0..50).collect();
        let slots = [
            slot(&prompt[..40], Some(THERE), 9),
            slot(&prompt[..30], Some(HERE), 1),
            slot(&[], None, 0),
        ];
        assert_eq!(
            choose(&slots, HERE, &prompt, Sharing::Impossible),
            Some(Choice {
                slot: 1,
                keep: 30,
                share_from: None
            })
        );
    }

    #[test]
    fn a_new_conversation_takes_an_empty_slot_and_shares_the_common_beginning() {
        let prompt: Vec<i32> = (0..50).collect();
        let slots = [slot(&prompt[..40], Some(THERE), 9), slot(&[], None, 0)];
        assert_eq!(
            choose(&slots, HERE, &prompt, Sharing::Possible),
            Some(Choice {
                slot: 1,
                keep: 40,
                share_from: Some(0)
            })
        );
        let busy = [
            Candidate {
                busy: true,
                ..slots[0]
            },
            slots[1],
        ];
        assert_eq!(
            choose(&busy, HERE, &prompt, Sharing::Possible)
                .unwrap()
                .share_from,
            Some(0),
            "a busy slot can share too"
        );
    }

    #[test]
    fn the_slot_used_longest_ago_is_given_up() {
        let slots = [slot(&[7, 8], Some(THERE), 9), slot(&[7, 9], Some(THERE), 3)];
        assert_eq!(
            choose(&slots, HERE, &[1, 2, 3], Sharing::Possible)
                .unwrap()
                .slot,
            1
        );
    }

    #[test]
    fn the_last_prompt_token_is_decoded_again() {
        let slots = [slot(&[1, 2, 3, 4], Some(HERE), 1)];
        assert_eq!(
            choose(&slots, HERE, &[1, 2, 3], Sharing::Possible)
                .unwrap()
                .keep,
            2
        );
    }

    #[test]
    fn busy_slots_wait() {
        let slots = [Candidate {
            busy: true,
            ..slot(&[], None, 0)
        }];
        assert_eq!(choose(&slots, HERE, &[1], Sharing::Possible), None);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_in_the_cache_it_comes_from(
            caches in prop::collection::vec((prop::collection::vec(0_i32..2, 0..60), any::<bool>(), 0_u64..9), 1..5),
            prompt in prop::collection::vec(0_i32..2, 1..60),
            possible in any::<bool>(),
        ) {
            let slots: Vec<Candidate<'_>> = caches
                .iter()
                .map(|(cached, busy, last_used)| Candidate { cached, conversation: None, busy: *busy, last_used: *last_used })
                .collect();
            let sharing = if possible { Sharing::Possible } else { Sharing::Impossible };
            match choose(&slots, HERE, &prompt, sharing) {
                None => prop_assert!(slots.iter().all(|slot| slot.busy)),
                Some(choice) => {
                    prop_assert!(!slots[choice.slot].busy);
                    prop_assert!(choice.keep < prompt.len());
                    let source = choice.share_from.unwrap_or(choice.slot);
                    prop_assert_eq!(&slots[source].cached[..choice.keep], &prompt[..choice.keep]);
                    prop_assert!(possible || choice.share_from.is_none());
                }
            }
        }
    }
}
