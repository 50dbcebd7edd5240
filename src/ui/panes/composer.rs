//! The text being written.
//!
//! ```text
//! ╭ Message ─────────────────────────────╮
//! │ What is a mutex?▏                    │
//! ╰──────────────────────────────────────╯
//! ```
//! The text area draws itself; its looks come from the theme afterwards, and the terminal's own cursor
//! stands in for the drawn one, so that input methods know where to write.

use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};
use ratatui::widgets::Widget;

use crate::app::{Entry, Pane, State};
use crate::theme::Role;
use crate::ui::painter::{Focused, Frame, Painter, part};
use crate::ui::text::{units, wrap};

const PLACEHOLDER: &str = "Write a message";

/// Rows the text takes at a width.
pub fn rows(state: &State, width: u16) -> u16 {
    let text = u16::try_from(wrap::height(state.composer.area.lines(), width)).unwrap_or(u16::MAX);
    text.saturating_add(u16::from(!state.attach.files.is_empty()))
}

/// Draws the composer; returns where the cursor is, if it has the focus.
pub fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    frame: Frame,
    state: &State,
) -> Option<Position> {
    let focused = state.focus == Pane::Composer && state.overlay.is_none();
    let mark = if focused { Focused::Yes } else { Focused::No };
    let inner = painter.pane(area, &[part(title(state), Role::Accent)], frame, mark);
    let inner = files(painter, inner, state);
    if inner.is_empty() {
        return None;
    }
    let area = &state.composer.area;
    if area.is_empty() {
        painter.text(inner.x, inner.y, inner.right(), PLACEHOLDER, Role::Muted);
        return focused.then_some(inner.as_position());
    }
    let ground = painter.buffer[inner.as_position()].bg;
    area.render(inner, painter.buffer);
    restyle(painter, inner, ground);
    let cursor = area.screen_cursor();
    let (top, left) = area.scroll_offset();
    let x = inner.x
        + u16::try_from(cursor.col)
            .unwrap_or(u16::MAX)
            .saturating_sub(left);
    let y = inner.y
        + u16::try_from(cursor.row)
            .unwrap_or(u16::MAX)
            .saturating_sub(top);
    let inside = Position::new(x.min(inner.right() - 1), y.min(inner.bottom() - 1));
    focused.then_some(inside)
}

/// What the text becomes.
fn title(state: &State) -> &'static str {
    let editing = state.chat.editing.as_ref();
    match editing.map(|editing| state.chat.message(editing.node)) {
        None => "Message",
        Some(Some(Entry::Reply(_))) => "Another beginning of the reply",
        Some(_) => "Another version of the message",
    }
}

/// The files that go with the message, on a line above the text; returns what is left.
fn files(painter: &mut Painter<'_>, inner: Rect, state: &State) -> Rect {
    let files = &state.attach.files;
    if files.is_empty() || inner.height < 2 {
        return inner;
    }
    let facts: Vec<_> = files
        .iter()
        .map(|chip| {
            let tokens = match chip.tokens {
                Some(tokens) => format!(" {}", units::counted(tokens, "token")),
                None => String::new(),
            };
            vec![
                part(chip.file.name.as_str(), Role::Accent),
                part(tokens, Role::Muted),
            ]
        })
        .collect();
    painter.facts(inner.x, inner.y, inner.right(), &facts);
    Rect {
        y: inner.y + 1,
        height: inner.height - 1,
        ..inner
    }
}

/// The theme's styles in place of the text area's: only marked text stands on another ground.
fn restyle(painter: &mut Painter<'_>, area: Rect, ground: Color) {
    let (text, selection) = (painter.style(Role::Text), painter.style(Role::Selection));
    for position in area.positions() {
        let Some(cell) = painter.buffer.cell_mut(position) else {
            continue;
        };
        let style = if cell.bg == ground { text } else { selection };
        cell.modifier = Modifier::empty();
        cell.bg = ground;
        cell.set_style(style);
    }
}
