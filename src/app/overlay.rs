//! What can lie over the panes.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Action, AttachOffer, Resume};
use crate::keymap::{Key, KeyCode};
use crate::store::ConversationId;

/// The one overlay that is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// Keys and actions, scrolled by lines.
    Help {
        top: usize,
    },
    /// Actions filtered by typing.
    Palette(PickList<Action>),
    Presets(PickList<String>),
    Themes(PickList<String>),
    /// A path to a model file, with what completes it.
    LoadModel(PromptOverlay),
    /// Saved chats, by title and by what was said in them.
    Sessions(PickList<ConversationId>),
    /// Chats were left open when a program died: go on with one?
    Resume(PickList<Resume>),
    /// The context is full: what to do.
    ContextFull(PickList<ContextFullChoice>),
    /// Files were read: how much of them is attached?
    Attach(AttachOffer),
    /// The chat template failed: use one of these names?
    TemplateFailed(PickList<Option<&'static str>>),
}

/// A list that narrows while one types.
#[derive(Clone, Debug, PartialEq)]
pub struct PickList<T> {
    pub filter: String,
    /// Every item: its value, its label, and a word about it.
    pub items: Vec<(T, String, String)>,
    /// Indices into `items` that match, best first.
    pub matches: Vec<usize>,
    /// Index into `matches`.
    pub selected: usize,
}

/// One line of text being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdit {
    pub text: String,
    /// Byte position of the cursor in `text`.
    pub cursor: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptOverlay {
    pub line: LineEdit,
    pub completions: Vec<String>,
    /// Index into `completions`; `None` while what is typed counts.
    pub selected: Option<usize>,
    /// Why the last try was refused.
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextFullChoice {
    /// Raise ctx-size to this many tokens and go on.
    Raise(u32),
    /// Leave the oldest turn out of the prompt and go on.
    DropOldest,
    /// Let the model summarise the older turns and go on.
    Summarise,
    /// Leave it as it is.
    Leave,
}

impl<T> PickList<T> {
    /// A list with everything shown and the first item selected.
    pub fn new(items: Vec<(T, String, String)>) -> Self {
        let matches = (0..items.len()).collect();
        Self {
            filter: String::new(),
            items,
            matches,
            selected: 0,
        }
    }

    /// The same list with another item selected.
    pub fn with_selected(mut self, index: Option<usize>) -> Self {
        self.selected = index.unwrap_or(0);
        self
    }

    /// The same list narrowed to what matches.
    pub(super) fn with_filter(mut self, filter: &str) -> Self {
        filter.clone_into(&mut self.filter);
        self.narrow();
        self
    }

    /// The item the selection stands on.
    pub fn chosen(&self) -> Option<&T> {
        self.items
            .get(*self.matches.get(self.selected)?)
            .map(|(value, ..)| value)
    }

    /// Types into the filter, or takes a character back.
    pub(super) fn type_key(&mut self, key: Key) {
        match (key.code, key.typed()) {
            (KeyCode::Backspace, _) => {
                self.filter.pop();
            }
            (KeyCode::Char('u'), None) if key.ctrl => self.filter.clear(),
            (_, Some(character)) => self.filter.push(character),
            _ => return,
        }
        self.narrow();
    }

    pub(super) fn move_by(&mut self, rows: isize) {
        let last = self.matches.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
    }

    fn narrow(&mut self) {
        let pattern = Pattern::parse(&self.filter, CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut characters = Vec::new();
        let mut scored: Vec<(u32, usize)> = self
            .items
            .iter()
            .enumerate()
            .filter_map(|(index, (_, label, about))| {
                let mut score =
                    |text: &str| pattern.score(Utf32Str::new(text, &mut characters), &mut matcher);
                // A word found only in the description counts, but never before a name.
                let score = score(label)
                    .map(|score| score + 1_000)
                    .or_else(|| score(about))?;
                Some((score, index))
            })
            .collect();
        scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
        self.matches = scored.into_iter().map(|(_, index)| index).collect();
        self.selected = 0;
    }
}

impl<T: PartialEq> PickList<T> {
    /// Shows an item for a reason of its own, after those that match.
    pub(super) fn also(&mut self, value: T, label: &str, why: &str) {
        let known = self.items.iter().position(|(other, ..)| *other == value);
        let index = known.unwrap_or_else(|| {
            self.items.push((value, label.to_owned(), String::new()));
            self.items.len() - 1
        });
        if !self.matches.contains(&index) {
            why.clone_into(&mut self.items[index].2);
            self.matches.push(index);
        }
    }
}

impl PromptOverlay {
    /// A prompt with text in it already.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            line: LineEdit::new(text),
            ..Self::default()
        }
    }

    /// The completion the selection stands on.
    pub fn chosen(&self) -> Option<&str> {
        self.completions.get(self.selected?).map(String::as_str)
    }

    /// Moves the selection; before the first completion lies what is typed.
    pub(super) fn move_by(&mut self, rows: isize) {
        let last = self.completions.len();
        let at = self.selected.map_or(0, |at| at + 1);
        let at = at.saturating_add_signed(rows).min(last);
        self.selected = at.checked_sub(1);
    }

    /// Takes what completes the text that is typed now.
    pub(super) fn offer(&mut self, completions: Vec<String>) {
        self.completions = completions;
        self.selected = None;
    }

    /// Takes the selected completion, or as much as all completions agree in.
    pub(super) fn complete(&mut self) {
        if let Some(chosen) = self.chosen() {
            self.line = LineEdit::new(chosen);
            return;
        }
        let Some(first) = self.completions.first() else {
            return;
        };
        let mut common = first.as_str();
        for other in &self.completions {
            let agree = common
                .char_indices()
                .zip(other.chars())
                .take_while(|((_, a), b)| a == b)
                .last();
            common = agree.map_or("", |((at, character), _)| {
                &common[..at + character.len_utf8()]
            });
        }
        if common.len() > self.line.text.len() || self.completions.len() == 1 {
            self.line = LineEdit::new(common);
        }
    }
}

impl LineEdit {
    /// A line with the cursor at its end.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.len(),
            text,
        }
    }

    /// Puts text in at the cursor; line breaks become spaces.
    pub(super) fn insert(&mut self, text: &str) {
        let text = text.replace(['\n', '\r', '\t'], " ");
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
    }

    /// Edits by one key; true when the text changed.
    pub(super) fn type_key(&mut self, key: Key) -> bool {
        if let Some(character) = key.typed() {
            self.insert(character.encode_utf8(&mut [0; 4]));
            return true;
        }
        let before = self.text[..self.cursor]
            .char_indices()
            .next_back()
            .map(|(at, _)| at);
        let after = self.text[self.cursor..]
            .chars()
            .next()
            .map(|next| self.cursor + next.len_utf8());
        match (key.code, key.ctrl) {
            (KeyCode::Backspace, _) => {
                let Some(before) = before else { return false };
                self.text.remove(before);
                self.cursor = before;
                return true;
            }
            (KeyCode::Delete, _) if after.is_some() => {
                self.text.remove(self.cursor);
                return true;
            }
            (KeyCode::Char('u'), true) => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
                return true;
            }
            (KeyCode::Char('w'), true) => {
                let kept = self.text[..self.cursor].trim_end();
                let word = kept.rfind([' ', '/']).map_or(0, |at| at + 1);
                self.text.drain(word..self.cursor);
                self.cursor = word;
                return true;
            }
            (KeyCode::Left, _) | (KeyCode::Char('b'), true) => self.cursor = before.unwrap_or(0),
            (KeyCode::Right, _) | (KeyCode::Char('f'), true) => {
                self.cursor = after.unwrap_or(self.cursor)
            }
            (KeyCode::Home, _) | (KeyCode::Char('a'), true) => self.cursor = 0,
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => self.cursor = self.text.len(),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn typing_narrows_and_names_come_before_descriptions() {
        let item = |name: &str, about: &str| (name.to_owned(), name.to_owned(), about.to_owned());
        let mut list = PickList::new(vec![
            item("greedy", "no mint"),
            item("min-p", ""),
            item("code", ""),
        ]);
        for character in "min".chars() {
            list.type_key(Key::plain(KeyCode::Char(character)));
        }
        assert_eq!(list.chosen().map(String::as_str), Some("min-p"));
        assert_eq!(list.matches.len(), 2);
        list.type_key(Key::plain(KeyCode::Char('ß')));
        assert_eq!(list.chosen(), None);
        list.type_key(Key::ctrl('u'));
        assert_eq!(list.matches.len(), 3);
        list.move_by(99);
        assert_eq!(list.selected, 2);
    }

    proptest! {
        #[test]
        fn the_cursor_stays_on_a_character_boundary(keys in proptest::collection::vec(0usize..12, 0..60)) {
            let mut line = LineEdit::new("aß€🙂");
            for key in keys {
                let keys = [
                    Key::plain(KeyCode::Char('x')), Key::plain(KeyCode::Char('é')), Key::plain(KeyCode::Char('/')),
                    Key::plain(KeyCode::Backspace), Key::plain(KeyCode::Delete), Key::plain(KeyCode::Left),
                    Key::plain(KeyCode::Right), Key::plain(KeyCode::Home), Key::plain(KeyCode::End),
                    Key::ctrl('w'), Key::ctrl('u'), Key::plain(KeyCode::Char(' ')),
                ];
                line.type_key(keys[key]);
                prop_assert!(line.text.is_char_boundary(line.cursor));
            }
        }
    }
}
