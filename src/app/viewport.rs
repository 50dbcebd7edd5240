//! Where the transcript stands.
//!
//! A place is a line of an entry, never a line of the whole transcript: how many lines lie above it
//! is only estimated while they have not been seen, and must not matter to what is on the screen.

use super::ChatState;

/// One line of the transcript: an entry, and which of its wrapped lines, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    pub entry: usize,
    pub line: usize,
}

/// What is in view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scroll {
    /// Stays at the end while text arrives.
    #[default]
    End,
    /// The line that stands so many lines below the anchor comes first; above it when negative. The
    /// next frame tells which line that is.
    From(Anchor, isize),
    /// The picked code block is in view; the next frame tells on which line.
    Code,
}

/// What the last frame could show of the transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Viewport {
    /// Columns.
    pub width: u16,
    /// Lines.
    pub height: usize,
    /// The first line that was shown.
    pub top: Anchor,
    /// Whether the last line was in view.
    pub is_at_end: bool,
}

impl Scroll {
    /// The first line of an entry comes first.
    pub fn to_entry(entry: usize) -> Self {
        Self::From(Anchor { entry, line: 0 }, 0)
    }
}

impl ChatState {
    /// Scrolls by wrapped lines; down past the end sticks to the end.
    pub fn scroll_by(&mut self, lines: isize) {
        self.scroll = match self.scroll {
            Scroll::End if lines >= 0 => Scroll::End,
            Scroll::From(anchor, by) => Scroll::From(anchor, by.saturating_add(lines)),
            Scroll::End | Scroll::Code => Scroll::From(self.viewport.top, lines),
        };
    }

    /// Takes note of what the last frame showed.
    pub fn viewed(&mut self, viewport: Viewport) {
        if let Scroll::From(..) = self.scroll {
            self.scroll = match viewport.is_at_end {
                true => Scroll::End,
                false => Scroll::From(viewport.top, 0),
            };
        }
        self.viewport = viewport;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ConversationId;

    fn seen(entry: usize, line: usize, is_at_end: bool) -> Viewport {
        Viewport {
            width: 80,
            height: 10,
            top: Anchor { entry, line },
            is_at_end,
        }
    }

    #[test]
    fn scrolling_sticks_to_the_end_only_there() {
        let mut chat = ChatState::new(ConversationId(1));
        chat.viewed(seen(7, 3, true));
        chat.scroll_by(1);
        assert_eq!(chat.scroll, Scroll::End);
        chat.scroll_by(-5);
        chat.scroll_by(-2);
        let top = Anchor { entry: 7, line: 3 };
        assert_eq!(chat.scroll, Scroll::From(top, -7));
        chat.viewed(seen(5, 1, false));
        let top = Anchor { entry: 5, line: 1 };
        assert_eq!(chat.scroll, Scroll::From(top, 0));
        chat.scroll_by(1000);
        chat.viewed(seen(7, 3, true));
        assert_eq!(chat.scroll, Scroll::End);
    }

    #[test]
    fn picked_code_stays_in_view_until_one_scrolls() {
        let mut chat = ChatState::new(ConversationId(1));
        chat.scroll = Scroll::Code;
        chat.viewed(seen(4, 9, false));
        assert_eq!(chat.scroll, Scroll::Code);
        chat.scroll_by(2);
        let top = Anchor { entry: 4, line: 9 };
        assert_eq!(chat.scroll, Scroll::From(top, 2));
    }
}
