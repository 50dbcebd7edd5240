//! What of a conversation is left out of the prompt.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::error::Tried;
use super::messages::must_belong;
use super::open::now_ms;
use super::{ConversationId, MessageId, Store, StoreError, row};

/// The older messages of a path, which the model is not given any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omission<Id> {
    /// The first message that it is given.
    pub before: Id,
    /// What stands in the prompt in place of those before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

impl<Id> Omission<Id> {
    /// The same where messages go by other ids; `None` when this one has none there.
    pub fn place<Other>(&self, id: impl FnOnce(&Id) -> Option<Other>) -> Option<Omission<Other>> {
        Some(Omission {
            before: id(&self.before)?,
            summary: self.summary.clone(),
        })
    }
}

impl Store {
    /// Keeps what is left out of the prompt from now on; `None` = nothing.
    ///
    /// # Errors
    /// When the message is not part of the conversation, or it cannot be written.
    pub fn set_omission(
        &mut self,
        conversation: ConversationId,
        omission: Option<&Omission<MessageId>>,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "saving what is left out of the prompt";
        let change = self.change(WHAT)?;
        write(&change, conversation, omission)?;
        change.commit().tried(WHAT)
    }

    /// What is left out of the prompt, if anything is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn omission(
        &self,
        conversation: ConversationId,
    ) -> Result<Option<Omission<MessageId>>, StoreError> {
        let sql = "SELECT before, summary FROM omission WHERE conversation = ?1";
        self.db
            .prepare_cached(sql)
            .and_then(|mut found| {
                let read = |found: &rusqlite::Row<'_>| {
                    Ok(Omission {
                        before: MessageId(found.get(0)?),
                        summary: row::optional_text(found, 1)?,
                    })
                };
                found.query_row([conversation.0], read).optional()
            })
            .tried("reading what is left out of the prompt")
    }
}

pub(super) fn write(
    db: &Connection,
    conversation: ConversationId,
    omission: Option<&Omission<MessageId>>,
) -> Result<(), StoreError> {
    const WHAT: &str = "saving what is left out of the prompt";
    let Some(omission) = omission else {
        let sql = "DELETE FROM omission WHERE conversation = ?1";
        return db.execute(sql, [conversation.0]).map(|_| ()).tried(WHAT);
    };
    must_belong(db, conversation, omission.before)?;
    let sql = "INSERT OR REPLACE INTO omission (conversation, before, written_ms, summary)
               VALUES (?1, ?2, ?3, ?4)";
    let values = params![
        conversation.0,
        omission.before.0,
        now_ms(),
        omission.summary
    ];
    db.execute(sql, values).map(|_| ()).tried(WHAT)
}
