//! What the pending changes would do, in a few lines under the parameters.
//!
//! ```text
//! reload · keeps 1,234 tokens, about 6.5 s of prefill
//! CPU 1.9 → 1.2 GiB · CUDA0 0 B → about 2.3 GiB of 24.0 GiB
//! ```

use super::params::cost_name;
use crate::app::{ParamsState, State};
use crate::engine::{Change, DeviceForecast, DeviceMemory, Forecast, KvOutcome};
use crate::params::{Cost, spec};
use crate::theme::Role;
use crate::ui::text::units;

/// The lines with their roles; none while nothing is pending or nothing is known.
pub(super) fn lines(state: &State, arrow: &str, dot: &str) -> Vec<(String, Role)> {
    let foresight = state.params.foresight.as_ref();
    match foresight.and_then(|foresight| foresight.outcome.as_ref()) {
        None => Vec::new(),
        Some(Err(error)) => vec![(format!("refused: {error}"), Role::Error)],
        Some(Ok(forecast)) => expected(state, forecast, arrow, dot),
    }
}

/// What the pending changes cost together, in a word or two: the engine's word about them, and until
/// it is there that of the dearest; `None` while nothing is pending.
pub(super) fn cost(params: &ParamsState) -> Option<&'static str> {
    let dearest = params.pending.keys().map(|param| spec(*param).cost).max()?;
    let foresight = params.foresight.as_ref();
    let cost = match foresight.and_then(|foresight| foresight.outcome.as_ref()) {
        None => dearest,
        Some(Err(_)) => return Some("refused"),
        Some(Ok(forecast)) => match (forecast.change, &forecast.kv) {
            (Change::Live, _) => Cost::Free,
            (Change::Reload, _) => Cost::Reload,
            (Change::NewContext, KvOutcome::Prefill { .. }) => Cost::Prefill,
            (Change::NewContext, _) => Cost::NewContext,
        },
    };
    Some(cost_name(cost))
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
    let count = |tokens: u32| units::counted(tokens, "token");
    // What is not measured is not said.
    let rate = state.speed.prefill_rate;
    let seconds = |tokens: u32| match rate {
        Some(rate) if tokens > 0 => {
            let time = units::duration(f64::from(tokens) / rate * 1000.0);
            format!(", about {time} of prefill")
        }
        _ => String::new(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Foresight;
    use crate::engine::{EngineError, ErrorKind, LoadId};
    use crate::params::{Overrides, Param, Value};

    fn pending(outcome: Option<Result<Box<Forecast>, EngineError>>) -> ParamsState {
        let off = Value::Text("off".into());
        ParamsState {
            pending: Overrides::from([(Param::FlashAttn, off)]),
            foresight: Some(Foresight {
                id: LoadId(1),
                outcome,
            }),
            ..ParamsState::default()
        }
    }

    #[test]
    fn the_title_says_what_the_engine_foresees() {
        let foreseen = |change, kv| {
            let forecast = Forecast {
                change,
                n_ctx: 4096,
                n_gpu_layers: 0,
                devices: vec![],
                kv,
                fits: true,
                notes: vec![],
            };
            cost(&pending(Some(Ok(Box::new(forecast)))))
        };
        let kept = KvOutcome::Kept { tokens: 450 };
        let lost = KvOutcome::Prefill {
            tokens: 450,
            reason: "flash attention keeps values the other way round".into(),
        };
        assert_eq!(foreseen(Change::Live, KvOutcome::Untouched), Some("live"));
        assert_eq!(
            foreseen(Change::NewContext, kept.clone()),
            Some("new context")
        );
        assert_eq!(foreseen(Change::NewContext, lost), Some("prefill again"));
        assert_eq!(foreseen(Change::Reload, kept), Some("reload"));
    }

    #[test]
    fn until_the_engine_has_answered_the_title_says_the_dearest_cost() {
        assert_eq!(cost(&ParamsState::default()), None);
        assert_eq!(cost(&pending(None)), Some("new context"));
        let error = EngineError {
            kind: ErrorKind::BadParameter,
            what: "flash-attn off".into(),
            why: "the V cache is quantised".into(),
            hint: String::new(),
        };
        assert_eq!(cost(&pending(Some(Err(error)))), Some("refused"));
    }
}
