//! Saved chats to go on with: the list, and the offer after a program died.
//!
//! ```text
//! ┏ Chats 2 of 14 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ / cache▏                                    ┃
//! ┃ ▸ What is a KV cache?   6 messages          ┃
//! ┃   Flash attention       … saves the cache … ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use ratatui::layout::Rect;

use super::list;
use crate::app::{PickList, Resume};
use crate::store::ConversationId;
use crate::ui::painter::Painter;

/// Every saved chat, narrowed by titles and by what was said.
pub fn draw(painter: &mut Painter<'_>, screen: Rect, chats: &PickList<ConversationId>) {
    list::draw(painter, screen, "Chats", chats);
}

/// The question whether to go on with a chat.
pub fn draw_offer(painter: &mut Painter<'_>, screen: Rect, chats: &PickList<Resume>) {
    let question =
        "A chat was open when the program ended last time. Nothing that was saved is lost.";
    list::draw_choices(painter, screen, "Go on?", question, chats);
}
