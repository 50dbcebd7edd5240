//! What escape sequences from a terminal mean: xterm's and the Linux console's keys, `CSI … u`.
//!
//! Sources: XTerm Control Sequences, "PC-Style Function Keys"; the kitty keyboard protocol for `u`.

use crate::keymap::{Key, KeyCode};

/// The meaning of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Key(Key),
    PasteBegins,
    /// An answer to a question of somebody else's, a report, or a key that this program does not know.
    Nothing,
}

/// `CSI`, then `parameters`, then the byte that ends it.
pub(super) fn csi(parameters: &[u8], last: u8) -> Meaning {
    // The Linux console's F1 to F5.
    if parameters == b"[" {
        return key_or_nothing(
            last.checked_sub(b'A').filter(|number| *number < 5),
            |number| KeyCode::Function(number + 1),
        );
    }
    let Some(numbers) = Numbers::read(parameters) else {
        return Meaning::Nothing;
    };
    if numbers.is_release {
        return Meaning::Nothing;
    }
    let code = match last {
        b'~' if numbers.first == 200 => return Meaning::PasteBegins,
        b'~' => numbered(numbers.first),
        b'u' => return unicode(&numbers),
        b'Z' => {
            return Meaning::Key(Key {
                shift: true,
                ..Key::plain(KeyCode::Tab)
            });
        }
        // `CSI … R` is where the cursor is, whatever else xterm sends by it.
        b'R' => None,
        _ => lettered(last),
    };
    code.map_or(Meaning::Nothing, |code| Meaning::Key(numbers.held(code)))
}

/// `SS3` and a byte: the keys in application mode.
pub(super) fn ss3(last: u8) -> Meaning {
    lettered(last).map_or(Meaning::Nothing, |code| Meaning::Key(Key::plain(code)))
}

/// The key that a control character is, without Alt.
pub(super) fn control(byte: u8) -> Key {
    match byte {
        b'\r' => Key::plain(KeyCode::Enter),
        b'\t' => Key::plain(KeyCode::Tab),
        0x1b => Key::plain(KeyCode::Escape),
        // The Backspace key of many terminals sends Ctrl-H.
        0x08 | 0x7f => Key::plain(KeyCode::Backspace),
        0 => Key::ctrl(' '),
        0x01..=0x1a => Key::ctrl(char::from(byte - 1 + b'a')),
        _ => Key::ctrl(char::from((byte - 0x1c) % 4 + b'4')),
    }
}

/// The numbers of a sequence: which key, and what is held with it.
struct Numbers {
    first: u32,
    shift: bool,
    alt: bool,
    ctrl: bool,
    is_release: bool,
}

impl Numbers {
    /// `None` where there is something besides numbers: then it is no key.
    fn read(parameters: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(parameters).ok()?;
        let mut fields = text.split(';').map(|field| field.split(':'));
        let number = |text: Option<&str>, missing| match text {
            None | Some("") => Some(missing),
            Some(text) => text.parse::<u32>().ok(),
        };
        let first = number(fields.next().and_then(|mut field| field.next()), 1)?;
        let mut held = fields.next();
        let mut next = || number(held.as_mut().and_then(Iterator::next), 1);
        let modifiers = next()?.saturating_sub(1);
        let kind = next()?;
        Some(Self {
            first,
            shift: modifiers & 1 != 0,
            // Alt or Meta.
            alt: modifiers & (2 | 32) != 0,
            ctrl: modifiers & 4 != 0,
            is_release: kind == 3,
        })
    }

    fn held(&self, code: KeyCode) -> Key {
        Key {
            code,
            ctrl: self.ctrl,
            alt: self.alt,
            shift: self.shift,
        }
    }
}

fn lettered(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::Function(last - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u32) -> Option<KeyCode> {
    let function = |gap: u32| u8::try_from(number - gap).ok().map(KeyCode::Function);
    match number {
        1 | 7 => Some(KeyCode::Home),
        2 => Some(KeyCode::Insert),
        3 => Some(KeyCode::Delete),
        4 | 8 => Some(KeyCode::End),
        5 => Some(KeyCode::PageUp),
        6 => Some(KeyCode::PageDown),
        11..=15 => function(10),
        17..=21 => function(11),
        23..=26 => function(12),
        28..=29 => function(13),
        31..=34 => function(14),
        _ => None,
    }
}

/// `CSI code ; modifiers u`.
fn unicode(numbers: &Numbers) -> Meaning {
    let code = match numbers.first {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Escape,
        127 => KeyCode::Backspace,
        number @ 57_399..=57_426 => return key_or_nothing(keypad(number), |code| code),
        // Keys without a character lie in a private area of Unicode.
        57_344..=63_743 => return Meaning::Nothing,
        number => match char::from_u32(number) {
            Some('h') if numbers.ctrl && !numbers.alt => {
                return Meaning::Key(Key::plain(KeyCode::Backspace));
            }
            Some(character) if !character.is_control() => KeyCode::Char(character),
            _ => return Meaning::Nothing,
        },
    };
    let key = numbers.held(code);
    Meaning::Key(match code {
        KeyCode::Char(character) if key.shift => Key {
            code: KeyCode::Char(uppercase(character)),
            shift: false,
            ..key
        },
        _ => key,
    })
}

/// The keypad in the kitty protocol, from its 0 on.
fn keypad(number: u32) -> Option<KeyCode> {
    const CHARACTERS: &str = "0123456789./*-+";
    const NAMED: [Option<KeyCode>; 13] = [
        Some(KeyCode::Enter),
        Some(KeyCode::Char('=')),
        None,
        Some(KeyCode::Left),
        Some(KeyCode::Right),
        Some(KeyCode::Up),
        Some(KeyCode::Down),
        Some(KeyCode::PageUp),
        Some(KeyCode::PageDown),
        Some(KeyCode::Home),
        Some(KeyCode::End),
        Some(KeyCode::Insert),
        Some(KeyCode::Delete),
    ];
    let at = usize::try_from(number.checked_sub(57_399)?).ok()?;
    let character = CHARACTERS.chars().nth(at).map(KeyCode::Char);
    character.or_else(|| *NAMED.get(at.checked_sub(CHARACTERS.len())?)?)
}

fn key_or_nothing<T>(found: Option<T>, code: impl FnOnce(T) -> KeyCode) -> Meaning {
    found.map_or(Meaning::Nothing, |found| {
        Meaning::Key(Key::plain(code(found)))
    })
}

/// The capital letter, where there is one of a single character.
fn uppercase(c: char) -> char {
    let mut capitals = c.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Meaning {
        Meaning::Key(text.parse().unwrap())
    }

    #[test]
    fn keys_of_terminals() {
        for (sequence, expected) in [
            ("A", "up"),
            ("1;2A", "shift+up"),
            ("1;5D", "ctrl+left"),
            ("1;3C", "alt+right"),
            ("H", "home"),
            ("F", "end"),
            ("Z", "shift+tab"),
            ("1;2Z", "shift+tab"),
            ("P", "f1"),
            ("1;2P", "shift+f1"),
            ("[A", "f1"),
            ("[E", "f5"),
            ("2~", "ins"),
            ("3~", "del"),
            ("3;5~", "ctrl+del"),
            ("5~", "pgup"),
            ("6~", "pgdn"),
            ("15~", "f5"),
            ("17~", "f6"),
            ("21~", "f10"),
            ("23~", "f11"),
            ("24;2~", "shift+f12"),
            ("13;2u", "shift+enter"),
            ("27u", "esc"),
            ("9;2u", "shift+tab"),
            ("127;3u", "alt+backspace"),
            ("99;5u", "ctrl+c"),
            ("104;5u", "backspace"),
            ("97;2u", "A"),
            ("223;2u", "ß"),
            ("97;3:2u", "alt+a"),
            ("57400u", "1"),
            ("57413u", "+"),
            ("57414u", "enter"),
            ("57426u", "del"),
        ] {
            let (parameters, last) = sequence.split_at(sequence.len() - 1);
            assert_eq!(
                csi(parameters.as_bytes(), last.as_bytes()[0]),
                named(expected),
                "CSI {sequence}"
            );
        }
        assert_eq!(ss3(b'Q'), named("f2"));
        assert_eq!(ss3(b'A'), named("up"));
    }

    #[test]
    fn control_characters_are_keys() {
        for (byte, expected) in [
            (3, "ctrl+c"),
            (13, "enter"),
            (10, "ctrl+j"),
            (9, "tab"),
            (8, "backspace"),
            (127, "backspace"),
            (27, "esc"),
            (0x1c, "ctrl+4"),
            (0x1f, "ctrl+7"),
        ] {
            assert_eq!(control(byte), expected.parse().unwrap(), "{byte}");
        }
        assert_eq!(control(0), Key::ctrl(' '));
    }

    #[test]
    fn reports_and_releases_are_no_keys() {
        for sequence in [
            "?2026;2$y",
            "?62;c",
            "?1u",
            "24;80R",
            ">0;276;0c",
            "0n",
            "I",
            "O",
            "<0;1;1M",
            "97;1:3u",
            "57358u",
            "99999999999u",
            "1;2;3;4x",
            "16~",
            "[F",
            "57416u",
        ] {
            let (parameters, last) = sequence.split_at(sequence.len() - 1);
            assert_eq!(
                csi(parameters.as_bytes(), last.as_bytes()[0]),
                Meaning::Nothing,
                "CSI {sequence}"
            );
        }
    }
}
