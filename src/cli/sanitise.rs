//! Text from models and files on its way to a terminal: no escape sequence gets through.

/// Where in an escape sequence (ECMA-48) the text stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// In a control sequence, up to its final byte.
    Control,
    /// In a string for the terminal (OSC, DCS …), up to BEL or ST.
    String,
    /// After ESC inside such a string.
    StringEscape,
}

/// Filters a stream: sequences may be cut anywhere between two pieces.
#[derive(Debug, Default)]
pub struct Sanitiser {
    state: State,
}

impl Sanitiser {
    /// What of this piece may be shown: everything but escape sequences and control characters
    /// other than newline and tab.
    pub fn piece(&mut self, text: &str) -> String {
        text.chars()
            .filter(|&character| self.shows(character))
            .collect()
    }

    fn shows(&mut self, character: char) -> bool {
        let (state, shown) = step(self.state, character);
        self.state = state;
        shown
    }
}

fn step(state: State, character: char) -> (State, bool) {
    match (state, character) {
        // A newline ends every sequence: an unfinished one must not swallow the rest of the text.
        (_, '\n') => (State::Text, true),
        (State::String, '\x1b') => (State::StringEscape, false),
        (State::String, '\x07' | '\u{9c}') => (State::Text, false),
        (State::String, _) => (State::String, false),
        (State::StringEscape, '\\') => (State::Text, false),
        (State::StringEscape, other) => step(State::Escape, other),
        (_, '\x1b') => (State::Escape, false),
        (_, '\u{9b}') | (State::Escape, '[') => (State::Control, false),
        (_, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}') => (State::String, false),
        (State::Escape, ']' | 'P' | 'X' | '^' | '_') => (State::String, false),
        (State::Escape, ' '..='/') => (State::Escape, false),
        (State::Escape, '0'..='~') => (State::Text, false),
        (State::Control, ' '..='?') => (State::Control, false),
        (State::Control, '@'..='~') => (State::Text, false),
        (_, other) => (State::Text, other == '\t' || !other.is_control()),
    }
}

/// One line of a message: sanitised, with line ends and tabs as spaces.
pub fn line(text: &str) -> String {
    Sanitiser::default().piece(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pieces: &[&str]) -> String {
        let mut sanitiser = Sanitiser::default();
        pieces.iter().map(|piece| sanitiser.piece(piece)).collect()
    }

    #[test]
    fn sequences_vanish_whole() {
        assert_eq!(shown(&["a\x1b[31mred\x1b[0m"]), "ared");
        assert_eq!(shown(&["t\x1b]0;title\x07x\x1b]52;c;aGk=\x1b\\y"]), "txy");
        assert_eq!(shown(&["\u{9b}2Jc\u{9d}8;;http://a\u{9c}d"]), "cd");
        assert_eq!(shown(&["\x1b(Ba\x1bcb\x1bP1$q\x1b\\e"]), "abe");
    }

    #[test]
    fn a_sequence_cut_between_pieces_vanishes_too() {
        assert_eq!(
            shown(&["a\x1b", "[3", "1", "mb\x1b]0;", "t\x1b", "\\c"]),
            "abc"
        );
    }

    #[test]
    fn text_newlines_and_tabs_stay() {
        assert_eq!(shown(&["naïve\n\t日本 👩‍👩‍👧\r\x08\0"]), "naïve\n\t日本 👩‍👩‍👧");
    }

    #[test]
    fn an_unfinished_sequence_ends_with_its_line() {
        assert_eq!(shown(&["a\x1b]0;never closed\nb"]), "a\nb");
    }

    proptest! {
        #[test]
        fn nothing_a_terminal_obeys_gets_through(pieces in prop::collection::vec(any::<String>(), 0..5)) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let text = shown(&pieces);
            let ok = text.chars().all(|character| matches!(character, '\n' | '\t') || !character.is_control());
            prop_assert!(ok);
        }

        #[test]
        fn cutting_does_not_matter(text in "[a\x1b\\[\\]0;m\x07\n]{0,20}", cut in 0usize..20) {
            let cut = cut.min(text.len());
            prop_assert_eq!(shown(&[&text[..cut], &text[cut..]]), shown(&[&text]));
        }
    }
}
