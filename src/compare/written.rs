//! How columns are written in a line: commas between them, colons between their changes, and
//! quotes around a value that has either: `creative:system="Be brief, and kind":seed=7,greedy`.
//!
//! A quote means something only at the beginning of a value. Within one `\"` is a quote and `\\` a
//! backslash, as in a shell; every other backslash stands for itself.

use super::ColumnError;

/// The columns of a line, as they are written; empty ones left out.
///
/// # Errors
/// For a quote that is not closed.
pub fn listed(text: &str) -> Result<Vec<&str>, ColumnError> {
    let columns = pieces(text, ',')?.into_iter().map(str::trim);
    Ok(columns.filter(|column| !column.is_empty()).collect())
}

/// The columns a line begins with, and the message that follows them after a space.
///
/// # Errors
/// For a quote in the columns that is not closed.
pub fn columns_and_message(text: &str) -> Result<(&str, &str), ColumnError> {
    let (columns, message) = cut(text, char::is_whitespace)?;
    Ok((columns, message.unwrap_or_default().trim()))
}

/// The pieces between dividers that stand in no quotes.
pub(super) fn pieces(text: &str, divider: char) -> Result<Vec<&str>, ColumnError> {
    let mut pieces = Vec::new();
    let mut left = Some(text);
    while let Some(text) = left {
        let (piece, rest) = cut(text, |c| c == divider)?;
        pieces.push(piece);
        left = rest;
    }
    Ok(pieces)
}

/// A value without the quotes it may stand in.
///
/// # Errors
/// For a quote that is not closed, and for text after the one that closes the value.
pub(super) fn unquoted(name: &str, value: &str) -> Result<String, ColumnError> {
    let Some(quoted) = value.strip_prefix('"') else {
        return Ok(value.to_owned());
    };
    let end = closing(quoted).ok_or_else(|| ColumnError::OpenQuote(name.to_owned()))?;
    let after = quoted[end + 1..].trim();
    if !after.is_empty() {
        return Err(ColumnError::AfterQuote {
            name: name.to_owned(),
            after: after.to_owned(),
        });
    }
    let mut text = String::with_capacity(end);
    let mut chars = quoted[..end].chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = chars.next_if(|next| c == '\\' && matches!(next, '"' | '\\'));
        text.push(escaped.unwrap_or(c));
    }
    Ok(text)
}

/// The text before the first divider that stands in no quotes, and the text after it.
fn cut(text: &str, is_divider: impl Fn(char) -> bool) -> Result<(&str, Option<&str>), ColumnError> {
    // Where the name of a change begins; `None` within its value.
    let mut name = Some(0);
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        if is_divider(c) {
            return Ok((&text[..at], Some(&text[next..])));
        }
        at = next;
        match (c, name) {
            (',' | ':', _) => name = Some(next),
            ('=', Some(start)) => {
                let spaces = text[next..].len() - text[next..].trim_start().len();
                if let Some(quoted) = text[next + spaces..].strip_prefix('"') {
                    let open = || ColumnError::OpenQuote(text[start..next - 1].trim().to_owned());
                    at = next + spaces + 1 + closing(quoted).ok_or_else(open)? + 1;
                }
                name = None;
            }
            _ => {}
        }
    }
    Ok((text, None))
}

/// Where the quote is that closes a value, after the one that opens it.
fn closing(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        closes.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_in_quotes_divides_nothing() {
        let text = r#"a:system="Be brief, and kind: always":seed=3, b:temp=1,"#;
        let read = listed(text).unwrap();
        assert_eq!(
            read,
            [
                r#"a:system="Be brief, and kind: always":seed=3"#,
                "b:temp=1"
            ]
        );
        let parts = ["a", r#"system="Be brief, and kind: always""#, "seed=3"];
        assert_eq!(pieces(read[0], ':').unwrap(), parts);
        assert_eq!(listed(" , ").unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn a_message_begins_after_a_space_outside_of_quotes() {
        let text = r#"a:system="Be brief",b  Is x="5 a string?"#;
        assert_eq!(
            columns_and_message(text).unwrap(),
            (r#"a:system="Be brief",b"#, r#"Is x="5 a string?"#)
        );
        assert_eq!(columns_and_message("a,b").unwrap(), ("a,b", ""));
    }

    #[test]
    fn a_quote_within_a_value_is_a_quote() {
        let plain = r#"a:system=Say "yes", b"#;
        assert_eq!(listed(plain).unwrap(), [r#"a:system=Say "yes""#, "b"]);
        assert_eq!(unquoted("system", r#"Say "yes""#).unwrap(), r#"Say "yes""#);
        let quoted = r#""Say \"yes, sir\", \d or \\""#;
        assert_eq!(
            unquoted("system", quoted).unwrap(),
            r#"Say "yes, sir", \d or \"#
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_is_told() {
        let open = |why: ColumnError| assert_eq!(why, ColumnError::OpenQuote("system".into()));
        open(listed(r#"a: system = "Be brief, b"#).unwrap_err());
        open(listed(r#"a,b:system="ends \""#).unwrap_err());
        open(columns_and_message(r#"a:system="Be brief Why?"#).unwrap_err());
        let after = unquoted("system", r#""Be brief" and kind"#).unwrap_err();
        assert!(after.to_string().contains("'and kind'"), "{after}");
    }

    proptest! {
        #[test]
        fn any_value_can_be_quoted(value in r#"[a ,:="\\é]{0,12}"#) {
            let quoted = value.replace('\\', r"\\").replace('"', "\\\"");
            let text = format!("a:system=\"{quoted}\",b");
            let read = listed(&text).unwrap();
            prop_assert_eq!(read.len(), 2);
            let parts = pieces(read[0], ':').unwrap();
            prop_assert_eq!(parts.len(), 2);
            let (_, written) = parts[1].split_once('=').unwrap();
            prop_assert_eq!(unquoted("system", written).unwrap(), value);
        }

        #[test]
        fn pieces_without_quotes_are_those_of_the_divider(text in "[ab,:= é]{0,20}") {
            let plain: Vec<&str> = text.split(',').collect();
            prop_assert_eq!(pieces(&text, ',').unwrap(), plain);
        }
    }
}
