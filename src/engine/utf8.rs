//! Tokens are bytes; a character can be split over several of them.

/// Turns bytes that arrive in pieces into text, as [`String::from_utf8_lossy`] would turn the whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Utf8Decoder {
    /// The beginning of a character whose rest has not come yet: at most three bytes.
    pending: Vec<u8>,
}

impl Utf8Decoder {
    /// Takes bytes and gives the text that is complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(broken) = error.error_len() else {
                        rest = after;
                        break;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[broken..];
                }
            }
        }
        let kept = rest.len();
        self.pending.drain(..self.pending.len() - kept);
        text
    }

    /// What is left at the end: one replacement character for an unfinished one.
    pub(crate) fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_split_character_waits_for_its_rest() {
        let mut decoder = Utf8Decoder::default();
        let bytes = "é€😀".as_bytes();
        assert_eq!(decoder.push(&bytes[..1]), "");
        assert_eq!(decoder.push(&bytes[1..4]), "é");
        assert_eq!(decoder.push(&bytes[4..8]), "€");
        assert_eq!(decoder.push(&bytes[8..]), "😀");
        assert_eq!(decoder.finish(), "");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_text_of_the_whole(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..6),
                    "\\PC{0,3}".prop_map(String::into_bytes),
                ],
                0..20,
            ),
            cuts in prop::collection::vec(1_usize..5, 1..40),
        ) {
            let whole: Vec<u8> = pieces.concat();
            let mut decoder = Utf8Decoder::default();
            let mut text = String::new();
            let mut rest = whole.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                text.push_str(&decoder.push(now));
                prop_assert!(decoder.pending.len() <= 3);
                rest = later;
            }
            text.push_str(&decoder.finish());
            prop_assert_eq!(text, String::from_utf8_lossy(&whole).into_owned());
        }
    }
}
