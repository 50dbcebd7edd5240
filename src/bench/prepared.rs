//! Measurements that answer one question about a model that runs, without anything to type.

use super::plan::{Instance, Tests, plan};
use crate::engine::ContextInfo;
use crate::params::{Param, Params, Value};

/// A question that a few tests answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// How fast are prompt and reply with the values in force?
    Now,
    /// How does speed fall with the tokens in the context?
    Depth,
    /// What does each layer on a GPU bring?
    GpuLayers,
    /// How many threads are best?
    Threads,
}

/// Prompt and reply of a test that stands alone, in tokens: llama-bench's own.
const LONG: (u32, u32) = (512, 128);
/// The same of one among many.
const SHORT: (u32, u32) = (128, 32);
/// Points of a curve over the layers, both ends included.
const LAYER_POINTS: u32 = 6;

/// The tests for a model that runs with `params` and came out as `context`, on a machine with so
/// many cores. The context keeps its size where the tests fit into it.
///
/// # Errors
/// When the question has no answer here; says why.
pub fn prepare(
    what: Prepared,
    params: &Params,
    context: &ContextInfo,
    n_cores: usize,
) -> Result<Vec<Instance>, String> {
    let (n_prompt, n_gen) = match what {
        Prepared::Now => LONG,
        _ => SHORT,
    };
    let mut tests = Tests {
        n_prompt: vec![n_prompt],
        n_gen: vec![n_gen],
        pairs: vec![],
        n_depth: vec![0],
    };
    let swept = match what {
        Prepared::Now => vec![],
        Prepared::Depth => {
            tests.n_depth = depths(context.n_ctx, n_prompt);
            vec![]
        }
        Prepared::GpuLayers => vec![(Param::NGpuLayers, layers(context)?)],
        Prepared::Threads => vec![(Param::Threads, threads(n_cores)?)],
    };
    let mut instances = plan(params, &swept, &tests).map_err(|error| error.to_string())?;
    let running = params.load().context;
    for one in &mut instances {
        let asked = &mut one.params.context;
        // What the conversations take stays; only a test that needs more asks for more.
        asked.n_ctx = if asked.n_ctx > context.n_ctx {
            asked.n_ctx
        } else {
            running.n_ctx
        };
        (asked.n_seq_max, asked.kv_unified) = (running.n_seq_max, running.kv_unified);
    }
    Ok(instances)
}

/// None, then powers of four from 256 on, then as deep as the context allows.
fn depths(n_ctx: u32, n_test: u32) -> Vec<u32> {
    let deepest = n_ctx.saturating_sub(n_test);
    let between = (4..).map(|power| 4_u32.pow(power));
    let mut depths: Vec<u32> = std::iter::once(0)
        .chain(between.take_while(|depth| depth.saturating_mul(2) <= deepest))
        .collect();
    if deepest > *depths.last().unwrap_or(&0) {
        depths.push(deepest);
    }
    depths
}

/// From none to those that lie on GPUs now, which are all that fit or what the user asked for.
fn layers(context: &ContextInfo) -> Result<Vec<Value>, String> {
    let all = context.n_gpu_layers;
    if all == 0 {
        return Err(
            "No layer lies on a GPU to compare with; n-gpu-layers in F2 puts some there.".into(),
        );
    }
    let steps = (LAYER_POINTS - 1).min(all);
    let mut counts: Vec<u32> = (0..=steps).map(|step| all * step / steps).collect();
    counts.dedup();
    Ok(counts
        .into_iter()
        .map(|count| Value::Int(count.into()))
        .collect())
}

/// Powers of two, and all cores.
fn threads(n_cores: usize) -> Result<Vec<Value>, String> {
    if n_cores < 2 {
        return Err("This process may use one core only.".into());
    }
    let powers = (0..).map(|power| 1_usize << power);
    let mut counts: Vec<usize> = powers.take_while(|count| *count < n_cores).collect();
    counts.push(n_cores);
    Ok(counts
        .into_iter()
        .filter_map(|count| i64::try_from(count).ok())
        .map(Value::Int)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::test_name;

    fn context(n_ctx: u32, n_gpu_layers: u32) -> ContextInfo {
        ContextInfo {
            n_ctx,
            n_gpu_layers,
            ..ContextInfo::default()
        }
    }

    fn names(what: Prepared, context: &ContextInfo) -> Vec<String> {
        let plan = prepare(what, &Params::default(), context, 2).unwrap();
        plan.iter().map(|one| test_name(one.test)).collect()
    }

    #[test]
    fn depths_end_where_the_context_does() {
        assert_eq!(depths(4096, 128), [0, 256, 1024, 3968]);
        assert_eq!(depths(100_000, 128), [0, 256, 1024, 4096, 16_384, 99_872]);
        assert_eq!(depths(200, 128), [0, 72]);
        assert_eq!(depths(64, 128), [0]);
    }

    #[test]
    fn a_question_becomes_tests() {
        let small = context(1024, 0);
        assert_eq!(names(Prepared::Now, &small), ["pp512", "tg128"]);
        assert_eq!(
            names(Prepared::Depth, &small),
            [
                "pp128",
                "tg32",
                "pp128 @ d256",
                "tg32 @ d256",
                "pp128 @ d896",
                "tg32 @ d896"
            ]
        );
        assert_eq!(names(Prepared::Threads, &small).len(), 4);
        assert_eq!(names(Prepared::GpuLayers, &context(1024, 3)).len(), 8);
    }

    #[test]
    fn what_cannot_be_answered_says_why() {
        let params = Params::default();
        for (what, n_cores) in [(Prepared::GpuLayers, 2), (Prepared::Threads, 1)] {
            let why = prepare(what, &params, &context(1024, 0), n_cores).unwrap_err();
            // It is shown in one row, after a mark, also where that has 80 columns.
            assert!(why.chars().count() <= 78, "{why}");
        }
    }

    #[test]
    fn only_a_test_that_needs_more_changes_the_context() {
        let params = Params::default();
        let n_ctx = |size| {
            let plan = prepare(Prepared::Now, &params, &context(size, 0), 2).unwrap();
            plan.iter()
                .map(|one| one.params.context.n_ctx)
                .collect::<Vec<_>>()
        };
        let asked = params.load().context.n_ctx;
        assert_eq!(n_ctx(1024), [asked, asked]);
        assert_eq!(n_ctx(256), [512, asked]);
    }
}
