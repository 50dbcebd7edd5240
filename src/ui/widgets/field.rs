//! One line of text being typed, with its cursor.

use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation;

use crate::theme::Role;
use crate::ui::painter::Painter;
use crate::ui::text::{fit, sanitise};

/// Draws the text with the cursor (a byte position) in view; `None` = no cursor.
pub fn draw(painter: &mut Painter<'_>, area: Rect, text: &str, cursor: Option<usize>) {
    let Some(cursor) = cursor else {
        painter.text(area.x, area.y, area.right(), text, Role::Text);
        return;
    };
    let (before, after) = text.split_at_checked(cursor).unwrap_or((text, ""));
    let (before, after) = (sanitise::sanitise(before), sanitise::sanitise(after));
    // One column stays for the cursor at the end.
    let left = fit::tail(
        &before,
        usize::from(area.width.saturating_sub(1)),
        painter.glyphs.ellipsis,
    );
    let x = painter.text(area.x, area.y, area.right(), &left, Role::Text);
    let under = after.graphemes(true).next().unwrap_or(" ");
    let next = painter.text(x, area.y, area.right(), under, Role::Selection);
    painter.text(
        next,
        area.y,
        area.right(),
        after.get(under.len()..).unwrap_or_default(),
        Role::Text,
    );
}
