//! Code fences, as CommonMark has them: ``` or ~~~, opened and closed on lines of their own.

/// An open code fence: its character and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    pub mark: u8,
    pub count: usize,
}

/// Bytes of a line after which it can no longer become a fence: three spaces and three marks.
pub const DECIDED: usize = 6;

/// The fence that is open after a line.
pub fn after_line(open: Option<Fence>, line: &str) -> Option<Fence> {
    match open {
        Some(fence) if closes(fence, line) => None,
        Some(fence) => Some(fence),
        None => opens(line),
    }
}

/// The marks a line begins with, after at most three spaces, when there are three or more; and what follows.
pub fn start(line: &str) -> Option<(Fence, &str)> {
    let indent = line.bytes().take_while(|byte| *byte == b' ').count();
    let body = line.get(indent..).filter(|_| indent <= 3)?;
    let mark = body
        .bytes()
        .next()
        .filter(|byte| matches!(byte, b'`' | b'~'))?;
    let count = body.bytes().take_while(|byte| *byte == mark).count();
    (count >= 3).then(|| (Fence { mark, count }, &body[count..]))
}

/// The fence that a line opens.
pub fn opens(line: &str) -> Option<Fence> {
    let (fence, info) = start(line)?;
    (fence.mark != b'`' || !info.contains('`')).then_some(fence)
}

/// Whether a line closes an open fence.
pub fn closes(open: Fence, line: &str) -> bool {
    start(line).is_some_and(|(fence, rest)| {
        fence.mark == open.mark && fence.count >= open.count && rest.trim().is_empty()
    })
}

/// Whether an unfinished line may become the one that closes the fence.
pub fn may_close(open: Fence, line: &str) -> bool {
    let body = line.trim();
    !body.is_empty() && body.bytes().all(|byte| byte == open.mark)
}

/// The language that the opening line of a fence names.
pub fn language(line: &str) -> &str {
    start(line).map_or("", |(_, info)| first_word(info))
}

/// The language in what follows the marks of a fence: `rust` of `rust,ignore` and of `{.rust}`.
pub fn first_word(info: &str) -> &str {
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}' | ':' | '=');
    let info = info.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '.'));
    &info[..info.find(is_end).unwrap_or(info.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_word() {
        assert_eq!(language("```rust,ignore"), "rust");
        assert_eq!(language("~~~ {.python startline=3}"), "python");
        assert_eq!(language("```"), "");
        assert_eq!(language("```c++ title"), "c++");
    }

    #[test]
    fn marks_open_and_the_same_marks_close() {
        let open = opens("```rust");
        assert_eq!(
            open,
            Some(Fence {
                mark: b'`',
                count: 3
            })
        );
        assert_eq!(after_line(open, "~~~"), open);
        assert_eq!(after_line(open, "``"), open);
        assert_eq!(after_line(open, "``` not an end"), open);
        assert_eq!(after_line(open, "   ````"), None);
        assert_eq!(opens("    ```"), None);
        assert_eq!(opens("```inline```"), None);
    }
}
