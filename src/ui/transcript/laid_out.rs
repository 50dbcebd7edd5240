//! One entry laid out as lines.

use std::ops::Range;

use super::Page;
use super::key::{Key, Tail, ThoughtKey, failure, text, thought};
use crate::app::Entry;
use crate::ui::glyphs::{Marks, glyphs};
use crate::ui::text::markdown::{self, Document};
use crate::ui::text::wrap::{Row, Wrapped};

/// One line of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptLine {
    /// A row of [`Entry::text`] as it was written; `first` is the entry's first.
    Body {
        entry: usize,
        row: Row,
        first: bool,
    },
    /// A line of a reply's Markdown, for [`super::TranscriptCache::markdown`].
    Markdown {
        entry: usize,
        line: usize,
        first: bool,
    },
    /// One line about what a reply thought before its answer, the entry's first.
    Thought {
        entry: usize,
    },
    /// A row of that thought.
    ThoughtRow {
        entry: usize,
        row: Row,
    },
    /// Progress of a reply; `first` when it has no text yet.
    Progress {
        entry: usize,
        first: bool,
    },
    Footer {
        entry: usize,
    },
    /// A row of the reason why a reply failed.
    Failure {
        entry: usize,
        row: Row,
        first: bool,
    },
    /// What is above it is left out of the prompt.
    Rule,
    Blank,
}

/// An entry as lines.
#[derive(Debug)]
pub(super) struct LaidOut {
    key: Key,
    /// What it thought, where that is shown.
    thought: Option<Wrapped>,
    body: Body,
    /// The wrapped reason of a reply that failed.
    failure: Option<Wrapped>,
}

/// The text of an entry.
#[derive(Debug)]
enum Body {
    Plain(Wrapped),
    Markdown(Box<Document>),
}

impl LaidOut {
    pub fn new(entry: &Entry, key: Key, page: Page) -> Self {
        let failure = failure(entry).map(|reason| Wrapped::new(reason, page.width));
        let body = if key.is_markdown() {
            let marks: &'static Marks = &glyphs(page.glyphs).markdown;
            let mut document = Box::new(Document::new(page.width, marks));
            document.extend(text(entry), key.ending());
            Body::Markdown(document)
        } else {
            Body::Plain(Wrapped::new(text(entry), page.width))
        };
        let thought = key
            .thought
            .unfolded()
            .map(|_| Wrapped::new(thought(entry), page.width));
        Self {
            key,
            thought,
            body,
            failure,
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Goes on with the same reply, which says more or ended; false when it must be laid out anew.
    pub fn grow(&mut self, entry: &Entry, key: Key, page: Page) -> bool {
        if !key.continues(&self.key) {
            return false;
        }
        match &mut self.body {
            Body::Plain(wrapped) => wrapped.extend(text(entry)),
            Body::Markdown(document) => document.extend(text(entry), key.ending()),
        }
        match (&mut self.thought, key.thought.unfolded()) {
            (Some(wrapped), Some(len)) if len >= wrapped.text_len() => {
                wrapped.extend(thought(entry));
            }
            (shown, wanted) => {
                *shown = wanted.map(|_| Wrapped::new(thought(entry), page.width));
            }
        }
        self.failure = failure(entry).map(|reason| Wrapped::new(reason, page.width));
        self.key = key;
        true
    }

    /// The lines of a code block; where that is not laid out, all.
    pub fn code(&self, block: usize) -> Range<usize> {
        let code = match &self.body {
            Body::Markdown(document) => document.code_block(block),
            Body::Plain(_) => None,
        };
        match code {
            Some(lines) => {
                let above = self.key.rows_above() + self.thought_rows();
                above + lines.start..above + lines.end
            }
            None => self.key.rows_above()..self.height(),
        }
    }

    /// Gives the code on these lines its colours.
    pub fn highlight(&mut self, lines: Range<usize>) {
        let above = self.key.rows_above() + self.thought_rows();
        if let Body::Markdown(document) = &mut self.body {
            let within = |line: usize| line.saturating_sub(above);
            document.highlight(within(lines.start)..within(lines.end));
        }
    }

    /// A line of the Markdown.
    pub fn markdown(&self, line: usize) -> Option<&markdown::Line> {
        match &self.body {
            Body::Markdown(document) => document.lines().get(line),
            Body::Plain(_) => None,
        }
    }

    /// Rows of the thought, with the blank one between it and the answer.
    fn thought_rows(&self) -> usize {
        match (&self.thought, self.key.thought) {
            (_, ThoughtKey::Nothing) => 0,
            (Some(wrapped), _) => 2 + wrapped.rows().len(),
            (None, _) => 1,
        }
    }

    /// Rows of the text.
    fn body_rows(&self) -> usize {
        match &self.body {
            Body::Plain(wrapped) => wrapped.rows().len(),
            Body::Markdown(document) => document.lines().len(),
        }
    }

    pub fn height(&self) -> usize {
        let tail = match self.key.tail {
            Tail::Nothing => 0,
            Tail::Progress | Tail::Footer => 1,
            Tail::Failure(_) => self
                .failure
                .as_ref()
                .map_or(0, |failure| failure.rows().len()),
        };
        self.key.rows_above() + (self.thought_rows() + self.body_rows() + tail).max(1)
    }

    pub fn line(&self, entry: usize, within: usize) -> TranscriptLine {
        let above = self.key.rows_above();
        if within < above {
            return if within == 0 {
                TranscriptLine::Rule
            } else {
                TranscriptLine::Blank
            };
        }
        let within = within - above;
        let above = self.thought_rows();
        if within < above {
            let row = within
                .checked_sub(1)
                .map(|row| self.thought.as_ref().and_then(|rows| rows.rows().get(row)));
            return match row {
                None => TranscriptLine::Thought { entry },
                Some(Some(row)) => TranscriptLine::ThoughtRow { entry, row: *row },
                Some(None) => TranscriptLine::Blank,
            };
        }
        let within = within - above;
        let rows = self.body_rows();
        let first = within == 0 && above == 0;
        if within < rows {
            return match &self.body {
                Body::Plain(wrapped) => TranscriptLine::Body {
                    entry,
                    row: wrapped.rows()[within],
                    first,
                },
                Body::Markdown(_) => TranscriptLine::Markdown {
                    entry,
                    line: within,
                    first,
                },
            };
        }
        match self.key.tail {
            Tail::Progress if within == rows => TranscriptLine::Progress { entry, first },
            Tail::Footer if within == rows => TranscriptLine::Footer { entry },
            Tail::Failure(_) => {
                let row = self
                    .failure
                    .as_ref()
                    .and_then(|failure| failure.rows().get(within - rows));
                row.map_or(TranscriptLine::Blank, |row| TranscriptLine::Failure {
                    entry,
                    row: *row,
                    first: within == rows,
                })
            }
            _ => TranscriptLine::Blank,
        }
    }
}

/// About how many lines an entry takes: bytes by columns.
pub(super) fn estimate(entry: &Entry, key: &Key, page: Page) -> usize {
    let width = usize::from(page.width.max(1));
    let lines = |text: &str| {
        let breaks = text.bytes().filter(|byte| *byte == b'\n').count();
        breaks + text.len().div_ceil(width)
    };
    let thought = match key.thought {
        ThoughtKey::Nothing => 0,
        ThoughtKey::Folded => 1,
        ThoughtKey::Unfolded(_) => 2 + lines(thought(entry)),
    };
    let tail = failure(entry).map_or(usize::from(key.tail != Tail::Nothing), lines);
    key.rows_above() + (thought + lines(text(entry)) + tail).max(1)
}
