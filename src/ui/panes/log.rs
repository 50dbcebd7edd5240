//! What the program and llama.cpp report.
//!
//! ```text
//! ╭ Log ─────────────────────────────────────────────╮
//! │ 12:34:56 llama.cpp  load_tensors: 24 layers      │
//! │ 12:34:57 engine     ctx-size lowered to 8,192    │
//! ╰──────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::{LogLevel, Pane, State};
use crate::theme::Role;
use crate::ui::painter::{Focused, Frame, Painter, part};
use crate::ui::text::units;

/// Columns of the target.
const TARGET: u16 = 12;

pub fn draw(painter: &mut Painter<'_>, area: Rect, frame: Frame, state: &State) {
    let focused = if state.focus == Pane::Log && state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let mut title = vec![part("Log", Role::Accent)];
    if state.log.from_end > 0 {
        let text = format!(
            " {} {} below",
            painter.glyphs.down,
            units::count(state.log.from_end as u64)
        );
        title.push(part(text, Role::Warning));
    }
    let inner = painter.pane(area, &title, frame, focused);
    let lines = &state.log.lines;
    if lines.is_empty() {
        painter.text(inner.x, inner.y, inner.right(), "nothing yet", Role::Muted);
        return;
    }
    let end = lines
        .len()
        .saturating_sub(state.log.from_end)
        .max(usize::from(inner.height).min(lines.len()));
    let start = end.saturating_sub(usize::from(inner.height));
    for (line, y) in lines.range(start..end).zip(inner.y..inner.bottom()) {
        let role = match line.level {
            LogLevel::Debug => Role::Muted,
            LogLevel::Info => Role::Text,
            LogLevel::Warn => Role::Warning,
            LogLevel::Error => Role::Error,
        };
        let x = painter.text(inner.x, y, inner.right(), &line.time, Role::Muted) + 1;
        let column = (x + TARGET).min(inner.right());
        painter.text(x, y, column.saturating_sub(1), &line.target, Role::Muted);
        painter.text(column, y, inner.right(), &line.message, role);
    }
}
