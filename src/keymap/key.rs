//! A key press, free of any terminal library, and its spelling: `ctrl+p`, `alt+enter`, `f1`, `?`.

use std::fmt;
use std::str::FromStr;

/// A key with its modifiers. For characters, shift is already in the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub code: KeyCode,
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCode {
    Char(char),
    Function(u8),
    Enter,
    Escape,
    Backspace,
    Delete,
    Insert,
    Tab,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// Why a spelling names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no key; keys look like ctrl+p, alt+enter, shift+tab, f1, pgup, esc, space or ?")]
pub struct KeyError(String);

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self {
            code,
            ctrl: false,
            alt: false,
            shift: false,
        }
    }

    /// A key with ctrl.
    pub const fn ctrl(character: char) -> Self {
        Self {
            code: KeyCode::Char(character),
            ctrl: true,
            alt: false,
            shift: false,
        }
    }

    /// The character this key types, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(character) if !self.ctrl && !self.alt => Some(character),
            _ => None,
        }
    }
}

/// Named keys: how files spell them and how the screen shows them.
const NAMED: &[(KeyCode, &str, &str)] = &[
    (KeyCode::Enter, "enter", "Enter"),
    (KeyCode::Escape, "esc", "Esc"),
    (KeyCode::Backspace, "backspace", "Backspace"),
    (KeyCode::Delete, "del", "Del"),
    (KeyCode::Insert, "ins", "Ins"),
    (KeyCode::Tab, "tab", "Tab"),
    (KeyCode::Up, "up", "Up"),
    (KeyCode::Down, "down", "Down"),
    (KeyCode::Left, "left", "Left"),
    (KeyCode::Right, "right", "Right"),
    (KeyCode::Home, "home", "Home"),
    (KeyCode::End, "end", "End"),
    (KeyCode::PageUp, "pgup", "PgUp"),
    (KeyCode::PageDown, "pgdn", "PgDn"),
    (KeyCode::Char(' '), "space", "Space"),
];

/// The named keys as files spell them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|(_, name, _)| *name)
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut key = Self::plain(KeyCode::Enter);
        let mut rest = text;
        // A `+` at the end is the key itself, as in `ctrl++`.
        while let Some((modifier, after)) =
            rest.split_once('+').filter(|(_, after)| !after.is_empty())
        {
            match modifier.to_ascii_lowercase().as_str() {
                "ctrl" => key.ctrl = true,
                "alt" => key.alt = true,
                "shift" => key.shift = true,
                _ => break,
            }
            rest = after;
        }
        key.code = code(rest).ok_or_else(|| KeyError(text.to_owned()))?;
        Ok(key)
    }
}

fn code(text: &str) -> Option<KeyCode> {
    let mut characters = text.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return Some(KeyCode::Char(character));
    }
    let lower = text.to_ascii_lowercase();
    if let Some((code, ..)) = NAMED.iter().find(|(_, name, _)| *name == lower) {
        return Some(*code);
    }
    let number: u8 = lower.strip_prefix('f')?.parse().ok()?;
    (1..=24)
        .contains(&number)
        .then_some(KeyCode::Function(number))
}

impl fmt::Display for Key {
    /// As the screen shows it: `Ctrl+P`, `Alt+Enter`, `?`. Beside ctrl and alt, letters are capital as
    /// they stand on the keys, and shift is written out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.ctrl || self.alt;
        let capital = matches!(self.code, KeyCode::Char(character) if character.is_uppercase());
        for (set, name) in [
            (self.ctrl, "Ctrl+"),
            (self.alt, "Alt+"),
            (self.shift || held && capital, "Shift+"),
        ] {
            if set {
                f.write_str(name)?;
            }
        }
        if let Some((.., shown)) = NAMED.iter().find(|(code, ..)| *code == self.code) {
            return f.write_str(shown);
        }
        match self.code {
            KeyCode::Char(character) if held => {
                write!(f, "{}", character.to_ascii_uppercase())
            }
            KeyCode::Char(character) => write!(f, "{character}"),
            KeyCode::Function(number) => write!(f, "F{number}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_read_and_shown() {
        for (spelling, shown) in [
            ("ctrl+p", "Ctrl+P"),
            ("alt+enter", "Alt+Enter"),
            ("alt+t", "Alt+T"),
            ("alt+T", "Alt+Shift+T"),
            ("shift+tab", "Shift+Tab"),
            ("f12", "F12"),
            ("?", "?"),
            ("G", "G"),
            ("+", "+"),
            ("ctrl++", "Ctrl++"),
            ("space", "Space"),
            ("pgup", "PgUp"),
        ] {
            let key: Key = spelling.parse().expect(spelling);
            assert_eq!(key.to_string(), shown);
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for spelling in ["", "ctrl+", "f0", "f99", "hyper+x", "entr"] {
            let error = spelling.parse::<Key>().expect_err(spelling);
            assert!(error.to_string().contains("ctrl+p"), "{error}");
        }
    }
}
