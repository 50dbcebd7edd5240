//! What the sampling values do to the next token, in two lines under the parameters.
//!
//! ```text
//! next token: top_k 40 · min_p 12 · temp 12 of 2,048, 97.1 % of the mass kept
//! " at" 62.1 → 70.2 % · " in" 10.2 → 8.1 % · " over" 0.4 → 0 %
//! ```

use crate::app::State;
use crate::engine::trace::{TokenTrace, Trace};
use crate::theme::Role;
use crate::ui::text::units;

/// Candidates shown.
const SHOWN: usize = 6;

/// The lines with their roles; none while nothing is known.
pub(super) fn lines(state: &State, arrow: &str, dot: &str) -> Vec<(String, Role)> {
    match &state.preview.outcome {
        None => Vec::new(),
        Some(Err(error)) => vec![(format!("no preview: {}", error.why), Role::Muted)],
        Some(Ok(trace)) => match trace.tokens.first() {
            Some(token) => vec![
                (kept(token, dot), Role::Text),
                (candidates(trace, token, arrow, dot), Role::Accent),
            ],
            None => Vec::new(),
        },
    }
}

fn kept(token: &TokenTrace, dot: &str) -> String {
    let stages = token.stages.iter();
    let stages = stages.map(|stage| {
        let kept = units::count(stage.kept.into());
        format!("{} {kept}", stage.stage.name())
    });
    let stages: Vec<String> = stages.collect();
    match token.stages.last() {
        None => format!(
            "next token: every candidate stays; entropy {:.2} bits",
            token.entropy
        ),
        Some(last) => format!(
            "next token, candidates kept: {}; {:.1} % of the mass, entropy {:.2} bits",
            stages.join(&format!(" {dot} ")),
            100.0 * last.mass,
            token.entropy
        ),
    }
}

fn candidates(trace: &Trace, token: &TokenTrace, arrow: &str, dot: &str) -> String {
    let shown = token.candidates.iter().take(SHOWN).map(|one| {
        let (before, after) = (100.0 * one.p, 100.0 * one.drawn(&token.stages));
        let text = trace.quoted(one.token);
        format!("{text} {before:.1} {arrow} {after:.1} %")
    });
    shown.collect::<Vec<_>>().join(&format!(" {dot} "))
}
