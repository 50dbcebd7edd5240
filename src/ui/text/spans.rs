//! The text of a reply with the place of each of its tokens.

use std::ops::Range;

use super::sanitise;
use crate::engine::trace::Trace;

/// Text that can be drawn, and the bytes of it that each token wrote. A character that several
/// tokens wrote belongs to the last of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    pub text: String,
    /// In order, without gaps; empty for a token that wrote nothing whole.
    pub ranges: Vec<Range<usize>>,
    /// The token in whose range each is seen: itself, or the last of those that wrote its character.
    seen_in: Vec<usize>,
}

impl Spans {
    pub fn of(trace: &Trace) -> Self {
        let mut spans = Self::default();
        let mut bytes: Vec<u8> = Vec::new();
        // Tokens that wrote the beginning of a character and nothing else.
        let mut halves: Vec<usize> = Vec::new();
        let last = trace.tokens.len().saturating_sub(1);
        for (index, token) in trace.tokens.iter().enumerate() {
            match trace.pieces.get(&token.token) {
                Some(piece) => bytes.extend_from_slice(piece),
                None => bytes.extend_from_slice(trace.text(token.token).as_bytes()),
            }
            let whole = match std::str::from_utf8(&bytes) {
                // The end of a character may yet come, unless nothing comes.
                Err(error) if error.error_len().is_none() && index < last => error.valid_up_to(),
                _ => bytes.len(),
            };
            let start = spans.text.len();
            let text = String::from_utf8_lossy(&bytes[..whole]);
            spans.text.push_str(&sanitise::sanitise(&text));
            spans.ranges.push(start..spans.text.len());
            spans.seen_in.push(index);
            if whole > 0 {
                for half in halves.drain(..) {
                    spans.seen_in[half] = index;
                }
            } else if !bytes.is_empty() {
                halves.push(index);
            }
            bytes.drain(..whole);
        }
        spans
    }

    /// The bytes of the text in which a token is seen; empty where it wrote nothing.
    pub fn seen(&self, token: usize) -> Range<usize> {
        let within = self.seen_in.get(token);
        let range = within.and_then(|within| self.ranges.get(*within));
        range.cloned().unwrap_or_default()
    }

    /// The token that wrote the last byte before a place; `None` before the first one.
    pub fn before(&self, end: usize) -> Option<usize> {
        let token = self.ranges.partition_point(|range| range.end < end);
        (end > 0 && token < self.ranges.len()).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::trace::TokenTrace;

    fn trace(pieces: &[Vec<u8>]) -> Trace {
        let token = |token: usize| TokenTrace {
            token: token as i32,
            ..TokenTrace::default()
        };
        let pieces = pieces.iter().enumerate();
        Trace {
            tokens: pieces.clone().map(|(at, _)| token(at)).collect(),
            pieces: pieces
                .map(|(at, piece)| (at as i32, piece.as_slice().into()))
                .collect(),
        }
    }

    #[test]
    fn a_character_of_several_tokens_is_the_last_ones() {
        let bytes = "é".as_bytes();
        let trace = trace(&[b"a".to_vec(), bytes[..1].to_vec(), bytes[1..].to_vec()]);
        let spans = Spans::of(&trace);
        assert_eq!(spans.text, "aé");
        assert_eq!(spans.ranges, [0..1, 1..1, 1..3]);
        let seen: Vec<_> = (0..4).map(|token| spans.seen(token)).collect();
        assert_eq!(seen, [0..1, 1..3, 1..3, 0..0]);
        let before: Vec<_> = [0, 1, 3, 4].map(|end| spans.before(end)).into();
        assert_eq!(before, [None, Some(0), Some(2), None]);
    }

    #[test]
    fn a_token_without_a_known_text_has_its_number() {
        let mut trace = trace(&[b"a".to_vec()]);
        trace.pieces.clear();
        assert_eq!(Spans::of(&trace).text, "<0>");
    }

    proptest! {
        #[test]
        fn every_byte_belongs_to_one_token(text in "\\PC{0,30}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9)) {
            let bytes = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<Vec<u8>> = at.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec()).collect();
            let spans = Spans::of(&trace(&pieces));
            prop_assert_eq!(&spans.text, &*sanitise::sanitise(&text));
            let mut end = 0;
            for range in &spans.ranges {
                prop_assert_eq!(range.start, end);
                end = range.end;
            }
            prop_assert_eq!(end, spans.text.len());
        }

        #[test]
        fn no_bytes_are_too_bad(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..9)) {
            let spans = Spans::of(&trace(&pieces));
            prop_assert_eq!(spans.ranges.len(), pieces.len());
            // A new line breaks a row and is never drawn.
            let drawn = spans.text.chars().filter(|character| *character != '\n');
            prop_assert!(!drawn.into_iter().any(sanitise::is_unsafe));
        }
    }
}
