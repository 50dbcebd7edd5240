//! What the store keeps, as plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chat::Role;
use crate::engine::Timings;

/// A conversation in the store; never given to another one, not even after it was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(pub i64);

/// A message in the store; later ones have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub i64);

/// Parameter values as text, by the parameter's name.
pub type Snapshot = BTreeMap<String, String>;

/// How far a message has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// A program is writing it.
    Streaming,
    #[default]
    Complete,
    /// It ended before its time: stopped, failed, or its program died.
    Interrupted,
}

/// What a message says and how it came about, wherever it stands in the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    pub role: Role,
    pub content: String,
    /// What a model thought before it answered; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    #[serde(default)]
    pub state: MessageState,
    /// Milliseconds since 1970, UTC.
    #[serde(default)]
    pub created_ms: i64,
    /// The model that wrote it; empty for what people say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// The values it was made with that differ from the defaults.
    #[serde(default, skip_serializing_if = "Snapshot::is_empty")]
    pub params: Snapshot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
    /// What the thought took; `None` = there is none, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought: Option<ThoughtTimings>,
    /// Why the reply ended, in the words of [`crate::engine::StopReason`]'s texts; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stop: String,
}

impl Said {
    /// A complete message with nothing known of how it came about.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            reasoning: String::new(),
            state: MessageState::Complete,
            created_ms: 0,
            model: String::new(),
            seed: None,
            params: Snapshot::new(),
            timings: None,
            thought: None,
            stop: String::new(),
        }
    }
}

/// What a reply took until its thought ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThoughtTimings {
    pub tokens: u32,
    /// Milliseconds from the first token.
    pub ms: f64,
}

/// A message at its place in the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: MessageId,
    /// `None` = a beginning of the conversation.
    pub parent: Option<MessageId>,
    pub said: Said,
}

/// What a reply ends with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    pub state: MessageState,
    /// As [`Said::stop`].
    pub stop: String,
    pub seed: Option<u32>,
    pub timings: Option<Timings>,
    pub thought: Option<ThoughtTimings>,
}

/// What belongs to a conversation beside its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    #[serde(default, skip_serializing_if = "Snapshot::is_empty")]
    pub params: Snapshot,
}

/// A conversation as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    pub id: ConversationId,
    /// Given by hand, else the first line of the first message; may be empty. Not sanitised.
    pub title: String,
    /// Whether the title was given by hand.
    pub is_named: bool,
    pub pinned: bool,
    /// In alphabetical order.
    pub tags: Vec<String>,
    /// Milliseconds since 1970, UTC.
    pub created_ms: i64,
    pub changed_ms: i64,
    /// When it was deleted, if it was; it can be restored until it is purged.
    pub deleted_ms: Option<i64>,
    /// The last message of the chosen path.
    pub leaf: Option<MessageId>,
    pub settings: Settings,
    /// Messages in the whole tree, deleted ones left out.
    pub messages: u32,
}

/// A place where something that was searched for was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub conversation: ConversationId,
    /// The conversation's title.
    pub title: String,
    /// `None` when the title itself matches.
    pub message: Option<MessageId>,
    pub role: Option<Role>,
    pub created_ms: i64,
    /// The text around the first word that matches, on one line. Not sanitised.
    pub snippet: String,
}
