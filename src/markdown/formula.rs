//! Formulas in TeX, which Markdown's rules would spoil: `\(a_1\)`, `\[ … \]`, `$a$`, `$$ … $$`,
//! `\begin{align} … \end{align}`.
//!
//! Before a block is parsed each formula is replaced by one character of a private plane; afterwards
//! the character is found in what was parsed, and the formula is shown as it was written.

use std::borrow::Cow;
use std::ops::Range;

/// The longest formula in bytes; a longer one is taken for prose.
const LONGEST: usize = 4096;

/// The private characters that stand for formulas: plane 15.
const FIRST: u32 = 0xf0000;
const LAST: u32 = 0xffffd;

/// A block whose formulas are out of the parser's reach.
#[derive(Debug)]
pub struct Protected<'a> {
    source: &'a str,
    /// The text for the parser.
    pub text: Cow<'a, str>,
    formulas: Vec<Range<usize>>,
}

/// A stretch of parsed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(&'a str),
    /// With its delimiters.
    Formula(&'a str),
}

/// Takes the formulas out of a text.
pub fn protect(source: &str) -> Protected<'_> {
    let has_private = |c: char| (FIRST..=LAST).contains(&u32::from(c));
    let formulas = if source.contains(['$', '\\']) && !source.contains(has_private) {
        find_all(source)
    } else {
        Vec::new()
    };
    if formulas.is_empty() {
        return Protected {
            source,
            text: Cow::Borrowed(source),
            formulas,
        };
    }
    let mut text = String::with_capacity(source.len());
    let mut done = 0;
    for (number, formula) in formulas.iter().enumerate() {
        text.push_str(&source[done..formula.start]);
        text.extend(char::from_u32(FIRST + number as u32));
        done = formula.end;
    }
    text.push_str(&source[done..]);
    Protected {
        source,
        text: Cow::Owned(text),
        formulas,
    }
}

impl Protected<'_> {
    /// Cuts parsed text where a formula stands in it.
    pub fn pieces<'b>(&'b self, mut parsed: &'b str) -> impl Iterator<Item = Piece<'b>> {
        std::iter::from_fn(move || {
            let at = if self.formulas.is_empty() {
                None
            } else {
                parsed.find(|c| self.formula(c).is_some())
            };
            match (at, parsed.chars().next()) {
                (_, None) => None,
                (Some(0), Some(stand_in)) => {
                    parsed = &parsed[stand_in.len_utf8()..];
                    self.formula(stand_in).map(Piece::Formula)
                }
                (at, _) => {
                    let (text, rest) = parsed.split_at(at.unwrap_or(parsed.len()));
                    parsed = rest;
                    Some(Piece::Text(text))
                }
            }
        })
    }

    /// Parsed text with its formulas put back.
    pub fn restored<'b>(&'b self, parsed: &'b str) -> Cow<'b, str> {
        if self.formulas.is_empty() {
            return Cow::Borrowed(parsed);
        }
        let text = |piece| match piece {
            Piece::Text(text) | Piece::Formula(text) => text,
        };
        Cow::Owned(self.pieces(parsed).map(text).collect())
    }

    fn formula(&self, stand_in: char) -> Option<&str> {
        let number = u32::from(stand_in).checked_sub(FIRST)?;
        let range = self.formulas.get(number as usize)?;
        self.source.get(range.clone())
    }
}

/// What closes the formula that is open after a line.
pub fn open_after(open: Option<&'static str>, line: &str) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 3] = [("$$", "$$"), ("\\[", "\\]"), ("\\begin{", "\\end{")];
    let mut open = open;
    let mut rest = line;
    loop {
        match open {
            Some(close) => match rest.find(close) {
                Some(at) => {
                    rest = &rest[at + close.len()..];
                    open = None;
                }
                None => return Some(close),
            },
            None => {
                let first = PAIRS
                    .iter()
                    .filter_map(|(opens, closes)| Some((rest.find(opens)?, *opens, *closes)))
                    .min();
                let (at, opens, closes) = first?;
                rest = &rest[at + opens.len()..];
                if !rest.contains(closes) {
                    return Some(closes);
                }
                open = Some(closes);
            }
        }
    }
}

fn find_all(source: &str) -> Vec<Range<usize>> {
    let bytes = source.as_bytes();
    let most = (LAST - FIRST) as usize;
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() && found.len() < most {
        let end = match bytes[at] {
            b'`' => {
                at = after_code(source, at);
                continue;
            }
            b'\\' => after_tex(source, at),
            b'$' => after_dollars(source, at),
            _ => None,
        };
        match end {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            // A backslash takes the meaning of what follows it.
            None if bytes[at] == b'\\' => {
                at += 1 + source[at + 1..].chars().next().map_or(0, char::len_utf8);
            }
            None => at += 1,
        }
    }
    found
}

/// Where a code span ends that begins here; after its marks when nothing closes it.
fn after_code(source: &str, start: usize) -> usize {
    let marks = |at: usize| {
        source.as_bytes()[at..]
            .iter()
            .take_while(|byte| **byte == b'`')
            .count()
    };
    let count = marks(start);
    let begin = start + count;
    let mut at = begin;
    while let Some(next) = reach(source, at, begin).find('`') {
        let run = marks(at + next);
        if run == count {
            return at + next + run;
        }
        at += next + run;
    }
    begin
}

fn after_tex(source: &str, start: usize) -> Option<usize> {
    let rest = &source[start..];
    let (opening, closing) = if rest.starts_with("\\(") {
        (2, Cow::Borrowed("\\)"))
    } else if rest.starts_with("\\[") {
        (2, Cow::Borrowed("\\]"))
    } else {
        let name = rest.strip_prefix("\\begin{")?;
        let name = &name[..name.find('}')?];
        let is_name = name.len() < 32 && name.chars().all(|c| c.is_ascii_alphabetic() || c == '*');
        (
            7,
            Cow::Owned(format!("\\end{{{}}}", is_name.then_some(name)?)),
        )
    };
    let body = paragraph(source, start + opening);
    Some(start + opening + body.find(&*closing)? + closing.len())
}

/// Amounts of money are no formulas: the first character inside is no space, the last neither, and
/// no digit follows the closing mark (pandoc's rule).
fn after_dollars(source: &str, start: usize) -> Option<usize> {
    if source[start..].starts_with("$$") {
        let body = paragraph(source, start + 2);
        let end = body.find("$$").filter(|end| *end > 0)?;
        return Some(start + 2 + end + 2);
    }
    let body = paragraph(source, start + 1);
    let line = &body[..body.find('\n').unwrap_or(body.len())];
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    let closes = |(at, _): &(usize, &str)| {
        let before = line[..*at].chars().next_back();
        let after = line[at + 1..].chars().next();
        before.is_some_and(|c| !c.is_whitespace() && c != '\\')
            && !after.is_some_and(|c| c.is_ascii_digit())
    };
    let (end, _) = line.match_indices('$').find(closes)?;
    Some(start + 1 + end + 1)
}

/// As much as one formula may reach.
fn reach(source: &str, from: usize, begin: usize) -> &str {
    let mut end = source.len().min(begin + LONGEST).max(from);
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    source.get(from..end).unwrap_or_default()
}

/// The rest of the paragraph, as far as a formula may reach.
fn paragraph(source: &str, from: usize) -> &str {
    let rest = reach(source, from, from);
    &rest[..rest.find("\n\n").unwrap_or(rest.len())]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn formulas(text: &str) -> Vec<String> {
        find_all(text)
            .into_iter()
            .map(|range| text[range].to_owned())
            .collect()
    }

    #[test]
    fn every_style_is_found() {
        assert_eq!(
            formulas(r"so \(a_1 * b_1\) and \[ x^2 \], $y_i$ or $$z$$."),
            [r"\(a_1 * b_1\)", r"\[ x^2 \]", "$y_i$", "$$z$$"]
        );
        assert_eq!(
            formulas("\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}").len(),
            1
        );
    }

    #[test]
    fn money_code_and_escapes_are_none() {
        for text in [
            "It costs $5 and then $10.",
            "`$a$` and ``\\(b\\)``",
            r"\\(not\\)",
            "$ a$",
            r"\(never closed",
            "\\(a\n\nb\\)",
        ] {
            assert_eq!(formulas(text), Vec::<String>::new(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_taken_out_comes_back(text in "([a-c $\\\\()\\[\\]`\n]|é|\u{f0000}|begin\\{x\\}|end\\{x\\}){0,60}") {
            let protected = protect(&text);
            let restored = protected.restored(&protected.text).into_owned();
            prop_assert_eq!(restored, text);
        }

        #[test]
        fn open_after_never_panics(line in "([a $\\[\\]\\\\é{}]|begin|end){0,30}") {
            let open = open_after(None, &line);
            let _ = open_after(open, &line);
        }
    }
}
