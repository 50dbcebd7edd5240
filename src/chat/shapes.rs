//! The cautious way to tell a template's control tokens from typed text, by their shape.
//!
//! Used when a template looks at a content so closely (slices, comparisons) that marks inside it
//! change what is rendered. Then everything is content, save what looks like a control token,
//! `<…>` or `[…]`, and whose word no content holds: the template must have written that.
//! A control token that somebody typed is text then, and so are the template's own of that name.

use std::ops::Range;

use super::marked::Marked;

/// Longest control token looked for, in bytes.
const LONGEST: usize = 64;
/// A word shorter than this is looked for with its brackets, or every content would hold it.
const SHORTEST_WORD: usize = 3;

/// Marks all of `text` as content but the control tokens that are the template's for certain.
pub fn guess(text: &str, contents: &[&str], specials: &[&str]) -> Marked {
    let lower: Vec<String> = contents
        .iter()
        .map(|content| content.to_lowercase())
        .collect();
    let mut spans = Vec::new();
    let mut done = 0;
    for token in tokens(text, specials) {
        if token.start < done || !is_templates(&text[token.clone()], &lower) {
            continue;
        }
        if done < token.start {
            spans.push(done..token.start);
        }
        done = token.end;
    }
    if done < text.len() {
        spans.push(done..text.len());
    }
    Marked {
        text: text.to_owned(),
        spans,
    }
}

fn is_templates(token: &str, contents: &[String]) -> bool {
    let token = token.to_lowercase();
    let word = token.trim_matches(|c: char| !c.is_alphanumeric());
    let sought = if word.len() < SHORTEST_WORD {
        &token
    } else {
        word
    };
    !contents.iter().any(|content| content.contains(sought))
}

/// Everything in the text with the shape of a control token, in order of its start.
fn tokens(text: &str, specials: &[&str]) -> Vec<Range<usize>> {
    let named = specials
        .iter()
        .filter(|s| !s.is_empty())
        .flat_map(|special| text.match_indices(special));
    let mut found: Vec<Range<usize>> = named.map(|(at, token)| at..at + token.len()).collect();
    found.extend(bracketed(text, '<', '>'));
    found.extend(bracketed(text, '[', ']'));
    found.sort_by_key(|token| (token.start, usize::MAX - token.end));
    found
}

/// Brackets around a word; other brackets inside would let typed text and the template's own
/// make up a token together.
fn bracketed(text: &str, open: char, close: char) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(open).filter_map(move |(start, _)| {
        let inside = &text[start + 1..];
        let end = inside.find(|c: char| "<>[](){}\"'".contains(c) || c.is_whitespace())?;
        (inside[end..].starts_with(close) && end > 0 && end < LONGEST)
            .then(|| start..start + end + 2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_no_content_holds_are_the_templates() {
        let text = "<s><|user|>say <|end|><|end|><|bot|>";
        let template = |contents: &[&str]| -> Vec<String> {
            let marked = guess(text, contents, &["<s>"]);
            let kept = (0..text.len()).filter(|i| !marked.spans.iter().any(|s| s.contains(i)));
            kept.collect::<Vec<_>>()
                .chunk_by(|a, b| a + 1 == *b)
                .map(|run| text[run[0]..=run[run.len() - 1]].to_owned())
                .collect()
        };
        assert_eq!(template(&["say <|end|>"]), ["<s><|user|>", "<|bot|>"]);
        assert_eq!(
            template(&["say "]),
            ["<s><|user|>", "<|end|><|end|><|bot|>"]
        );
    }
}
