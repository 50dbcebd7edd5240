//! Where every wrapped line of the conversation is, kept between frames.
//!
//! A frame costs what is visible, not what was said: each entry is wrapped once per width and kept as
//! byte ranges into its own text, sums of heights find the entry of a line, and a reply that grows is
//! wrapped on from its last rows.
//!
//! An entry is known by its kind, its request, and its text's address and length: text may grow or be
//! replaced by another `String`, and must not be rewritten in place.

use super::text::wrap::{Row, Wrapped};
use crate::app::{ChatState, Entry, ReplyState};
use crate::engine::ConversationId;

/// The wrapped transcript of the last frame.
#[derive(Debug, Default)]
pub struct TranscriptCache {
    conversation: Option<ConversationId>,
    width: u16,
    entries: Vec<CachedEntry>,
    /// After each entry, the number of lines so far, with the blank line that follows it.
    ends: Vec<usize>,
}

#[derive(Debug)]
struct CachedEntry {
    key: Key,
    body: Wrapped,
    /// The wrapped reason of a reply that failed.
    failure: Option<Wrapped>,
}

/// What tells that an entry is still the one that was wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    kind: u8,
    request: u64,
    address: usize,
    len: usize,
    tail: Tail,
    above: Above,
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
    /// A row of an entry's text; `first` is the entry's first.
    Body {
        entry: usize,
        row: Row,
        first: bool,
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
    /// Brings the cache to the present transcript at a width; returns the number of lines.
    pub fn update(&mut self, chat: &ChatState, width: u16) -> usize {
        if self.conversation != Some(chat.conversation) || self.width != width {
            self.entries.clear();
            self.conversation = Some(chat.conversation);
            self.width = width;
        }
        self.entries.truncate(chat.entries.len());
        let mut first_changed = self.entries.len();
        for (index, entry) in chat.entries.iter().enumerate() {
            let above = if index > 0 && index == chat.left_out {
                Above::Rule
            } else {
                Above::Nothing
            };
            let key = Key::of(entry, above);
            match self.entries.get_mut(index) {
                Some(cached) if cached.key == key => continue,
                Some(cached) => cached.update(entry, key, width),
                None => self.entries.push(CachedEntry::new(entry, key, width)),
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
    fn new(entry: &Entry, key: Key, width: u16) -> Self {
        let failure = failure(entry).map(|reason| Wrapped::new(reason, width));
        Self {
            key,
            body: Wrapped::new(text(entry), width),
            failure,
        }
    }

    fn update(&mut self, entry: &Entry, key: Key, width: u16) {
        let same_reply =
            key.kind == Key::REPLY && (self.key.kind, self.key.request) == (key.kind, key.request);
        if same_reply && key.len >= self.body.text_len() {
            self.body.extend(text(entry));
            self.failure = failure(entry).map(|reason| Wrapped::new(reason, width));
            self.key = key;
        } else {
            *self = Self::new(entry, key, width);
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
        self.rows_above() + (self.body.rows().len() + tail).max(1)
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
        let rows = self.body.rows();
        if let Some(row) = rows.get(within) {
            return TranscriptLine::Body {
                entry,
                row: *row,
                first: within == 0,
            };
        }
        match self.key.tail {
            Tail::Progress if within == rows.len() => TranscriptLine::Progress {
                entry,
                first: within == 0,
            },
            Tail::Footer if within == rows.len() => TranscriptLine::Footer { entry },
            Tail::Failure(_) => {
                let row = self
                    .failure
                    .as_ref()
                    .and_then(|failure| failure.rows().get(within - rows.len()));
                row.map_or(TranscriptLine::Blank, |row| TranscriptLine::Failure {
                    entry,
                    row: *row,
                    first: within == rows.len(),
                })
            }
            _ => TranscriptLine::Blank,
        }
    }
}

impl Key {
    const USER: u8 = 0;
    const REPLY: u8 = 1;
    const NOTE: u8 = 2;

    fn of(entry: &Entry, above: Above) -> Self {
        let text = text(entry);
        let (kind, request, tail) = match entry {
            Entry::User(_) => (Self::USER, 0, Tail::Nothing),
            Entry::Note { .. } => (Self::NOTE, 0, Tail::Nothing),
            Entry::Reply(reply) => {
                let tail = match &reply.state {
                    ReplyState::Streaming if !reply.text.is_empty() => Tail::Nothing,
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
            request,
            address: text.as_ptr().addr(),
            len: text.len(),
            tail,
            above,
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
