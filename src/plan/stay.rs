//! What models that are in memory leave to another one, and which of them can stay beside it.

use super::fit::{Limits, fit};
use super::memory::Run;
use super::room::Room;
use crate::gguf::Facts;

/// What a model in memory takes, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// System memory that is free again once it has gone.
    pub host: u64,
    /// Memory of each GPU, in the order of [`Room::gpus`].
    pub gpus: Vec<u64>,
    /// Weights in the page cache. They count as free memory, and are read from disk again when
    /// something else takes it.
    pub mapped: u64,
}

/// The models that are in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// The one that runs.
    pub running: Option<Taken>,
    /// The one held beside it.
    pub held: Option<Taken>,
}

/// Which of them stay while another is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    Both,
    /// The one that runs; the one held goes.
    Running,
    Nothing,
}

impl Room {
    /// This room once a model has gone.
    pub fn without(mut self, gone: &Taken) -> Self {
        let gpus = self.gpus.iter_mut().zip(&gone.gpus);
        for (device, bytes) in gpus.chain([(&mut self.host, &gone.host)]) {
            device.free = device.free.saturating_add(*bytes).min(device.total);
        }
        self
    }

    /// This room beside a model that stays: its weights in the page cache are not to be displaced.
    pub fn beside(mut self, stays: &Taken) -> Self {
        self.host.free = self.host.free.saturating_sub(stays.mapped);
        self
    }
}

impl Present {
    /// The room that is left to another model when so much of this stays.
    pub fn leaves(&self, room: &Room, stay: Stay) -> Room {
        let both = [
            (&self.running, stay != Stay::Nothing),
            (&self.held, stay == Stay::Both),
        ];
        let mut left = room.clone();
        for (model, stays) in both {
            left = match model {
                Some(model) if stays => left.beside(model),
                Some(model) => left.without(model),
                None => left,
            };
        }
        left
    }

    /// As much of this as leaves another model all that it asks for: no shorter context and no
    /// fewer layers on GPUs than it would get for itself on a machine that has them.
    pub fn stays(&self, facts: &Facts, room: &Room, run: &Run, limits: &Limits) -> Stay {
        let gets_all = |stay: &Stay| {
            let fit = fit(facts, &self.leaves(room, *stay), run, limits);
            fit.fits && fit.notes.is_empty()
        };
        [Stay::Both, Stay::Running]
            .into_iter()
            .find(gets_all)
            .unwrap_or(Stay::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::{llama_8b, run};
    use super::super::room::Capacity;
    use super::*;

    const GIB: u64 = 1 << 30;

    fn room(free: u64) -> Room {
        Room {
            host: Capacity {
                free: free * GIB,
                total: 64 * GIB,
            },
            ..Room::default()
        }
    }

    fn present(running: Taken, held: Taken) -> Present {
        Present {
            running: Some(running),
            held: Some(held),
        }
    }

    fn host(gib: u64) -> Taken {
        Taken {
            host: gib * GIB,
            ..Taken::default()
        }
    }

    /// Weights of 4.3 GiB and a cache of 1 GiB.
    fn stays(present: &Present, free: u64, n_ctx: u32) -> Stay {
        let limits = Limits {
            n_ctx,
            n_gpu_layers: None,
            fit_ctx: 4096,
            fit_target: GIB,
        };
        present.stays(&llama_8b(), &room(free), &run(), &limits)
    }

    #[test]
    fn the_one_held_goes_first_and_the_one_that_runs_only_where_that_is_not_enough() {
        let both = present(host(10), host(10));
        assert_eq!(stays(&both, 20, 8192), Stay::Both);
        assert_eq!(stays(&both, 2, 8192), Stay::Running);
        let held_is_small = present(host(10), host(1));
        assert_eq!(stays(&held_is_small, 2, 8192), Stay::Nothing);
    }

    #[test]
    fn nothing_stays_for_which_the_context_would_be_shorter() {
        let both = present(host(20), host(0));
        assert_eq!(stays(&both, 40, 0), Stay::Both);
        assert_eq!(stays(&both, 20, 0), Stay::Nothing);
        assert_eq!(stays(&both, 20, 4096), Stay::Both);
    }

    #[test]
    fn weights_in_the_page_cache_are_in_the_way_only_while_they_stay() {
        let mapped = |gib: u64| Taken {
            mapped: gib * GIB,
            ..Taken::default()
        };
        let room = room(20);
        let free = |present: &Present, stay| present.leaves(&room, stay).host.free / GIB;
        let both = present(mapped(5), mapped(7));
        assert_eq!(free(&both, Stay::Both), 8);
        assert_eq!(free(&both, Stay::Running), 15);
        assert_eq!(free(&both, Stay::Nothing), 20);
    }

    #[test]
    fn what_goes_gives_back_no_more_than_there_is() {
        let gpus = Room {
            gpus: vec![Capacity { free: 3, total: 8 }; 2],
            ..room(60)
        };
        let gone = Taken {
            host: 10 * GIB,
            gpus: vec![2, 9],
            mapped: 0,
        };
        let left = gpus.without(&gone);
        assert_eq!(left.host.free, 64 * GIB);
        assert_eq!([left.gpus[0].free, left.gpus[1].free], [5, 8]);
    }
}
