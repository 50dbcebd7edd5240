//! The report for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::compare::{Divergence, Outcome, Side};
use crate::cli::sanitise;

/// Candidates shown of each distribution.
const SHOWN: usize = 5;

/// Some lines.
pub(super) fn text(id: i64, outcome: &Outcome) -> String {
    let mut out = String::new();
    let Outcome { seed, tokens, .. } = outcome;
    // Writing to a text cannot fail.
    let _ = match &outcome.divergence {
        None => writeln!(out, "reply {id}: identical, {tokens} tokens, seed {seed}"),
        Some(one) => writeln!(
            out,
            "reply {id}: token {} of {tokens} is another one, seed {seed}",
            one.at + 1
        ),
    };
    if let Some(one) = &outcome.divergence {
        for (when, side) in [("then", &one.then), ("now", &one.now)] {
            let _ = writeln!(out, "  {when:4}  {}", side_text(side));
        }
    }
    if let Some(why) = &outcome.cut {
        let _ = writeln!(
            out,
            "  It was cut off ({}); the {tokens} tokens that were kept of it are compared.",
            sanitise::line(why)
        );
    }
    if outcome.resampled {
        out.push_str(
            "  The sampling was changed while it was made, so it cannot come out the same.\n",
        );
    }
    for (what, then, now) in &outcome.differences {
        let line = sanitise::line(&format!("{what}: {then} -> {now}"));
        let _ = writeln!(out, "  differs  {line}");
    }
    if outcome.differences.is_empty() {
        out.push_str(
            "  Nothing that is recorded differs: model, build, backend, devices, batch shape.\n",
        );
    }
    out
}

fn side_text(side: &Side) -> String {
    let token = match side.token {
        Some(_) => quoted(&side.text),
        None => "ended".to_owned(),
    };
    let mut candidates = side.candidates.clone();
    candidates.sort_by(|a, b| b.2.total_cmp(&a.2).then(b.1.total_cmp(&a.1)));
    let candidates: Vec<String> = candidates
        .iter()
        .take(SHOWN)
        .map(|(text, p, drawn)| {
            let (p, drawn) = (100.0 * p, 100.0 * drawn);
            format!("{} {p:.3} % -> {drawn:.3} %", quoted(text))
        })
        .collect();
    if candidates.is_empty() {
        return format!("{token}; its candidates were not recorded (n-probs)");
    }
    format!("{token}; {}", candidates.join(", "))
}

/// Text of a model in quotation marks, harmless and on one line.
fn quoted(text: &str) -> String {
    sanitise::line(&format!("{text:?}"))
}

/// One object.
pub(super) fn json(id: i64, outcome: &Outcome) -> Value {
    let side = |side: &Side| {
        let candidates = side.candidates.iter();
        let candidates = candidates
            .map(|(text, p, drawn)| json!({ "text": text, "p": p, "drawn_p": drawn }))
            .collect::<Vec<_>>();
        json!({ "token": side.token, "text": side.text, "candidates": candidates })
    };
    let divergence = outcome.divergence.as_ref().map(
        |one: &Divergence| json!({ "at": one.at, "then": side(&one.then), "now": side(&one.now) }),
    );
    let differences = outcome.differences.iter();
    let differences = differences
        .map(|(what, then, now)| json!({ "what": what, "then": then, "now": now }))
        .collect::<Vec<_>>();
    json!({
        "id": id,
        "identical": outcome.divergence.is_none(),
        "seed": outcome.seed,
        "tokens": outcome.tokens,
        "resampled": outcome.resampled,
        "cut": outcome.cut,
        "divergence": divergence,
        "differences": differences,
    })
}
