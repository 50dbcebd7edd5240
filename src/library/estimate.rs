//! Whether a model fits a machine and how fast it can be, from its header alone.

use crate::gguf::Facts;
use crate::plan::{self, Limits, Present, Room, Run, Stay};

/// What a load would come out as.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Whether all of it fits into what is free once the models that have to go are gone.
    pub fits: bool,
    /// Layers on GPUs, the output counted as one.
    pub n_gpu_layers: u32,
    /// Layers there are, counted so.
    pub n_layers: u32,
    /// Tokens of the context that fits.
    pub n_ctx: u32,
    /// Bytes on all devices together.
    pub needs: u64,
    /// Bytes that are missing.
    pub lacks: u64,
    /// Tokens per second at most: bandwidth / bytes read; `None` where a bandwidth is not known.
    pub ceiling: Option<f64>,
    /// What becomes of the model that runs.
    pub running: RunningThen,
}

/// What becomes of the model that runs when another one is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunningThen {
    /// None runs.
    #[default]
    None,
    /// It is held beside the other one.
    Held,
    /// Only one model is wanted in memory.
    Replaced,
    /// It goes: so many bytes are missing for both, with all that the other one would get alone.
    Gone { lacks: u64 },
}

/// The models in memory that another one would be loaded beside.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    pub present: Present,
    /// Models wanted in memory at once.
    pub models_max: u32,
}

impl Beside {
    /// What becomes of them, and the room that is left.
    fn then(&self, facts: &Facts, room: &Room, run: &Run, limits: &Limits) -> (RunningThen, Room) {
        let present = &self.present;
        let leaves = |stay| present.leaves(room, stay);
        if present.running.is_none() {
            return (RunningThen::None, leaves(Stay::Nothing));
        }
        if self.models_max < 2 {
            return (RunningThen::Replaced, leaves(Stay::Nothing));
        }
        match present.stays(facts, room, run, limits) {
            Stay::Nothing => {
                let all = limits.all(facts);
                let lacks = plan::judge(facts, &leaves(Stay::Running), run, &all).lacks;
                let lacks = lacks.iter().map(plan::Lack::bytes).sum();
                (RunningThen::Gone { lacks }, leaves(Stay::Nothing))
            }
            stay => (RunningThen::Held, leaves(stay)),
        }
    }
}

impl Estimate {
    /// Plans a model. `bandwidths` are bytes per second, of system memory first, then of the GPUs.
    pub fn new(
        facts: &Facts,
        room: &Room,
        beside: &Beside,
        run: &Run,
        limits: &Limits,
        bandwidths: &[Option<u64>],
    ) -> Self {
        let (running, room) = beside.then(facts, room, run, limits);
        let verdict = plan::judge(facts, &room, run, limits);
        let fit = &verdict.fit;
        let placed = fit.placement.gpus.iter().chain([&fit.placement.host]);
        let run = Run {
            n_ctx: fit.n_ctx,
            n_gpu_layers: fit.n_gpu_layers,
            ..run.clone()
        };
        let shares = room.division();
        let reads = plan::read_per_token(facts, &run, &shares, 0);
        Self {
            fits: verdict.fits,
            n_gpu_layers: fit.n_gpu_layers,
            n_layers: facts.n_layer.saturating_add(1),
            n_ctx: fit.n_ctx,
            needs: placed
                .map(|memory| memory.total())
                .fold(0, u64::saturating_add),
            lacks: verdict.lacks.iter().map(plan::Lack::bytes).sum(),
            ceiling: plan::tokens_per_second(&reads, bandwidths),
            running,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Capacity, Taken};

    const GIB: u64 = 1 << 30;

    /// What becomes of a model of 8 GiB that runs, and of another one of about 5 GiB with so many
    /// tokens of context (0 = all it was trained for), on a machine that has so much free.
    fn load(free: u64, n_ctx: u32, models_max: u32) -> Estimate {
        let (facts, _) = plan::typical(8_000_000_000, "Q4_K_M", None).expect("a usual model");
        let room = Room {
            host: Capacity {
                free: free * GIB,
                total: 32 * GIB,
            },
            ..Room::default()
        };
        let runs = Taken {
            host: 8 * GIB,
            ..Taken::default()
        };
        let beside = Beside {
            present: Present {
                running: Some(runs),
                held: None,
            },
            models_max,
        };
        let limits = Limits {
            n_ctx,
            n_gpu_layers: None,
            fit_ctx: 4096,
            fit_target: GIB,
        };
        Estimate::new(&facts, &room, &beside, &Run::default(), &limits, &[])
    }

    #[test]
    fn a_model_that_runs_stays_where_the_other_one_gets_all_it_asks_for() {
        let both = load(20, 4096, 2);
        assert_eq!((both.running, both.fits), (RunningThen::Held, true));
        let one = load(3, 4096, 2);
        let RunningThen::Gone { lacks } = one.running else {
            panic!("{one:?}");
        };
        assert!((2 * GIB..6 * GIB).contains(&lacks), "{lacks}");
        assert!(one.fits, "its room is free once the other one has gone");
        // A whole context would fit into the room of both alone.
        let longest = load(12, 0, 2);
        assert!(matches!(longest.running, RunningThen::Gone { lacks } if lacks > 0));
        assert!(longest.n_ctx > load(3, 4096, 2).n_ctx);
    }

    #[test]
    fn only_as_many_models_as_are_wanted_are_counted() {
        assert_eq!(load(20, 4096, 1).running, RunningThen::Replaced);
        assert!(load(0, 4096, 1).fits, "the one that runs makes room");
    }
}
