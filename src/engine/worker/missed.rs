//! What a conversation had in the KV cache, and why it is not reused.

use super::Worker;
use crate::chat::Message;
use crate::engine::missed::{Missed, is_thought, part_at};
use crate::engine::prompt::Made;
use crate::engine::reply::count_of;
use crate::engine::slots::common_prefix;
use crate::engine::{ConversationId, EngineEvent, RequestId};

/// What there was of a prompt before it came.
#[derive(Debug)]
pub(super) struct Had {
    /// Tokens, as many as the prompt has at most.
    tokens: u32,
    /// Why they are not used, where they are not.
    why: Missed,
}

/// Tokens looked at before and after the place where the prompt leaves the cache.
const BEFORE: usize = 512;
const AFTER: usize = 8;

impl Worker {
    /// What the cache has of a conversation, before it is changed for a prompt; `None` where that is
    /// nothing or all of the prompt.
    pub(super) fn had(
        &mut self,
        conversation: ConversationId,
        made: &Made,
        messages: &[Message],
    ) -> Option<Had> {
        let prompt = &made.tokens;
        let slots = self.slots.iter();
        let own = slots.filter(|slot| slot.conversation == Some(conversation));
        let Some(slot) = own
            .max_by_key(|slot| slot.n_cached)
            .filter(|slot| slot.n_cached > 0)
        else {
            let (tokens, why) = self.lost.take(conversation)?;
            let tokens = tokens.min(count_of(prompt.len()));
            return Some(Had { tokens, why });
        };
        // What a prompt given as tokens begins with is its asker's business.
        let vocab = self.running.as_ref()?.open.model.vocab();
        if made.segments.is_empty() {
            return None;
        }
        let cached = slot.tokens.get(..slot.n_cached)?;
        let common = common_prefix(cached, prompt);
        let why = if common == cached.len() || common == prompt.len() {
            Missed::CannotGoBack
        } else if slot.shifted {
            Missed::Shifted
        } else {
            let text = |tokens: &[i32]| -> String {
                tokens.iter().map(|token| vocab.text(*token)).collect()
            };
            let before = text(&cached[common.saturating_sub(BEFORE)..common]);
            let after = text(&cached[common..(common + AFTER).min(cached.len())]);
            if is_thought(&before, &after) {
                Missed::Thinking
            } else {
                let bytes = |tokens: &[i32]| -> usize {
                    tokens.iter().map(|token| vocab.bytes(*token).len()).sum()
                };
                let written: usize = made.segments.iter().map(|segment| segment.text.len()).sum();
                // A token that begins the sequence need not be part of the text.
                let unwritten = bytes(prompt).saturating_sub(written);
                let at = bytes(&prompt[..common]).saturating_sub(unwritten);
                Missed::Differs(part_at(&made.segments, messages, at))
            }
        };
        let tokens = count_of(cached.len().min(prompt.len()));
        Some(Had { tokens, why })
    }

    /// Tells why tokens that were there are computed again, if some are.
    pub(super) fn tell_missed(&mut self, request: RequestId, had: Option<Had>, keep: usize) {
        // The last token of a prompt is computed in any case.
        if let Some(Had { tokens, why }) = had
            && count_of(keep) + 1 < tokens
        {
            self.mail.outbox.push(EngineEvent::Missed {
                request,
                tokens,
                why,
            });
        }
    }

    /// The cache of a slot's conversation leaves the context.
    pub(super) fn note_lost(&mut self, index: usize, why: Missed) {
        let slot = &self.slots[index];
        if let Some(conversation) = slot.conversation.filter(|_| slot.n_cached > 0) {
            self.lost.note(conversation, count_of(slot.n_cached), why);
        }
    }
}
