//! What is put in other words in a template's source before minijinja reads it.

use std::borrow::Cow;

/// The template with everything that minijinja does not know, or gets wrong, said in its own words:
///
/// - `{% generation %}` marks the assistant's text for training; to rendering it is nothing.
/// - `[::-1]` fails on an empty list; the method [`REVERSED`] does not.
pub fn prepare(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") && !source.contains(BACKWARDS) {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%").into_iter().chain(rest.find("{{")).min() {
        let (before, tag) = rest.split_at(at);
        let close = if tag.starts_with("{%") { "%}" } else { "}}" };
        let Some(end) = tag.find(close) else {
            break;
        };
        let (inside, after) = tag.split_at(end);
        out.push_str(before);
        out.push_str(&statement(inside).replace(BACKWARDS, REVERSAL));
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The method that a reversing slice becomes.
pub const REVERSED: &str = "_reversed";
const BACKWARDS: &str = "[::-1]";
const REVERSAL: &str = "._reversed()";

/// The beginning of a tag, up to where it is closed.
fn statement(tag: &str) -> Cow<'_, str> {
    let Some(inside) = tag.strip_prefix("{%") else {
        return Cow::Borrowed(tag);
    };
    let word = inside.trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
    match word {
        "generation" => Cow::Owned(tag.replacen(word, "if true", 1)),
        "endgeneration" => Cow::Owned(tag.replacen(word, "endif", 1)),
        _ => Cow::Borrowed(tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_are_put_in_other_words() {
        assert_eq!(
            prepare("[::-1] generation {%- generation -%} {{ m[::-1] }} {% endgeneration %}"),
            "[::-1] generation {%- if true -%} {{ m._reversed() }} {% endif %}"
        );
        assert!(matches!(prepare("{{ m[1:] }}"), Cow::Borrowed(_)));
    }
}
