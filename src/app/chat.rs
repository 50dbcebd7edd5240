//! The conversation on the screen: what was said, what is being said, where it is scrolled to.

use crate::chat::{Message, Role};
use crate::engine::{ConversationId, RequestId, StopReason, Timings};

/// What has been said, oldest first.
#[derive(Debug)]
pub struct ChatState {
    pub conversation: ConversationId,
    pub entries: Vec<Entry>,
    /// Entries before this index are left out of the prompt.
    pub left_out: usize,
    /// What the model wrote to stand in their place.
    pub summary: Option<String>,
    pub scroll: Scroll,
    pub viewport: Viewport,
}

/// One block of the transcript.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    User(String),
    Reply(Reply),
    /// Something the program says in the transcript: a failed load, a full context.
    Note {
        text: String,
        is_error: bool,
    },
}

/// One reply of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub request: RequestId,
    pub text: String,
    pub state: ReplyState,
    pub timings: Timings,
    pub model: String,
    pub seed: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ReplyState {
    /// Sent, not yet accepted by the engine.
    Sent,
    /// Prompt tokens in the KV cache, of all; `reused` were there before.
    Prefilling {
        done: u32,
        total: u32,
        reused: u32,
    },
    Streaming,
    Done(StopReason),
    Failed(String),
}

impl ReplyState {
    /// Whether the engine is still working on it.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Sent | Self::Prefilling { .. } | Self::Streaming)
    }
}

/// Where the transcript stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scroll {
    /// Stays at the end while text arrives.
    #[default]
    End,
    /// The first visible line, counted from the top of the wrapped transcript.
    Line(usize),
}

/// What the last frame could show of the transcript, in wrapped lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Viewport {
    pub width: u16,
    pub height: usize,
    pub total: usize,
}

/// A short message in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub number: u64,
    pub text: String,
    pub is_error: bool,
}

impl ChatState {
    pub fn new(conversation: ConversationId) -> Self {
        Self {
            conversation,
            entries: Vec::new(),
            left_out: 0,
            summary: None,
            scroll: Scroll::End,
            viewport: Viewport::default(),
        }
    }

    /// The reply the engine is working on, if any.
    pub fn running(&self) -> Option<RequestId> {
        self.last_reply()
            .filter(|reply| reply.state.is_running())
            .map(|reply| reply.request)
    }

    /// The newest reply, finished or not.
    pub fn last_reply(&self) -> Option<&Reply> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Reply(reply) => Some(reply),
            _ => None,
        })
    }

    /// The reply with that id; late events for others find nothing.
    pub fn reply_mut(&mut self, request: RequestId) -> Option<&mut Reply> {
        self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Reply(reply) if reply.request == request => Some(reply),
            _ => None,
        })
    }

    /// The messages the model is to see, without the reply that is still to be made.
    ///
    /// Neighbours of the same role are joined, because many templates insist on turns that
    /// alternate: a message whose reply failed stands directly before the next one.
    ///
    /// A summary of what is left out goes before what the user says first.
    pub fn messages(&self) -> Vec<Message> {
        self.messages_until(self.entries.len())
    }

    /// The same of the entries before an index.
    pub fn messages_until(&self, end: usize) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        for entry in self.entries.iter().take(end).skip(self.left_out) {
            let (role, content) = match entry {
                Entry::User(text) => (Role::User, text),
                Entry::Reply(reply) if !reply.state.is_running() && !reply.text.is_empty() => {
                    (Role::Assistant, &reply.text)
                }
                _ => continue,
            };
            match messages.last_mut() {
                Some(last) if last.role == role => {
                    last.content.push_str("\n\n");
                    last.content.push_str(content);
                }
                _ => messages.push(Message {
                    role,
                    content: content.clone(),
                }),
            }
        }
        let first = messages.iter_mut().find(|m| m.role == Role::User);
        let summary = self.summary.as_ref().filter(|_| self.left_out > 0);
        if let (Some(summary), Some(first)) = (summary, first) {
            first.content = format!(
                "[What was said before, in short: {summary}]\n\n{}",
                first.content
            );
        }
        messages
    }

    /// Leaves the oldest turn that is still in the prompt out of it.
    /// False when only the newest turn is left.
    pub fn leave_out_oldest(&mut self) -> bool {
        let turns = |entry: &Entry| matches!(entry, Entry::User(_));
        let mut starts = (self.left_out..self.entries.len()).filter(|at| turns(&self.entries[*at]));
        let second = starts.nth(1);
        if let Some(second) = second {
            self.left_out = second;
        }
        second.is_some()
    }

    /// Scrolls by wrapped lines; down past the end sticks to the end.
    pub fn scroll_by(&mut self, lines: isize) {
        let last_top = self.viewport.total.saturating_sub(self.viewport.height);
        let top = match self.scroll {
            Scroll::End => last_top,
            Scroll::Line(top) => top.min(last_top),
        };
        self.scroll_to(top.saturating_add_signed(lines));
    }

    /// Scrolls so that this wrapped line comes first.
    pub fn scroll_to(&mut self, top: usize) {
        let last_top = self.viewport.total.saturating_sub(self.viewport.height);
        self.scroll = if top >= last_top {
            Scroll::End
        } else {
            Scroll::Line(top)
        };
    }

    /// Takes note of what the last frame showed; another width keeps the place by proportion.
    pub fn viewed(&mut self, viewport: Viewport) {
        if let Scroll::Line(top) = self.scroll
            && viewport.width != self.viewport.width
            && self.viewport.total > 0
        {
            let old_total = self.viewport.total;
            self.viewport = viewport;
            self.scroll_to(top * viewport.total / old_total);
        }
        self.viewport = viewport;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str, state: ReplyState) -> Entry {
        Entry::Reply(Reply {
            request: RequestId(1),
            text: text.into(),
            state,
            timings: Timings::default(),
            model: "m".into(),
            seed: None,
        })
    }

    fn chat(entries: Vec<Entry>) -> ChatState {
        ChatState {
            entries,
            ..ChatState::new(ConversationId(1))
        }
    }

    #[test]
    fn messages_alternate_even_when_a_reply_failed() {
        let chat = chat(vec![
            Entry::User("a".into()),
            reply("", ReplyState::Failed("no memory".into())),
            Entry::Note {
                text: "note".into(),
                is_error: true,
            },
            Entry::User("b".into()),
            reply("c", ReplyState::Done(StopReason::EndOfTurn)),
            Entry::User("d".into()),
            reply("", ReplyState::Sent),
        ]);
        let seen: Vec<_> = chat
            .messages()
            .into_iter()
            .map(|m| (m.role, m.content))
            .collect();
        assert_eq!(
            seen,
            [
                (Role::User, "a\n\nb".into()),
                (Role::Assistant, "c".into()),
                (Role::User, "d".into())
            ]
        );
    }

    #[test]
    fn oldest_turns_are_left_out_one_by_one_but_never_the_last() {
        let done = || reply("r", ReplyState::Done(StopReason::EndOfTurn));
        let mut chat = chat(vec![
            Entry::User("a".into()),
            done(),
            Entry::User("b".into()),
            done(),
            Entry::User("c".into()),
        ]);
        assert!(chat.leave_out_oldest());
        assert_eq!(chat.messages()[0].content, "b");
        assert!(chat.leave_out_oldest());
        assert_eq!(chat.messages()[0].content, "c");
        assert!(!chat.leave_out_oldest());
        assert_eq!(chat.messages().len(), 1);
    }

    #[test]
    fn scrolling_sticks_to_the_end_only_there() {
        let mut chat = chat(Vec::new());
        chat.viewed(Viewport {
            width: 80,
            height: 10,
            total: 100,
        });
        chat.scroll_by(-5);
        assert_eq!(chat.scroll, Scroll::Line(85));
        chat.viewed(Viewport {
            width: 80,
            height: 10,
            total: 120,
        });
        assert_eq!(chat.scroll, Scroll::Line(85));
        chat.scroll_by(1000);
        assert_eq!(chat.scroll, Scroll::End);
        chat.scroll_by(-1000);
        assert_eq!(chat.scroll, Scroll::Line(0));
    }

    #[test]
    fn another_width_keeps_the_place_by_proportion() {
        let mut chat = chat(Vec::new());
        chat.viewed(Viewport {
            width: 80,
            height: 10,
            total: 100,
        });
        chat.scroll_to(40);
        chat.viewed(Viewport {
            width: 40,
            height: 10,
            total: 200,
        });
        assert_eq!(chat.scroll, Scroll::Line(80));
    }
}
