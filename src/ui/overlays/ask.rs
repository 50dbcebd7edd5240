//! A question that a line of text answers.
//!
//! ```text
//! ┏ Title of the chat ━━━━━━━━━━━━━━━━━━━┓
//! ┃ KV caches▏                           ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use ratatui::layout::Rect;

use crate::app::{Ask, ChatQuestion};
use crate::theme::Role;
use crate::ui::painter::{Painter, part};
use crate::ui::widgets::field;

const WIDTH: u16 = 70;

pub fn draw(painter: &mut Painter<'_>, screen: Rect, ask: &Ask) {
    let (title, hint) = match ask.question {
        ChatQuestion::Title(_) => (
            "Title of the chat",
            "Empty = the first line of its first message",
        ),
        ChatQuestion::Tags(_) => ("Tags of the chat", "Words; these tags and no others"),
    };
    let width = WIDTH.min(screen.width.saturating_sub(4));
    let inner = painter.overlay(screen, width, 5, &[part(title, Role::Accent)]);
    let line = Rect { height: 1, ..inner };
    field::draw(painter, line, &ask.line.text, Some(ask.line.cursor));
    painter.text(inner.x, inner.y + 2, inner.right(), hint, Role::Muted);
}
