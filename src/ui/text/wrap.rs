//! Wrapping text to a width, as byte ranges, in a way that can go on where text was added.
//!
//! Rows break between words; a word longer than a row and code break between graphemes; wide
//! characters (Chinese, Japanese, Korean) break anywhere but before closing punctuation. The break is
//! greedy, so adding text at the end changes the last row only, or the last two where it joins the last
//! character (two halves of a flag): [`Wrapped::extend`] takes two rows up again, or the last line while
//! it may yet become a code fence. Fenced code is followed on the way.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

use super::sanitise;
use crate::markdown::fence::{self, Fence};

/// One row of the screen: bytes `start..end` of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub start: u32,
    pub end: u32,
    pub kind: RowKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    Prose,
    /// Inside a code fence: kept as it is.
    Code,
    /// The line that opens or closes a code fence.
    Fence,
}

impl Row {
    /// The row's bytes of its text; empty when the text is another one.
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// A text wrapped to a width.
#[derive(Clone, Debug)]
pub struct Wrapped {
    width: u16,
    rows: Vec<Row>,
    /// Bytes of the text that are wrapped.
    len: usize,
    /// Where the last line begins: its byte, its first row, and the fence that is open there.
    line: usize,
    line_row: usize,
    fence: Option<Fence>,
}

impl Wrapped {
    /// Wraps a text; a width of 0 counts as 1.
    pub fn new(text: &str, width: u16) -> Self {
        let mut wrapped = Self {
            width: width.max(1),
            rows: Vec::new(),
            len: 0,
            line: 0,
            line_row: 0,
            fence: None,
        };
        wrapped.extend(text);
        wrapped
    }

    /// The rows, without blank ones at the end.
    pub fn rows(&self) -> &[Row] {
        let blank = self
            .rows
            .iter()
            .rev()
            .take_while(|row| row.start == row.end)
            .count();
        &self.rows[..self.rows.len() - blank]
    }

    /// Bytes wrapped so far.
    pub fn text_len(&self) -> usize {
        self.len
    }

    /// Goes on with a text that begins with the one wrapped so far. Another text is wrapped anew where
    /// that can be noticed, and is never a reason to panic.
    pub fn extend(&mut self, text: &str) {
        if !text.is_char_boundary(self.len) || !text.is_char_boundary(self.line) {
            *self = Self::new(text, self.width);
            return;
        }
        // What was wrapped holds no line break after the beginning of its last line.
        let mut end = line_end(text, self.len);
        let of_line = self.rows.get(self.line_row..).unwrap_or_default();
        match of_line.len().checked_sub(2).map(|index| of_line[index]) {
            Some(row) if self.can_resume(text, row) => {
                self.rows.truncate(self.rows.len() - 2);
                wrap_range(
                    text,
                    row.start as usize,
                    end,
                    self.width,
                    row.kind,
                    &mut self.rows,
                );
            }
            _ => {
                self.rows.truncate(self.line_row);
                self.begin_line(text, end);
            }
        }
        while end < text.len() {
            self.fence = fence::after_line(self.fence, &text[self.line..end]);
            self.line = end + 1;
            self.line_row = self.rows.len();
            end = line_end(text, self.line);
            self.begin_line(text, end);
        }
        self.len = text.len();
    }

    /// Whether what new text can change begins with this row.
    fn can_resume(&self, text: &str, row: Row) -> bool {
        let start = row.start as usize;
        start >= self.line + fence::DECIDED
            && text.is_char_boundary(start)
            && text
                .get(self.line..)
                .is_some_and(|line| fence::start(line).is_none())
    }

    fn begin_line(&mut self, text: &str, end: usize) {
        let line = &text[self.line..end];
        let is_last = end == text.len();
        // Blank lines before any text, and the one after a final line break, are no rows.
        if (line.is_empty() && is_last) || (self.rows.is_empty() && line.trim().is_empty()) {
            return;
        }
        let kind = match self.fence {
            Some(open) if fence::closes(open, line) => RowKind::Fence,
            Some(_) => RowKind::Code,
            None if fence::opens(line).is_some() => RowKind::Fence,
            None => RowKind::Prose,
        };
        wrap_range(text, self.line, end, self.width, kind, &mut self.rows);
    }
}

/// Wraps `start..end`, the rest of one line, into rows.
///
/// Adding text at the end of the line changes its last two rows at most, so a line that grows can be
/// wrapped on from the beginning of the last but one.
pub fn wrap_range(
    text: &str,
    start: usize,
    end: usize,
    width: u16,
    kind: RowKind,
    rows: &mut Vec<Row>,
) {
    let width = usize::from(width.max(1));
    let mut row = RowBuilder {
        start,
        columns: 0,
        content_end: start,
        chance: None,
    };
    let mut at = start;
    let mut before = Piece::START;
    while at < end {
        let piece = Piece::read(text, at, end);
        let next = at + piece.bytes;
        if piece.space && kind == RowKind::Prose {
            // Spaces hang over the edge; the row may break after them.
            row.columns = (row.columns + piece.width).min(width);
            if row.content_end > row.start {
                row.chance = Some(Chance {
                    end: row.content_end,
                    next,
                    columns: row.columns,
                });
            }
        } else {
            if kind == RowKind::Prose
                && may_break_between(&before, &piece)
                && row.content_end > row.start
            {
                row.chance = Some(Chance {
                    end: row.content_end,
                    next: at,
                    columns: row.columns,
                });
            }
            while row.columns + piece.width > width && at > row.start {
                let chance = row.chance.take();
                let edge = Chance {
                    end: row.content_end.max(row.start),
                    next: at,
                    columns: row.columns,
                };
                let chance = chance.unwrap_or(edge);
                push(rows, row.start, chance.end, kind);
                row.start = chance.next;
                row.columns = row.columns.saturating_sub(chance.columns);
            }
            row.columns += piece.width;
            // What has no width does not bring hanging spaces back into the row.
            if piece.width > 0 || (row.content_end == at && at > row.start) {
                row.content_end = next;
            }
        }
        before = piece;
        at = next;
    }
    push(rows, row.start, row.content_end.max(row.start), kind);
}

fn push(rows: &mut Vec<Row>, start: usize, end: usize, kind: RowKind) {
    let narrow = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    rows.push(Row {
        start: narrow(start),
        end: narrow(end),
        kind,
    });
}

struct RowBuilder {
    start: usize,
    columns: usize,
    /// After the last thing that is not a space.
    content_end: usize,
    chance: Option<Chance>,
}

/// A place where the row may break: where it would end, where the next would begin, columns up to there.
#[derive(Clone, Copy)]
struct Chance {
    end: usize,
    next: usize,
    columns: usize,
}

/// One grapheme.
#[derive(Clone, Copy)]
struct Piece {
    bytes: usize,
    width: usize,
    space: bool,
    /// Punctuation that may not begin a row.
    closing: bool,
}

impl Piece {
    const START: Self = Self {
        bytes: 0,
        width: 0,
        space: true,
        closing: false,
    };

    fn read(text: &str, at: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        let byte = bytes[at];
        let ascii_next = at + 1 >= end || bytes[at + 1].is_ascii();
        if (b' '..0x7f).contains(&byte) && ascii_next {
            return Self {
                bytes: 1,
                width: 1,
                space: byte == b' ',
                closing: false,
            };
        }
        let piece = text[at..end].graphemes(true).next().unwrap_or_default();
        let shown = sanitise::grapheme(piece);
        let width = if shown.is_empty() {
            0
        } else {
            super::fit::width(&shown)
        };
        let space = matches!(piece, "\t" | "\u{3000}" | "\r");
        let closing = piece.starts_with([
            '、', '。', '，', '．', '！', '？', '：', '；', '）', '」', '』', '】', '》', '〉',
            '”', '’',
        ]);
        Self {
            bytes: piece.len().max(1),
            width,
            space,
            closing,
        }
    }
}

fn may_break_between(before: &Piece, after: &Piece) -> bool {
    !before.space && !after.closing && after.width > 0 && (before.width == 2 || after.width == 2)
}

fn line_end(text: &str, start: usize) -> usize {
    text.as_bytes()[start..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |length| start + length)
}

/// How many rows plain text takes at a width, for fields that grow with what is written in them.
pub fn height(lines: &[String], width: u16) -> usize {
    let width = usize::from(width.max(1));
    lines
        .iter()
        .map(|line| {
            line.graphemes(true)
                .map(|g| usize::from(g.cell_width()))
                .sum::<usize>()
                / width
                + 1
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, width: u16) -> Vec<&str> {
        Wrapped::new(text, width)
            .rows()
            .iter()
            .map(|row| row.text(text))
            .collect()
    }

    #[test]
    fn words_stay_whole_and_long_ones_break() {
        assert_eq!(rows("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(
            rows("an incomprehensible word", 8),
            ["an", "incompre", "hensible", "word"]
        );
        assert_eq!(rows("a  b\n\n  c", 10), ["a  b", "", "  c"]);
        assert_eq!(rows("\n\nlate\n\n", 10), ["late"]);
    }

    #[test]
    fn wide_characters_and_marks_count_as_shown() {
        assert_eq!(rows("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(rows("漢字。", 4), ["漢", "字。"]);
        assert_eq!(
            rows("e\u{301}e\u{301}e\u{301}", 2),
            ["e\u{301}e\u{301}", "e\u{301}"]
        );
        assert_eq!(
            rows("👨\u{200d}👩\u{200d}👧👨", 3),
            ["👨\u{200d}👩\u{200d}👧", "👨"]
        );
    }

    #[test]
    fn fences_are_followed() {
        let text = "say\n```rust\nlet  x = 1;  // long\n```\ndone";
        let kinds: Vec<_> = Wrapped::new(text, 12)
            .rows()
            .iter()
            .map(|row| (row.text(text), row.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("say", RowKind::Prose),
                ("```rust", RowKind::Fence),
                ("let  x = 1; ", RowKind::Code),
                (" // long", RowKind::Code),
                ("```", RowKind::Fence),
                ("done", RowKind::Prose),
            ]
        );
    }

    const TEXT: &str =
        "([a-d ]|[`~]{3}|\n|\r\n|漢|。|👩|\u{200d}|\u{301}|\u{1b}|\t|🇩|🇪|☺|\u{fe0f}){0,60}";

    proptest! {
        #[test]
        fn growing_equals_wrapping_at_once(text in TEXT, cuts in prop::collection::vec(0usize..200, 0..12), width in 1u16..20) {
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut <= text.len() && text.is_char_boundary(*cut)).collect();
            cuts.sort_unstable();
            let mut grown = Wrapped::new("", width);
            for cut in cuts.into_iter().chain([text.len()]) {
                grown.extend(&text[..cut]);
            }
            let whole = Wrapped::new(&text, width);
            prop_assert_eq!(grown.rows(), whole.rows());
        }

        #[test]
        fn another_text_is_no_reason_to_panic(one in TEXT, other in TEXT, width in 1u16..20) {
            let mut wrapped = Wrapped::new(&one, width);
            wrapped.extend(&other);
            for row in wrapped.rows() {
                let _ = row.text(&other);
            }
        }

        #[test]
        fn rows_fit_and_lose_nothing_but_space(text in TEXT, width in 2u16..20) {
            let wrapped = Wrapped::new(&text, width);
            let mut shown = String::new();
            for row in wrapped.rows() {
                let clean: String = row.text(&text).graphemes(true).map(sanitise::grapheme).collect();
                let only_one = row.text(&text).graphemes(true).count() == 1;
                prop_assert!(only_one || super::super::fit::width(&clean) <= usize::from(width), "{:?}", clean);
                shown.push_str(row.text(&text));
            }
            let bare = |text: &str| text.chars().filter(|c| c.is_alphabetic() || *c == '`').collect::<String>();
            prop_assert_eq!(bare(&shown), bare(&text));
        }
    }
}
