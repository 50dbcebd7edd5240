//! What completes a command, above the composer.
//!
//! ```text
//!   /preset [PRESET]    use a sampling preset
//! ▸ /persona [PERSONA]  take on a persona
//! ╭ Message ─────────────────────────────╮
//! │ /p▏                                  │
//! ```

use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::painter::{Painter, part};
use super::text::{fit, sanitise};
use crate::app::State;
use crate::theme::Role;

/// Rows at most.
const ROWS: u16 = 8;

/// Draws the list over what lies above the composer.
pub fn draw(painter: &mut Painter<'_>, composer: Rect, state: &State) {
    let items = &state.completion.items;
    let wanted = u16::try_from(items.len()).unwrap_or(u16::MAX).min(ROWS);
    let rows = wanted.min(composer.y.saturating_sub(painter.buffer.area.y + 1));
    if rows == 0 || state.overlay.is_some() {
        return;
    }
    let area = Rect {
        y: composer.y - rows,
        height: rows,
        ..composer
    };
    Clear.render(area, painter.buffer);
    painter.tint(area, Role::Text);
    let widest = items
        .iter()
        .map(|item| fit::width(&sanitise::sanitise(&item.label)))
        .max()
        .unwrap_or(0);
    let labels = u16::try_from(widest)
        .unwrap_or(u16::MAX)
        .min(area.width / 2);
    let shown = usize::from(rows);
    let first = state
        .completion
        .selected
        .map_or(0, |at| (at + 1).saturating_sub(shown));
    for ((index, item), y) in items
        .iter()
        .enumerate()
        .skip(first)
        .zip(area.y..area.bottom())
    {
        let is_selected = state.completion.selected == Some(index);
        if is_selected {
            painter.text(area.x, y, area.right(), painter.glyphs.selected, Role::Key);
        }
        let x = area.x + 2;
        painter.text(x, y, x + labels, &item.label, Role::Key);
        painter.text(x + labels + 2, y, area.right(), &item.about, Role::Muted);
        if is_selected {
            painter.select(area, y);
        }
    }
    let hidden = items.len() - shown;
    if hidden > 0 {
        let more = format!(" {} {hidden} more", painter.glyphs.ellipsis);
        let more = [part(more, Role::Warning)];
        painter.text_right(area.x, area.bottom() - 1, area.right(), &more);
    }
}
