//! The report for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::compare::{Candidate, Divergence, Name, Outcome, Side};
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
            let is_computed = one.is_computed && when == "then";
            let _ = writeln!(out, "  {when:4}  {}", side_text(side, is_computed));
        }
    }
    out.push_str(&given(outcome));
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
            "  Nothing that is recorded differs: model, build, backend, devices, parameters, batch shape.\n",
        );
    }
    out
}

/// A line about the tokens that were not drawn, where there are any.
fn given(outcome: &Outcome) -> String {
    let tokens = match outcome.given {
        0 => return String::new(),
        1 => "token is".to_owned(),
        given => format!("{given} tokens are"),
    };
    let by_hand = outcome.by_hand.iter();
    let by_hand: Vec<String> = by_hand.map(|at| format!("token {}", at + 1)).collect();
    let by_hand = match by_hand.is_empty() {
        true => String::new(),
        false => format!("; taken by hand: {}", by_hand.join(", ")),
    };
    format!("  Its first {tokens} given, not drawn{by_hand}.\n")
}

fn side_text(side: &Side, is_computed: bool) -> String {
    let token = match side.token {
        Some(_) => quoted(&side.name),
        None => "ended".to_owned(),
    };
    let candidates = shown(side);
    let candidates: Vec<String> = candidates
        .iter()
        .map(|one| {
            let (p, drawn) = (100.0 * one.p, 100.0 * one.drawn_p);
            format!("{} {p:.3} % -> {drawn:.3} %", quoted(&one.name))
        })
        .collect();
    let candidates = candidates.join(", ");
    match (candidates.is_empty(), is_computed) {
        (true, _) => format!("{token}; its candidates were not recorded (n-probs)"),
        (false, true) => format!("{token}; not recorded then, computed afterwards: {candidates}"),
        (false, false) => format!("{token}; {candidates}"),
    }
}

/// The likeliest to be drawn, and the one that was.
fn shown(side: &Side) -> Vec<&Candidate> {
    let mut candidates: Vec<&Candidate> = side.candidates.iter().collect();
    candidates.sort_by(|a, b| {
        let drawn = b.drawn_p.total_cmp(&a.drawn_p);
        drawn.then(b.p.total_cmp(&a.p))
    });
    let mut place = 0;
    candidates.retain(|one| {
        place += 1;
        place <= SHOWN || Some(one.token) == side.token
    });
    candidates
}

/// Text of a model in quotation marks, harmless and on one line.
fn quoted(name: &Name) -> String {
    sanitise::line(&name.quoted)
}

/// One object.
pub(super) fn json(id: i64, outcome: &Outcome) -> Value {
    let side = |side: &Side| {
        let candidates = side.candidates.iter();
        let candidates = candidates
            .map(|one| {
                json!({ "token": one.token, "text": one.name.text, "p": one.p, "drawn_p": one.drawn_p })
            })
            .collect::<Vec<_>>();
        json!({ "token": side.token, "text": side.name.text, "candidates": candidates })
    };
    let divergence = outcome.divergence.as_ref().map(|one: &Divergence| {
        let mut then = side(&one.then);
        then["is_computed"] = one.is_computed.into();
        json!({ "at": one.at, "then": then, "now": side(&one.now) })
    });
    let differences = outcome.differences.iter();
    let differences = differences
        .map(|(what, then, now)| json!({ "what": what, "then": then, "now": now }))
        .collect::<Vec<_>>();
    json!({
        "id": id,
        "identical": outcome.divergence.is_none(),
        "seed": outcome.seed,
        "tokens": outcome.tokens,
        "given": outcome.given,
        "by_hand": outcome.by_hand,
        "resampled": outcome.resampled,
        "cut": outcome.cut,
        "divergence": divergence,
        "differences": differences,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_are_given_are_told_apart_from_those_drawn() {
        let outcome = |given, by_hand: &[u32]| Outcome {
            seed: 1,
            tokens: 9,
            given,
            by_hand: by_hand.into(),
            divergence: None,
            differences: Vec::new(),
            resampled: false,
            cut: None,
        };
        assert_eq!(given(&outcome(0, &[])), "");
        let words = text(7, &outcome(4, &[1, 3]));
        assert!(
            words.contains(
                "  Its first 4 tokens are given, not drawn; taken by hand: token 2, token 4.\n"
            ),
            "{words}"
        );
        let object = json(7, &outcome(1, &[0]));
        assert_eq!(
            (&object["given"], &object["by_hand"]),
            (&json!(1), &json!([0]))
        );
    }

    #[test]
    fn the_one_drawn_is_always_among_those_shown() {
        let name = |token: u8| Name {
            text: token.to_string(),
            quoted: format!("\"{token}\""),
        };
        let candidate = |token: u8| Candidate {
            token: token.into(),
            name: name(token),
            p: 1.0 / f32::from(token + 2),
            drawn_p: 0.0,
        };
        let side = Side {
            token: Some(8),
            name: name(8),
            candidates: (0..10).map(candidate).collect(),
        };
        let tokens: Vec<i32> = shown(&side).iter().map(|one| one.token).collect();
        assert_eq!(tokens, [0, 1, 2, 3, 4, 8]);
        let text = side_text(&side, true);
        assert!(
            text.starts_with("\"8\"; not recorded then, computed afterwards: \"0\" 50.000 %"),
            "{text}"
        );
    }
}
