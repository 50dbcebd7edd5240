//! Choosing the columns.
//!
//! ```text
//! ╭ Compare presets ─────────────────────────────────────────────────────────╮
//! │ Columns: greedy, creative, creative                                      │
//! │ Names: shown                                                             │
//! │ Message: Why is the sky blue?                                            │
//! │ Room: all 3 columns go on at once.                                       │
//! │                                                                          │
//! │    current       what is in force in the chat                            │
//! │  1 greedy        always the likeliest token                              │
//! │  2 creative      …                                                       │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::{self, Compared, Entry, Names, State};
use crate::compare::{FEWEST, MOST};
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, part};

/// Columns of a preset's name.
const NAME: u16 = 16;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let title = [part("Compare presets", Role::Accent)];
    let inner = painter.pane(area, &title, frame, Focused::Yes);
    let compare = &state.compare;
    let chosen = match compare.chosen.as_slice() {
        [] => format!("none yet; choose {FEWEST} to {MOST}"),
        columns => columns.join(", "),
    };
    let names = match compare.names {
        Names::Shown => "shown",
        Names::Hidden => "hidden until you have voted",
    };
    let message = message(state).unwrap_or_else(|| "none yet; write one in the chat first".into());
    let facts = [
        ("Columns: ", chosen),
        ("Names: ", names.to_owned()),
        ("Message: ", message),
    ];
    let mut y = inner.y;
    for (label, value) in facts.iter().take(usize::from(inner.height)) {
        let x = painter.text(inner.x, y, inner.right(), label, Role::Muted);
        painter.text(x, y, inner.right(), value, Role::Text);
        y += 1;
    }
    if let Some(room) = &compare.ahead.room {
        let role = if room.is_enough() {
            Role::Muted
        } else {
            Role::Warning
        };
        let below = Rect {
            y,
            height: inner.bottom().saturating_sub(y),
            ..inner
        };
        y += painter.paragraph(below, &format!("Room: {room}."), role);
    }
    y += 1;
    let offered = app::offered_columns(state);
    let room = usize::from(inner.bottom().saturating_sub(y));
    // The selected one stays in view.
    let first = (compare.selected + 1).saturating_sub(room);
    for (at, (name, about)) in offered.iter().enumerate().skip(first).take(room) {
        let count = compare
            .chosen
            .iter()
            .filter(|column| column == name)
            .count();
        if count > 0 {
            painter.text(inner.x, y, inner.right(), &count.to_string(), Role::Good);
        }
        let x = inner.x + 3;
        painter.text(x, y, (x + NAME - 1).min(inner.right()), name, Role::Text);
        painter.text(x + NAME, y, inner.right(), about, Role::Muted);
        if at == compare.selected {
            painter.select(inner, y);
        }
        y += 1;
    }
}

/// What will be answered.
fn message(state: &State) -> Option<String> {
    match app::compared_message(state)? {
        Compared::Written => Some(state.composer.text()),
        Compared::Entry(at) => match state.chat.entries.get(at)? {
            Entry::User(text) => Some(text.clone()),
            _ => None,
        },
    }
}
