//! Output that has gone wrong: the same words over and over, or marks of a template in the text.

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Degenerate {
    /// The same stretch of words, so many times in a row at the end.
    Repeats { words: usize, times: usize },
    /// A mark that templates use and no reply should have: `<|im_end|>`.
    Mark(String),
}

/// Words looked at, from the end.
const TAIL: usize = 600;
/// The longest stretch that is looked for.
const LONGEST: usize = 60;
/// A stretch must come so many times, and take so many words together.
const TIMES: usize = 4;
const TOGETHER: usize = 24;
/// Beginnings and ends of the marks that templates write around turns.
const MARKS: [(&str, &str); 5] = [
    ("<|", "|>"),
    ("[INST", "]"),
    ("[/INST", "]"),
    ("<start_of_turn", ">"),
    ("<end_of_turn", ">"),
];
/// A mark is short.
const MARK: usize = 40;

/// What is wrong with a reply, if anything. Code and tables repeat themselves too, so only whole
/// stretches that end the text count.
pub fn degenerate(text: &str) -> Option<Degenerate> {
    if let Some(mark) = mark(text) {
        return Some(Degenerate::Mark(mark));
    }
    let words: Vec<&str> = text.split_whitespace().rev().take(TAIL).collect();
    (1..=LONGEST.min(words.len() / TIMES)).find_map(|length| {
        let (stretch, rest) = words.split_at(length);
        let again = rest
            .chunks_exact(length)
            .take_while(|chunk| *chunk == stretch);
        let times = 1 + again.count();
        let is_text = stretch
            .iter()
            .any(|word| word.chars().any(char::is_alphabetic));
        (is_text && times >= TIMES && times * length >= TOGETHER).then_some(Degenerate::Repeats {
            words: length,
            times,
        })
    })
}

fn mark(text: &str) -> Option<String> {
    MARKS.iter().find_map(|(open, close)| {
        let at = text.find(open)?;
        let rest = &text[at..];
        let end = rest.find(close)? + close.len();
        let mark = &rest[..end];
        (mark.chars().count() <= MARK && !mark.contains(char::is_whitespace))
            .then(|| mark.to_owned())
    })
}

impl std::fmt::Display for Degenerate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Repeats { words: 1, times } => write!(f, "one word {times} times in a row"),
            Self::Repeats { words, times } => {
                write!(f, "the same {words} words {times} times in a row")
            }
            Self::Mark(mark) => write!(f, "{mark} in the text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loops_and_marks_are_seen() {
        let looped = "It is so. ".repeat(12);
        assert_eq!(
            degenerate(&looped),
            Some(Degenerate::Repeats {
                words: 3,
                times: 12
            })
        );
        assert_eq!(
            degenerate(&"no ".repeat(30)),
            Some(Degenerate::Repeats {
                words: 1,
                times: 30
            })
        );
        assert_eq!(
            degenerate("Yes.<|im_end|>\n<|im_start|>user"),
            Some(Degenerate::Mark("<|im_end|>".into()))
        );
    }

    #[test]
    fn ordinary_text_tables_and_rules_are_not() {
        for text in [
            "",
            "No, no, no: that is not it.",
            "a | b || c |> d",
            "---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ---- ----",
            "1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0",
            "x <| f y |> g and then some",
        ] {
            assert_eq!(degenerate(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_harm(text in "\\PC*") {
            degenerate(&text);
        }

        #[test]
        fn a_stretch_is_found_however_long_it_is(
            start in "[a-z ]{0,40}",
            stretch in prop::collection::vec("[a-z]{2,6}", 1..LONGEST),
        ) {
            let times = TIMES.max(TOGETHER.div_ceil(stretch.len()));
            let text = format!("{start} {}", format!("{} ", stretch.join(" ")).repeat(times));
            let found = degenerate(&text);
            let repeats = matches!(found, Some(Degenerate::Repeats { .. }));
            prop_assert!(repeats, "{:?}", found);
        }

        #[test]
        fn words_that_all_differ_never_repeat(count in 1_usize..400) {
            let words: Vec<String> = (0..count).map(|n| format!("w{n}")).collect();
            prop_assert_eq!(degenerate(&words.join(" ")), None);
        }
    }
}
