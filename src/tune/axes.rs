//! What may be tried, one parameter after the other.

use crate::engine::ContextInfo;
use crate::params::{Overrides, Param, Params, Source, Value, spec};

/// What is to be fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    Decode,
    Prefill,
    /// A prompt and a reply a quarter as long.
    #[default]
    Balanced,
}

/// Candidates for one parameter, or for some that belong together; simplest first. The first has
/// no values: it is what is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// For people: `threads`.
    pub name: &'static str,
    pub candidates: Vec<Overrides>,
}

impl Goal {
    pub fn name(self) -> &'static str {
        match self {
            Goal::Decode => "decode",
            Goal::Prefill => "prefill",
            Goal::Balanced => "balanced",
        }
    }
}

/// What there is to search.
#[derive(Clone, Debug, Default)]
pub struct Axes {
    /// Dearest first: later ones are tried with what earlier ones chose.
    pub tried: Vec<Axis>,
    /// Names of those that are left as they are, because the user set them.
    pub given: Vec<&'static str>,
}

/// The axes of a search. Parameters that the user set, anywhere, are not touched: they would lie over
/// what is found. `context` is what the values in force
/// came out as, `n_prompt` the prompt that is measured; `n_gpus` counts GPUs that layers may go to and
/// `n_cores` the cores to use.
pub fn axes(
    goal: Goal,
    base: &Params,
    context: &ContextInfo,
    n_prompt: u32,
    n_gpus: usize,
    n_cores: usize,
    cache_types: bool,
) -> Axes {
    let mut all = Vec::new();
    let layers = i64::from(context.n_gpu_layers);
    if n_gpus > 0 && layers > 0 {
        // More than what fits is never tried: what is in force is all that fits, or the user's.
        all.push(single(
            "n-gpu-layers",
            Param::NGpuLayers,
            base,
            [layers / 2, 0],
        ));
    }
    all.push(flash_attention(base, layers > 0));
    if cache_types {
        all.push(cache(base));
    }
    if goal != Goal::Decode {
        let now = i64::from(context.n_ubatch);
        // A batch that is never full is the same as a smaller one.
        let most = i64::from(context.n_batch.min(n_prompt));
        let sizes = [512, 256, 128, 1024, 2048];
        let sizes = sizes
            .into_iter()
            .filter(|&size| size != now && size <= most);
        all.push(single("ubatch-size", Param::UbatchSize, base, sizes));
    }
    if goal != Goal::Decode && n_gpus > 1 {
        let now = i64::from(context.n_batch);
        let sizes = [2048, 4096, 1024].into_iter().filter(|&size| size != now);
        all.push(single("batch-size", Param::BatchSize, base, sizes));
    }
    if goal != Goal::Prefill {
        let counts = threads(n_cores, context.n_threads);
        all.push(single("threads", Param::Threads, base, counts));
    }
    if goal != Goal::Decode {
        let counts = threads(n_cores, context.n_threads_batch);
        all.push(single("threads-batch", Param::ThreadsBatch, base, counts));
    }
    all.retain(|axis| axis.candidates.len() > 1);
    let (given, tried): (Vec<Axis>, Vec<Axis>) = all.into_iter().partition(|axis| {
        let mut params = axis.candidates.iter().flat_map(Overrides::keys);
        params.any(|param| is_given(base, *param))
    });
    Axes {
        tried,
        given: given.iter().map(|axis| axis.name).collect(),
    }
}

/// Whether the user set it, anywhere.
fn is_given(base: &Params, param: Param) -> bool {
    base.source(param) > Source::Tuned
}

/// All cores, half of them, and the powers of two below, but not what is in force.
fn threads(n_cores: usize, now: u32) -> Vec<i64> {
    let cores = i64::try_from(n_cores).unwrap_or(1).clamp(1, 512);
    let powers = std::iter::successors(Some(1_i64), |count| count.checked_mul(2));
    let mut counts: Vec<i64> = powers.take_while(|count| *count < cores).collect();
    counts.extend([cores / 2, cores]);
    counts.sort_unstable();
    counts.dedup();
    counts.retain(|&count| count > 0 && count != i64::from(now));
    // Nearest to what is in force first: the smaller change is the simpler one.
    counts.sort_by_key(|count| (count - i64::from(now)).abs());
    counts
}

fn single(
    name: &'static str,
    param: Param,
    base: &Params,
    numbers: impl IntoIterator<Item = i64>,
) -> Axis {
    let values = numbers.into_iter().map(Value::Int);
    axis(name, param, base, values)
}

fn words(name: &'static str, param: Param, base: &Params, words: &[&str]) -> Axis {
    let values = words.iter().map(|word| Value::Text((*word).to_owned()));
    axis(name, param, base, values)
}

fn axis(
    name: &'static str,
    param: Param,
    base: &Params,
    values: impl IntoIterator<Item = Value>,
) -> Axis {
    let mut candidates = vec![Overrides::new()];
    for value in values {
        let new = value != base.get(param) && spec(param).check(&value).is_ok();
        let one = Overrides::from([(param, value)]);
        if new && !candidates.contains(&one) {
            candidates.push(one);
        }
    }
    Axis { name, candidates }
}

/// Without layers on a GPU `auto` is `off`, and is not measured beside it.
fn flash_attention(base: &Params, on_gpu: bool) -> Axis {
    let now = base.get(Param::FlashAttn);
    let others: &[&str] = match &now {
        Value::Text(now) if !on_gpu && now != "on" => &["on"],
        _ if !on_gpu => &["off"],
        _ => &["auto", "on", "off"],
    };
    words("flash-attn", Param::FlashAttn, base, others)
}

/// A quantised cache costs some quality, so it is tried only where it was allowed. It needs flash
/// attention, which is switched on with it unless the user chose about it: then that holds, and
/// where it is off the engine refuses the types and says why.
fn cache(base: &Params) -> Axis {
    let text = |text: &str| Value::Text(text.to_owned());
    let both = |kind| {
        let mut values = Overrides::from([
            (Param::CacheTypeK, text(kind)),
            (Param::CacheTypeV, text(kind)),
        ]);
        if !is_given(base, Param::FlashAttn) {
            values.insert(Param::FlashAttn, text("on"));
        }
        values
    };
    Axis {
        name: "cache types",
        candidates: vec![Overrides::new(), both("q8_0"), both("q4_0")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(goal: Goal, base: &Params, n_gpus: usize, cache_types: bool) -> Vec<&'static str> {
        let context = ContextInfo {
            n_batch: 2048,
            n_ubatch: 512,
            n_threads: 8,
            n_threads_batch: 8,
            n_gpu_layers: if n_gpus > 0 { 25 } else { 0 },
            ..ContextInfo::default()
        };
        let axes = axes(goal, base, &context, 512, n_gpus, 8, cache_types);
        let tried = axes.tried.iter();
        assert!(tried.clone().all(|axis| axis.candidates[0].is_empty()));
        tried.map(|axis| axis.name).collect()
    }

    #[test]
    fn the_goal_and_the_machine_say_what_is_tried() {
        let base = Params::default();
        assert_eq!(
            names(Goal::Decode, &base, 0, false),
            ["flash-attn", "threads"]
        );
        assert_eq!(
            names(Goal::Prefill, &base, 0, true),
            ["flash-attn", "cache types", "ubatch-size", "threads-batch"]
        );
        assert_eq!(
            names(Goal::Balanced, &base, 2, false),
            [
                "n-gpu-layers",
                "flash-attn",
                "ubatch-size",
                "batch-size",
                "threads",
                "threads-batch"
            ]
        );
    }

    #[test]
    fn what_the_user_gave_is_not_touched() {
        let mut base = Params::default();
        base.set(Source::Session, Param::Threads, Value::Int(3))
            .unwrap();
        assert_eq!(names(Goal::Decode, &base, 0, false), ["flash-attn"]);
        base.set(Source::Config, Param::FlashAttn, Value::Text("on".into()))
            .unwrap();
        assert_eq!(names(Goal::Decode, &base, 0, false), [""; 0]);
        let left = axes(Goal::Decode, &base, &ContextInfo::default(), 0, 0, 8, true).given;
        assert_eq!(left, ["flash-attn", "threads"]);
    }

    #[test]
    fn what_is_the_same_without_a_gpu_is_not_measured_twice() {
        let tried = |on_gpu| {
            let axis = flash_attention(&Params::default(), on_gpu);
            let others = axis.candidates[1..].iter();
            others
                .filter_map(|one| one.get(&Param::FlashAttn).cloned())
                .collect::<Vec<_>>()
        };
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(tried(false), [text("on")]);
        assert_eq!(tried(true), [text("on"), text("off")]);
    }

    #[test]
    fn cache_types_are_tried_whatever_the_user_chose_about_flash_attention() {
        let sets_it = |base: &Params| {
            let candidates = cache(base).candidates;
            candidates[1..]
                .iter()
                .all(|values| values.contains_key(&Param::FlashAttn))
        };
        let mut base = Params::default();
        assert!(sets_it(&base));
        for choice in ["on", "off", "auto"] {
            base.set(
                Source::Session,
                Param::FlashAttn,
                Value::Text(choice.into()),
            )
            .unwrap();
            assert_eq!(
                names(Goal::Decode, &base, 0, true),
                ["cache types", "threads"]
            );
            assert!(!sets_it(&base), "{choice} is not touched");
        }
    }

    #[test]
    fn thread_counts_are_near_ones_first_and_never_more_than_cores() {
        assert_eq!(threads(12, 12), [8, 6, 4, 2, 1]);
        assert_eq!(threads(2, 1), [2]);
        assert_eq!(threads(1, 1), Vec::<i64>::new());
    }
}
