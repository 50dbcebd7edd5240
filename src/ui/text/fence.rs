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

pub fn opens(line: &str) -> Option<Fence> {
    let (fence, info) = start(line)?;
    (fence.mark != b'`' || !info.contains('`')).then_some(fence)
}

pub fn closes(open: Fence, line: &str) -> bool {
    start(line).is_some_and(|(fence, rest)| {
        fence.mark == open.mark && fence.count >= open.count && rest.trim().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
