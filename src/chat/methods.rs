//! Python's string methods for templates, on text that may carry marks.
//!
//! The methods that cut a text or look at its ends are here, because marks would stand in their
//! way; all others are those of `minijinja-contrib`.

use std::ops::Range;

use minijinja::value::{Kwargs, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

use super::marked::Marked;
use super::source::REVERSED;

/// What ends a line in Python.
const LINE_ENDS: [char; 10] = [
    '\n', '\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}',
];

/// Calls a method that the template engine does not know itself.
pub fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let Some(encoded) = value.as_str() else {
        return call_collection(state, value, method, args);
    };
    let text = Marked::read(encoded);
    match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            let (start, end) = (method != "rstrip", method != "lstrip");
            Ok(encode(&text, stripped(&text.text, chars, start, end)))
        }
        "split" | "rsplit" => {
            let (separator, most, named): (Option<&str>, Option<i64>, Kwargs) = from_args(args)?;
            let separator = match separator {
                Some(separator) => Some(separator),
                None => named.get("sep")?,
            };
            let most = match most {
                Some(most) => Some(most),
                None => named.get("maxsplit")?,
            };
            named.assert_all_used()?;
            let separator = separator.map(|s| Marked::read(s).text);
            let most = most
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(usize::MAX);
            let pieces = match (separator, method) {
                (Some(s), _) if s.is_empty() => return Err(invalid("empty separator")),
                (Some(s), "split") => split(&text.text, &s, most),
                (Some(s), _) => rsplit(&text.text, &s, most),
                (None, _) => split_white(&text.text, most),
            };
            Ok(pieces
                .into_iter()
                .map(|piece| encode(&text, piece))
                .collect())
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let separator = Marked::read(separator).text;
            Ok(partition(&text, &separator, method == "rpartition"))
        }
        "splitlines" => {
            let (keep, named): (Option<bool>, Kwargs) = from_args(args)?;
            let keep = match keep {
                Some(keep) => keep,
                None => named.get::<Option<bool>>("keepends")?.unwrap_or(false),
            };
            named.assert_all_used()?;
            let lines = split_lines(&text.text, keep);
            Ok(lines.into_iter().map(|line| encode(&text, line)).collect())
        }
        REVERSED => Ok(text.text.chars().rev().collect::<String>().into()),
        "startswith" => Ok(any_of(args, |affix| text.text.starts_with(affix))?.into()),
        "endswith" => Ok(any_of(args, |affix| text.text.ends_with(affix))?.into()),
        "removeprefix" | "removesuffix" => {
            let (affix,): (&str,) = from_args(args)?;
            let affix = Marked::read(affix).text;
            let all = 0..text.text.len();
            let left = match method {
                "removeprefix" if text.text.starts_with(&affix) => affix.len()..all.end,
                "removesuffix" if text.text.ends_with(&affix) => 0..all.end - affix.len(),
                _ => all,
            };
            Ok(encode(&text, left))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let (what,): (&str,) = from_args(args)?;
            let what = Marked::read(what).text;
            let found = match method {
                "find" | "index" => text.text.find(&what),
                _ => text.text.rfind(&what),
            };
            match found {
                Some(at) => Ok(text.text[..at].chars().count().into()),
                None if method.ends_with("find") => Ok((-1).into()),
                None => Err(invalid("substring not found")),
            }
        }
        _ => pycompat::unknown_method_callback(state, value, method, args),
    }
}

/// `strip(chars)`, whitespace where no characters are given.
pub fn strip(encoded: &str, chars: Option<&str>) -> Value {
    let text = Marked::read(encoded);
    encode(&text, stripped(&text.text, chars, true, true))
}

/// Methods of lists and mappings.
fn call_collection(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match (method, value.kind()) {
        (REVERSED, _) => Ok(value
            .try_iter()?
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect()),
        ("copy", ValueKind::Seq | ValueKind::Map) => Ok(value.clone()),
        ("index", ValueKind::Seq) => {
            let (what,): (&Value,) = from_args(args)?;
            let at = value.try_iter()?.position(|item| item == *what);
            at.map(Value::from)
                .ok_or_else(|| invalid("index: the list has no such item"))
        }
        _ => pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn encode(text: &Marked, range: Range<usize>) -> Value {
    text.slice(range).encode().into()
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.to_owned())
}

fn stripped(text: &str, chars: Option<&str>, start: bool, end: bool) -> Range<usize> {
    let drop = |c: char| chars.map_or_else(|| c.is_whitespace(), |set| set.contains(c));
    let kept = if end {
        text.trim_end_matches(drop)
    } else {
        text
    };
    let from = if start {
        kept.len() - kept.trim_start_matches(drop).len()
    } else {
        0
    };
    from..kept.len()
}

fn split(text: &str, separator: &str, most: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(separator).take(most) {
        out.push(start..at);
        start = at + separator.len();
    }
    out.push(start..text.len());
    out
}

fn rsplit(text: &str, separator: &str, most: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut end = text.len();
    for (at, _) in text.rmatch_indices(separator).take(most) {
        out.push(at + separator.len()..end);
        end = at;
    }
    out.push(0..end);
    out.reverse();
    out
}

fn split_white(text: &str, most: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut rest = stripped(text, None, true, false);
    while !rest.is_empty() {
        let end = text[rest.clone()]
            .find(char::is_whitespace)
            .map(|len| rest.start + len);
        let end = end.filter(|_| out.len() < most).unwrap_or(rest.end);
        out.push(rest.start..end);
        let gap = text[end..].len() - text[end..].trim_start().len();
        rest = end + gap..rest.end;
    }
    out
}

/// Lines with their ends or without, cut where Python cuts them.
fn split_lines(text: &str, keep_ends: bool) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    while let Some(found) = text[start..].find(LINE_ENDS) {
        let at = start + found;
        let rest = &text[at..];
        let width = match rest.strip_prefix("\r\n") {
            Some(_) => 2,
            None => rest.chars().next().map_or(1, char::len_utf8),
        };
        out.push(start..if keep_ends { at + width } else { at });
        start = at + width;
    }
    if start < text.len() {
        out.push(start..text.len());
    }
    out
}

fn partition(text: &Marked, separator: &str, from_end: bool) -> Value {
    let end = text.text.len();
    let found = if from_end {
        text.text.rfind(separator)
    } else {
        text.text.find(separator)
    };
    let cuts = match (found, from_end) {
        (Some(at), _) => [0..at, at..at + separator.len(), at + separator.len()..end],
        (None, false) => [0..end, end..end, end..end],
        (None, true) => [0..0, 0..0, 0..end],
    };
    Tuple::from(cuts.map(|cut| encode(text, cut))).into()
}

/// Whether one of the affixes fits; a call names one, or several in a tuple.
fn any_of(args: &[Value], fits: impl Fn(&str) -> bool) -> Result<bool, Error> {
    let (affix,): (&Value,) = from_args(args)?;
    if !matches!(affix.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let affix = affix
            .as_str()
            .ok_or_else(|| invalid("expected a string or a tuple of strings"))?;
        return Ok(fits(&Marked::read(affix).text));
    }
    for one in affix.try_iter()? {
        let one = one
            .as_str()
            .ok_or_else(|| invalid("expected a tuple of strings"))?;
        if fits(&Marked::read(one).text) {
            return Ok(true);
        }
    }
    Ok(false)
}
