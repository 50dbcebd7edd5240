//! Keys and pastes from the bytes that a terminal sends.
//!
//! Whatever comes, no key after it is lost for long: a control character cuts a sequence short and
//! counts itself, so Ctrl-C always arrives, and a sequence that does not go on is given up.

use std::mem;
use std::time::Duration;

use super::sanitise_paste;
use super::sequences::{self, Meaning};
use crate::app::Event;
use crate::keymap::{Key, KeyCode};

/// How long the rest of a sequence may take when what there is may be a key by itself, such as Esc.
const KEY: Duration = Duration::from_millis(50);
/// How long it may take otherwise.
const SEQUENCE: Duration = Duration::from_millis(500);
/// Bytes of parameters that are kept; no key has that many.
const LONGEST: usize = 64;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// Takes bytes in, in any pieces, and gives events.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    begun: Begun,
    /// Characters that no event holds yet.
    typed: String,
    events: Vec<Event>,
}

/// What the last bytes are the beginning of.
#[derive(Debug, Default)]
enum Begun {
    #[default]
    Nothing,
    /// The first bytes of a character; whether with Alt.
    Character(Vec<u8>, Alt),
    Escape,
    Ss3,
    /// The parameters so far.
    Csi(Vec<u8>),
    /// A string that some answers are: its first byte, and how many followed.
    Text(u8, usize),
    /// ESC in a string: its end, or the beginning of something else.
    TextEnd,
    /// What was pasted so far.
    Paste(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alt {
    No,
    Yes,
}

impl Decoder {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            rest = if let Begun::Paste(_) = self.begun {
                self.paste(rest)
            } else {
                self.byte(byte);
                after
            };
        }
    }

    /// The events so far.
    pub(super) fn take(&mut self) -> Vec<Event> {
        self.end_run();
        mem::take(&mut self.events)
    }

    /// How long to wait for more before [`Self::give_up`]; `None` = for ever.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self.begun {
            Begun::Nothing | Begun::Paste(_) => None,
            _ if self.alone().is_some() => Some(KEY),
            _ => Some(SEQUENCE),
        }
    }

    /// Nothing more came: what there is is a key, or nothing. A paste waits on.
    pub(super) fn give_up(&mut self) {
        if let Some(key) = self.alone() {
            self.key(key);
        }
        if !matches!(self.begun, Begun::Paste(_)) {
            self.begun = Begun::Nothing;
        }
    }

    /// The key that the bytes so far are when nothing follows.
    fn alone(&self) -> Option<Key> {
        let alt = |byte| {
            Some(Key {
                alt: true,
                ..Key::plain(KeyCode::Char(char::from(byte)))
            })
        };
        match &self.begun {
            Begun::Escape => Some(Key::plain(KeyCode::Escape)),
            Begun::Ss3 => alt(b'O'),
            Begun::Csi(parameters) if parameters.is_empty() => alt(b'['),
            Begun::Text(first, 0) => alt(*first),
            _ => None,
        }
    }

    fn byte(&mut self, byte: u8) {
        match mem::take(&mut self.begun) {
            Begun::Nothing | Begun::Paste(_) => self.plain(byte, Alt::No),
            Begun::Character(bytes, alt) => self.character(bytes, byte, alt),
            Begun::TextEnd if byte == b'\\' => {}
            Begun::Escape | Begun::TextEnd => self.after_escape(byte),
            Begun::Ss3 => match byte {
                b' '..=b'~' => self.means(sequences::ss3(byte)),
                _ => self.plain(byte, Alt::No),
            },
            Begun::Csi(mut parameters) => match byte {
                b' '..=b'?' => {
                    if parameters.len() < LONGEST {
                        parameters.push(byte);
                    }
                    self.begun = Begun::Csi(parameters);
                }
                b'[' if parameters.is_empty() => self.begun = Begun::Csi(vec![byte]),
                b'@'..=b'~' => self.means(sequences::csi(&parameters, byte)),
                _ => self.plain(byte, Alt::No),
            },
            Begun::Text(first, count) => match byte {
                // BEL ends an OSC string.
                0x07 => {}
                0x1b => self.begun = Begun::TextEnd,
                0x00..=0x1f | 0x7f => self.plain(byte, Alt::No),
                _ => self.begun = Begun::Text(first, count.saturating_add(1)),
            },
        }
    }

    fn after_escape(&mut self, byte: u8) {
        match byte {
            b'[' => self.begun = Begun::Csi(Vec::new()),
            b'O' => self.begun = Begun::Ss3,
            // DCS, SOS, OSC, PM, APC.
            b'P' | b'X' | b']' | b'^' | b'_' => self.begun = Begun::Text(byte, 0),
            0x1b => {
                self.key(Key::plain(KeyCode::Escape));
                self.begun = Begun::Escape;
            }
            _ => self.plain(byte, Alt::Yes),
        }
    }

    /// A byte that no sequence is waiting for.
    fn plain(&mut self, byte: u8, alt: Alt) {
        match byte {
            0x1b => self.begun = Begun::Escape,
            0x00..=0x1f | 0x7f => {
                let key = sequences::control(byte);
                self.key(Key {
                    alt: alt == Alt::Yes,
                    ..key
                });
            }
            b' '..=b'~' => self.typed(char::from(byte), alt),
            _ => self.character(Vec::new(), byte, alt),
        }
    }

    /// One more byte of a character in UTF-8. What is none is left out.
    fn character(&mut self, mut bytes: Vec<u8>, byte: u8, alt: Alt) {
        let continues = matches!(byte, 0x80..=0xbf);
        if !bytes.is_empty() && !continues {
            return self.plain(byte, Alt::No);
        }
        bytes.push(byte);
        match std::str::from_utf8(&bytes) {
            Ok(text) => text.chars().for_each(|c| self.typed(c, alt)),
            Err(error) if error.error_len().is_none() => self.begun = Begun::Character(bytes, alt),
            Err(_) => {}
        }
    }

    fn typed(&mut self, c: char, alt: Alt) {
        if alt == Alt::Yes {
            self.key(Key {
                alt: true,
                ..Key::plain(KeyCode::Char(c))
            });
        } else if !c.is_control() {
            self.typed.push(c);
        }
    }

    fn means(&mut self, meaning: Meaning) {
        match meaning {
            Meaning::Key(key) => self.key(key),
            Meaning::PasteBegins => self.begun = Begun::Paste(Vec::new()),
            Meaning::Nothing => {}
        }
    }

    fn key(&mut self, key: Key) {
        self.end_run();
        self.events.push(Event::Key(key));
    }

    /// One character is a key; more at once are a run.
    fn end_run(&mut self) {
        let typed = mem::take(&mut self.typed);
        let mut characters = typed.chars();
        match (characters.next(), characters.next()) {
            (None, _) => {}
            (Some(character), None) => {
                let key = Key::plain(KeyCode::Char(character));
                self.events.push(Event::Key(key));
            }
            _ => self.events.push(Event::Typed(typed)),
        }
    }

    /// Takes what belongs to a paste; gives what comes after its end.
    fn paste<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Begun::Paste(mut text) = mem::take(&mut self.begun) else {
            return bytes;
        };
        let before = text.len();
        text.extend_from_slice(bytes);
        let searched = before.saturating_sub(PASTE_END.len() - 1);
        let Some(end) = end_of_paste(&text, searched) else {
            self.begun = Begun::Paste(text);
            return &[];
        };
        let pasted = String::from_utf8_lossy(&text[..end]);
        let pasted = pasted.replace("\x1b[201~", "");
        self.end_run();
        self.events.push(Event::Paste(sanitise_paste(&pasted)));
        &bytes[end + PASTE_END.len() - before..]
    }
}

/// Where a paste ends. A text that holds the mark of its own end would otherwise have the rest typed,
/// its line ends too: the last mark counts before the next paste begins, as far as bytes have come.
fn end_of_paste(text: &[u8], from: usize) -> Option<usize> {
    let mut end = from + find(&text[from..], PASTE_END)?;
    loop {
        let after = end + PASTE_END.len();
        let Some(next) = find(&text[after..], PASTE_END) else {
            return Some(end);
        };
        if find(&text[after..after + next], PASTE_BEGIN).is_some() {
            return Some(end);
        }
        end = after + next;
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What bytes mean, in words: keys by name, `'typed'`, `"pasted"`.
    fn words(events: Vec<Event>) -> Vec<String> {
        let word = |event| match event {
            Event::Key(key) => key.to_string(),
            Event::Typed(text) => format!("'{text}'"),
            Event::Paste(text) => format!("{text:?}"),
            other => format!("{other:?}"),
        };
        events.into_iter().map(word).collect()
    }

    fn decoded(bytes: impl AsRef<[u8]>) -> Vec<String> {
        let mut decoder = Decoder::default();
        decoder.feed(bytes.as_ref());
        decoder.give_up();
        words(decoder.take())
    }

    #[test]
    fn keys_runs_and_pastes() {
        for (bytes, expected) in [
            ("x", vec!["x"]),
            ("Xy", vec!["'Xy'"]),
            ("grüße 🦀", vec!["'grüße 🦀'"]),
            ("ab\rc", vec!["'ab'", "Enter", "c"]),
            ("\x1b[A\x1bOB", vec!["Up", "Down"]),
            ("\x1b", vec!["Esc"]),
            ("\x1b\x1b[A", vec!["Esc", "Up"]),
            ("\x1bx\x1bä\x1b\r", vec!["Alt+X", "Alt+ä", "Alt+Enter"]),
            ("\x1b[", vec!["Alt+["]),
            ("\x1bO", vec!["Alt+Shift+O"]),
            ("\x1bP", vec!["Alt+Shift+P"]),
            ("\x03", vec!["Ctrl+C"]),
            ("a\x1b[200~b\rc\x1b[201~d", vec!["a", "\"b\\nc\"", "d"]),
        ] {
            assert_eq!(decoded(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn answers_that_come_late_are_neither_keys_nor_text() {
        for answer in [
            "\x1b[?2026;2$y",
            "\x1b[?62;22c",
            "\x1b[24;80R",
            "\x1b]11;rgb:0000/0000/0000\x1b\\",
            "\x1b]11;rgb:0000/0000/0000\x07",
            "\x1bP>|xterm(390)\x1b\\",
            "\x1bP1+r524742\x1b\\",
            "\x1b_Gi=1;OK\x1b\\",
        ] {
            assert_eq!(decoded(format!("{answer}x")), ["x"], "{answer:?}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_left_out() {
        assert_eq!(decoded(b"a\xff\xc3b\xe2\x82"), ["'ab'"]);
        assert_eq!(decoded("a\u{9b}b"), ["'ab'"]);
    }

    #[test]
    fn patience_is_for_what_is_unfinished() {
        for (bytes, patience) in [
            ("x", None),
            ("\x1b", Some(KEY)),
            ("\x1b[", Some(KEY)),
            ("\x1b[?20", Some(SEQUENCE)),
            ("\x1b]11;rgb", Some(SEQUENCE)),
            ("\x1b[200~x", None),
        ] {
            let mut decoder = Decoder::default();
            decoder.feed(bytes.as_bytes());
            assert_eq!(decoder.patience(), patience, "{bytes:?}");
        }
    }

    #[test]
    fn a_paste_that_holds_the_mark_of_its_end_stays_one_paste() {
        let inner = "rm\r\x1b[201~ -rf /\r\x1b[201~\r";
        assert_eq!(
            decoded(format!("\x1b[200~{inner}\x1b[201~\r")),
            [r#""rm\n -rf /\n\n""#, "Enter"]
        );
        assert_eq!(
            decoded("\x1b[200~one\x1b[201~\r\x1b[200~two\x1b[201~"),
            ["\"one\"", "Enter", "\"two\""]
        );
    }

    proptest! {
        /// Unless a paste has begun, whose end the terminal always sends.
        #[test]
        fn after_anything_ctrl_c_arrives(bytes in any::<Vec<u8>>()) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            if !matches!(decoder.begun, Begun::Paste(_)) {
                decoder.feed(&[3]);
                let last = decoder.take().pop();
                prop_assert!(matches!(last, Some(Event::Key(key)) if key.ctrl));
            }
        }

        #[test]
        fn pieces_make_no_difference(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "é", "🦀", "\x1b", "[", "A", "\x1b[A", "\x1b[200~", "\x1b[201~", "\r", "\x1b]", "\x07",
                ]),
                0..20,
            ),
            cuts in prop::collection::vec(0_usize..60, 0..6),
        ) {
            let bytes = parts.concat().into_bytes();
            // A second end of a paste counts where it has come already, so there is one at most.
            prop_assume!(parts.iter().filter(|part| **part == "\x1b[201~").count() < 2);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut whole, mut cut) = (Decoder::default(), Decoder::default());
            whole.feed(&bytes);
            for piece in cuts.windows(2) {
                cut.feed(&bytes[piece[0]..piece[1]]);
            }
            prop_assert_eq!(words(whole.take()), words(cut.take()));
        }
    }
}
