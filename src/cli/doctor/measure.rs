//! How fast the model runs, and what holds it back: the deck's findings without the deck.
//!
//! ```text
//! load ─► prefill ─► decode, with the sensors read before and after ─► app::facts ─► diagnose
//! ```

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::app::{self, State};
use crate::cli::Failure;
use crate::cli::engine::{Engine, engine_ended, with_engine};
use crate::diagnose::{self, Finding, Fix};
use crate::engine::{
    self, BenchId, BenchRequest, BenchTest, Command, EngineEvent, LoadId, LoadRequest, Timings,
};
use crate::params::{Params, spec};
use crate::plan::{decode_ceiling, peak_of, prefill_ceiling};
use crate::runtime;
use crate::telemetry::Sources;

/// Tokens of the prompt and of the reply that are measured.
const N_PROMPT: u32 = 128;
const N_GEN: u32 = 64;

/// Figures of one model on this machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Measured {
    /// Tokens per second.
    pub decode: f64,
    pub prefill: f64,
    /// What each device that the model is on reaches, measured.
    pub peaks: Vec<DevicePeak>,
    /// Tokens per second at most: 1 / Σ (bytes that a token reads / bytes per second); `None` where
    /// memory is no bound.
    pub ceiling: Option<f64>,
    /// Prompt tokens per second at most: 1 / Σ (2 × parameters that a token uses / operations per
    /// second); `None` where other work was in the way when that was measured.
    pub prefill_ceiling: Option<f64>,
    /// The most costly first.
    pub findings: Vec<Found>,
}

/// A device's peaks and what the model asks of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct DevicePeak {
    pub device: String,
    pub bytes_per_second: u64,
    /// In products of matrices with 8-bit weights.
    pub operations_per_second: Option<f64>,
    /// Bytes that a token of the reply reads here.
    pub bytes_per_token: u64,
}

/// A finding, in words and for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Found {
    pub rule: &'static str,
    pub what: String,
    pub evidence: String,
    pub gain: Option<String>,
    /// `set threads 2`, or what to do.
    pub fix: String,
}

impl Measured {
    /// Of the ceiling, 0 to 1; `None` where other work was in the way when it was measured.
    pub fn share(&self) -> Option<f64> {
        self.ceiling
            .map(|ceiling| self.decode / ceiling)
            .filter(|share| *share <= 1.0)
    }
}

/// Measures the devices, loads the model and measures it. `state_dir` is where devices are remembered.
///
/// # Errors
/// When it cannot be loaded or run.
pub(super) fn measure(path: &Path, params: &Params, state_dir: &Path) -> Result<Measured, Failure> {
    // First, while nothing else runs.
    let peaks = runtime::measure_peaks(state_dir);
    let mut state = State::new((80, 24));
    state.params.values = params.clone();
    state.bench.n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    state.why.machine = runtime::machine_facts(&engine::llama::system_info());
    state.gauges.peaks.clone_from(&peaks);
    with_engine(async |engine| run(engine, path, &mut state).await)??;
    let timings = state.speed.timings;
    let Some((model, context)) = &state.model.running else {
        return Err(engine_ended("measuring the model"));
    };
    let reads = &context.reads;
    let mut facts = app::facts(&state);
    facts.reply.decoding = Some(true);
    let devices = reads.iter().filter_map(|reads| {
        let peak = peak_of(&peaks, &reads.device)?;
        Some(DevicePeak {
            device: peak.device.clone(),
            bytes_per_second: peak.bytes_per_second,
            operations_per_second: peak.operations_per_second,
            bytes_per_token: reads.at(N_GEN / 2),
        })
    });
    Ok(Measured {
        decode: timings.predicted_per_second,
        prefill: timings.prompt_per_second,
        peaks: devices.collect(),
        ceiling: decode_ceiling(reads, &peaks, N_GEN / 2),
        prefill_ceiling: prefill_ceiling(reads, &peaks, model.n_params, model.size_bytes)
            .filter(|most| *most >= timings.prompt_per_second),
        findings: diagnose::diagnose(&facts)
            .into_iter()
            .map(Found::from)
            .collect(),
    })
}

async fn run(engine: Engine<'_>, path: &Path, state: &mut State) -> Result<(), Failure> {
    let doing = "measuring the model";
    let send = |command| engine.handle.send(command).map_err(|_| engine_ended(doing));
    send(Command::Load(Box::new(LoadRequest {
        id: LoadId(1),
        path: path.to_owned(),
        params: state.params.values.load(),
    })))?;
    let mut sensors = Sources::system();
    let bench = |id, n_prompt, n_gen| {
        Command::Bench(BenchRequest {
            id: BenchId(id),
            test: BenchTest {
                n_prompt,
                n_gen,
                n_depth: 0,
            },
            repetitions: 1,
            warmup: true,
        })
    };
    let mut took = [Duration::ZERO; 2];
    loop {
        let event = engine
            .events
            .recv()
            .await
            .ok_or_else(|| engine_ended(doing))?;
        match event {
            EngineEvent::Loaded { model, context, .. } => {
                state.model.running = Some((model, context));
                send(bench(1, N_PROMPT, 0))?;
            }
            EngineEvent::LoadFailed { error, .. } | EngineEvent::BenchFailed { error, .. } => {
                return Err(error.into());
            }
            EngineEvent::BenchSample { id, sample } => took[usize::from(id.0 > 1)] = sample.took,
            EngineEvent::BenchDone { id: BenchId(1), .. } => {
                // Rates are what happens between two readings.
                sensors.read(Instant::now());
                send(bench(2, 0, N_GEN))?;
            }
            EngineEvent::BenchDone { .. } => {
                state.gauges.latest = Some(sensors.read(Instant::now()));
                break;
            }
            _ => {}
        }
    }
    let rate = |tokens: u32, took: Duration| f64::from(tokens) / took.as_secs_f64().max(1e-9);
    state.speed.context_used = N_GEN;
    state.speed.timings = Timings {
        prompt_n: N_PROMPT,
        prompt_per_second: rate(N_PROMPT, took[0]),
        predicted_n: N_GEN,
        predicted_per_second: rate(N_GEN, took[1]),
        ..Timings::default()
    };
    Ok(())
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Self {
            rule: finding.rule,
            what: finding.what,
            evidence: finding.evidence,
            gain: finding.gain.map(|gain| gain.words()),
            fix: match finding.fix {
                Fix::Do(what) => what,
                Fix::Set(param, value) => {
                    format!("set {} {}", spec(param).name, spec(param).format(&value))
                }
            },
        }
    }
}
