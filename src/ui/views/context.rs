//! What fills the context.
//!
//! ```text
//! ╭ Context  3,012 of 4,096 tokens ──────────────────────────────────────────╮
//! │ system prompt    ━━━━────────────────────────────       120    3 %       │
//! │ files            ━━━━━━━━━━━━━───────────────────     1,200   29 %       │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::{Action, Filled, State};
use crate::keymap::Context;
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, Part, part};
use crate::ui::text::{units, wrap::Wrapped};
use crate::ui::widgets::gauge;

/// Columns of the names, and of the figures behind the bars.
const NAME: u16 = 18;
const FIGURES: u16 = 22;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let focused = match state.overlay {
        None => Focused::Yes,
        Some(_) => Focused::No,
    };
    let n_ctx = state.model.running.as_ref().map(|(_, c)| c.n_ctx);
    let title = match (state.context.filled, n_ctx) {
        (Some(filled), Some(n_ctx)) => vec![
            part("Context", Role::Accent),
            part(
                format!("  {} of {} tokens", number(filled.total), number(n_ctx)),
                Role::Muted,
            ),
        ],
        _ => vec![part("Context", Role::Accent)],
    };
    let inner = painter.pane(area, &title, frame, focused);
    match (state.context.filled, n_ctx, &state.context.problem) {
        (_, _, Some(why)) => lines(painter, inner, why, Role::Error),
        (Some(filled), Some(n_ctx), None) => figures(painter, inner, filled, n_ctx, state),
        _ => lines(painter, inner, "counting …", Role::Muted),
    }
}

fn figures(painter: &mut Painter<'_>, inner: Rect, filled: Filled, n_ctx: u32, state: &State) {
    let free = n_ctx.saturating_sub(filled.total);
    let rows = [
        ("system prompt", filled.system, Role::Gauge),
        ("files", filled.files, Role::Gauge),
        ("history", filled.history, Role::Gauge),
        ("thinking", filled.thinking, Role::Gauge),
        ("template", filled.template, Role::Gauge),
        ("free", free, Role::Good),
    ];
    for ((name, tokens, role), y) in rows.into_iter().zip(inner.y..inner.bottom()) {
        painter.text(inner.x, y, inner.x + NAME, name, Role::Text);
        let bar = inner.width.saturating_sub(NAME + FIGURES);
        let share = f64::from(tokens) / f64::from(n_ctx.max(1));
        gauge::gauge(painter, inner.x + NAME, y, bar, share, role);
        let figure = format!("{}  {:>3.0} %", number(tokens), share * 100.0);
        painter.text_right(
            inner.x + NAME,
            y,
            inner.right(),
            &[part(figure, Role::Text)],
        );
    }
    let below = Rect {
        y: (inner.y + 7).min(inner.bottom()),
        height: inner.height.saturating_sub(7),
        ..inner
    };
    let left_out = state.chat.left_out > 0;
    let said = match (left_out, &state.chat.summary) {
        (_, Some(_)) => "Older turns are in the prompt as a summary that the model wrote.",
        (true, None) => "The oldest turns are left out of the prompt.",
        (false, None) => "Nothing is left out of the prompt.",
    };
    painter.text(below.x, below.y, below.right(), said, Role::Muted);
    let y = below.y + 2;
    let ways: Vec<Vec<Part<'_>>> = [
        (Action::DropOldest, "leave the oldest turn out"),
        (Action::Summarise, "let the model summarise the older half"),
        (Action::RaiseContext, "double ctx-size"),
    ]
    .into_iter()
    .filter_map(|(action, what)| {
        let key = state.keymap.hint(Context::Page, action)?;
        Some(vec![
            part(key, Role::Key),
            part(format!(" {what}"), Role::Muted),
        ])
    })
    .collect();
    for (way, y) in ways.iter().zip(y..below.bottom()) {
        painter.parts(below.x, y, below.right(), way);
    }
}

fn lines(painter: &mut Painter<'_>, inner: Rect, text: &str, role: Role) {
    let wrapped = Wrapped::new(text, inner.width);
    for (row, y) in wrapped.rows().iter().zip(inner.y..inner.bottom()) {
        painter.text(inner.x, y, inner.right(), row.text(text), role);
    }
}

fn number(count: u32) -> String {
    units::count(count.into())
}
