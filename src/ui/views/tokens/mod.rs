//! A walk through the tokens of a reply.
//!
//! ```text
//! ╭ Tokens · 5 of 120 ─────────────────────────────────────────────────────────╮
//! │ A mutex is a lock: one thread [at] a time holds it, the others wait.       │
//! │                                                                            │
//! │ " at" · 62.1 % · rank 0 · entropy 1.84 bits                                │
//! │   candidate        model   top_k   min_p    temp                           │
//! │ * " at"           62.1 %  62.9 %  64.0 %  70.2 %                           │
//! │ ▸ " in"           10.2 %  10.3 %  10.5 %   8.1 %                           │
//! │   " holds"         0.4 %   0.4 %       -                                   │
//! │   kept                        40      12      12                           │
//! │   mass                    98.7 %  97.1 %  97.1 %                           │
//! │  5.0 entropy  ▂▅▇▂▁                                                        │
//! ╰────────────────────────────────────────────────────────────────────────────╯
//! ```

mod table;
mod text;

use ratatui::layout::{Constraint, Layout, Rect};

use crate::app::{Recorded, Shade, State, Walk, made_with};
use crate::engine::trace::{TokenTrace, Trace};
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, Part, part};
use crate::ui::text::{fit, sanitise};
use crate::ui::widgets::chart;

/// Columns of the token's text above the table.
const TEXT: usize = 24;
/// Bits that the chart's scale can still tell from nothing.
const LEAST_ENTROPY: f32 = 0.1;
/// Rows of the chart with the mark below it.
const CHART: u16 = 5;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let focused = if state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let (Some((walk, recorded)), Some(token)) = (state.tokens.walked(), state.tokens.token())
    else {
        let inner = painter.pane(area, &[part("Tokens", Role::Accent)], frame, focused);
        draw_nothing(painter, inner, state);
        return;
    };
    let trace = &recorded.kept.trace;
    let dot = painter.glyphs.dot;
    let place = format!(" {dot} {} of {}", walk.token + 1, trace.tokens.len());
    let mut title = vec![part("Tokens", Role::Accent), part(place, Role::Text)];
    let notes = [
        computed(state, recorded, token),
        not_recorded(state, recorded),
    ];
    for note in notes.iter().flatten() {
        title.push(part(format!(" {dot} {note}"), Role::Muted));
    }
    let inner = painter.pane(area, &title, frame, focused);
    let rows = u16::try_from(token.candidates.len()).unwrap_or(u16::MAX);
    // Heading, candidates, and what each stage kept; the text has a third at least.
    let table = rows.saturating_add(3).min(inner.height / 2);
    let chart = if inner.height >= 30 { CHART + 3 } else { CHART };
    let [text, about, candidates, entropy, made] = Layout::vertical([
        Constraint::Min(2),
        Constraint::Length(2),
        Constraint::Length(table),
        Constraint::Length(chart),
        Constraint::Length(1),
    ])
    .areas(inner);
    text::draw(painter, text, walk, trace);
    if walk.shade == Shade::On && about.height > 1 {
        text::draw_shades(painter, about.x, about.y, about.right());
    }
    draw_about(painter, about, recorded, token);
    table::draw(painter, candidates, walk, trace, token);
    draw_entropy(painter, entropy, walk, trace);
    draw_made(painter, made, recorded);
}

/// Why there is nothing to walk through yet.
fn draw_nothing(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let is_running = state.chat.running().is_some();
    let text = match (state.tokens.recording(), is_running) {
        (Some(_), _) => "The reply is computed again to be recorded \u{2026}",
        (None, true) => {
            "The candidates of this reply are not recorded. Enter computes them when no reply is being written."
        }
        (None, false) => {
            "The candidates of this reply were not recorded. Enter computes them now, token by token."
        }
    };
    let text = format!("{text}\n/set n-probs 10 records replies as they are made.");
    painter.paragraph(area, &text, Role::Muted);
}

/// How much of the reply the walk cannot show, where a part of it was recorded.
fn not_recorded(state: &State, recorded: &Recorded) -> Option<String> {
    let (all, known) = (
        recorded.kept.ids.chosen.len(),
        recorded.kept.trace.tokens.len(),
    );
    let rest = all.checked_sub(known).filter(|rest| *rest > 0)?;
    let is_recording = state.tokens.recording().is_some();
    (!is_recording).then(|| format!("{rest} more tokens of it were not recorded"))
}

/// That the candidates of this token were not recorded when it was drawn.
fn computed(state: &State, recorded: &Recorded, token: &TokenTrace) -> Option<String> {
    if state.tokens.recording().is_some() {
        let all = recorded.kept.ids.chosen.len();
        return Some(format!("computed afterwards, {all} in all; Esc stops"));
    }
    let is_computed = recorded.kept.marks.is_computed_later(token.at);
    is_computed.then(|| "computed afterwards, near ties may differ".to_owned())
}

fn draw_about(painter: &mut Painter<'_>, area: Rect, recorded: &Recorded, token: &TokenTrace) {
    let y = area.bottom().saturating_sub(1);
    let facts = [
        vec![part(
            quoted(&recorded.kept.trace, token.token, TEXT),
            Role::Accent,
        )],
        vec![part(format!("model {}", percent(token.p())), Role::Text)],
        vec![how(recorded, token)],
        vec![part(format!("rank {}", token.rank), Role::Text)],
        vec![part(
            format!("entropy {:.2} bits", token.entropy),
            Role::Text,
        )],
    ];
    painter.facts(area.x, y, area.right(), &facts);
}

/// How the token came to be the one. Only of one that was computed afterwards a stage may say that
/// it would have removed it.
fn how(recorded: &Recorded, token: &TokenTrace) -> Part<'static> {
    let chosen = token.chosen();
    if recorded.kept.marks.is_by_hand(token.at) {
        return part("taken by hand", Role::Text);
    }
    if let Some(stage) = chosen.and_then(|one| one.removed_by(&token.stages)) {
        let text = format!("{} would remove it", stage.name());
        return part(text, Role::Warning);
    }
    let drawn = chosen.map_or(0.0, |one| one.drawn(&token.stages));
    part(format!("drawn with {}", percent(drawn)), Role::Text)
}

/// Entropy around the token, with a mark below it.
fn draw_entropy(painter: &mut Painter<'_>, area: Rect, walk: &Walk, trace: &Trace) {
    if area.height < 3 {
        return;
    }
    let plot = Rect {
        y: area.y + 1,
        height: area.height - 2,
        ..area
    };
    let columns = usize::from(area.width.saturating_sub(chart::SCALE));
    let count = trace.tokens.len();
    let start = walk
        .token
        .saturating_sub(columns / 2)
        .min(count.saturating_sub(columns));
    let shown = &trace.tokens[start..count.min(start + columns)];
    let label = "entropy in bits, token by token";
    painter.text(area.x, area.y, area.right(), label, Role::Muted);
    if shown.iter().all(|token| token.entropy < LEAST_ENTROPY) {
        let text = format!("under {LEAST_ENTROPY} bits: the model was sure of every token here");
        painter.text(plot.x, plot.y, plot.right(), &text, Role::Muted);
        return;
    }
    let values = shown.iter().map(|token| f64::from(token.entropy));
    chart::chart(painter, plot, values);
    let under = u16::try_from(walk.token - start).unwrap_or(u16::MAX);
    let x = area.x.saturating_add(chart::SCALE).saturating_add(under);
    painter.text(x, area.bottom() - 1, area.right(), "^", Role::Key);
}

/// What made the reply, and how to make it again.
fn draw_made(painter: &mut Painter<'_>, area: Rect, recorded: &Recorded) {
    let mut facts = Vec::new();
    if let Some(message) = recorded.message {
        facts.push(vec![part(
            format!("llmdeck replay {}", message.0),
            Role::Key,
        )]);
    }
    if !recorded.kept.ids.prompt.is_empty() {
        let made = made_with(&recorded.kept.origin);
        facts.extend(made.into_iter().map(|text| vec![part(text, Role::Muted)]));
    }
    painter.facts(area.x, area.y, area.right(), &facts);
}

/// A token's text in quotation marks, with escapes for what cannot be seen, in so many columns.
fn quoted(trace: &Trace, token: i32, columns: usize) -> String {
    let quoted = trace.quoted(token);
    let text = sanitise::sanitise(&quoted);
    fit::head(&text, columns, "..").into_owned()
}

/// A probability in per cent, with the places that matter.
fn percent(p: f32) -> String {
    let p = 100.0 * p;
    match p {
        0.1.. => format!("{p:.1} %"),
        0.0001.. => format!("{p:.4} %"),
        0.0 => "0 %".to_owned(),
        _ => format!("{p:.0e} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_probability_is_not_nothing() {
        for (p, text) in [
            (1.0, "100.0 %"),
            (0.001, "0.1 %"),
            (0.0005, "0.0500 %"),
            (0.000_002, "0.0002 %"),
            (0.000_000_4, "4e-5 %"),
            (3e-14, "3e-12 %"),
            (0.0, "0 %"),
        ] {
            assert_eq!(percent(p), text);
        }
    }
}
