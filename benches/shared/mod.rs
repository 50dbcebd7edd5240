//! What benches that measure things in turn have in common.

use std::path::{Path, PathBuf};

use llmdeck::bench::stats::mean_interval;
use llmdeck::engine::{Command, EngineEvent, EngineHandle, LoadId, LoadRequest, ModelInfo};
use llmdeck::params::LoadParams;
use tokio::sync::mpsc::Receiver;

/// The chance that an interval does not hold the true ratio.
const ERROR: f64 = 0.05;

/// The model that is measured: `LLMDECK_BENCH_MODEL`, else the built-in one.
pub fn model() -> PathBuf {
    std::env::var_os("LLMDECK_BENCH_MODEL")
        .map_or_else(|| PathBuf::from("models/guide.gguf"), PathBuf::from)
}

/// The threads that are measured: `LLMDECK_BENCH_THREADS`, else one a core. Where other processes
/// keep the cores busy, one thread tells more: two wait for each other.
pub fn threads() -> i32 {
    std::env::var("LLMDECK_BENCH_THREADS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from) as i32)
}

pub fn load(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    path: &Path,
    params: LoadParams,
) -> ModelInfo {
    let request = LoadRequest {
        id: LoadId(1),
        path: path.to_owned(),
        params,
    };
    engine
        .send(Command::Load(Box::new(request)))
        .expect("the engine");
    loop {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::Loaded { model, .. } => return *model,
            EngineEvent::LoadFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

/// The mean of ratios and the bounds that hold it with a chance of 95 %, from their logarithms:
/// `0.982 (0.970 to 0.994)`.
pub fn ratio(ratios: impl Iterator<Item = f64>) -> String {
    let logarithms: Vec<f64> = ratios.map(f64::ln).collect();
    match mean_interval(&logarithms, ERROR).map(|interval| interval.map(f64::exp)) {
        Some(ratio) => format!(
            "{:.3} ({:.3} to {:.3})",
            ratio.middle, ratio.low, ratio.high
        ),
        None => "too few rounds".to_owned(),
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
