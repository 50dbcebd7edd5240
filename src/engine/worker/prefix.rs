//! Taking over what another sequence has computed.

use super::{Running, Slot, Worker, sequence};
use crate::engine::PrefixSharing;
use crate::engine::prefix::{Sequence, Turn, turns};
use crate::engine::reply::count_of;

impl Worker {
    /// Lets slots take over what others have computed; tells of each slot whether it waits for
    /// what another one is computing.
    pub(super) fn follow(&mut self) -> Vec<bool> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        if running.context_info.sharing.why_not().is_some() {
            return vec![false; self.slots.len()];
        }
        let sequences: Vec<Sequence<'_>> = self.slots.iter().map(Slot::as_sequence).collect();
        let plan = turns(&sequences);
        for (index, turn) in plan.iter().enumerate() {
            if let Turn::Take { from, tokens } = *turn {
                self.take_over(index, from, tokens);
            }
        }
        plan.iter().map(|turn| *turn == Turn::Wait).collect()
    }

    fn take_over(&mut self, index: usize, from: usize, tokens: usize) {
        let Some(running) = &mut self.running else {
            return;
        };
        let taken = running.share(from, index, tokens);
        if taken {
            self.slots[from].shares = true;
        }
        let slot = &mut self.slots[index];
        slot.shares = taken;
        slot.n_cached = if taken { tokens } else { 0 };
        let Some(reply) = &mut slot.reply else { return };
        reply.may_follow = taken;
        if reply.generated == 0 {
            // What it computed itself before counts as computed.
            reply.clock.cache_n = count_of(slot.n_cached).saturating_sub(reply.clock.prompt_n);
            self.mail.outbox.push(reply.prefill_event(slot.n_cached));
        }
    }
}

impl Running {
    /// Lets a sequence share the first tokens of another in place of its own. False when a sliding
    /// window has left behind what the next token looks at: the sequence is empty then.
    pub(super) fn share(&mut self, from: usize, into: usize, tokens: usize) -> bool {
        let into = sequence(into);
        self.context.clear(into);
        self.context.share(sequence(from), into, tokens);
        if self.context_info.sharing == PrefixSharing::Whole {
            return true;
        }
        let window = self.open.facts.n_swa as usize;
        let reaches = self
            .context
            .first_position(into)
            .is_some_and(|first| first <= tokens.saturating_sub(window));
        if !reaches {
            self.context.clear(into);
        }
        reaches
    }
}

impl Slot {
    fn as_sequence(&self) -> Sequence<'_> {
        let reply = self.reply.as_ref().filter(|reply| !reply.paused);
        Sequence {
            tokens: &self.tokens,
            n_cached: self.n_cached.min(self.tokens.len()),
            order: reply.map(|reply| reply.order),
            may_take: reply.is_some_and(|reply| reply.may_follow),
        }
    }
}
