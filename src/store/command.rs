//! What the deck asks of the store, and what it is told.

use std::sync::Arc;

use super::{
    Conversation, ConversationId, Ending, Hit, Kept, Message, MessageId, Run, Settings, Snapshot,
};
use crate::engine::{ConversationId as Chat, RequestId as Reply};

/// A thing to do. Chats and replies go by the deck's own numbers; which ones of the store they are,
/// the actor knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A message of the user at the end of the chat, which begins with it when it is not stored yet.
    /// Answered by [`Event::Settled`] when it is durable, or cannot be.
    Say {
        chat: Chat,
        text: String,
        settings: Settings,
    },
    /// A reply begins at the end of the chat.
    Begin {
        chat: Chat,
        reply: Reply,
        model: String,
        /// The values it is made with that differ from the defaults.
        params: Snapshot,
    },
    /// The last reply of the chat goes on, under another number.
    Resume {
        chat: Chat,
        reply: Reply,
    },
    /// What a reply has grown by.
    Grow {
        reply: Reply,
        text: String,
    },
    /// How a reply came about, before it ends. Answered by [`Event::Kept`].
    Keep {
        reply: Reply,
        kept: Arc<Kept>,
    },
    /// How a stored reply came about, known later.
    KeepLater {
        message: MessageId,
        kept: Arc<Kept>,
    },
    Finish {
        reply: Reply,
        ending: Ending,
    },
    /// The chat ends after so many messages from here on; the others stay as siblings of what follows.
    Rewind {
        chat: Chat,
        keep: usize,
    },
    /// The chat is left on purpose.
    Leave(Chat),
    /// A stored conversation becomes the chat of that number; answered by [`Event::Opened`].
    Open {
        chat: Chat,
        id: ConversationId,
    },
    /// Answered by [`Event::Listed`]; with words, by what matches them.
    List {
        words: String,
    },
    /// Answered by [`Event::LeftOpen`].
    FindLeftOpen,
    /// Nobody will go on with these; they are left for good.
    Dismiss(Vec<ConversationId>),
    Rename {
        id: ConversationId,
        title: String,
    },
    SetPinned {
        id: ConversationId,
        pinned: bool,
    },
    Delete(ConversationId),
    /// A measurement is kept.
    AddRun(Box<Run>),
    Restore(ConversationId),
    /// Ends the actor after all that came before.
    Stop,
}

impl Command {
    /// Whether it changes what is stored, and does not only ask.
    pub(super) fn is_change(&self) -> bool {
        !matches!(
            self,
            Self::Open { .. } | Self::List { .. } | Self::FindLeftOpen | Self::Stop
        )
    }
}

/// What the store tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message was taken in, or its failure was told: what waited for it may go on. Which
    /// conversation of the store the chat is; `None` when it could not be stored.
    Settled {
        chat: Chat,
        id: Option<ConversationId>,
    },
    Opened {
        chat: Chat,
        conversation: Box<Conversation>,
        /// The chosen path.
        path: Vec<Message>,
    },
    /// How the replies of a chat that was opened came about, by their places in its path.
    Traces {
        chat: Chat,
        kept: Vec<(usize, MessageId, Arc<Kept>)>,
    },
    /// How a reply came about is stored with that message.
    Kept { reply: Reply, message: MessageId },
    Listed {
        words: String,
        list: Vec<Conversation>,
        /// Where the words were said, when there are any.
        hits: Vec<Hit>,
    },
    /// Conversations that programs died with, the last one first.
    LeftOpen(Vec<Conversation>),
    /// The list is no longer what it was.
    Changed,
    /// Something could not be stored or read; the sentence says what and why. Told once until
    /// something succeeds again.
    Failed(String),
    /// The store was damaged; the sentence says what was saved and where the damaged file lies.
    Salvaged(String),
}
