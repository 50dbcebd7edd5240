//! Strings that know which of their characters come from a content.
//!
//! While a template runs, such a string is ordinary text in which each stretch of content stands
//! between two private-use characters: concatenation, `in`, `join` and the like then need no help.

use std::ops::Range;

/// Stands before a stretch of content.
const OPEN: char = '\u{10FFFC}';
/// Stands after a stretch of content.
const CLOSE: char = '\u{10FFFD}';

/// A text and the byte ranges of it that come from a content: in order, apart, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    pub text: String,
    pub spans: Vec<Range<usize>>,
}

/// Whether a text holds a mark; a content or a template that does cannot be marked itself.
pub fn has_marks(text: &str) -> bool {
    text.contains([OPEN, CLOSE])
}

impl Marked {
    /// A text that is a content as a whole.
    pub fn content(text: &str) -> Self {
        let spans = (!text.is_empty())
            .then_some(0..text.len())
            .into_iter()
            .collect();
        Self {
            text: text.to_owned(),
            spans,
        }
    }

    /// Reads text with marks; `None` when they do not pair up, as after slicing one off.
    pub fn decode(encoded: &str) -> Option<Self> {
        let mut out = Self::default();
        let mut open = None;
        let mut rest = encoded;
        while let Some(at) = rest.find([OPEN, CLOSE]) {
            out.text.push_str(&rest[..at]);
            rest = &rest[at..];
            match (rest.starts_with(OPEN), open.take()) {
                (true, None) => open = Some(out.text.len()),
                (false, Some(start)) => out.add(start..out.text.len()),
                _ => return None,
            }
            rest = &rest[OPEN.len_utf8()..];
        }
        out.text.push_str(rest);
        open.is_none().then_some(out)
    }

    /// Like [`Self::decode`], for use inside a template: a torn mark is left in the text as a
    /// character, which makes the marked rendering differ from the plain one and so be noticed.
    pub fn read(encoded: &str) -> Self {
        Self::decode(encoded).unwrap_or_else(|| Self {
            text: encoded.to_owned(),
            spans: Vec::new(),
        })
    }

    /// The text with marks.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(self.text.len() + 8 * self.spans.len());
        let mut done = 0;
        for span in &self.spans {
            out.push_str(&self.text[done..span.start]);
            out.push(OPEN);
            out.push_str(&self.text[span.clone()]);
            out.push(CLOSE);
            done = span.end;
        }
        out.push_str(&self.text[done..]);
        out
    }

    /// A part of the text, by bytes on character boundaries, with its part of the spans.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut out = Self {
            text: self.text[range.clone()].to_owned(),
            spans: Vec::new(),
        };
        for span in &self.spans {
            let start = span.start.max(range.start);
            let end = span.end.min(range.end);
            if start < end {
                out.add(start - range.start..end - range.start);
            }
        }
        out
    }

    fn add(&mut self, span: Range<usize>) {
        match self.spans.last_mut() {
            _ if span.is_empty() => {}
            Some(last) if last.end == span.start => last.end = span.end,
            _ => self.spans.push(span),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn torn_marks_are_noticed() {
        let whole = Marked::content("abc").encode();
        let mut chars = whole.chars();
        chars.next();
        assert_eq!(Marked::decode(chars.as_str()), None);
        assert_eq!(Marked::decode(&format!("{whole}{OPEN}")), None);
        assert_eq!(Marked::decode(&whole), Some(Marked::content("abc")));
    }

    proptest! {
        #[test]
        fn every_slice_keeps_who_wrote_what(parts in prop::collection::vec(("[a-c<é ]{0,5}", any::<bool>()), 0..6), cut in (0usize..40, 0usize..40)) {
            let encoded: String = parts.iter().map(|(text, ours)| if *ours { Marked::content(text).encode() } else { text.clone() }).collect();
            let owners: Vec<bool> = parts.iter().flat_map(|(text, ours)| std::iter::repeat_n(*ours, text.len())).collect();
            let marked = Marked::decode(&encoded).expect("marks pair up");
            prop_assert_eq!(Marked::decode(&marked.encode()), Some(marked.clone()));
            let fit = |at: usize| (0..=at.min(marked.text.len())).rev().find(|&i| marked.text.is_char_boundary(i)).unwrap_or(0);
            let (a, b) = (fit(cut.0), fit(cut.1));
            let range = a.min(b)..a.max(b);
            let part = marked.slice(range.clone());
            prop_assert_eq!(&part.text, &marked.text[range.clone()]);
            for (i, owner) in owners[range].iter().enumerate() {
                prop_assert_eq!(part.spans.iter().any(|s| s.contains(&i)), *owner);
            }
        }
    }
}
