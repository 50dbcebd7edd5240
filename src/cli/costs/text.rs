//! The account for a person, every formula with it.

use std::fmt::Write as _;

use super::Account;
use crate::cli::sanitise;
use crate::costs::{BreakEven, Origin};

/// How each figure comes about.
pub(super) const FORMULAS: [&str; 6] = [
    "prompt share = prompt tokens / all tokens; tokens from a cache count, as an API bills them",
    "API = prompt share x api-input + (1 - prompt share) x api-output",
    "energy per token = joules above idle / tokens, over all replies",
    "electricity = energy per token x 1,000,000 / 3,600,000 x electricity",
    "saved = tokens / 1,000,000 x (API - electricity)",
    "break-even = hardware / (API - electricity) million tokens; date at the tokens a day so far",
];

pub(super) fn render(account: &Account) -> String {
    let Account {
        prices,
        used,
        measured,
        costs,
        now_ms,
    } = account;
    let currency = prices.currency.as_deref().map(sanitise::line);
    let money = |amount: f64| {
        let digits = if amount.abs() < 10.0 { 4 } else { 2 };
        let amount = format!("{amount:.digits$}");
        match &currency {
            Some(currency) => format!("{amount} {currency}"),
            None => amount,
        }
    };
    let mut out = String::new();
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<14} {value}");
    };
    row(
        "use",
        match costs.tokens {
            0 => "no saved reply tells how long it took yet".to_owned(),
            _ => format!(
                "{} {}, {} tokens of prompts and {} of replies in {}",
                used.replies,
                if used.replies == 1 {
                    "reply"
                } else {
                    "replies"
                },
                used.prompt_n,
                used.predicted_n,
                match costs.tokens_per_day {
                    Some(a_day) => format!("{:.1} days: {a_day:.0} a day", used.days),
                    None => "less than a day, too little to tell the use a day".to_owned(),
                },
            ),
        },
    );
    row(
        "energy",
        match (costs.joules_per_token, costs.origin) {
            (Some(joules), Some(Origin::Sensors)) => format!(
                "{joules:.3} J/token above idle, by the sensors over {} tokens",
                measured.prompt_n.saturating_add(measured.predicted_n)
            ),
            (Some(joules), _) => format!(
                "{joules:.3} J/token, from the {:.0} W of the configuration and the time measured",
                prices.watts.unwrap_or_default()
            ),
            (None, _) => "not known: no sensor told the power of the CPU or a GPU while the deck \
                          computed, and [costs] watts is not set"
                .to_owned(),
        },
    );
    row(
        "here",
        match (costs.electricity, prices.electricity) {
            (Some(here), _) => format!("{} of electricity per million tokens", money(here)),
            (None, None) => "not known: [costs] electricity is not set".to_owned(),
            (None, Some(_)) => "not known without the energy of a token".to_owned(),
        },
    );
    row(
        "API",
        match (costs.api, prices.api_input.zip(prices.api_output)) {
            (Some(api), _) => format!(
                "{} per million tokens, {:.0} % of them of prompts",
                money(api),
                costs.prompt_share.unwrap_or_default() * 100.0
            ),
            (None, None) => "not known: [costs] api-input and api-output are not set".to_owned(),
            (None, Some(_)) => "not known without a reply".to_owned(),
        },
    );
    if let Some(saved) = costs.saved {
        let what = if saved < 0.0 { "lost" } else { "saved" };
        row(what, format!("{} so far", money(saved.abs())));
    }
    match costs.break_even {
        Some(BreakEven::Never) => row(
            "break-even",
            "never: the electricity of a token costs more than the API asks".to_owned(),
        ),
        Some(BreakEven::At {
            million_tokens,
            days,
        }) => {
            let when = match days {
                Some(days) if days <= 0.0 => ", which is behind you".to_owned(),
                Some(days) => match date(*now_ms, days) {
                    Some(date) => format!(", on {date} at your use so far"),
                    None => ", not in a lifetime at your use so far".to_owned(),
                },
                None => "; a date needs a day of use at least".to_owned(),
            };
            row(
                "break-even",
                format!("at {million_tokens:.1} million tokens{when}"),
            );
        }
        None if prices.hardware.is_none() => {
            row(
                "break-even",
                "not known: [costs] hardware is not set".to_owned(),
            );
        }
        None => row(
            "break-even",
            "not known without all of the above".to_owned(),
        ),
    }
    out.push_str("\nformulas\n");
    for formula in FORMULAS {
        let _ = writeln!(out, "  {formula}");
    }
    out
}

/// The date so many days from now, `2026-01-31`; `None` when it is more than a century away.
#[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
pub(super) fn date(now_ms: i64, days: f64) -> Option<String> {
    const CENTURY: f64 = 36_525.0;
    if !(0.0..=CENTURY).contains(&days) {
        return None;
    }
    let then = now_ms.checked_add((days * super::DAY_MS) as i64)?;
    let then = jiff::Timestamp::from_millisecond(then).ok()?;
    Some(then.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::{Measured, Prices, Use, costs};

    fn account(prices: Prices, used: Use, measured: Measured) -> Account {
        Account {
            costs: costs(&prices, &used, &measured),
            prices,
            used,
            measured,
            now_ms: 1_767_225_600_000,
        }
    }

    fn used() -> Use {
        Use {
            replies: 12,
            prompt_n: 30_000,
            computed_n: 10_000,
            predicted_n: 10_000,
            prompt_ms: 50_000.0,
            predicted_ms: 400_000.0,
            days: 10.0,
        }
    }

    #[test]
    fn everything_known_is_told_with_its_formula() {
        let prices = Prices {
            currency: Some("EUR\u{1b}[31m".to_owned()),
            electricity: Some(0.30),
            hardware: Some(10.0),
            api_input: Some(1.0),
            api_output: Some(5.0),
            watts: None,
        };
        let measured = Measured {
            prompt_joules: 100.0,
            prompt_n: 1000,
            predicted_joules: 3900.0,
            predicted_n: 1000,
        };
        let text = render(&account(prices, used(), measured));
        assert!(!text.contains('\u{1b}'));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn less_than_a_day_gives_no_date() {
        let prices = Prices {
            electricity: Some(0.30),
            hardware: Some(10.0),
            api_input: Some(1.0),
            api_output: Some(5.0),
            watts: Some(40.0),
            ..Prices::default()
        };
        let used = Use {
            days: 0.01,
            ..used()
        };
        let text = render(&account(prices, used, Measured::default()));
        let (figures, _) = text.split_once("formulas").unwrap();
        assert!(
            figures.contains("in less than a day, too little to tell the use a day"),
            "{figures}"
        );
        assert!(
            figures.contains("; a date needs a day of use at least"),
            "{figures}"
        );
        assert!(!figures.contains(", on 2"), "{figures}");
    }

    #[test]
    fn what_is_missing_says_what_to_set() {
        let text = render(&account(
            Prices::default(),
            Use::default(),
            Measured::default(),
        ));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn dates_are_within_a_century() {
        assert_eq!(date(0, 31.0).as_deref(), Some("1970-02-01"));
        assert_eq!(date(0, 1e9), None);
        assert_eq!(date(0, f64::NAN), None);
    }
}
