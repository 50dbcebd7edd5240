//! What the pending changes would do, in a few lines under the parameters.
//!
//! ```text
//! reload · keeps 1,234 tokens, about 6.5 s of prefill
//! CPU 1.9 → 1.2 GiB · CUDA0 0 B → about 2.3 GiB of 24.0 GiB
//! ```

use crate::app::State;
use crate::engine::{Change, DeviceForecast, DeviceMemory, Forecast, KvOutcome};
use crate::theme::Role;
use crate::ui::text::units;

/// Prompt tokens from which on their speed says something of other prompts.
const TELLING: u32 = 64;

/// The lines with their roles; none while nothing is pending or nothing is known.
pub(super) fn lines(state: &State, arrow: &str, dot: &str) -> Vec<(String, Role)> {
    let foresight = state.params.foresight.as_ref();
    match foresight.and_then(|foresight| foresight.outcome.as_ref()) {
        None => Vec::new(),
        Some(Err(error)) => vec![(format!("refused: {error}"), Role::Error)],
        Some(Ok(forecast)) => expected(state, forecast, arrow, dot),
    }
}

fn expected(state: &State, forecast: &Forecast, arrow: &str, dot: &str) -> Vec<(String, Role)> {
    let change = match forecast.change {
        Change::Live => "applies as it runs",
        Change::NewContext => "a new context",
        Change::Reload => "the model is loaded again",
    };
    let (cache, role) = cache(state, &forecast.kv);
    let mut lines = vec![(format!("{change} {dot} {cache}"), role)];
    if forecast.change != Change::Live {
        let devices = forecast.devices.iter().map(|device| memory(device, arrow));
        let devices: Vec<String> = devices.collect();
        let role = if forecast.fits {
            Role::Text
        } else {
            Role::Warning
        };
        lines.push((devices.join(&format!(" {dot} ")), role));
    }
    if !forecast.fits {
        lines.push((
            "it would leave less memory free than fit-target asks for".into(),
            Role::Warning,
        ));
    }
    let notes = forecast.notes.iter();
    lines.extend(notes.map(|note| (note.clone(), Role::Muted)));
    lines
}

fn cache(state: &State, kv: &KvOutcome) -> (String, Role) {
    let count = |tokens: u32| match tokens {
        1 => "1 token".to_owned(),
        _ => format!("{} tokens", units::count(u64::from(tokens))),
    };
    // Measured at the last prompt, if it was long enough to tell; what is not measured is not said.
    let (speed, measured) = (
        state.speed.timings.prompt_per_second,
        state.speed.timings.prompt_n,
    );
    let seconds = |tokens: u32| {
        let worth = speed > 0.0 && measured >= TELLING && tokens > 0;
        let text = || units::duration(f64::from(tokens) / speed * 1000.0);
        worth
            .then(text)
            .map_or(String::new(), |time| format!(", about {time} of prefill"))
    };
    match kv {
        KvOutcome::Untouched => ("the cache stays".into(), Role::Good),
        KvOutcome::Kept { tokens: 0 } => ("nothing is cached yet".into(), Role::Muted),
        KvOutcome::Kept { tokens } => (
            format!("keeps {}{}", count(*tokens), seconds(*tokens)),
            Role::Good,
        ),
        KvOutcome::Prefill { tokens, reason } => (
            format!(
                "prefills {} again{}: {reason}",
                count(*tokens),
                seconds(*tokens)
            ),
            Role::Warning,
        ),
    }
}

fn memory(device: &DeviceForecast, arrow: &str) -> String {
    let (before, after) = (total(&device.before), total(&device.after));
    let of = match device.total {
        0 => String::new(),
        total => format!(" of {}", units::bytes(total)),
    };
    let (name, before, after) = (&device.name, units::bytes(before), units::bytes(after));
    format!("{name} {before} {arrow} about {after}{of}")
}

fn total(memory: &DeviceMemory) -> u64 {
    memory
        .weights
        .saturating_add(memory.kv)
        .saturating_add(memory.compute)
}
