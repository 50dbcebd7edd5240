//! Nothing that a model, a file or an error message says reaches the terminal raw.
//!
//! Two strengths: [`sanitise`] for labels and messages takes whole escape sequences away;
//! [`grapheme`] works on one grapheme without looking around, so that a transcript can be wrapped
//! while it grows. Both give text free of everything [`is_unsafe`] names.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

/// Columns a tab takes; fixed, so that a row looks the same wherever it begins.
pub const TAB: &str = "    ";

/// The most characters without width that one grapheme keeps: enough for every script and emoji,
/// too few to flood a line.
const MOST_MARKS: usize = 16;

/// Text for one or more lines: no escape sequences, no control characters but `\n`, no direction
/// overrides, no invisible characters but those that hold emoji and joining scripts together.
pub fn sanitise(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|byte| byte == b'\n' || (b' '..0x7f).contains(&byte))
    {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            clean.push('\n');
        }
        for piece in without_escapes(line).graphemes(true) {
            clean.push_str(&grapheme(piece));
        }
    }
    Cow::Owned(clean)
}

/// What one grapheme looks like on the screen: itself where it is harmless. Control characters become
/// their picture (`␛`), a tab [`TAB`]; what is invisible or turns the direction of text goes.
pub fn grapheme(piece: &str) -> Cow<'_, str> {
    if let [byte] = piece.as_bytes() {
        return match byte {
            b' '..0x7f => Cow::Borrowed(piece),
            b'\t' => Cow::Borrowed(TAB),
            b'\r' | b'\n' => Cow::Borrowed(""),
            _ => Cow::Owned(picture(char::from(*byte)).to_string()),
        };
    }
    let suspicious = |c: char| is_unsafe(c) || is_joiner(c);
    if piece.chars().take(MOST_MARKS + 2).count() <= MOST_MARKS && !piece.contains(suspicious) {
        return Cow::Borrowed(piece);
    }
    let mut clean = String::new();
    for character in piece
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n'))
        .take(MOST_MARKS)
    {
        match character {
            _ if is_joiner(character) => {
                // A joiner follows a character of a script that joins, or an emoji; anywhere else it hides.
                if clean
                    .chars()
                    .next_back()
                    .is_some_and(|before| !before.is_ascii() && !is_joiner(before))
                {
                    clean.push(character);
                }
            }
            '\t' => clean.push_str(TAB),
            _ if character.is_control() => clean.push(picture(character)),
            _ if is_unsafe(character) => {}
            _ => clean.push(character),
        }
    }
    Cow::Owned(clean)
}

/// Characters that must not reach the terminal: controls, direction overrides and isolates, invisible
/// characters, tags. Joiners are judged by their neighbours.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Zero width joiner and non-joiner.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// Unicode's picture of an ASCII control character; the replacement character for the others.
fn picture(control: char) -> char {
    match control {
        '\u{7f}' => '\u{2421}',
        '\0'..='\u{1f}' => {
            char::from_u32(0x2400 + u32::from(control)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Takes complete escape sequences out of one line. A sequence without its end stays, and its escape
/// character becomes visible: text is never swallowed for the sake of a sequence that may not be one.
fn without_escapes(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find('\u{1b}') {
        kept.push_str(&rest[..start]);
        let tail = &rest[start..];
        let length = sequence_length(tail.as_bytes());
        kept.push_str(if length == 0 { "\u{1b}" } else { "" });
        rest = &tail[length.max(1)..];
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// Bytes of the escape sequence that `tail` begins with; 0 when it has no end.
fn sequence_length(tail: &[u8]) -> usize {
    match tail.get(1) {
        // Control sequence: parameters, intermediates, one final byte.
        Some(b'[') => {
            let body = tail[2..]
                .iter()
                .take_while(|byte| (0x20..0x40).contains(*byte))
                .count();
            if tail
                .get(2 + body)
                .is_some_and(|byte| (0x40..0x7f).contains(byte))
            {
                3 + body
            } else {
                0
            }
        }
        // Strings: operating system command, device control, privacy message and so on, up to BEL or ST.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end = tail
                .iter()
                .enumerate()
                .skip(2)
                .find_map(|(index, byte)| match byte {
                    0x07 => Some(index + 1),
                    0x1b if tail.get(index + 1) == Some(&b'\\') => Some(index + 2),
                    _ => None,
                });
            end.unwrap_or(0)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(sanitise("two\nlines"), Cow::Borrowed(_)));
        assert_eq!(sanitise("Grüße, 世界"), "Grüße, 世界");
    }

    #[test]
    fn sequences_go_and_text_stays() {
        assert_eq!(sanitise("\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(sanitise("\u{1b}]0;title\u{7}text"), "text");
        assert_eq!(sanitise("\u{1b}]52;c;aGk=\u{1b}\\text"), "text");
        assert_eq!(sanitise("\u{1b}]52;never ended"), "␛]52;never ended");
        assert_eq!(sanitise("a\u{9b}31mb"), "a\u{fffd}31mb");
        assert_eq!(
            sanitise("bell\u{7} tab\tend\r\nnext"),
            "bell␇ tab    end\nnext"
        );
    }

    #[test]
    fn direction_and_invisible_characters_go() {
        assert_eq!(sanitise("pay\u{202e}drow\u{202c}"), "paydrow");
        assert_eq!(sanitise("a\u{200b}b\u{feff}c\u{2066}d\u{e0041}"), "abcd");
    }

    #[test]
    fn joiners_stay_where_they_join() {
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(sanitise(family), family);
        let persian = "می\u{200c}خواهم";
        assert_eq!(sanitise(persian), persian);
        assert_eq!(sanitise("pass\u{200d}word\u{200c}"), "password");
    }

    #[test]
    fn marks_are_bounded() {
        let tower = format!("z{}", "\u{301}".repeat(500));
        assert_eq!(sanitise(&tower).chars().count(), MOST_MARKS);
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(
            text in "([a-z 漢👩é\u{200d}\u{200c}\u{1b}\u{7}\u{9b}\\[\\]0-9;m\u{202e}\u{2066}\u{200f}\u{200b}\u{301}\t\r\n]|\\PC|\\pC){0,40}",
        ) {
            let clean = sanitise(&text);
            prop_assert!(!clean.chars().any(|c| c != '\n' && is_unsafe(c)), "{clean:?}");
            let by_grapheme: String = text.graphemes(true).map(grapheme).collect();
            prop_assert!(!by_grapheme.chars().any(is_unsafe), "{by_grapheme:?}");
        }
    }
}
