//! Python's string methods for templates, on text that may carry marks.
//!
//! The methods that cut a text or look at its ends are here, because marks would stand in their
//! way; all others are those of `minijinja-contrib`.

use std::ops::Range;

use minijinja::value::{Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

use super::marked::Marked;

/// Calls a method that the template engine does not know itself.
pub fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let Some(encoded) = value.as_str() else {
        return pycompat::unknown_method_callback(state, value, method, args);
    };
    let text = Marked::read(encoded);
    match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            let (start, end) = (method != "rstrip", method != "lstrip");
            Ok(encode(&text, strip(&text.text, chars, start, end)))
        }
        "split" | "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
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
            let (keep,): (Option<bool>,) = from_args(args)?;
            let lines = text.text.split_inclusive('\n').map(|line| {
                let start = line.as_ptr() as usize - text.text.as_ptr() as usize;
                let bare = line
                    .strip_suffix('\n')
                    .map_or(line, |l| l.strip_suffix('\r').unwrap_or(l));
                start
                    ..start
                        + if keep == Some(true) {
                            line.len()
                        } else {
                            bare.len()
                        }
            });
            Ok(lines.map(|line| encode(&text, line)).collect())
        }
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
        "find" | "rfind" => {
            let (what,): (&str,) = from_args(args)?;
            let what = Marked::read(what).text;
            let found = if method == "find" {
                text.text.find(&what)
            } else {
                text.text.rfind(&what)
            };
            let chars = found.map(|at| text.text[..at].chars().count());
            Ok(chars
                .and_then(|n| i64::try_from(n).ok())
                .unwrap_or(-1)
                .into())
        }
        _ => pycompat::unknown_method_callback(state, value, method, args),
    }
}

/// The filter `trim`, which is `strip` by another name.
pub fn trim(value: &Value, chars: Option<&str>) -> Value {
    let text = Marked::read(
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
            .as_str(),
    );
    encode(&text, strip(&text.text, chars, true, true))
}

/// The filter `length`: characters of a text, marks not counted.
pub fn length(value: &Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(encoded) => Ok(Marked::read(encoded).text.chars().count()),
        None if value.is_undefined() => Ok(0),
        None => value
            .len()
            .ok_or_else(|| invalid(&format!("{} has no length", value.kind()))),
    }
}

fn encode(text: &Marked, range: Range<usize>) -> Value {
    text.slice(range).encode().into()
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.to_owned())
}

fn strip(text: &str, chars: Option<&str>, start: bool, end: bool) -> Range<usize> {
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
    let mut rest = strip(text, None, true, false);
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
    cuts.into_iter().map(|cut| encode(text, cut)).collect()
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
