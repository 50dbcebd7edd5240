//! What the index takes for words.
//!
//! FTS5's `unicode61` takes a run of letters and digits for one word. Scripts that write without
//! spaces would make a sentence one word, so each of their characters is set apart, in the text and
//! in the query alike; a word of several characters is then a phrase. Emoji are words too.

/// Text as the index is given it.
pub(super) fn prepare(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            // The index ends a query there.
            '\0' => out.push(' '),
            character if stands_alone(character) => out.extend([' ', character, ' ']),
            character => out.push(character),
        }
    }
    out
}

/// What FTS5 is asked for, or `None` when there is no word to ask for.
pub(super) fn query(text: &str) -> Option<String> {
    let terms: Vec<String> = terms(text)
        .into_iter()
        .filter(|term| has_word(&term.text))
        .map(|term| {
            // Doubled quotes make it one string whatever it holds: no operator gets through.
            let quoted = prepare(&term.text).replace('"', "\"\"");
            format!("\"{quoted}\"{}", if term.begins { "*" } else { "" })
        })
        .collect();
    (!terms.is_empty()).then(|| terms.join(" "))
}

/// One thing that is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// A word, or several in quotes.
    pub text: String,
    /// Whether it is only the beginning of a word.
    pub begins: bool,
}

/// Words and quoted phrases of what somebody typed.
pub(super) fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for (index, part) in text.split('"').enumerate() {
        // Every second part stands between quotes.
        if index % 2 == 1 {
            terms.push(Term {
                text: part.to_owned(),
                begins: false,
            });
            continue;
        }
        terms.extend(part.split_whitespace().map(|word| Term {
            text: word.trim_end_matches('*').to_owned(),
            begins: word.ends_with('*'),
        }));
    }
    terms
}

fn has_word(text: &str) -> bool {
    text.chars()
        .any(|character| character.is_alphanumeric() || stands_alone(character))
}

/// Scripts without spaces between words, and pictures.
fn stands_alone(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF         // Thai, Lao
        | 0x1000..=0x109F       // Myanmar
        | 0x1780..=0x17FF       // Khmer
        | 0x2190..=0x2BFF       // arrows, symbols
        | 0x3040..=0x30FF       // kana
        | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF       // Han
        | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF
        | 0xFF66..=0xFF9D
        | 0x1F000..=0x1FAFF     // emoji
        | 0x20000..=0x3FFFF     // Han
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_strings_that_hold_no_operator() {
        assert_eq!(query("kv cache").as_deref(), Some("\"kv\" \"cache\""));
        assert_eq!(
            query("NOT a:b OR (c").as_deref(),
            Some("\"NOT\" \"a:b\" \"OR\" \"(c\"")
        );
        assert_eq!(
            query("\"kv cache\" pre*").as_deref(),
            Some("\"kv cache\" \"pre\"*")
        );
        assert_eq!(
            query("say \"unclosed").as_deref(),
            Some("\"say\" \"unclosed\"")
        );
        assert_eq!(query(" -- \" ++ ").as_deref(), None);
        assert_eq!(query("").as_deref(), None);
    }

    #[test]
    fn scripts_without_spaces_are_searched_by_character() {
        assert_eq!(prepare("a日本b"), "a 日  本 b");
        assert_eq!(query("日本").as_deref(), Some("\" 日  本 \""));
    }
}
