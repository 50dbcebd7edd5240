//! Which words of a text are not those of another.

use similar::{Algorithm, DiffTag, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation;

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Bytes of the text, from here up to `end`.
    pub start: usize,
    pub end: usize,
    /// Whether the other text has it in its place.
    pub is_common: bool,
}

/// Words and spaces of each text that are compared; the time grows with their square where
/// everything differs. What follows counts as common.
const COMPARED: usize = 4000;

/// The text as pieces, each in the other text or not. Together they are the whole text. Words are
/// those of Unicode's rules (UAX 29), so that scripts without spaces are compared by character.
pub fn words(base: &str, text: &str) -> Vec<Word> {
    let cut = |text: &'_ str| -> Vec<String> {
        text.split_word_bounds()
            .take(COMPARED)
            .map(str::to_owned)
            .collect()
    };
    let (old, new) = (cut(base), cut(text));
    let mut pieces: Vec<Word> = Vec::new();
    let mut at = 0;
    let mut push = |length: usize, is_common: bool| {
        let end = at + length;
        match pieces.last_mut().filter(|last| last.is_common == is_common) {
            Some(last) => last.end = end,
            None if length > 0 => pieces.push(Word {
                start: at,
                end,
                is_common,
            }),
            None => {}
        }
        at = end;
    };
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let length = new[op.new_range()].iter().map(String::len).sum();
        push(length, op.tag() == DiffTag::Equal);
    }
    let compared: usize = new.iter().map(String::len).sum();
    push(text.len() - compared, true);
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_that_differ_are_found() {
        let text = "The cat sat on a mat.";
        let found = words("The dog sat on the mat.", text);
        let new: Vec<&str> = found
            .iter()
            .filter(|word| !word.is_common)
            .map(|word| &text[word.start..word.end])
            .collect();
        assert_eq!(new, ["cat", "a"]);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(base in "[a-c \n]{0,40}", text in "[a-cäß \n]{0,40}") {
            let found = words(&base, &text);
            let joined: String = found.iter().map(|word| &text[word.start..word.end]).collect();
            prop_assert_eq!(joined, text.clone());
            prop_assert!(found.windows(2).all(|pair| pair[0].is_common != pair[1].is_common));
            prop_assert!(words(&text, &text).iter().all(|word| word.is_common));
        }

        /// The common pieces, in order, are words of the other text in that order.
        #[test]
        fn what_is_common_is_in_both(base in prop::collection::vec("[a-c]", 0..12), text in prop::collection::vec("[a-c]", 0..12)) {
            let (base, text) = (base.join(" "), text.join(" "));
            let common: String = words(&base, &text).iter().filter(|word| word.is_common).map(|word| &text[word.start..word.end]).collect();
            let mut rest = base.chars();
            prop_assert!(common.chars().all(|wanted| rest.any(|found| found == wanted)));
        }
    }
}
