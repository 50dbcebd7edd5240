//! The test that candidates are measured with, and what they must not cost.

use super::axes::Goal;
use super::search::Request;
use crate::engine::{BenchSample, BenchTest, ContextInfo};

/// Seconds that one repetition should take: long enough to be measured well.
pub(super) const LONG_ENOUGH: f64 = 0.5;

/// What a context lacks that the one at the start has: a setting that costs context or GPU layers
/// has only been made to fit. Layers do not count where their number was chosen.
pub(super) fn less(start: &ContextInfo, now: &ContextInfo, own_layers: bool) -> Option<String> {
    if now.n_ctx < start.n_ctx {
        Some(format!(
            "with it only {} instead of {} tokens of context fit",
            now.n_ctx, start.n_ctx
        ))
    } else if now.n_gpu_layers < start.n_gpu_layers && !own_layers {
        Some(format!(
            "with it only {} instead of {} layers fit on GPUs",
            now.n_gpu_layers, start.n_gpu_layers
        ))
    } else {
        None
    }
}

/// A test whose time tells how long the real one should be.
pub(super) fn first_test(goal: Goal) -> BenchTest {
    let (n_prompt, n_gen) = match goal {
        Goal::Decode => (0, 8),
        Goal::Prefill => (64, 0),
        Goal::Balanced => (64, 8),
    };
    BenchTest {
        n_prompt,
        n_gen,
        n_depth: 0,
    }
}

/// A test that takes about half a second, or a hundredth of the budget where that is less.
pub(super) fn test(request: &Request, sample: BenchSample, start: &ContextInfo) -> BenchTest {
    let small = first_test(request.goal);
    let aim = (request.budget.as_secs_f64() / 100.0).min(LONG_ENOUGH);
    let times = aim / sample.took.as_secs_f64().max(1e-6);
    let deep = request.n_depth.min(start.n_ctx / 2);
    let room = start.n_ctx.saturating_sub(deep);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float to int saturates, and it is bounded"
    )]
    let of = |tokens: u32, most: u32| {
        let wanted = (f64::from(tokens) * times) as u32;
        wanted.clamp(tokens, most.max(tokens))
    };
    let n_prompt = of(small.n_prompt, 2048.min(room / 2));
    let n_gen = match request.goal {
        Goal::Balanced => n_prompt / 4,
        Goal::Decode | Goal::Prefill => of(small.n_gen, 256.min(room / 2)),
    };
    BenchTest {
        n_prompt,
        n_gen: if small.n_gen == 0 { 0 } else { n_gen },
        n_depth: deep,
    }
}
