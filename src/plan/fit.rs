//! Lowering what the user left automatic until a model fits.

use std::ops::RangeInclusive;

use super::memory::{CONTEXT_STEP, Memory, Placement, Run, kv_bytes_per_token, place};
use super::room::{Capacity, Part, Room, Shortage, Weights, size};
use crate::gguf::Facts;

/// What the user set, and what is left to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens; 0 = as many as the model was trained for, or fewer.
    pub n_ctx: u32,
    /// Layers on GPUs, the output counted; `None` = as many as fit.
    pub n_gpu_layers: Option<u32>,
    /// The smallest context that may be chosen.
    pub fit_ctx: u32,
    /// Bytes to leave free on each device.
    pub fit_target: u64,
}

impl Limits {
    /// The contexts that may be chosen, in tokens.
    pub fn contexts(&self, facts: &Facts) -> RangeInclusive<u32> {
        let least = self.fit_ctx.max(CONTEXT_STEP);
        match (self.n_ctx, facts.n_ctx_train) {
            (0, 0) => {
                let n_ctx = least.max(UNTOLD);
                n_ctx..=n_ctx
            }
            (0, trained) => least.min(trained)..=trained,
            (n_ctx, _) => n_ctx..=n_ctx,
        }
    }

    /// The same with nothing left to choose: the longest context and all layers on GPUs.
    pub fn all(&self, facts: &Facts) -> Self {
        Self {
            n_ctx: *self.contexts(facts).end(),
            n_gpu_layers: self.n_gpu_layers.or(Some(facts.n_layer.saturating_add(1))),
            ..*self
        }
    }
}

/// Tokens for a model whose file does not tell what it was trained for.
const UNTOLD: u32 = 4096;

/// The numbers to load with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    pub n_ctx: u32,
    pub n_gpu_layers: u32,
    /// Of loaded weights only those that may be given up count here.
    pub placement: Placement,
    /// What was lowered and why, and what will be slow; empty when nothing was.
    pub notes: Vec<String>,
    /// Whether all of it fits by the estimate, with what is to stay free.
    pub fits: bool,
    /// Set when this cannot run, however good or bad the estimate: the cache, or the cache and
    /// five sixths of the compute buffers, take more than is free, or the weights take more than there is. Mapped weights that are merely not
    /// free are read from disk as they are needed: slow, and told in the notes.
    pub shortage: Option<Shortage>,
}

/// Chooses context and layers on GPUs: all layers with a context as long as may be, and if even
/// the shortest allowed does not fit, fewer layers with that. `run` gives everything else.
pub fn fit(facts: &Facts, room: &Room, run: &Run, limits: &Limits) -> Fit {
    let all = facts.n_layer.saturating_add(1);
    let most = if room.gpus.is_empty() {
        0
    } else {
        limits.n_gpu_layers.unwrap_or(all).min(all)
    };
    let least = if limits.n_gpu_layers.is_some() {
        most
    } else {
        0
    };
    let (shortest, longest) = limits.contexts(facts).into_inner();
    let placed = |n_gpu_layers, n_ctx| {
        let run = Run {
            n_gpu_layers,
            n_ctx,
            ..run.clone()
        };
        placed(facts, &run, room)
    };
    let target = limits.fit_target;
    // System memory has the less to hold the more is on GPUs, so they alone decide.
    let n_gpu_layers = (least..=most)
        .rev()
        .find(|layers| gpus_hold(&placed(*layers, shortest), room, target))
        .unwrap_or(least);
    let fits = |n_ctx| holds_all(&placed(n_gpu_layers, n_ctx), room, target);
    let at_floor = !fits(shortest);
    let n_ctx = if at_floor {
        shortest
    } else {
        longest_that(shortest, longest, fits)
    };
    let placement = placed(n_gpu_layers, n_ctx);
    let mut notes = Vec::new();
    if n_gpu_layers < most {
        let spare = size(target);
        notes.push(format!("n-gpu-layers: {n_gpu_layers} of {all} layers fit on the GPUs; {spare} stay free on each"));
    }
    if n_ctx < longest {
        let per_token = size(kv_bytes_per_token(facts, run.type_k, run.type_v));
        let bound = if at_floor {
            "this is the least that fit-ctx allows".to_owned()
        } else {
            format!("{} stay free", size(target))
        };
        notes.push(format!(
            "ctx-size: {n_ctx} instead of the model's {longest}: a token takes {per_token} of cache, and {bound}"
        ));
    }
    notes.extend(slow_weights(&placement, room));
    Fit {
        n_ctx,
        n_gpu_layers,
        notes,
        fits: !at_floor,
        shortage: shortage(facts, &placement, room),
        placement,
    }
}

/// What keeps a model from ever running on this machine, whatever else is ended before.
pub fn never_fits(facts: &Facts, room: &Room, run: &Run, limits: &Limits) -> Option<Shortage> {
    let limits = Limits {
        fit_target: 0,
        ..*limits
    };
    let shortage = fit(facts, &room.emptied(), run, &limits).shortage?;
    Some(Shortage {
        has: room.capacity(shortage.gpu),
        ..shortage
    })
}

/// What is still to be placed, and where.
pub(super) fn placed(facts: &Facts, run: &Run, room: &Room) -> Placement {
    let mut placement = place(facts, run, &room.division());
    if let Weights::Loaded { mapped } = room.weights {
        placement.host.weights = mapped;
        for gpu in &mut placement.gpus {
            gpu.weights = 0;
        }
    }
    placement
}

/// Whether every device holds its part, with so much to spare.
pub(super) fn holds_all(placement: &Placement, room: &Room, spare: u64) -> bool {
    gpus_hold(placement, room, spare) && holds(placement.host, room.host, spare)
}

fn gpus_hold(placement: &Placement, room: &Room, spare: u64) -> bool {
    let mut gpus = placement.gpus.iter().zip(&room.gpus);
    gpus.all(|(memory, capacity)| holds(*memory, *capacity, spare))
}

/// Whether a device holds that much; a GPU without anything on it does.
fn holds(memory: Memory, capacity: Capacity, spare: u64) -> bool {
    let needs = memory.total();
    needs == 0 || needs.saturating_add(spare) <= capacity.free
}

/// What is certain not to fit, and lacks the most.
fn shortage(facts: &Facts, placement: &Placement, room: &Room) -> Option<Shortage> {
    let host = (None, placement.host);
    let gpus = placement.gpus.iter().enumerate();
    let gpus = gpus.map(|(gpu, memory)| (Some(gpu), *memory));
    let lacks = std::iter::once(host).chain(gpus).flat_map(|(gpu, memory)| {
        let has = room.capacity(gpu);
        let short = move |part, needs: u64, most: u64| {
            let shortage = Shortage {
                part,
                gpu,
                needs,
                has,
            };
            needs
                .checked_sub(most)
                .filter(|lack| *lack > 0)
                .map(|lack| (lack, shortage))
        };
        let weights = match room.weights {
            Weights::ToLoad => short(Part::Weights, memory.weights, has.total),
            Weights::Loaded { .. } => None,
        };
        let cache = if facts.rough_cache {
            None
        } else {
            short(Part::Cache, memory.kv, has.free)
        };
        // As much as the estimate of the buffers is ever too high.
        let surely = memory.compute - memory.compute / 6;
        let working = match facts.rough_cache || cache.is_some() {
            true => None,
            false => short(
                Part::CacheAndBuffers,
                memory.kv.saturating_add(surely),
                has.free,
            ),
        };
        [weights, cache, working].into_iter().flatten()
    });
    lacks
        .max_by_key(|(lack, _)| *lack)
        .map(|(_, shortage)| shortage)
}

/// Weights that system memory has, but not free.
fn slow_weights(placement: &Placement, room: &Room) -> Option<String> {
    let needs = placement.host.weights;
    if room.weights != Weights::ToLoad || needs <= room.host.free {
        return None;
    }
    let shortage = Shortage {
        part: Part::Weights,
        gpu: None,
        needs,
        has: room.host,
    };
    Some(format!(
        "memory: {shortage}, so parts of them will be read from disk again and again, which is slow"
    ))
}

/// The longest context that fits, in steps; `shortest` is known to.
pub(super) fn longest_that(shortest: u32, longest: u32, fits: impl Fn(u32) -> bool) -> u32 {
    if fits(longest) {
        return longest;
    }
    let (mut low, mut high) = (shortest / CONTEXT_STEP, longest.div_ceil(CONTEXT_STEP));
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle * CONTEXT_STEP) {
            low = middle
        } else {
            high = middle
        }
    }
    (low * CONTEXT_STEP).max(shortest)
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::{llama_8b, run};
    use super::*;
    use proptest::prelude::*;

    const GB: u64 = 1 << 30;
    const AUTOMATIC: Limits = Limits {
        n_ctx: 0,
        n_gpu_layers: None,
        fit_ctx: 4096,
        fit_target: GB,
    };

    /// All free, in GiB.
    fn room(host: u64, gpus: &[u64]) -> Room {
        let all_free = |gib: u64| Capacity {
            free: gib * GB,
            total: gib * GB,
        };
        Room {
            host: all_free(host),
            gpus: gpus.iter().copied().map(all_free).collect(),
            ..Room::default()
        }
    }

    fn with(host: u64, gpus: &[u64], limits: Limits) -> Fit {
        fit(&llama_8b(), &room(host, gpus), &run(), &limits)
    }

    #[test]
    fn nothing_is_lowered_where_there_is_room() {
        let fit = with(64, &[48], AUTOMATIC);
        assert_eq!(
            (fit.n_ctx, fit.n_gpu_layers, fit.shortage, fit.fits),
            (131_072, 33, None, true)
        );
        assert!(fit.notes.is_empty());
        assert_eq!(with(64, &[], AUTOMATIC).n_gpu_layers, 0);
    }

    #[test]
    fn the_context_is_lowered_before_the_layers() {
        let fit = with(64, &[12], AUTOMATIC);
        assert_eq!(fit.n_gpu_layers, 33);
        insta::assert_snapshot!(fit.notes.join("\n"), @"ctx-size: 26624 instead of the model's 131072: a token takes 128 KiB of cache, and 1.0 GiB stay free");
        let fit = with(64, &[6], AUTOMATIC);
        insta::assert_snapshot!(fit.notes.join("\n"), @r"
        n-gpu-layers: 19 of 33 layers fit on the GPUs; 1.0 GiB stay free on each
        ctx-size: 4608 instead of the model's 131072: a token takes 128 KiB of cache, and 1.0 GiB stay free
        ");
    }

    #[test]
    fn a_full_system_memory_takes_nothing_from_the_gpus() {
        let fit = with(1, &[24], AUTOMATIC);
        assert_eq!((fit.n_gpu_layers, fit.n_ctx, fit.fits), (33, 4096, false));
        insta::assert_snapshot!(fit.notes.join("\n"), @"ctx-size: 4096 instead of the model's 131072: a token takes 128 KiB of cache, and this is the least that fit-ctx allows");
    }

    #[test]
    fn a_file_that_does_not_tell_its_context_gets_a_usual_one() {
        let untold = Facts {
            n_ctx_train: 0,
            ..llama_8b()
        };
        assert_eq!(AUTOMATIC.contexts(&untold), 4096..=4096);
        let least = |fit_ctx| Limits {
            fit_ctx,
            ..AUTOMATIC
        };
        assert_eq!(least(8192).contexts(&untold), 8192..=8192);
        assert_eq!(least(0).contexts(&llama_8b()), 256..=131_072);
        assert_eq!(least(200_000).contexts(&llama_8b()), 131_072..=131_072);
    }

    #[test]
    fn a_cache_larger_than_what_is_free_is_a_shortage() {
        let set = Limits {
            n_ctx: 1 << 20,
            n_gpu_layers: Some(33),
            ..AUTOMATIC
        };
        let fit = with(64, &[12], set);
        assert_eq!((fit.n_ctx, fit.n_gpu_layers), (1 << 20, 33));
        insta::assert_snapshot!(fit.shortage.expect("too large"), @"the KV cache takes 128.0 GiB of memory on GPU 0; 12.0 GiB of its 12.0 GiB are free");
        // Only the estimate says that this does not fit.
        let set = Limits {
            n_ctx: 65_536,
            ..set
        };
        let fit = with(64, &[12], set);
        assert_eq!((fit.fits, fit.shortage), (false, None));
        // A cache that fits, but not what computing takes beside it.
        let set = Limits {
            n_ctx: 98_000,
            ..set
        };
        let part = with(64, &[12], set).shortage.map(|shortage| shortage.part);
        assert_eq!(part, Some(Part::CacheAndBuffers));
        // Windows and recurrent layers take less than is counted.
        let windowed = Facts {
            rough_cache: true,
            ..llama_8b()
        };
        let set = Limits {
            n_ctx: 1 << 20,
            ..AUTOMATIC
        };
        assert_eq!(
            super::fit(&windowed, &room(8, &[]), &run(), &set).shortage,
            None
        );
    }

    #[test]
    fn weights_in_the_page_cache_are_not_free() {
        let loaded = |mapped| Room {
            weights: Weights::Loaded { mapped },
            ..room(16, &[])
        };
        let n_ctx = |mapped| fit(&llama_8b(), &loaded(mapped), &run(), &AUTOMATIC).n_ctx;
        assert!(n_ctx(8 * GB) < n_ctx(0));
        // 128 KiB a token: the context is smaller by about what is mapped.
        assert!((n_ctx(0) - n_ctx(8 * GB)).abs_diff(65_536) < 2048);
        // They can be given up, so the cache is refused by what is free beside it alone.
        assert_eq!(
            fit(&llama_8b(), &loaded(20 * GB), &run(), &AUTOMATIC).shortage,
            None
        );
    }

    #[test]
    fn layers_stay_divided_as_they_were_loaded() {
        let after = Room {
            shares: vec![3, 1],
            weights: Weights::Loaded { mapped: 0 },
            ..room(64, &[1, 8])
        };
        let set = Limits {
            n_ctx: 8192,
            n_gpu_layers: Some(33),
            ..AUTOMATIC
        };
        let placement = fit(&llama_8b(), &after, &run(), &set).placement;
        assert!(placement.gpus[0].kv > 2 * placement.gpus[1].kv);
        assert_eq!(placement.gpus[0].weights, 0);
    }

    #[test]
    fn weights_that_are_not_free_are_told_and_those_beyond_the_machine_refused() {
        let busy = Room {
            host: Capacity {
                free: 4 * GB,
                total: 16 * GB,
            },
            ..Room::default()
        };
        let fit = fit(&llama_8b(), &busy, &run(), &AUTOMATIC);
        assert_eq!(fit.shortage, None);
        insta::assert_snapshot!(fit.notes.join("\n"), @r"
        ctx-size: 4096 instead of the model's 131072: a token takes 128 KiB of cache, and this is the least that fit-ctx allows
        memory: the weights take 7.9 GiB of system memory; 4.0 GiB of its 16.0 GiB are free, so parts of them will be read from disk again and again, which is slow
        ");
        assert_eq!(never_fits(&llama_8b(), &busy, &run(), &AUTOMATIC), None);
        let small = Room {
            host: Capacity {
                free: 3 * GB,
                total: 6 * GB,
            },
            ..Room::default()
        };
        insta::assert_snapshot!(never_fits(&llama_8b(), &small, &run(), &AUTOMATIC).expect("too large"), @"the weights take 7.9 GiB of system memory; 3.0 GiB of its 6.0 GiB are free");
    }

    #[test]
    fn gpus_take_weights_that_system_memory_cannot() {
        let busy = Room {
            gpus: vec![Capacity {
                free: 0,
                total: 6 * GB,
            }],
            ..room(4, &[])
        };
        let ever = |limits| never_fits(&llama_8b(), &busy, &run(), &limits);
        // What fills the GPU now may be what this model is to replace.
        assert_eq!(ever(AUTOMATIC), None);
        let on = |layers| Limits {
            n_gpu_layers: Some(layers),
            ..AUTOMATIC
        };
        assert_eq!(ever(on(0)).map(|lack| lack.gpu), Some(None));
        assert_eq!(ever(on(33)).map(|lack| lack.gpu), Some(Some(0)));
        let long = Limits {
            n_ctx: 1 << 20,
            ..on(20)
        };
        assert_eq!(ever(long).map(|lack| lack.part), Some(Part::Cache));
    }

    proptest! {
        #[test]
        fn a_fit_fits_and_one_step_more_does_not(host in 0u64..40, gpus in prop::collection::vec(0u64..24, 0..3), n_ctx in prop::sample::select(vec![0u32, 2048, 40_000]), layers in prop::option::of(0u32..40)) {
            let limits = Limits { n_ctx, n_gpu_layers: layers, ..AUTOMATIC };
            let room = room(host, &gpus);
            let fit = fit(&llama_8b(), &room, &run(), &limits);
            let place = |n_gpu_layers, n_ctx| placed(&llama_8b(), &Run { n_gpu_layers, n_ctx, ..run() }, &room);
            let fits = |placement: &Placement| gpus_hold(placement, &room, GB) && holds(placement.host, room.host, GB);
            prop_assert_eq!(fit.fits, fits(&fit.placement));
            let floor = if n_ctx == 0 { 4096 } else { n_ctx };
            prop_assert!(fit.fits || fit.n_ctx == floor);
            prop_assert!(n_ctx == 0 || fit.n_ctx == n_ctx);
            prop_assert!(fit.n_ctx >= floor && (n_ctx > 0 || fit.n_ctx <= 131_072));
            if fit.fits && n_ctx == 0 && fit.n_ctx < 131_072 {
                prop_assert!(!fits(&place(fit.n_gpu_layers, fit.n_ctx + 256)));
            }
            let most = if gpus.is_empty() { 0 } else { layers.unwrap_or(33).min(33) };
            prop_assert!(layers.is_none() || fit.n_gpu_layers == most);
            if fit.n_gpu_layers < most {
                prop_assert!(!gpus_hold(&place(fit.n_gpu_layers + 1, floor), &room, GB));
            }
            // What can never run does not run now.
            if never_fits(&llama_8b(), &room, &run(), &limits).is_some() {
                prop_assert!(!fit.fits);
            }
        }
    }
}
