//! Every key and what it does.
//!
//! ```text
//! ┏ Help ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ Message                              ┃
//! ┃         Enter  send                  ┃
//! ┃ Ctrl-J, Alt-Enter  new line          ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use ratatui::layout::Rect;

use crate::app::{State, help};
use crate::theme::Role;
use crate::ui::painter::{Painter, part};
use crate::ui::text::{fit, units};

const WIDTH: u16 = 76;
/// Columns of the keys.
const KEYS: u16 = 22;

pub fn draw(painter: &mut Painter<'_>, screen: Rect, state: &State, top: usize) {
    let sections = help::sections(&state.keymap);
    let lines = help::line_count(&state.keymap);
    let room = lines.min(help::room(screen.height));
    let height = u16::try_from(room + 2).unwrap_or(u16::MAX);
    let top = top.min(lines.saturating_sub(room));
    let mut title = vec![part("Help", Role::Accent)];
    if lines > room + top {
        let below = units::count((lines - room - top) as u64);
        title.push(part(
            format!(" {} {below} below", painter.glyphs.down),
            Role::Warning,
        ));
    }
    let inner = painter.overlay(screen, WIDTH, height, &title);
    let mut y = i64::from(inner.y) - top as i64;
    for (section, keys) in &sections {
        line(painter, inner, y, |painter, y| {
            painter.text(inner.x, y, inner.right(), section, Role::Accent);
        });
        y += 1;
        for (key, what) in keys {
            line(painter, inner, y, |painter, y| {
                let indent = KEYS.saturating_sub(fit::width(key) as u16);
                let x = painter.text(inner.x + indent, y, inner.right(), key, Role::Key);
                painter.text(x + 2, y, inner.right(), what, Role::Text);
            });
            y += 1;
        }
        y += 1;
    }
}

/// Draws one line if it is in view.
fn line(painter: &mut Painter<'_>, inner: Rect, y: i64, draw: impl FnOnce(&mut Painter<'_>, u16)) {
    if let Ok(y) = u16::try_from(y)
        && (inner.y..inner.bottom()).contains(&y)
    {
        draw(painter, y);
    }
}
