//! The conversation on the screen: what was said, what is being said, where it is scrolled to.

use super::copying::PickedCode;
use super::marking::Marking;
use super::thought::{Folding, Thought};
use super::viewport::{Scroll, Viewport};
use crate::chat::{Message, NodeId, Role, Tree};
use crate::engine::{ConversationId, RequestId, StopReason, Timings};

/// What has been said, oldest first.
#[derive(Debug)]
pub struct ChatState {
    pub conversation: ConversationId,
    /// The open path of the conversation, with notes between the messages.
    pub entries: Vec<Entry>,
    /// Every message of the conversation; what those say that are not in `entries` lies in it.
    pub tree: Tree<Entry>,
    /// The message that keys act on; `None` = the last one.
    pub selected: Option<NodeId>,
    /// The message whose text is in the composer.
    pub editing: Option<Editing>,
    /// Entries before this index are left out of the prompt.
    pub left_out: usize,
    /// What the model wrote to stand in their place.
    pub summary: Option<String>,
    pub scroll: Scroll,
    pub viewport: Viewport,
    pub reading: Reading,
    pub thoughts: Folding,
    /// The lines that are marked, to be copied.
    pub marking: Option<Marking>,
    /// The code block that is picked, to be copied.
    pub code: Option<PickedCode>,
}

/// A message being edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editing {
    pub node: NodeId,
    /// What was in the composer before.
    pub draft: String,
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
    /// What it thought before the answer.
    pub thought: Box<Thought>,
    /// The answer.
    pub text: String,
    pub state: ReplyState,
    /// `None` = not measured: a reply that did not begin, or was made elsewhere.
    pub timings: Option<Timings>,
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

impl Entry {
    /// Whether somebody said it: a note is no message.
    pub fn is_message(&self) -> bool {
        !matches!(self, Self::Note { .. })
    }

    /// What it says.
    pub fn text(&self) -> &str {
        match self {
            Self::User(text) | Self::Note { text, .. } => text,
            Self::Reply(reply) => &reply.text,
        }
    }
}

impl Reply {
    /// A reply that was just asked for.
    pub fn new(request: RequestId, model: String) -> Self {
        Self {
            request,
            thought: Box::default(),
            text: String::new(),
            state: ReplyState::Sent,
            timings: None,
            model,
            seed: None,
        }
    }
}

impl ReplyState {
    /// Whether the engine is still working on it.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Sent | Self::Prefilling { .. } | Self::Streaming)
    }
}

/// How replies are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    #[default]
    Markdown,
    /// As they were written.
    Raw,
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
            tree: Tree::default(),
            selected: None,
            editing: None,
            left_out: 0,
            summary: None,
            scroll: Scroll::End,
            viewport: Viewport::default(),
            reading: Reading::default(),
            thoughts: Folding::default(),
            marking: None,
            code: None,
        }
    }

    /// Adds a message after all others.
    pub fn push(&mut self, message: Entry) -> NodeId {
        self.entries.push(message);
        self.tree.push()
    }

    /// The place in `entries` of a message of the open path.
    pub fn index_of(&self, node: NodeId) -> Option<usize> {
        let position = self.tree.position(node)?;
        self.messages_at().nth(position)
    }

    /// The message that stands at a place in `entries`; notes are none.
    pub fn node_at(&self, index: usize) -> Option<NodeId> {
        self.entries.get(index).filter(|entry| entry.is_message())?;
        let position = self.messages_at().take_while(|at| *at < index).count();
        self.tree.path().get(position).copied()
    }

    /// A message, whether it is on the open path or not.
    pub fn message(&self, node: NodeId) -> Option<&Entry> {
        match self.index_of(node) {
            Some(index) => self.entries.get(index),
            None => self.tree.folded(node),
        }
    }

    /// Ends the transcript after so many messages, which the tree keeps. Notes after them go.
    pub fn rewind(&mut self, keep: usize) {
        let end = match keep.checked_sub(1) {
            None => self.messages_at().next(),
            Some(last) => self.messages_at().nth(last).map(|index| index + 1),
        };
        let rest = self.entries.split_off(end.unwrap_or(self.entries.len()));
        self.tree
            .fold(keep, rest.into_iter().filter(Entry::is_message));
        if self.left_out >= self.entries.len() {
            self.left_out = 0;
            self.summary = None;
        }
        self.selected
            .take_if(|node| self.tree.position(*node).is_none());
        self.marking = None;
        self.code
            .take_if(|picked| picked.entry >= self.entries.len());
    }

    /// Ends the transcript with this message; `None` = before the first one.
    pub fn end_at(&mut self, node: Option<NodeId>) {
        self.open_path(node.map_or_else(Vec::new, |node| self.tree.path_to(node)));
    }

    /// Opens the path through this message to an end of it.
    pub fn show(&mut self, through: Option<NodeId>) {
        self.open_path(self.tree.route(through));
    }

    fn open_path(&mut self, path: Vec<NodeId>) {
        let same = self.tree.path().iter().zip(&path);
        let common = same.take_while(|(open, wanted)| open == wanted).count();
        self.rewind(common);
        for node in path.into_iter().skip(common) {
            self.entries.extend(self.tree.unfold(node));
        }
    }

    /// The places of messages in `entries`.
    fn messages_at(&self) -> impl Iterator<Item = usize> + '_ {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(index, entry)| entry.is_message().then_some(index))
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

    /// The reply that is meant, with its place in `entries`: the selected one or the one that follows
    /// the selected message, else the last one.
    pub fn meant_reply(&self) -> Option<(usize, &Reply)> {
        let mut replies = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| match entry {
                Entry::Reply(reply) => Some((at, reply)),
                _ => None,
            });
        match self.selected.and_then(|node| self.index_of(node)) {
            Some(selected) => replies.find(|(at, _)| *at >= selected),
            None => replies.next_back(),
        }
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
            let said = match entry {
                Entry::User(text) => Message::new(Role::User, text),
                Entry::Reply(reply) if !reply.state.is_running() && !reply.text.is_empty() => {
                    Message {
                        reasoning: reply.thought.text.trim().to_owned(),
                        ..Message::new(Role::Assistant, &reply.text)
                    }
                }
                _ => continue,
            };
            match messages.last_mut() {
                Some(last) if last.role == said.role => join(last, &said),
                _ => messages.push(said),
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
}

/// Adds what the same one said next.
fn join(message: &mut Message, next: &Message) {
    message.content.push_str("\n\n");
    message.content.push_str(&next.content);
    if !message.reasoning.is_empty() && !next.reasoning.is_empty() {
        message.reasoning.push_str("\n\n");
    }
    message.reasoning.push_str(&next.reasoning);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str, state: ReplyState) -> Entry {
        Entry::Reply(Reply {
            text: text.into(),
            state,
            ..Reply::new(RequestId(1), "m".into())
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
    fn a_thought_goes_with_the_answer_it_came_to() {
        let mut thoughtful = Reply::new(RequestId(1), "m".into());
        thoughtful.take("<think>hm</think>Yes", &Timings::default());
        thoughtful.state = ReplyState::Done(StopReason::EndOfTurn);
        let chat = chat(vec![Entry::User("a".into()), Entry::Reply(thoughtful)]);
        let messages = chat.messages();
        assert_eq!(
            (messages[1].reasoning.as_str(), messages[1].content.as_str()),
            ("hm", "Yes")
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
}
