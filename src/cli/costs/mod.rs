//! `llmdeck costs`: a million tokens here against an API, and when the hardware has paid for itself.

mod text;

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ExitCode, Failure, chosen, print, sanitise};
use crate::app::ENERGY_RUN;
use crate::config::{Config, Folders};
use crate::costs::{self, BreakEven, Costs, Measured, Origin, Prices, Use};
use crate::store::{Run, Store, Usage};

/// Measurements of energy that are read at most.
const MOST_RUNS: usize = 100_000;
const DAY_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;

/// Prices come from the [costs] table of the configuration, tokens and times from the saved chats,
/// energy from what the sensors measured while the deck ran. What is not known is not shown.
#[derive(Args, Clone, Debug, Default)]
pub struct CostsArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Everything that the answer is made from, and the answer.
pub(super) struct Account {
    prices: Prices,
    used: Use,
    measured: Measured,
    costs: Costs,
    /// Milliseconds since 1970.
    now_ms: i64,
}

/// Reckons and prints.
///
/// # Errors
/// When the configuration or the saved chats cannot be read.
pub(super) fn run(args: &CostsArgs, folders: &Folders) -> Result<ExitCode, Failure> {
    let config = Config::load(folders).map_err(|error| chosen::of_config(&error))?;
    let failed = |error| Failure::new(ExitCode::Io, "reading the saved chats", error);
    let opened = Store::open(&folders.sessions_dir).map_err(failed)?;
    if let Some(salvaged) = &opened.salvaged {
        eprintln!("note: {}", sanitise::line(&salvaged.to_string()));
    }
    let usage = opened.store.usage().map_err(failed)?;
    let runs = opened.store.runs(ENERGY_RUN, MOST_RUNS).map_err(failed)?;
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let (used, measured) = (
        used(&usage, now_ms),
        measured(runs.iter().map(|(_, run)| run)),
    );
    let account = Account {
        costs: costs::costs(&config.costs, &used, &measured),
        prices: config.costs,
        used,
        measured,
        now_ms,
    };
    if args.json {
        return print(&format!("{:#}\n", as_json(&account)));
    }
    print(&text::render(&account))
}

#[expect(clippy::cast_precision_loss, reason = "days")]
fn used(usage: &Usage, now_ms: i64) -> Use {
    let since = usage
        .first_ms
        .map_or(0, |first| now_ms.saturating_sub(first));
    Use {
        replies: usage.replies,
        prompt_n: usage.prompt_n,
        computed_n: usage.computed_n,
        predicted_n: usage.predicted_n,
        prompt_ms: usage.prompt_ms,
        predicted_ms: usage.predicted_ms,
        days: since.max(0) as f64 / DAY_MS,
    }
}

/// The figures of a stored measurement of energy.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Figures {
    idle_watts: f64,
    prompt_joules: f64,
    prompt_ms: f64,
    prompt_n: u64,
    predicted_joules: f64,
    predicted_ms: f64,
    predicted_n: u64,
}

/// The sum of all measurements, what the machine takes idle taken off.
fn measured<'a>(runs: impl Iterator<Item = &'a Run>) -> Measured {
    let mut sum = Measured::default();
    for run in runs {
        let figures: Figures = Figures::deserialize(&run.figures).unwrap_or_default();
        let net = |joules: f64, ms: f64| joules - figures.idle_watts * ms / 1000.0;
        let prompt = net(figures.prompt_joules, figures.prompt_ms);
        let predicted = net(figures.predicted_joules, figures.predicted_ms);
        if !(prompt + predicted).is_finite() {
            continue;
        }
        // A short stretch may come out below idle: it counts as it is, or the mean would be high.
        sum.prompt_joules += prompt;
        sum.prompt_n = sum.prompt_n.saturating_add(figures.prompt_n);
        sum.predicted_joules += predicted;
        sum.predicted_n = sum.predicted_n.saturating_add(figures.predicted_n);
    }
    sum
}

fn as_json(account: &Account) -> Value {
    let Account {
        prices,
        used,
        measured,
        costs,
        now_ms,
    } = account;
    let break_even = costs.break_even.map(|break_even| match break_even {
        BreakEven::Never => json!("never"),
        BreakEven::At {
            million_tokens,
            days,
        } => json!({
            "million_tokens": million_tokens,
            "days_from_now": days,
            "date": days.and_then(|days| text::date(*now_ms, days)),
        }),
    });
    json!({
        "prices": {
            "currency": prices.currency,
            "electricity_per_kwh": prices.electricity,
            "hardware": prices.hardware,
            "api_input_per_million": prices.api_input,
            "api_output_per_million": prices.api_output,
            "watts": prices.watts,
        },
        "use": {
            "replies": used.replies,
            "prompt_tokens": used.prompt_n,
            "prompt_tokens_computed": used.computed_n,
            "predicted_tokens": used.predicted_n,
            "prompt_ms": used.prompt_ms,
            "predicted_ms": used.predicted_ms,
            "days": used.days,
            "tokens_per_day": costs.tokens_per_day,
            "prompt_share": costs.prompt_share,
        },
        "energy": {
            "from": costs.origin.map(|origin| match origin {
                Origin::Sensors => "sensors",
                Origin::Watts => "watts",
            }),
            "joules_per_token": costs.joules_per_token,
            "measured_prompt_joules": measured.prompt_joules,
            "measured_prompt_tokens": measured.prompt_n,
            "measured_predicted_joules": measured.predicted_joules,
            "measured_predicted_tokens": measured.predicted_n,
        },
        "electricity_per_million": costs.electricity,
        "api_per_million": costs.api,
        "saved": costs.saved,
        "break_even": break_even,
        "formulas": text::FORMULAS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Snapshot;

    fn run(figures: Value) -> Run {
        Run {
            created_ms: 0,
            kind: ENERGY_RUN.to_owned(),
            model: String::new(),
            params: Snapshot::new(),
            figures,
        }
    }

    #[test]
    fn idle_is_taken_off_and_damaged_measurements_are_left_out() {
        let good = json!({
            "idle_watts": 20.0, "prompt_joules": 100.0, "prompt_ms": 1000.0, "prompt_n": 800,
            "predicted_joules": 700.0, "predicted_ms": 10_000.0, "predicted_n": 100, "gpus": 1,
        });
        let runs = [run(good), run(json!({"prompt_n": "x"})), run(Value::Null)];
        let expected = Measured {
            prompt_joules: 80.0,
            prompt_n: 800,
            predicted_joules: 500.0,
            predicted_n: 100,
        };
        assert_eq!(measured(runs.iter()), expected);
    }

    #[test]
    fn use_is_counted_from_the_first_reply() {
        let usage = Usage {
            replies: 1,
            first_ms: Some(1000),
            ..Usage::default()
        };
        assert_eq!(used(&usage, 500).days, 0.0, "a clock set back");
        assert_eq!(used(&usage, 1000 + 864_000_000).days, 10.0);
        assert_eq!(used(&Usage::default(), 5).days, 0.0);
    }
}
