//! The last hour on one time axis.
//!
//! ```text
//! ╭ Metrics  the last 5 min  GPU 0 NVIDIA L4 ────────────────────────────────╮
//! │ tok/s                     ▂▅▇▇▇▇▆▇▇▇▇                          24.9 tok/s │
//! │ 30                        ███████████                            18 to 26 │
//! │ GPU load  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▇▇▇▇▁▁▁▁▁                           63 % │
//! │ 100       ████████████████████████████████                                │
//! │ ...                                                                       │
//! │           M            P  R                                               │
//! │           5 min ago                                                   now │
//! │ decode 1.8 J/token, 2,000 tokens/Wh, idle 31 W taken off, CPU and 1 GPU   │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```
//! A reading of 0 is a thin line, a missing one is nothing.

mod charts;
mod footer;

use ratatui::layout::Rect;

use crate::app::State;
use crate::telemetry::history::export::Range;
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, Part, part};
use charts::Chart;

/// Columns of the labels and of the values.
const LABEL: u16 = 11;
const VALUE: u16 = 14;
/// Rows below the charts: marks, axis, energy.
const FOOTER: u16 = 3;
/// Rows of a chart at least and at most.
const LEAST: u16 = 2;
const MOST: u16 = 6;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let focused = if state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let inner = painter.pane(area, &title(state), frame, focused);
    let metrics = &state.metrics;
    if metrics.history.latest_ms().is_none() {
        painter.text(
            inner.x,
            inner.y,
            inner.right(),
            "no readings yet",
            Role::Muted,
        );
        return;
    }
    let range = metrics.window.range(&metrics.history);
    let plot = Rect {
        x: inner.x + LABEL,
        width: inner.width.saturating_sub(LABEL + VALUE + 1),
        height: inner.height.saturating_sub(FOOTER),
        ..inner
    };
    let mut charts = charts::of(state);
    charts.truncate(usize::from(plot.height / LEAST));
    let count = u16::try_from(charts.len()).unwrap_or(u16::MAX).max(1);
    let rows = plot.height.min(count * MOST);
    // What does not divide goes to the first ones.
    let top = |index: u16| plot.y + index * (rows / count) + index.min(rows % count);
    let cursor = cursor_column(state, range, plot.width);
    for (index, chart) in (0..).zip(&charts) {
        let chart_rows = Rect {
            y: top(index),
            height: top(index + 1) - top(index),
            ..plot
        };
        draw_chart(painter, inner, chart_rows, chart, state, range);
    }
    if let Some(column) = cursor {
        let column = Rect {
            x: plot.x + column,
            y: plot.y,
            width: 1,
            height: rows,
        };
        painter.tint(column, Role::Selection);
    }
    let below = Rect {
        y: plot.y + rows,
        height: FOOTER,
        ..plot
    };
    footer::draw(painter, inner, below, state, range);
}

/// The column that a time falls in.
fn column_of(at_ms: u64, range: Range, width: u16) -> Option<u16> {
    let length = range.to.saturating_sub(range.from).max(1);
    let since = at_ms
        .checked_sub(range.from)
        .filter(|since| *since < length)?;
    u16::try_from(u128::from(since) * u128::from(width) / u128::from(length)).ok()
}

fn cursor_column(state: &State, range: Range, width: u16) -> Option<u16> {
    column_of(state.metrics.window.cursor?, range, width)
}

fn title(state: &State) -> Vec<Part<'static>> {
    let window = state.metrics.window;
    let minutes = window.length_ms() / 60_000;
    let mut title = vec![
        part("Metrics", Role::Accent),
        part(format!("  {minutes} min"), Role::Muted),
    ];
    if window.frozen.is_some() {
        title.push(part("  frozen", Role::Warning));
    }
    let gpus = state.gauges.latest.as_ref();
    let gpus = gpus.and_then(|sample| sample.gpus.as_deref().ok());
    if let Some(gpu) = gpus.and_then(|gpus| gpus.get(window.gpu)) {
        title.push(part(
            format!("  GPU {} {}", gpu.index, gpu.name),
            Role::Muted,
        ));
    }
    title
}

fn draw_chart(
    painter: &mut Painter<'_>,
    inner: Rect,
    plot: Rect,
    chart: &Chart,
    state: &State,
    range: Range,
) {
    let history = &state.metrics.history;
    painter.text(inner.x, plot.y, plot.x, chart.label, Role::Accent);
    let columns = usize::from(plot.width);
    let stretches = history.stretches(chart.series, range.from, range.to, columns);
    let (mut least, mut most) = (f32::MAX, f32::MIN);
    for stretch in stretches.iter().flatten() {
        (least, most) = (least.min(stretch.least), most.max(stretch.most));
    }
    let right = plot.right() + 1;
    if most < least {
        let why = format!("{} no reading", painter.glyphs.missing);
        painter.text(right, plot.y, inner.right(), &why, Role::Muted);
        return;
    }
    let top = chart.top.unwrap_or_else(|| charts::round_up(most));
    let at = state.metrics.window.cursor.unwrap_or(range.to - 1);
    let now = match history.value(chart.series, at) {
        Some(value) => part(chart.text(value), Role::Text),
        None => part(painter.glyphs.missing, Role::Muted),
    };
    painter.text_right(right, plot.y, inner.right(), &[now]);
    if plot.height > 1 {
        let y = plot.y + 1;
        painter.text(inner.x, y, plot.x - 1, &chart.short(top), Role::Muted);
        let between = format!("{} to {}", chart.short(least), chart.short(most));
        painter.text_right(right, y, inner.right(), &[part(between, Role::Muted)]);
    }
    bars(
        painter,
        plot,
        stretches.iter().map(|one| one.map(|one| one.mean / top)),
    );
}

/// Bars from the bottom, a column a share of the height. What is there has at least a thin line.
fn bars(painter: &mut Painter<'_>, plot: Rect, shares: impl Iterator<Item = Option<f32>> + Clone) {
    let set = &painter.glyphs.bars;
    let steps = [
        set.empty,
        set.one_eighth,
        set.one_quarter,
        set.three_eighths,
        set.half,
        set.five_eighths,
        set.three_quarters,
        set.seven_eighths,
        set.full,
    ];
    let eighths = |share: f32| {
        let whole = f32::from(plot.height) * 8.0;
        (share * whole).round().clamp(1.0, whole) as usize
    };
    for row in 0..plot.height {
        let below = usize::from(plot.height - 1 - row) * 8;
        let line: String = shares
            .clone()
            .map(|share| steps[share.map_or(0, eighths).saturating_sub(below).min(8)])
            .collect();
        painter.text(plot.x, plot.y + row, plot.right(), &line, Role::Chart);
    }
}
