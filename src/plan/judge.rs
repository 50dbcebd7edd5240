//! Does a model fit, how much of it could, and what lacks where.

use super::fit::{Fit, Limits, fit, holds_all, longest_that, placed};
use super::memory::{CONTEXT_STEP, Memory, Run};
use super::room::{Capacity, Room};
use crate::gguf::Facts;

/// The answer, with what was chosen on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub fit: Fit,
    /// Whether all of it fits, with what is to stay free.
    pub fits: bool,
    /// Layers that GPUs hold at the shortest context allowed, the output counted as one; `None`
    /// when it fits with no number of them.
    pub max_n_gpu_layers: Option<u32>,
    /// Tokens that fit with the layers chosen; `None` when not even the shortest does. No more
    /// than the model was trained for, unless more was asked for.
    pub max_ctx_size: Option<u32>,
    /// Devices that lack memory.
    pub lacks: Vec<Lack>,
}

/// What a device would have to hold, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The GPU by its index; `None` = system memory.
    pub gpu: Option<usize>,
    pub needs: Memory,
    /// Bytes to leave free.
    pub spare: u64,
    pub has: Capacity,
}

impl Lack {
    /// Bytes that are missing.
    pub fn bytes(&self) -> u64 {
        let needs = self.needs.total().saturating_add(self.spare);
        needs.saturating_sub(self.has.free)
    }
}

/// Chooses what was left automatic as [`fit`] does, and looks at what comes out.
pub fn judge(facts: &Facts, room: &Room, run: &Run, limits: &Limits) -> Verdict {
    let fit = fit(facts, room, run, limits);
    let spare = limits.fit_target;
    let at = |n_gpu_layers: u32, n_ctx: u32| {
        let run = Run {
            n_gpu_layers,
            n_ctx,
            ..run.clone()
        };
        holds_all(&placed(facts, &run, room), room, spare)
    };
    let shortest = *limits.contexts(facts).start();
    let all = facts.n_layer.saturating_add(1);
    let most = if room.gpus.is_empty() { 0 } else { all };
    let max_n_gpu_layers = (0..=most).rev().find(|layers| at(*layers, shortest));
    let longest = facts.n_ctx_train.max(fit.n_ctx).max(CONTEXT_STEP);
    let holds = |n_ctx| at(fit.n_gpu_layers, n_ctx);
    let max_ctx_size =
        holds(CONTEXT_STEP).then(|| longest_that(CONTEXT_STEP, longest, holds).min(longest));
    let devices = (0..fit.placement.gpus.len()).map(Some).chain([None]);
    let lacks = devices.map(|gpu| Lack {
        gpu,
        needs: gpu.map_or(fit.placement.host, |gpu| fit.placement.gpus[gpu]),
        spare,
        has: room.capacity(gpu),
    });
    let lacks: Vec<Lack> = lacks
        .filter(|lack| lack.needs.total() > 0 && lack.bytes() > 0)
        .collect();
    Verdict {
        fits: lacks.is_empty(),
        max_n_gpu_layers,
        max_ctx_size,
        lacks,
        fit,
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::{llama_8b, run};
    use super::*;
    use proptest::prelude::*;

    const GB: u64 = 1 << 30;

    fn room(host: u64, gpu: u64) -> Room {
        let free = |bytes| Capacity {
            free: bytes,
            total: bytes,
        };
        Room {
            host: free(host),
            gpus: vec![free(gpu)],
            ..Room::default()
        }
    }

    fn limits(n_ctx: u32, n_gpu_layers: Option<u32>) -> Limits {
        Limits {
            n_ctx,
            n_gpu_layers,
            fit_ctx: 4096,
            fit_target: GB,
        }
    }

    #[test]
    fn a_no_has_its_reason_and_what_would_fit() {
        let verdict = judge(
            &llama_8b(),
            &room(64 * GB, 6 * GB),
            &run(),
            &limits(8192, Some(33)),
        );
        assert!(!verdict.fits);
        let [lack] = verdict.lacks.as_slice() else {
            panic!("{:?}", verdict.lacks)
        };
        assert_eq!((lack.gpu, lack.has.free), (Some(0), 6 * GB));
        assert!((2 * GB..5 * GB).contains(&lack.bytes()), "{lack:?}");
        let most = verdict.max_n_gpu_layers.expect("some fit");
        assert!((10..33).contains(&most));
        assert_eq!(verdict.max_ctx_size, None);
        let fewer = limits(8192, Some(most));
        assert!(judge(&llama_8b(), &room(64 * GB, 6 * GB), &run(), &fewer).fits);
    }

    #[test]
    fn a_yes_says_how_much_more_there_is_room_for() {
        let verdict = judge(
            &llama_8b(),
            &room(64 * GB, 24 * GB),
            &run(),
            &limits(8192, None),
        );
        assert!(verdict.fits && verdict.lacks.is_empty());
        assert_eq!(verdict.max_n_gpu_layers, Some(33));
        let longest = verdict.max_ctx_size.expect("some");
        assert!((80_000..131_072).contains(&longest), "{longest}");
    }

    proptest! {
        /// What is said to be the most fits, and a step more does not.
        #[test]
        fn the_most_is_the_most(gpu in 1u64..40, host in 1u64..80, any in 0u32..34) {
            let room = room(host * GB, gpu * GB);
            let facts = llama_8b();
            let automatic = judge(&facts, &room, &run(), &limits(0, None));
            let with = |n_ctx, layers| judge(&facts, &room, &run(), &limits(n_ctx, Some(layers)));
            if let Some(n_ctx) = automatic.max_ctx_size {
                let layers = automatic.fit.n_gpu_layers;
                prop_assert!(with(n_ctx, layers).fits);
                prop_assert!(n_ctx >= 131_072 || !with(n_ctx + 256, layers).fits);
            }
            match automatic.max_n_gpu_layers {
                Some(layers) => prop_assert!(with(4096, layers).fits),
                None => prop_assert!(!with(4096, any).fits),
            }
        }
    }
}
