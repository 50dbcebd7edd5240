//! A line of text around what was found.

use super::words::terms;

/// Characters shown before and after the place.
const BEFORE: usize = 40;
const AFTER: usize = 120;

/// The text around the first place where one of the words stands, or its beginning.
pub(super) fn around(text: &str, words: &str) -> String {
    find(text, words).unwrap_or_else(|| cut(text, 0))
}

/// The text around the first place where one of the words stands as it was typed but for case.
pub(super) fn find(text: &str, words: &str) -> Option<String> {
    let place = terms(words)
        .iter()
        .filter(|term| !term.text.is_empty())
        .filter_map(|term| position(text, &term.text))
        .min()?;
    Some(cut(text, place))
}

/// Where a word begins in a text, in bytes; case does not matter.
fn position(text: &str, word: &str) -> Option<usize> {
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    text.char_indices()
        .map(|(at, _)| at)
        .find(|at| starts_with(&text[*at..], &word))
}

fn starts_with(text: &str, word: &[char]) -> bool {
    let mut letters = text.chars().flat_map(char::to_lowercase);
    word.iter().all(|letter| letters.next() == Some(*letter))
}

/// One line around a place, with marks where text was left out.
fn cut(text: &str, place: usize) -> String {
    let before: Vec<char> = text[..place].chars().rev().take(BEFORE + 1).collect();
    let after: Vec<char> = text[place..].chars().take(AFTER + 1).collect();
    let mut line = String::new();
    if before.len() > BEFORE {
        line.push('…');
    }
    line.extend(before.iter().take(BEFORE).rev());
    line.extend(after.iter().take(AFTER));
    if after.len() > AFTER {
        line.push('…');
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_shown_with_what_stands_around_it() {
        assert_eq!(around("The KV\ncache", "cache"), "The KV cache");
        let long = format!("{} Prefill {}", "a ".repeat(60), "b ".repeat(100));
        let shown = around(&long, "prefill");
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("a Prefill b"));
        assert_eq!(around("naïve", "naive"), "naïve");
        assert_eq!(find("naïve", "naive"), None);
        assert_eq!(around("日本語", "本"), "日本語");
    }
}
