//! Columns to plain data and back.

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Message, MessageId, MessageState, Said, Snapshot};
use crate::chat::Role;

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: MessageId(row.get(0)?),
        parent: row.get::<_, Option<i64>>(1)?.map(MessageId),
        said: Said {
            role: role_from(row.get_ref(2)?.as_str().unwrap_or_default()),
            content: text(row, 3)?,
            reasoning: text(row, 4)?,
            state: state_from(row.get_ref(5)?.as_str().unwrap_or_default()),
            created_ms: row.get(6)?,
            model: text(row, 7)?,
            // A seed out of range is not one of ours: unknown rather than wrong.
            seed: match row.get(8)? {
                Value::Integer(seed) => u32::try_from(seed).ok(),
                _ => None,
            },
            params: known(row, 9)?.map_or_else(Snapshot::new, |json| from_json(&json)),
            timings: known(row, 10)?.and_then(|json| serde_json::from_str(&json).ok()),
            stop: text(row, 11)?,
        },
    })
}

/// A column's text. Bytes that a damaged disk made of it are no reason to lose the rest.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    })
}

/// A column's text, or that there is none.
pub(super) fn optional_text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    let is_there = !matches!(row.get_ref(column)?, ValueRef::Null);
    is_there.then(|| text(row, column)).transpose()
}

/// JSON that says something: most messages have none, and thousands are read at once.
fn known(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    let says = !matches!(row.get_ref(column)?, ValueRef::Null | ValueRef::Text(b"{}"));
    says.then(|| text(row, column)).transpose()
}

/// JSON of plain data of ours, which always has one.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

/// What is not readable any more counts as not known.
pub(super) fn from_json<T: DeserializeOwned + Default>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_default()
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

pub(super) fn role_from(name: &str) -> Role {
    match name {
        "system" => Role::System,
        "assistant" => Role::Assistant,
        _ => Role::User,
    }
}

pub(super) fn state_name(state: MessageState) -> &'static str {
    match state {
        MessageState::Streaming => "streaming",
        MessageState::Complete => "complete",
        MessageState::Interrupted => "interrupted",
    }
}

pub(super) fn state_from(name: &str) -> MessageState {
    match name {
        "streaming" => MessageState::Streaming,
        "interrupted" => MessageState::Interrupted,
        _ => MessageState::Complete,
    }
}
