//! Below the charts: marks, the time axis, and energy or what was marked at the cursor.

use ratatui::layout::Rect;

use super::column_of;
use crate::app::State;
use crate::telemetry::history::MarkKind;
use crate::telemetry::history::export::Range;
use crate::telemetry::{Covers, tokens_per_watt_hour};
use crate::theme::Role;
use crate::ui::painter::{Painter, Part, part};
use crate::ui::text::units;

pub fn draw(painter: &mut Painter<'_>, inner: Rect, below: Rect, state: &State, range: Range) {
    let history = &state.metrics.history;
    painter.text(inner.x, below.y, below.x - 1, "marks", Role::Muted);
    // Where several fall together the weightier one is seen.
    let mut marks: Vec<_> = history.marks(range.from, range.to).collect();
    marks.sort_by_key(|mark| match mark.kind {
        MarkKind::Parameter => 0,
        MarkKind::Reply => 1,
        MarkKind::Model => 2,
    });
    for mark in marks {
        if let Some(column) = column_of(mark.at_ms, range, below.width) {
            let x = below.x + column;
            painter.text(x, below.y, x + 1, mark.kind.letter(), Role::Key);
        }
    }
    axis(
        painter,
        inner,
        Rect {
            y: below.y + 1,
            ..below
        },
        state,
        range,
    );
    let y = below.y + 2;
    match at_cursor(state, range, below.width) {
        Some(facts) => painter.facts(inner.x, y, inner.right(), &facts),
        None => painter.facts(inner.x, y, inner.right(), &energy(state)),
    };
}

/// How long ago the ends and the cursor are.
fn axis(painter: &mut Painter<'_>, inner: Rect, row: Rect, state: &State, range: Range) {
    let latest = state.metrics.history.latest_ms().unwrap_or(0);
    let ago = |at: u64| match latest.saturating_sub(at) / 1000 {
        0 => "now".to_owned(),
        seconds if seconds < 120 => format!("{seconds} s ago"),
        seconds if seconds % 60 == 0 => format!("{} min ago", seconds / 60),
        seconds => format!("{} min {:02} s ago", seconds / 60, seconds % 60),
    };
    painter.text(inner.x, row.y, row.x - 1, "time", Role::Muted);
    let from = painter.text(row.x, row.y, row.right(), &ago(range.from + 1), Role::Muted);
    let end = ago(range.to - 1);
    let to = painter.text_right(from, row.y, row.right(), &[part(end, Role::Muted)]);
    let Some(cursor) = state.metrics.window.cursor else {
        return;
    };
    if let Some(column) = column_of(cursor, range, row.width) {
        let text = ago(cursor);
        let width = u16::try_from(text.len()).unwrap_or(u16::MAX);
        let x = (row.x + column).saturating_sub(width / 2).max(from + 1);
        if x + width < to {
            painter.text(x, row.y, to, &text, Role::Accent);
        }
    }
}

/// What was marked where the cursor stands.
fn at_cursor(state: &State, range: Range, width: u16) -> Option<Vec<Vec<Part<'_>>>> {
    let cursor = state.metrics.window.cursor?;
    let column = column_of(cursor, range, width)?;
    let near = state.metrics.history.marks(range.from, range.to);
    let near = near.filter(|mark| {
        column_of(mark.at_ms, range, width).is_some_and(|at| at.abs_diff(column) <= 1)
    });
    let facts: Vec<_> = near
        .map(|mark| vec![part(mark.text.as_str(), Role::Text)])
        .collect();
    (!facts.is_empty()).then_some(facts)
}

/// Joules per token, with what was taken off and what was measured.
fn energy(state: &State) -> Vec<Vec<Part<'static>>> {
    let meter = &state.metrics.energy;
    let covers = meter.covers();
    if covers == Covers::default() {
        let text = "energy: no sensor tells the power of the CPU or a GPU";
        return vec![vec![part(text, Role::Muted)]];
    }
    let Some(idle) = meter.idle_watts() else {
        let text = "energy: known once the machine has been idle for some seconds";
        return vec![vec![part(text, Role::Muted)]];
    };
    let total = meter.total();
    let mut facts = Vec::new();
    if let Some(joules) = total.decode.joules_per_token(idle) {
        let per_hour = tokens_per_watt_hour(joules).round() as u64;
        facts.push(vec![
            part("decode ", Role::Muted),
            part(format!("{joules:.2} J/token"), Role::Text),
        ]);
        let per_hour = format!("{} tokens/Wh", units::count(per_hour));
        facts.push(vec![part(per_hour, Role::Text)]);
    }
    if let Some(joules) = total.prompt.joules_per_token(idle) {
        facts.push(vec![
            part("prompt ", Role::Muted),
            part(format!("{joules:.3} J/token"), Role::Text),
        ]);
    }
    if facts.is_empty() {
        facts.push(vec![part("energy: nothing computed yet", Role::Muted)]);
    }
    facts.push(vec![part(
        format!("idle {idle:.1} W taken off"),
        Role::Muted,
    )]);
    facts.push(vec![part(measured(covers), Role::Muted)]);
    facts
}

fn measured(covers: Covers) -> String {
    let gpus = match covers.gpus {
        0 => String::new(),
        gpus => units::counted(gpus, "GPU"),
    };
    match (covers.cpu, gpus.is_empty()) {
        (true, true) => "CPU measured".to_owned(),
        (true, false) => format!("CPU and {gpus} measured"),
        (false, _) => format!("{gpus} measured"),
    }
}
