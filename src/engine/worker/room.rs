//! When the KV cache or the context is full, or a step did not come to its end.

use super::{Worker, sequence};
use crate::engine::scheduler::Chunk;
use crate::engine::{Missed, StopReason};

impl Worker {
    /// Shifts or ends replies that have filled the context.
    pub(super) fn make_way(&mut self) {
        for index in 0..self.slots.len() {
            let Some(running) = &self.running else { return };
            let n_ctx = running.context_info.n_ctx;
            let slot = &self.slots[index];
            if slot.reply.is_some() && slot.tokens.len() >= n_ctx as usize && !self.shift(index) {
                self.finish(index, StopReason::ContextFull { n_ctx });
            }
        }
    }

    /// Forgets half of what comes after the kept beginning; false when that is not possible.
    fn shift(&mut self, index: usize) -> bool {
        let Some(running) = &mut self.running else {
            return false;
        };
        let slot = &mut self.slots[index];
        let Some(reply) = &mut slot.reply else {
            return false;
        };
        if !reply.request.reply.context_shift || !running.context.can_shift() {
            return false;
        }
        // Negative = the whole prompt.
        let keep = usize::try_from(reply.request.reply.keep)
            .unwrap_or(reply.n_prompt)
            .min(reply.n_prompt);
        // The token that begins a sequence draws attention from all others; without it models fail.
        let vocab = running.open.model.vocab();
        let begins = vocab.adds_bos() && slot.tokens.first() == Some(&vocab.bos());
        let keep = keep.max(usize::from(begins));
        let discard = slot.tokens.len().saturating_sub(keep) / 2;
        if discard == 0 {
            return false;
        }
        let seq = sequence(index);
        let end = keep + discard;
        // Moving cells that another sequence shares would move them there too.
        if slot.shares || slot.n_cached <= end || !running.context.remove(seq, keep, Some(end)) {
            if keep == 0 || !running.context.remove(seq, keep, None) {
                running.context.clear(seq);
                slot.n_cached = 0;
                slot.shares = false;
            }
            slot.n_cached = slot.n_cached.min(keep);
        } else {
            running.context.shift(seq, end, discard);
            slot.n_cached -= discard;
        }
        slot.tokens.drain(keep..end);
        slot.shifted = true;
        tracing::info!(request = ?reply.id(), keep, discard, "the context was full and has been shifted");
        true
    }

    /// Frees cells of the KV cache: idle conversations first, then the youngest reply waits until
    /// another has ended; the last one left has the whole context and is full.
    pub(super) fn make_room(&mut self) {
        if self.forget_idle(None) {
            return;
        }
        let Some(running) = &mut self.running else {
            return;
        };
        let mut active: Vec<(u64, usize)> = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            active.extend(
                slot.reply
                    .as_ref()
                    .filter(|reply| !reply.paused)
                    .map(|reply| (reply.order, index)),
            );
        }
        active.sort_unstable();
        match *active.as_slice() {
            [] => {}
            [(_, only)] => {
                let n_ctx = running.context_info.n_ctx;
                self.finish(only, StopReason::ContextFull { n_ctx });
            }
            [.., (_, youngest)] => {
                running.context.clear(sequence(youngest));
                let slot = &mut self.slots[youngest];
                slot.forget_cache();
                if let Some(reply) = &mut slot.reply {
                    tracing::info!(request = ?reply.id(), "a reply waits for room in the KV cache");
                    reply.paused = true;
                }
            }
        }
    }

    /// Puts the idle conversation used longest ago away; false when there is none but `except`.
    pub(super) fn forget_idle(&mut self, except: Option<usize>) -> bool {
        let idle = self.slots.iter().enumerate().filter(|(index, slot)| {
            slot.reply.is_none() && slot.n_cached > 0 && Some(*index) != except
        });
        let Some((index, slot)) = idle.min_by_key(|(_, slot)| slot.last_used) else {
            return false;
        };
        let tokens = slot.n_cached;
        tracing::info!(
            slot = index,
            tokens,
            "an idle conversation left the KV cache"
        );
        self.note_lost(index, Missed::Taken);
        self.shelve(index);
        if let Some(running) = &mut self.running {
            running.context.clear(sequence(index));
        }
        self.slots[index].forget_cache();
        true
    }

    /// Brings the KV cache back to what the slots say is in it.
    pub(super) fn roll_back(&mut self, plan: &[Chunk]) {
        let Some(running) = &mut self.running else {
            return;
        };
        for chunk in plan {
            let slot = &mut self.slots[chunk.slot];
            let seq = sequence(chunk.slot);
            if slot.n_cached == 0 || !running.context.remove(seq, slot.n_cached, None) {
                running.context.clear(seq);
                slot.forget_cache();
            }
        }
    }
}
