//! What stands below a reply: progress while it is awaited, figures when it is finished.

use ratatui::layout::Rect;

use crate::app::{Folding, Reply, ReplyState};
use crate::engine::{StopReason, Timings};
use crate::theme::Role;
use crate::ui::painter::{Painter, Part, part};
use crate::ui::text::units;
use crate::ui::widgets::gauge::gauge;

/// Columns of the prompt's bar.
const BAR: u16 = 20;

/// Progress of a reply that has not said anything yet.
pub fn progress(painter: &mut Painter<'_>, area: Rect, reply: &Reply) {
    let ReplyState::Prefilling {
        done,
        total,
        reused,
    } = reply.state
    else {
        let text = if reply.state == ReplyState::Sent {
            "waiting for the engine"
        } else {
            "first token"
        };
        painter.text(area.x, area.y, area.right(), text, Role::Muted);
        return;
    };
    let x = painter.text(
        area.x,
        area.y,
        area.right(),
        "reading the prompt ",
        Role::Muted,
    );
    let bar = BAR.min(area.right().saturating_sub(x));
    gauge(
        painter,
        x,
        area.y,
        bar,
        f64::from(done) / f64::from(total.max(1)),
        Role::Gauge,
    );
    let count = |tokens: u32| units::count(u64::from(tokens));
    let mut facts = vec![vec![part(
        format!("{} / {} tokens", count(done), count(total)),
        Role::Text,
    )]];
    let left = total.saturating_sub(done);
    let rate = reply
        .timings
        .map_or(0.0, |timings| timings.prompt_per_second);
    if let Some(ms) = time_left(left, rate) {
        facts.push(vec![part(
            format!("about {} left", units::time_left(ms)),
            Role::Muted,
        )]);
    }
    if reused > 0 {
        facts.push(vec![part(format!("{} reused", count(reused)), Role::Good)]);
    }
    painter.facts(x + bar + 1, area.y, area.right(), &facts);
}

/// Milliseconds that so many prompt tokens will take, as fast as those before; `None` while that is unknown.
pub fn time_left(tokens: u32, per_second: f64) -> Option<f64> {
    (tokens > 0 && per_second > 0.0).then(|| f64::from(tokens) / per_second * 1000.0)
}

/// One line about what a reply thought: for how long, in how many tokens.
pub fn thought(painter: &mut Painter<'_>, area: Rect, reply: &Reply, folding: Folding) {
    let thought = &reply.thought;
    let mark = match folding {
        Folding::Folded => painter.glyphs.folded,
        Folding::Unfolded => painter.glyphs.unfolded,
    };
    let title = if thought.goes_on() && reply.state.is_running() {
        "thinking"
    } else {
        "thought"
    };
    let mut facts = vec![vec![part(format!("{mark} {title}"), Role::Thinking)]];
    if thought.took_ms > 0.0 {
        let took = units::duration(thought.took_ms);
        facts.push(vec![part(took, Role::Muted)]);
    }
    if thought.tokens > 0 {
        let tokens = units::counted(thought.tokens, "token");
        facts.push(vec![part(tokens, Role::Muted)]);
    }
    painter.facts(area.x, area.y, area.right(), &facts);
}

/// Figures of a finished reply, as many as fit.
pub fn footer(painter: &mut Painter<'_>, area: Rect, reply: &Reply) {
    let mut facts = Vec::new();
    if let ReplyState::Done(reason) = &reply.state
        && *reason != StopReason::EndOfTurn
    {
        facts.push(vec![part(stop_reason(reason), Role::Warning)]);
    }
    if let Some(timings) = &reply.timings {
        measured(timings, &reply.state, &mut facts);
    }
    if let Some(seed) = reply.seed {
        facts.push(vec![part(format!("seed {seed}"), Role::Muted)]);
    }
    painter.facts(area.x, area.y, area.right(), &facts);
}

fn measured(timings: &Timings, state: &ReplyState, facts: &mut Vec<Vec<Part<'_>>>) {
    if timings.predicted_per_second > 0.0 {
        facts.push(vec![part(
            units::rate(timings.predicted_per_second),
            Role::Muted,
        )]);
    }
    // A reply that was cut at a number of tokens has said so already.
    if !matches!(state, ReplyState::Done(StopReason::MaxTokens(_))) {
        let tokens = units::counted(timings.predicted_n, "token");
        facts.push(vec![part(tokens, Role::Muted)]);
    }
    if timings.ttft_ms > 0.0 {
        facts.push(vec![part(
            format!("first after {}", units::duration(timings.ttft_ms)),
            Role::Muted,
        )]);
    }
}

/// Why a reply ended, in a few words.
pub fn stop_reason(reason: &StopReason) -> String {
    match reason {
        StopReason::EndOfTurn => "end of turn".to_owned(),
        StopReason::StopString(text) => format!("stopped at {text:?}"),
        StopReason::MaxTokens(limit) => {
            format!("stopped after {}", units::counted(*limit, "token"))
        }
        StopReason::ContextFull { n_ctx } => {
            format!("context of {} full", units::count(u64::from(*n_ctx)))
        }
        StopReason::Cancelled => "stopped by you".to_owned(),
    }
}
