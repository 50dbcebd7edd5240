//! The text being written and what was sent before.

use ratatui_textarea::{CursorMove, Input, Key as AreaKey, TextArea, WrapMode};

use crate::keymap::{Key, KeyCode};

/// The composer. Its text buffer is a widget of the terminal library, the one such thing in `app`:
/// editing text well (graphemes, undo, wrapping) is that crate's whole work.
#[derive(Debug)]
pub struct Composer {
    pub area: TextArea<'static>,
    history: Vec<String>,
    /// What Up offers while nothing has been sent, first the one to offer last.
    suggestions: Vec<String>,
    /// Position while walking the history, and the draft left behind.
    walking: Option<(usize, String)>,
}

impl Default for Composer {
    fn default() -> Self {
        Self::new()
    }
}

impl Composer {
    pub fn new() -> Self {
        Self {
            area: area_with(""),
            history: Vec::new(),
            suggestions: Vec::new(),
            walking: None,
        }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether a message of the history is shown.
    pub(super) fn is_walking(&self) -> bool {
        self.walking.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Takes the text out and remembers it.
    pub fn take(&mut self) -> String {
        let text = self.text();
        if self.history.last() != Some(&text) {
            self.history.push(text.clone());
        }
        self.set("");
        text
    }

    /// Replaces the text; the cursor goes to its end.
    pub fn set(&mut self, text: &str) {
        self.area = area_with(text);
        self.walking = None;
    }

    /// Puts text in at the cursor, in one piece.
    pub fn paste(&mut self, text: &str) {
        self.area.insert_str(text);
        self.walking = None;
    }

    /// Types characters at once: each alone would have the whole text wrapped anew.
    pub fn type_text(&mut self, text: &str) {
        self.area.insert_str(text);
    }

    pub fn new_line(&mut self) {
        self.area.insert_newline();
    }

    /// Offers messages to begin with: Up in an empty composer recalls the first one.
    pub fn suggest(&mut self, messages: &[&str]) {
        self.suggestions = messages.iter().rev().map(|text| (*text).into()).collect();
    }

    /// Gives a key to the editor, which knows most of readline's chords. Where it means something
    /// else by one, readline's meaning counts; where readline has none that fits, nothing happens.
    pub fn type_key(&mut self, key: Key) {
        match (key.code, key.ctrl, key.alt) {
            (KeyCode::Char('u'), true, false) => {
                if self.area.cursor().1 > 0 {
                    self.area.delete_line_by_head();
                }
            }
            // Terminals send the same byte for Ctrl+_, Ctrl+/ and Ctrl+7.
            (KeyCode::Char('_' | '/' | '7'), true, false) | (KeyCode::Char('u'), false, true) => {
                self.area.undo();
            }
            (KeyCode::Char('U'), false, true) => {
                self.area.redo();
            }
            (KeyCode::Char('r' | 'x' | 'v' | 'c'), true, false) => {}
            _ => {
                if let Some(input) = input(key) {
                    self.area.input(input);
                }
            }
        }
    }

    /// What Up and Down walk through: what was sent, or else what is suggested.
    fn past(&self) -> &[String] {
        if self.history.is_empty() {
            &self.suggestions
        } else {
            &self.history
        }
    }

    /// Up: moves inside the text first, then into the history.
    pub fn history_previous(&mut self) {
        if self.area.cursor().0 > 0 {
            self.area.move_cursor(CursorMove::Up);
            return;
        }
        if self.history.is_empty() && self.walking.is_none() && !self.is_empty() {
            return;
        }
        let (at, draft) = match self.walking.take() {
            Some((at, draft)) => (at, draft),
            None => (self.past().len(), self.text()),
        };
        let at = at.saturating_sub(1);
        if let Some(text) = self.past().get(at) {
            self.area = area_with(text);
            self.walking = Some((at, draft));
        }
    }

    /// Down: moves inside the text first, then back towards the draft.
    pub fn history_next(&mut self) {
        if self.area.cursor().0 + 1 < self.area.lines().len() {
            self.area.move_cursor(CursorMove::Down);
            return;
        }
        let Some((at, draft)) = self.walking.take() else {
            return;
        };
        match self.past().get(at + 1) {
            Some(text) => {
                self.area = area_with(text);
                self.walking = Some((at + 1, draft));
            }
            None => self.area = area_with(&draft),
        }
    }
}

fn area_with(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.set_cursor_line_style(Default::default());
    area.set_placeholder_text("Write a message; Enter sends, F1 shows the keys");
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

fn input(key: Key) -> Option<Input> {
    let code = match key.code {
        KeyCode::Char(character) => AreaKey::Char(character),
        KeyCode::Enter => AreaKey::Enter,
        KeyCode::Backspace => AreaKey::Backspace,
        KeyCode::Delete => AreaKey::Delete,
        KeyCode::Up => AreaKey::Up,
        KeyCode::Down => AreaKey::Down,
        KeyCode::Left => AreaKey::Left,
        KeyCode::Right => AreaKey::Right,
        KeyCode::Home => AreaKey::Home,
        KeyCode::End => AreaKey::End,
        _ => return None,
    };
    Some(Input {
        key: code,
        ctrl: key.ctrl,
        alt: key.alt,
        shift: key.shift,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_walks_the_history_and_down_comes_back_to_the_draft() {
        let mut composer = Composer::new();
        composer.set("first");
        composer.take();
        composer.set("second\nline");
        composer.take();
        composer.set("draft");
        composer.history_previous();
        assert_eq!(composer.text(), "second\nline");
        composer.history_previous(); // inside the two lines
        composer.history_previous();
        assert_eq!(composer.text(), "first");
        composer.history_previous();
        assert_eq!(composer.text(), "first");
        composer.history_next();
        composer.history_next();
        assert_eq!(composer.text(), "draft");
    }

    #[test]
    fn a_large_paste_is_one_piece() {
        let mut composer = Composer::new();
        let text = "line of text\n".repeat(8_000);
        composer.paste(&text);
        assert_eq!(composer.text(), text);
    }

    #[test]
    fn chords_mean_what_readline_means_by_them() {
        let mut composer = Composer::new();
        composer.set("one two");
        composer.type_key(Key::ctrl('w'));
        composer.type_key(Key::ctrl('u'));
        assert_eq!(composer.text(), "");
        composer.type_key(Key::ctrl('y'));
        assert_eq!(composer.text(), "one ");
        for ignored in ['r', 'x', 'v'] {
            composer.type_key(Key::ctrl(ignored));
            assert_eq!(composer.text(), "one ");
        }
        composer.type_key(Key::ctrl('_'));
        assert_eq!(composer.text(), "");
        // At the start of a line there is nothing before it to delete.
        composer.set("a\nb");
        composer.type_key(Key::ctrl('a'));
        composer.type_key(Key::ctrl('u'));
        assert_eq!(composer.text(), "a\nb");
    }
}
