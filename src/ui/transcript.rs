//! Where every wrapped line of the conversation is, kept between frames.
//!
//! A frame costs what is visible, not what was said: each entry is laid out once per width, replies as
//! Markdown and the rest as byte ranges into its own text, sums of heights find the entry of a line,
//! and a reply that grows is laid out on from its last lines.
//!
//! An entry is known by its kind, its request, and its text's address and length: text may grow or be
//! replaced by another `String`, and must not be rewritten in place.

use std::ops::Range;

use super::glyphs::{Marks, glyphs};
use super::text::markdown::{self, Document, Ending};
use super::text::wrap::{Row, Wrapped};
use crate::app::{ChatState, Entry, Folding, PickedCode, Reading, ReplyState};
use crate::engine::ConversationId;
use crate::theme::GlyphSet;

/// The wrapped transcript of the last frame.
#[derive(Debug, Default)]
pub struct TranscriptCache {
    conversation: Option<ConversationId>,
    page: Page,
    entries: Vec<CachedEntry>,
    /// After each entry, the number of lines so far, with the blank line that follows it.
    ends: Vec<usize>,
}

/// What every entry is laid out for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Columns.
    pub width: u16,
    pub glyphs: GlyphSet,
}

#[derive(Debug)]
struct CachedEntry {
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
    Markdown(Document),
}

/// What tells that an entry is still the one that was wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    kind: u8,
    thought: ThoughtKey,
    reading: Reading,
    request: u64,
    address: usize,
    len: usize,
    tail: Tail,
    above: Above,
}

/// What is shown of a reply's thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThoughtKey {
    Nothing,
    /// One line about it.
    Folded,
    /// That line and the text, of so many bytes.
    Unfolded(usize),
}

/// What stands above an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Above {
    Nothing,
    /// The line below which the prompt begins, and a blank one.
    Rule,
}

/// What stands below an entry's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    Nothing,
    /// Progress of the prompt, or that the request waits.
    Progress,
    /// Figures of a finished reply.
    Footer,
    /// Why it failed, with that text's length.
    Failure(usize),
}

/// One line of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptLine {
    /// A row of an entry's text as it was written; `first` is the entry's first.
    Body {
        entry: usize,
        row: Row,
        first: bool,
    },
    /// A line of a reply's Markdown, for [`TranscriptCache::markdown`].
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

impl TranscriptCache {
    /// Brings the cache to the present transcript on a page; returns the number of lines.
    pub fn update(&mut self, chat: &ChatState, page: Page) -> usize {
        if self.conversation != Some(chat.conversation) || self.page != page {
            self.entries.clear();
            self.conversation = Some(chat.conversation);
            self.page = page;
        }
        self.entries.truncate(chat.entries.len());
        let mut first_changed = self.entries.len();
        for (index, entry) in chat.entries.iter().enumerate() {
            let above = if index > 0 && index == chat.left_out {
                Above::Rule
            } else {
                Above::Nothing
            };
            let key = Key::of(entry, above, chat);
            match self.entries.get_mut(index) {
                Some(cached) if cached.key == key => continue,
                Some(cached) => cached.update(entry, key, page),
                None => self.entries.push(CachedEntry::new(entry, key, page)),
            }
            first_changed = first_changed.min(index);
        }
        self.ends.truncate(first_changed);
        for cached in &self.entries[first_changed.min(self.entries.len())..] {
            let before = self.ends.last().copied().unwrap_or(0);
            self.ends.push(before + cached.height() + 1);
        }
        self.total()
    }

    /// Lines of the whole transcript, without the blank one after the last entry.
    pub fn total(&self) -> usize {
        self.ends.last().map_or(0, |end| end - 1)
    }

    /// Gives the code on these lines its colours.
    pub fn highlight(&mut self, lines: Range<usize>) {
        let first = self.ends.partition_point(|end| *end <= lines.start);
        let mut start = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        for (cached, end) in self.entries.iter_mut().zip(&self.ends).skip(first) {
            if start >= lines.end {
                break;
            }
            let above = start + cached.rows_above() + cached.thought_rows();
            if let Body::Markdown(document) = &mut cached.body {
                let within = |line: usize| line.saturating_sub(above);
                document.highlight(within(lines.start)..within(lines.end));
            }
            start = *end;
        }
    }

    /// The lines of a code block; where it is not laid out, those of its whole entry.
    pub fn code(&self, picked: PickedCode) -> Option<Range<usize>> {
        let cached = self.entries.get(picked.entry)?;
        let before = picked.entry.checked_sub(1).map_or(0, |at| self.ends[at]);
        let start = before + cached.rows_above();
        let laid_out = match &cached.body {
            Body::Markdown(document) => document.code_block(picked.block),
            Body::Plain(_) => None,
        };
        Some(match laid_out {
            Some(lines) => {
                let start = start + cached.thought_rows();
                start + lines.start..start + lines.end
            }
            None => start..self.ends[picked.entry] - 1,
        })
    }

    /// A line of a reply's Markdown.
    pub fn markdown(&self, entry: usize, line: usize) -> Option<&markdown::Line> {
        match &self.entries.get(entry)?.body {
            Body::Markdown(document) => document.lines().get(line),
            Body::Plain(_) => None,
        }
    }

    /// What stands on a line.
    pub fn line(&self, line: usize) -> TranscriptLine {
        let entry = self.ends.partition_point(|end| *end <= line);
        let Some(cached) = self.entries.get(entry) else {
            return TranscriptLine::Blank;
        };
        let within = line - entry.checked_sub(1).map_or(0, |before| self.ends[before]);
        cached.line(entry, within)
    }
}

impl CachedEntry {
    fn new(entry: &Entry, key: Key, page: Page) -> Self {
        let failure = failure(entry).map(|reason| Wrapped::new(reason, page.width));
        let body = if key.kind == Key::REPLY && key.reading == Reading::Markdown {
            let marks: &'static Marks = &glyphs(page.glyphs).markdown;
            let mut document = Document::new(page.width, marks);
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

    fn update(&mut self, entry: &Entry, key: Key, page: Page) {
        let same_reply = key.kind == Key::REPLY
            && (self.key.kind, self.key.request) == (key.kind, key.request)
            && self.key.reading == key.reading;
        if same_reply && key.len >= self.key.len {
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
        } else {
            *self = Self::new(entry, key, page);
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

    fn height(&self) -> usize {
        let tail = match self.key.tail {
            Tail::Nothing => 0,
            Tail::Progress | Tail::Footer => 1,
            Tail::Failure(_) => self
                .failure
                .as_ref()
                .map_or(0, |failure| failure.rows().len()),
        };
        self.rows_above() + (self.thought_rows() + self.body_rows() + tail).max(1)
    }

    fn rows_above(&self) -> usize {
        match self.key.above {
            Above::Nothing => 0,
            Above::Rule => 2,
        }
    }

    fn line(&self, entry: usize, within: usize) -> TranscriptLine {
        let above = self.rows_above();
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

impl ThoughtKey {
    fn of(entry: &Entry, folding: Folding) -> Self {
        match (entry, folding) {
            (Entry::Reply(reply), _) if reply.thought.is_empty() => Self::Nothing,
            (Entry::Reply(_), Folding::Folded) => Self::Folded,
            (Entry::Reply(reply), Folding::Unfolded) => Self::Unfolded(reply.thought.text.len()),
            _ => Self::Nothing,
        }
    }

    fn unfolded(self) -> Option<usize> {
        match self {
            Self::Unfolded(len) => Some(len),
            Self::Nothing | Self::Folded => None,
        }
    }
}

impl Key {
    const USER: u8 = 0;
    const REPLY: u8 = 1;
    const NOTE: u8 = 2;

    fn of(entry: &Entry, above: Above, chat: &ChatState) -> Self {
        let text = text(entry);
        let (kind, request, tail) = match entry {
            Entry::User(_) => (Self::USER, 0, Tail::Nothing),
            Entry::Note { .. } => (Self::NOTE, 0, Tail::Nothing),
            Entry::Reply(reply) => {
                let tail = match &reply.state {
                    ReplyState::Streaming
                        if !reply.text.is_empty() || !reply.thought.is_empty() =>
                    {
                        Tail::Nothing
                    }
                    ReplyState::Sent | ReplyState::Prefilling { .. } | ReplyState::Streaming => {
                        Tail::Progress
                    }
                    ReplyState::Done(_) => Tail::Footer,
                    ReplyState::Failed(reason) => Tail::Failure(reason.len()),
                };
                (Self::REPLY, reply.request.0, tail)
            }
        };
        Self {
            kind,
            thought: ThoughtKey::of(entry, chat.thoughts),
            reading: chat.reading,
            request,
            address: text.as_ptr().addr(),
            len: text.len(),
            tail,
            above,
        }
    }

    /// Whether more text may come.
    fn ending(&self) -> Ending {
        match self.tail {
            Tail::Nothing | Tail::Progress => Ending::Open,
            Tail::Footer | Tail::Failure(_) => Ending::Final,
        }
    }
}

/// The text of an entry.
pub fn text(entry: &Entry) -> &str {
    match entry {
        // Of files only their names are shown.
        Entry::User(text) => crate::attach::shown(text),
        Entry::Note { text, .. } => text,
        Entry::Reply(reply) => &reply.text,
    }
}

/// What a reply thought.
pub fn thought(entry: &Entry) -> &str {
    match entry {
        Entry::Reply(reply) => &reply.thought.text,
        _ => "",
    }
}

/// Why a reply failed.
pub fn failure(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Reply(crate::app::Reply {
            state: ReplyState::Failed(reason),
            ..
        }) => Some(reason),
        _ => None,
    }
}
