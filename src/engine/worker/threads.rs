//! As many threads as cores are free, where the user leaves their number to the engine.

use std::time::Instant;

use super::Worker;
use crate::engine::EngineEvent;
use crate::engine::contention::{self, Contention, WINDOW};
use crate::engine::llama::Threads;

/// Watches the other processes while there is work.
#[derive(Debug, Default)]
pub(super) struct Watch {
    contention: Contention,
    looked: Option<Instant>,
    /// `None` until something was seen.
    free: Option<u32>,
}

impl Watch {
    /// Whether it is time for a look.
    fn is_due(&mut self, now: Instant) -> bool {
        let since = self.looked.map(|looked| now - looked);
        if since.is_some_and(|since| since < WINDOW) {
            return false;
        }
        self.looked = Some(now);
        true
    }
}

impl Worker {
    /// There was no work: what other processes did meanwhile says nothing.
    pub(super) fn rest(&mut self) {
        self.watch.contention.pause();
    }

    /// Looks around, a few times a second, and runs no more threads than cores are free.
    pub(super) fn mind_other_processes(&mut self) {
        if !self.watch.is_due(Instant::now()) {
            return;
        }
        let Some(running) = &mut self.running else {
            return;
        };
        let asked = running.asked.threads;
        // Threads that were asked for stay as they are.
        if asked.n_threads > 0 {
            return;
        }
        let Some(time) = contention::read() else {
            return;
        };
        let wanted = Threads::resolve(asked, running.open.facts.size_bytes);
        self.watch.free = self.watch.contention.observe(time).or_else(|| {
            let free = contention::glance(wanted.single.max(wanted.batch).unsigned_abs());
            free.inspect(|free| self.watch.contention.assume(*free))
        });
        let Some(free) = self.watch.free else {
            return;
        };
        let now = wanted.within(asked, free);
        if running.context.asked_threads() == now {
            return;
        }
        running.compute_with(now);
        let info = &running.context_info;
        let (n_threads, n_threads_batch) = (info.n_threads, info.n_threads_batch);
        tracing::info!(
            n_threads,
            n_threads_batch,
            free,
            "threads follow the free cores"
        );
        let given_up = (wanted.single - now.single).max(wanted.batch - now.batch);
        self.mail.outbox.push(EngineEvent::Threads {
            n_threads,
            n_threads_batch,
            given_up: given_up.unsigned_abs(),
        });
    }
}
