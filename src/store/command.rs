//! What the deck asks of the store, and what it is told.

use std::sync::Arc;

use super::{
    Conversation, ConversationId, Ending, Hit, Kept, MessageId, Omission, Run, Said, Settings,
    Snapshot,
};
use crate::chat::NodeId;
use crate::compare::{Ballot, Standing};
use crate::engine::trace::Trace;
use crate::engine::{ConversationId as Chat, RequestId as Reply};

/// A thing to do. Chats, messages and replies go by the deck's own numbers; which ones of the store
/// they are, the actor knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A message of the user below `parent`, at the end of the chosen path from now on. The chat begins
    /// with it when it is not stored yet. Answered by [`Event::Settled`] when it is durable, or cannot be.
    Say {
        chat: Chat,
        node: NodeId,
        parent: Option<NodeId>,
        text: String,
        settings: Settings,
    },
    /// A reply begins below `parent`, at the end of the chosen path from now on.
    Begin {
        chat: Chat,
        node: NodeId,
        parent: Option<NodeId>,
        reply: Reply,
        /// What it begins with: another one that was edited, or nothing.
        text: String,
        /// What it thought before that.
        reasoning: String,
        model: String,
        /// The values it is made with that differ from the defaults.
        params: Snapshot,
    },
    /// A reply goes on, under another number.
    Resume {
        chat: Chat,
        node: NodeId,
        reply: Reply,
    },
    /// What a reply has grown by.
    Grow {
        reply: Reply,
        text: String,
        reasoning: String,
    },
    /// How a reply came about, before it ends. Answered by [`Event::Kept`].
    Keep {
        reply: Reply,
        kept: Arc<Kept>,
    },
    /// What came new of how a reply comes about, after something of it was kept.
    KeepMore {
        reply: Reply,
        /// Tokens that were drawn.
        chosen: Vec<i32>,
        /// Their candidates, where they are recorded.
        trace: Trace,
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
    /// The chosen path ends with this message from here on; `None` = before the first one.
    Choose {
        chat: Chat,
        leaf: Option<NodeId>,
    },
    /// A message and all that follows it go, and can come back.
    DeleteBranch {
        chat: Chat,
        node: NodeId,
    },
    RestoreBranch {
        chat: Chat,
        node: NodeId,
    },
    /// The path to this message becomes a chat of its own, whose messages are numbered from 0; answered
    /// by [`Event::Forked`].
    Fork {
        chat: Chat,
        at: NodeId,
        fork: Chat,
    },
    /// What belongs to a stored chat beside its messages.
    Configure {
        chat: Chat,
        settings: Settings,
    },
    /// What of the path is left out of the prompt; `None` = nothing.
    LeaveOut {
        chat: Chat,
        omission: Option<Omission<NodeId>>,
    },
    /// The chat is left on purpose.
    Leave(Chat),
    /// A stored conversation becomes the chat of that number; answered by [`Event::Opened`] or
    /// [`Event::NotOpened`].
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
    /// These tags and no others.
    SetTags {
        id: ConversationId,
        tags: Vec<String>,
    },
    Delete(ConversationId),
    /// A measurement is kept.
    AddRun(Box<Run>),
    Restore(ConversationId),
    /// Somebody liked some answers to a prompt best.
    Cast {
        prompt: String,
        ballot: Ballot,
    },
    /// Answered by [`Event::Standing`].
    Stand,
    /// Ends the actor after all that came before.
    Stop,
}

impl Command {
    /// Whether it changes what is stored, and does not only ask.
    pub(super) fn is_change(&self) -> bool {
        !matches!(
            self,
            Self::Open { .. } | Self::List { .. } | Self::Stand | Self::FindLeftOpen | Self::Stop
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
        /// Every message with the one it follows; they are numbered in this order.
        messages: Vec<(Option<NodeId>, Said)>,
        /// The last message of the chosen path; `None` = none was chosen.
        leaf: Option<NodeId>,
        /// What of the chosen path is left out of the prompt.
        omission: Option<Omission<NodeId>>,
    },
    /// It could not be opened; [`Event::Failed`] says why.
    NotOpened(Chat),
    /// The copy is stored.
    Forked { fork: Chat, id: ConversationId },
    /// How the replies of a chat that was opened came about, by their numbers.
    Traces {
        chat: Chat,
        kept: Vec<(NodeId, MessageId, Arc<Kept>)>,
    },
    /// How a reply came about is stored with that message.
    Kept { reply: Reply, message: MessageId },
    Listed {
        words: String,
        /// When this was read: milliseconds since 1970, UTC.
        now_ms: i64,
        list: Vec<Conversation>,
        /// Where the words were said, when there are any.
        hits: Vec<Hit>,
    },
    /// What all votes show.
    Standing(Box<Standing>),
    /// Conversations that programs died with, the last one first.
    LeftOpen(Vec<Conversation>),
    /// The list is no longer what it was.
    Changed,
    /// Something could not be stored or read; the sentence says what and why. Told once until
    /// something succeeds again.
    Failed(String),
    /// All changes that had to wait for the disk are stored now.
    CaughtUp,
    /// The store was damaged; the sentence says what was saved and where the damaged file lies.
    Salvaged(String),
}
