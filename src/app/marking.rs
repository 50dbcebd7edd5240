//! Marking lines of the transcript by keys, to copy them as they are shown.
//!
//! Lines are what a layout makes of a text, so the next frame says where the cursor went, and the
//! runtime, which has the layout, takes the text from it.

use std::ops::RangeInclusive;

use super::update::{IsError, notice};
use super::{Anchor, Effect, Scroll, State};

/// A stretch of lines, from where it began to the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marking {
    pub from: Anchor,
    pub cursor: Cursor,
}

/// Where the cursor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    At(Anchor),
    /// So many lines below that one; above it when negative. The next frame tells which line that is.
    From(Anchor, isize),
    /// The last line.
    End,
}

impl Marking {
    /// The lines, in their order; `None` before a frame has said where the cursor is.
    pub fn lines(&self) -> Option<RangeInclusive<Anchor>> {
        let Cursor::At(cursor) = self.cursor else {
            return None;
        };
        Some(self.from.min(cursor)..=self.from.max(cursor))
    }

    pub(super) fn move_by(&mut self, lines: isize) {
        self.cursor = match self.cursor {
            Cursor::At(anchor) => Cursor::From(anchor, lines),
            Cursor::From(anchor, by) => Cursor::From(anchor, by.saturating_add(lines)),
            Cursor::End => Cursor::End,
        };
    }

    /// The last frame showed the cursor there.
    pub(super) fn seen_at(&mut self, cursor: Anchor) {
        self.cursor = Cursor::At(cursor);
    }
}

/// Begins with the first line of the selected message, or with the last line in view; while lines are
/// marked, begins anew where the cursor is.
pub(super) fn begin(state: &mut State) -> Vec<Effect> {
    let chat = &mut state.chat;
    if chat.entries.is_empty() {
        return notice(state, "Nothing has been said yet.", IsError::No);
    }
    if let Some(Marking { from, cursor }) = &mut chat.marking {
        if let Cursor::At(cursor) = cursor {
            *from = *cursor;
        }
        return vec![];
    }
    let selected = chat.selected.and_then(|node| chat.index_of(node));
    let from = match selected {
        Some(entry) => Anchor { entry, line: 0 },
        None => chat.viewport.bottom,
    };
    chat.scroll = match chat.scroll {
        Scroll::Code => Scroll::From(chat.viewport.top, 0),
        other => other,
    };
    chat.code = None;
    chat.marking = Some(Marking {
        from,
        cursor: Cursor::At(from),
    });
    vec![]
}

/// Copies the marked lines; `None` when none are marked.
pub(super) fn copy(state: &mut State) -> Option<Vec<Effect>> {
    let lines = state.chat.marking?.lines();
    state.chat.marking = None;
    Some(lines.map(Effect::CopyLines).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, Entry, Pane, Viewport, context, perform};
    use crate::keymap::Context;

    fn anchor(entry: usize, line: usize) -> Anchor {
        Anchor { entry, line }
    }

    #[test]
    fn lines_are_marked_copied_and_let_go() {
        let mut state = State::new((80, 24));
        state.chat.push(Entry::User("one".into()));
        state.focus = Pane::Chat;
        let mut seen = Viewport {
            bottom: anchor(3, 4),
            ..Viewport::default()
        };
        state.chat.viewed(seen);
        perform::perform(&mut state, Action::MarkLines);
        assert_eq!(context(&state), Context::Lines);
        perform::perform(&mut state, Action::Up);
        perform::perform(&mut state, Action::Up);
        assert_eq!(
            state.chat.marking.unwrap().cursor,
            Cursor::From(anchor(3, 4), -2)
        );
        seen.cursor = Some(anchor(3, 2));
        state.chat.viewed(seen);
        let effects = perform::perform(&mut state, Action::CopyReply);
        let marked = anchor(3, 2)..=anchor(3, 4);
        let [Effect::CopyLines(lines)] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(*lines, marked);
        assert_eq!(context(&state), Context::Chat);
        perform::perform(&mut state, Action::MarkLines);
        perform::perform(&mut state, Action::Cancel);
        assert_eq!((state.chat.marking, state.focus), (None, Pane::Chat));
    }

    #[test]
    fn marking_begins_anew_where_the_cursor_is() {
        let mut state = State::new((80, 24));
        let node = state.chat.push(Entry::User("one".into()));
        state.chat.selected = Some(node);
        begin(&mut state);
        let marking = state.chat.marking.as_mut().unwrap();
        assert_eq!(marking.from, anchor(0, 0), "the selected message");
        marking.seen_at(anchor(0, 1));
        begin(&mut state);
        let lines = state.chat.marking.unwrap().lines();
        assert_eq!(lines, Some(anchor(0, 1)..=anchor(0, 1)));
    }
}
