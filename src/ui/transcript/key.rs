//! What an entry of the transcript says, and what tells that it still says what was laid out.

use crate::app::{ChatState, Entry, Folding, Reading, ReplyState};
use crate::ui::text::markdown::Ending;

/// What tells that an entry is still the one that was wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    kind: u8,
    pub thought: ThoughtKey,
    reading: Reading,
    request: u64,
    address: usize,
    len: usize,
    pub tail: Tail,
    above: Above,
}

/// What is shown of a reply's thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThoughtKey {
    Nothing,
    /// One line about it.
    Folded,
    /// That line and the text, of so many bytes.
    Unfolded(usize),
}

/// What stands above an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    Nothing,
    /// The line below which the prompt begins, and a blank one.
    Rule,
}

/// What stands below an entry's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    Nothing,
    /// Progress of the prompt, or that the request waits.
    Progress,
    /// Figures of a finished reply.
    Footer,
    /// Why it failed, with that text's length.
    Failure(usize),
}

impl Key {
    const USER: u8 = 0;
    const REPLY: u8 = 1;
    const NOTE: u8 = 2;

    pub fn of(entry: &Entry, above: Above, chat: &ChatState) -> Self {
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

    /// Whether it is laid out before it is in view: notes, which are few and short, and a reply that
    /// is being written, so that each token costs what is new.
    pub fn is_due(&self) -> bool {
        match self.kind {
            Self::NOTE => true,
            Self::REPLY => self.ending() == Ending::Open,
            _ => false,
        }
    }

    pub fn is_markdown(&self) -> bool {
        self.kind == Self::REPLY && self.reading == Reading::Markdown
    }

    /// Whether it is the same reply as before, of which nothing was taken away.
    pub fn continues(&self, before: &Self) -> bool {
        self.kind == Self::REPLY
            && (self.kind, self.request, self.reading)
                == (before.kind, before.request, before.reading)
            && self.len >= before.len
    }

    /// Lines above the entry's own.
    pub fn rows_above(&self) -> usize {
        match self.above {
            Above::Nothing => 0,
            Above::Rule => 2,
        }
    }

    /// Whether more text may come.
    pub fn ending(&self) -> Ending {
        match self.tail {
            Tail::Nothing | Tail::Progress => Ending::Open,
            Tail::Footer | Tail::Failure(_) => Ending::Final,
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

    pub fn unfolded(self) -> Option<usize> {
        match self {
            Self::Unfolded(len) => Some(len),
            Self::Nothing | Self::Folded => None,
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
