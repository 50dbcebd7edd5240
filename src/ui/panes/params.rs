//! Every parameter with its value, where the value comes from and what a change costs.
//!
//! ```text
//! ╭ Parameters · creative ───────────────────────────────╮
//! │ Context                                              │
//! │   ctx-size          4096 → 8192   session new context│
//! │ Sampling                                             │
//! │ ▸ temp              0.8           default live       │
//! │                                                      │
//! │ 0 to 5, step 0.05                                    │
//! │ Higher is more varied, lower more predictable.       │
//! ╰──────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::{Constraint, Layout, Rect};

use super::{forecast, preview};
use crate::app::{Pane, ParamEdit, ParamsState, State};
use crate::params::{Cost, Group, Kind, Param, Source, Spec, Support, spec};
use crate::theme::Role;
use crate::ui::painter::{Focused, Frame, Painter, Part, part, parts_width};
use crate::ui::text::{sanitise, wrap::Wrapped};
use crate::ui::widgets::field;

/// Columns of the mark before a row and of the longest name.
const MARK: u16 = 2;
const NAME: u16 = 19;
const SOURCE: u16 = 8;
/// Rows have room for the source and for costs in full from this width on.
const ROOMY: u16 = 56;

pub fn draw(painter: &mut Painter<'_>, area: Rect, frame: Frame, state: &State) {
    let focused = state.focus == Pane::Parameters && state.overlay.is_none();
    let params = &state.params;
    let inner = painter.pane(
        area,
        &title(painter, params),
        frame,
        if focused { Focused::Yes } else { Focused::No },
    );
    let filter = u16::from(params.filtering || !params.filter.text.is_empty());
    let (arrow, dot) = (painter.glyphs.arrow, painter.glyphs.dot);
    let mut foreseen = forecast::lines(state, arrow, dot);
    foreseen.extend(preview::lines(state, arrow, dot));
    let foreseen = wrapped(&foreseen, inner.width);
    // Range and help of the selected parameter take more rows where they are short, and make room
    // for what the pending changes would do.
    let about = match (inner.height, inner.width) {
        (..10, _) => 1,
        (..20, _) if !foreseen.is_empty() => 1,
        (_, ..ROOMY) => 4,
        _ => 3,
    };
    // At least the half is left to the parameters themselves.
    let rows = u16::try_from(foreseen.len()).unwrap_or(u16::MAX);
    let rows = rows.min((inner.height / 2).saturating_sub(about));
    let [filter, list, expected, about] = Layout::vertical([
        Constraint::Length(filter),
        Constraint::Min(0),
        Constraint::Length(rows),
        Constraint::Length(about),
    ])
    .areas(inner);
    for ((text, role), y) in foreseen.iter().zip(expected.y..expected.bottom()) {
        painter.text(expected.x, y, expected.right(), text, *role);
    }
    if filter.height > 0 {
        let x = painter.text(filter.x, filter.y, filter.right(), "/ ", Role::Key);
        let cursor = if params.filtering && focused {
            Some(params.filter.cursor)
        } else {
            None
        };
        field::draw(
            painter,
            Rect {
                x,
                width: filter.right() - x,
                ..filter
            },
            &params.filter.text,
            cursor,
        );
    }
    if params.visible.is_empty() {
        painter.text(
            list.x,
            list.y,
            list.right(),
            "no parameter matches",
            Role::Muted,
        );
        return;
    }
    draw_list(painter, list, params, focused);
    if let Some(param) = params.visible.get(params.selected) {
        draw_about(painter, about, params, spec(*param));
    }
}

/// The lines cut to the width, each row with its line's role.
fn wrapped(lines: &[(String, Role)], width: u16) -> Vec<(String, Role)> {
    let mut rows = Vec::new();
    for (text, role) in lines {
        let text = sanitise::sanitise(text);
        let all = Wrapped::new(&text, width);
        rows.extend(
            all.rows()
                .iter()
                .map(|row| (row.text(&text).to_owned(), *role)),
        );
    }
    rows
}

fn title<'a>(painter: &Painter<'_>, params: &'a ParamsState) -> Vec<Part<'a>> {
    let dot = format!(" {} ", painter.glyphs.dot);
    let mut title = vec![part("Parameters", Role::Accent)];
    if let Some(cost) = forecast::cost(params) {
        let text = format!("{} to apply: {cost}", params.pending.len());
        title.extend([part(dot.clone(), Role::Muted), part(text, Role::Warning)]);
    }
    if let Some(preset) = &params.preset {
        title.extend([part(dot, Role::Muted), part(preset.as_str(), Role::Text)]);
    }
    title
}

/// A row of the list: a heading or a parameter by its place in `visible`.
enum Row {
    Heading(&'static str),
    Param(usize),
}

fn draw_list(painter: &mut Painter<'_>, area: Rect, params: &ParamsState, focused: bool) {
    let mut rows = Vec::with_capacity(params.visible.len() + 5);
    let mut group = None;
    let mut selected_row = 0;
    for (index, param) in params.visible.iter().enumerate() {
        let own = heading(spec(*param));
        if group != Some(own) {
            rows.push(Row::Heading(own));
            group = Some(own);
        }
        if index == params.selected {
            selected_row = rows.len();
        }
        rows.push(Row::Param(index));
    }
    // The selected row stays in the middle where the list allows it.
    let height = usize::from(area.height);
    let top = selected_row
        .saturating_sub(height / 2)
        .min(rows.len().saturating_sub(height));
    for (row, y) in rows[top..].iter().zip(area.y..area.bottom()) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        match row {
            Row::Heading(group) => {
                painter.text(line.x, y, line.right(), group, Role::Accent);
            }
            Row::Param(index) => draw_param(painter, line, params, *index),
        }
    }
    let marked = area.y + (selected_row - top) as u16;
    if focused && marked < area.bottom() {
        painter.tint(
            Rect {
                y: marked,
                height: 1,
                ..area
            },
            Role::Selection,
        );
    }
}

fn draw_param(painter: &mut Painter<'_>, line: Rect, params: &ParamsState, index: usize) {
    let Some(param) = params.visible.get(index).copied() else {
        return;
    };
    let spec = spec(param);
    let y = line.y;
    if index == params.selected {
        painter.text(line.x, y, line.right(), painter.glyphs.selected, Role::Key);
    }
    let missing = matches!(spec.support, Support::Missing(_));
    let value_at = line.x + MARK + NAME;
    painter.text(
        line.x + MARK,
        y,
        value_at - 1,
        spec.name,
        if missing { Role::Muted } else { Role::Text },
    );
    let roomy = line.width >= ROOMY;
    let cost_at = line.right().saturating_sub(if roomy { 13 } else { 7 });
    let source_at = if roomy {
        cost_at.saturating_sub(SOURCE + 1)
    } else {
        cost_at
    };
    if missing {
        painter.text(value_at, y, line.right(), "not in this build", Role::Muted);
        return;
    }
    if let Some(edit) = params.edit.as_ref().filter(|edit| edit.param == param) {
        let room = Rect {
            x: value_at,
            width: line.right().saturating_sub(value_at),
            ..line
        };
        field::draw(painter, room, &edit.line.text, Some(edit.line.cursor));
        return;
    }
    let source = params.values.source(param);
    let value = value_parts(painter, params, param, source);
    // A pending change needs the room more than its source does.
    let room = if parts_width(&value) > usize::from(source_at.saturating_sub(value_at + 1)) {
        cost_at
    } else {
        source_at
    };
    painter.parts(value_at, y, room.saturating_sub(1), &value);
    if room == source_at && source_at < cost_at {
        let role = if source == Source::Default {
            Role::Muted
        } else {
            Role::Changed
        };
        painter.text(source_at, y, cost_at - 1, source.name(), role);
    }
    let cost = if roomy {
        cost_name(spec.cost)
    } else {
        short_cost(spec.cost)
    };
    painter.text(cost_at, y, line.right(), cost, Role::Muted);
}

fn value_parts<'a>(
    painter: &Painter<'_>,
    params: &'a ParamsState,
    param: Param,
    source: Source,
) -> Vec<Part<'a>> {
    let spec = spec(param);
    let role = if source == Source::Default {
        Role::Text
    } else {
        Role::Changed
    };
    let shown = |text: String| {
        if text.is_empty() {
            "not set".to_owned()
        } else {
            text
        }
    };
    let value = shown(spec.format(&params.values.get(param)));
    match params.pending.get(&param) {
        Some(pending) => {
            let change = format!(
                "{value} {} {}",
                painter.glyphs.arrow,
                shown(spec.format(pending))
            );
            vec![part(change, Role::Warning)]
        }
        None => vec![part(value, role)],
    }
}

/// The range and the help of the selected parameter, or what is wrong with what is being typed.
fn draw_about(painter: &mut Painter<'_>, area: Rect, params: &ParamsState, spec: &Spec) {
    let error = params
        .edit
        .as_ref()
        .and_then(|edit: &ParamEdit| edit.error.as_deref());
    let (first, role) = match (error, spec.support) {
        (Some(error), _) => (error.to_owned(), Role::Error),
        (None, Support::Missing(reason)) => (format!("not in this build: {reason}"), Role::Warning),
        (None, Support::Yes) => (range(spec), Role::Muted),
    };
    let text = format!("{}\n{}", sanitise::sanitise(&first), spec.help);
    let first_end = text.find('\n').unwrap_or(0);
    for (row, y) in Wrapped::new(&text, area.width)
        .rows()
        .iter()
        .zip(area.y..area.bottom())
    {
        let role = if (row.start as usize) < first_end {
            role
        } else {
            Role::Text
        };
        painter.text(area.x, y, area.right(), row.text(&text), role);
    }
}

/// What may be typed.
fn range(spec: &Spec) -> String {
    let with_words = |range: String, words: Vec<&str>| {
        if words.is_empty() {
            range
        } else {
            format!("{range}, or {}", words.join(", "))
        }
    };
    match spec.kind {
        Kind::Int {
            min, max, words, ..
        } => {
            let top = if max == i64::from(i32::MAX) || max == i64::MAX {
                "any number".to_owned()
            } else {
                max.to_string()
            };
            with_words(
                format!("{min} to {top}"),
                words.iter().map(|(word, _)| *word).collect(),
            )
        }
        Kind::Float {
            min, max, words, ..
        } => with_words(
            format!("{min} to {max}"),
            words.iter().map(|(word, _)| *word).collect(),
        ),
        Kind::Bool => "on or off".to_owned(),
        Kind::Choice(choices) => choices.join(", "),
        Kind::Text { hint } => hint.to_owned(),
    }
}

/// What a parameter stands under.
fn heading(spec: &Spec) -> &'static str {
    match spec.group {
        _ if spec.support != Support::Yes => "Not in this build",
        Group::Model => "Model",
        Group::Context => "Context",
        Group::Threads => "Threads",
        Group::Reply => "Reply",
        Group::Sampling => "Sampling",
    }
}

pub(super) fn cost_name(cost: Cost) -> &'static str {
    match cost {
        Cost::Free => "live",
        Cost::NextReply => "next reply",
        Cost::NewContext => "new context",
        Cost::Prefill => "prefill again",
        Cost::Reload => "reload",
    }
}

fn short_cost(cost: Cost) -> &'static str {
    match cost {
        Cost::Free => "live",
        Cost::NextReply => "reply",
        Cost::NewContext => "context",
        Cost::Prefill => "prefill",
        Cost::Reload => "reload",
    }
}
