//! Lines of the screen that say how each of their parts looks.

use std::ops::Range;

use ratatui::style::Modifier;
use unicode_segmentation::UnicodeSegmentation;

use crate::theme::Role;
use crate::ui::text::wrap::{self, Row, RowKind};
use crate::ui::text::{fit, sanitise};

/// How a part looks: what it means, and what is added to the style of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub role: Role,
    pub add: Modifier,
}

impl Look {
    pub const fn of(role: Role) -> Self {
        Self {
            role,
            add: Modifier::empty(),
        }
    }

    /// The same with one more modifier.
    pub fn and(self, add: Modifier) -> Self {
        Self {
            add: self.add | add,
            ..self
        }
    }
}

/// Bytes up to `end`, from the end of the span before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub end: u32,
    pub look: Look,
}

/// Text with looks, as it was written; it may have several lines.
#[derive(Clone, Debug, Default)]
pub struct Styled {
    pub text: String,
    spans: Vec<Span>,
}

impl Styled {
    pub fn push(&mut self, text: &str, look: Look) {
        self.text.push_str(text);
        extend(&mut self.spans, self.text.len(), look);
    }

    /// Adds another text behind some of our own.
    pub fn append(&mut self, between: &str, look: Look, other: &Self) {
        self.push(between, look);
        let before = self.text.len();
        self.text.push_str(&other.text);
        for span in &other.spans {
            extend(&mut self.spans, before + span.end as usize, span.look);
        }
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// Columns of its widest line.
    pub fn width(&self) -> usize {
        let shown = |line: &str| line.graphemes(true).map(shown_width).sum();
        self.text.split('\n').map(shown).max().unwrap_or(0)
    }

    /// The rows it takes at a width.
    pub fn rows(&self, width: u16, kind: RowKind) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut start = 0;
        for line in self.text.split('\n') {
            let end = start + line.len();
            wrap::wrap_range(&self.text, start, end, width, kind, &mut rows);
            start = end + 1;
        }
        rows
    }
}

/// One line of the screen; its text is harmless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub spans: Vec<Span>,
    /// What it is of a code block.
    pub code: Option<CodeLine>,
}

/// A line of code inside its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeLine {
    /// Which of the text's fenced code blocks, from 0.
    pub block: u32,
    /// Where code begins, after what stands before every line of a quote or list.
    pub body: u32,
    /// Whether it goes on with the line above, which was too long.
    pub continues: bool,
}

impl Line {
    /// Adds text of our own.
    pub fn push(&mut self, text: &str, look: Look) {
        self.text.push_str(text);
        extend(&mut self.spans, self.text.len(), look);
    }

    /// Adds a stretch of somebody's text, made harmless grapheme by grapheme as it was measured.
    pub fn push_styled(&mut self, styled: &Styled, range: Range<usize>) {
        let part = styled.text.get(range.clone()).unwrap_or_default();
        let first = styled
            .spans
            .partition_point(|span| span.end as usize <= range.start);
        let mut spans = styled.spans[first..].iter().copied().peekable();
        if part.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
            let before = self.text.len();
            self.text.push_str(part);
            for span in spans {
                let end = (span.end as usize).min(range.end) - range.start;
                extend(&mut self.spans, before + end, span.look);
                if span.end as usize >= range.end {
                    return;
                }
            }
            return;
        }
        for (at, piece) in part.grapheme_indices(true) {
            while spans
                .next_if(|span| span.end as usize <= range.start + at)
                .is_some()
            {}
            if let Some(span) = spans.peek() {
                self.push(&sanitise::grapheme(piece), span.look);
            }
        }
    }

    /// Adds another line at its end.
    pub fn append(&mut self, other: Self) {
        let before = self.text.len();
        self.text.push_str(&other.text);
        for span in other.spans {
            extend(&mut self.spans, before + span.end as usize, span.look);
        }
    }

    /// Columns it takes.
    pub fn width(&self) -> usize {
        fit::width(&self.text)
    }

    /// Its parts with their looks.
    pub fn parts(&self) -> impl Iterator<Item = (&str, Look)> {
        let mut start = 0;
        self.spans.iter().map(move |span| {
            let part = self.text.get(start..span.end as usize).unwrap_or_default();
            start = span.end as usize;
            (part, span.look)
        })
    }

    /// Gives everything from `body` on new looks, which come as byte ends within that part.
    pub fn repaint(&mut self, body: usize, looks: impl Iterator<Item = (usize, Role)>) {
        let kept = self.spans.partition_point(|span| span.end as usize <= body);
        self.spans.truncate(kept);
        for (end, role) in looks {
            extend(&mut self.spans, body + end, Look::of(role));
        }
    }
}

/// Columns of one grapheme as it is shown.
fn shown_width(piece: &str) -> usize {
    fit::width(&sanitise::grapheme(piece))
}

fn extend(spans: &mut Vec<Span>, end: usize, look: Look) {
    let end = u32::try_from(end).unwrap_or(u32::MAX);
    match spans.last_mut() {
        Some(last) if last.end >= end => {}
        Some(last) if last.look == look => last.end = end,
        _ if end == 0 => {}
        _ => spans.push(Span { end, look }),
    }
}
