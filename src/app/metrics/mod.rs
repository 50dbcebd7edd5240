//! The last hour: what the machine and the model did, on one time axis.
//!
//! Every sample becomes a moment of the [`History`], with the rates that the engine told since the
//! one before. Changes of parameters, loads and replies leave marks.

mod view;

use super::{Effect, State};
use crate::engine::{RequestId, Timings};
use crate::params::{Params, TABLE};
use crate::plan::bytes_read;
use crate::store::{Command, Run, Snapshot};
use crate::telemetry::history::{History, MarkKind, Work};
use crate::telemetry::{Busy, Done, Energy, EnergyMeter, Sample};
use crate::units::counted;

pub(super) use view::perform;
pub use view::{Window, ZOOMS_MS};

/// Longer values are not written into marks.
const LONGEST_VALUE: usize = 32;

/// What a stored measurement of energy is called.
pub const ENERGY_RUN: &str = "energy";

#[derive(Clone, Debug, Default)]
pub struct MetricsState {
    pub history: History,
    pub energy: EnergyMeter,
    /// What of the history is looked at.
    pub window: Window,
    /// Work of all replies, and the timings that are in it already.
    done: Done,
    counted: Timings,
    /// Rates that the engine told since the latest sample.
    decode: Option<f64>,
    prompt: Option<f64>,
    /// The reply whose beginning is marked.
    marked: Option<RequestId>,
    /// Energy that the store has.
    stored: Energy,
}

/// Keeps a sample; returns what of the energy can be stored for good.
pub(super) fn take(state: &mut State, sample: &Sample) -> Vec<Effect> {
    let work = work(state);
    let busy = if computes(state) { Busy::Yes } else { Busy::No };
    let metrics = &mut state.metrics;
    metrics.history.record(sample, &work);
    metrics.energy.take(sample, metrics.done, busy);
    match busy {
        Busy::Yes => vec![],
        Busy::No => store_energy(state),
    }
}

/// Whether the machine is at work for this program: what it takes then is not what it takes idle.
fn computes(state: &State) -> bool {
    let columns = state.compare.run.as_ref();
    state.chat.running().is_some()
        || state.model.loading.is_some()
        || columns.is_some_and(|run| run.is_running())
        || state.bench.is_running()
}

/// What the model did since the latest sample. A reply that computes and told nothing meanwhile
/// goes on as fast as it said last.
fn work(state: &mut State) -> Work {
    let speed = &state.speed;
    let running = state.chat.running().is_some();
    let prefills = running && speed.prefill.is_some();
    let last = |rate: f64, now: bool| (now && rate > 0.0).then_some(rate);
    let timings = speed.timings;
    let (decode, prompt) = (state.metrics.decode.take(), state.metrics.prompt.take());
    let decode = decode.or(last(timings.recent_per_second, running && !prefills));
    let prompt = prompt.or(last(timings.prompt_per_second, prefills));
    let columns = state.compare.run.as_ref().map(|run| run.speaking());
    let columns = columns.filter(|(_, rate)| *rate > 0.0);
    let decode = decode.or(columns.map(|(_, rate)| rate));
    // One step reads the weights once for all columns, and the cache of each.
    let batch = columns.map_or(1, |(count, _)| count.max(1));
    let depth = speed.context_used.saturating_mul(batch);
    let running = state.model.running.as_ref();
    let bytes = running.and_then(|(_, context)| bytes_read(&context.reads, depth));
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let bytes = bytes.map(|bytes| bytes as f64 / f64::from(batch));
    Work {
        decode,
        prompt,
        bandwidth: decode.zip(bytes).map(|(rate, bytes)| rate * bytes),
    }
}

/// Counts what the engine told of the reply.
pub(super) fn observe(state: &mut State) {
    let now = state.speed.timings;
    let metrics = &mut state.metrics;
    let before = metrics.counted;
    if now == before {
        return;
    }
    // Less than before: another reply.
    let same = now.prompt_ms >= before.prompt_ms
        && now.predicted_n >= before.predicted_n
        && now.predicted_ms >= before.predicted_ms;
    let before = if same { before } else { Timings::default() };
    let tokens = |now: u32, before: u32| u64::from(now.saturating_sub(before));
    let done = &mut metrics.done;
    done.prompt_ms += now.prompt_ms - before.prompt_ms;
    done.prompt_n += tokens(now.prompt_n, before.prompt_n);
    done.decode_ms += now.predicted_ms - before.predicted_ms;
    done.decode_n += tokens(now.predicted_n, before.predicted_n);
    if now.predicted_n > before.predicted_n {
        let rates = [now.recent_per_second, now.predicted_per_second];
        let rate = rates.into_iter().find(|rate| *rate > 0.0);
        metrics.decode = rate.or(metrics.decode);
    }
    if now.prompt_n > before.prompt_n && now.prompt_per_second > 0.0 {
        metrics.prompt = Some(now.prompt_per_second);
    }
    metrics.counted = now;
    if let Some(request) = state.chat.running()
        && metrics.marked != Some(request)
    {
        metrics.marked = Some(request);
        let tokens = now.prompt_n.saturating_add(now.cache_n);
        let text = format!("a reply began, {}", counted(tokens, "prompt token"));
        metrics.history.mark(MarkKind::Reply, &text);
    }
}

/// Marks every parameter that has another value than `before`.
pub(super) fn note_changes(state: &mut State, before: &Params) {
    let after = &state.params.values;
    for spec in TABLE {
        let (was, is) = (before.get(spec.param), after.get(spec.param));
        if was != is {
            let (was, is) = (spec.format(&was), spec.format(&is));
            // A prompt is nobody's business in a file of figures.
            let text = if was.len().max(is.len()) <= LONGEST_VALUE {
                format!("{} {was} -> {is}", spec.name)
            } else {
                format!("{} changed", spec.name)
            };
            state.metrics.history.mark(MarkKind::Parameter, &text);
        }
    }
}

/// Marks that a model was loaded.
pub(super) fn note_model(state: &mut State) {
    let Some((model, _)) = &state.model.running else {
        return;
    };
    let text = format!("{} {}", model.name, model.quant);
    state.metrics.history.mark(MarkKind::Model, text.trim());
}

/// Hands what was measured since the last time to the store, once idle power is known.
fn store_energy(state: &mut State) -> Vec<Effect> {
    if state.sessions.saving != super::Saving::On {
        return vec![];
    }
    let metrics = &mut state.metrics;
    let (total, stored) = (metrics.energy.total(), metrics.stored);
    let prompt = total.prompt.since(&stored.prompt);
    let decode = total.decode.since(&stored.decode);
    let Some(idle_watts) = metrics.energy.idle_watts() else {
        return vec![];
    };
    if total.prompt.tokens < stored.prompt.tokens || total.decode.tokens < stored.decode.tokens {
        // Other sensors: the meter began anew.
        metrics.stored = Energy::default();
        return vec![];
    }
    if prompt.tokens + decode.tokens == 0 {
        return vec![];
    }
    metrics.stored = total;
    let covers = metrics.energy.covers();
    let model = state.model.running.as_ref();
    let figures = serde_json::json!({
        "idle_watts": idle_watts,
        "prompt_joules": prompt.joules,
        "prompt_ms": prompt.ms,
        "prompt_n": prompt.tokens,
        "predicted_joules": decode.joules,
        "predicted_ms": decode.ms,
        "predicted_n": decode.tokens,
        "cpu": covers.cpu,
        "gpus": covers.gpus,
    });
    let run = Run {
        created_ms: 0,
        kind: ENERGY_RUN.to_owned(),
        model: model.map_or(String::new(), |(model, _)| model.name.clone()),
        params: Snapshot::new(),
        figures,
    };
    vec![Effect::Store(Command::AddRun(Box::new(run)))]
}

#[cfg(test)]
mod tests;
