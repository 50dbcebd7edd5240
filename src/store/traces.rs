//! What made a reply, and how its tokens came about. A salvage leaves it behind: bytes without a
//! check of their own are not believed when the file around them is damaged.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::error::Tried;
use super::row::{from_json, to_json};
use super::{MessageId, Store, StoreError};
use crate::engine::Origin;
use crate::engine::trace::{Ids, Trace};

/// All that is kept of how a reply came about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    pub origin: Origin,
    pub ids: Ids,
    /// Its tokens' candidates; empty where they were not recorded.
    pub trace: Trace,
    pub marks: Marks,
}

/// What is known of tokens beside their candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// The places of tokens that somebody took in place of what was drawn, in order.
    pub by_hand: Vec<u32>,
    /// The candidates of so many tokens at its beginning were computed after the reply was made:
    /// sums in another order round differently, so that a near tie may have fallen the other way.
    pub computed_later: u32,
}

impl Marks {
    /// Whether the candidates of the token at that place were computed after it was drawn.
    pub fn is_computed_later(&self, at: u32) -> bool {
        at < self.computed_later
    }

    /// Whether the token at that place was taken by hand.
    pub fn is_by_hand(&self, at: u32) -> bool {
        self.by_hand.contains(&at)
    }

    /// Only the tokens before that place are still those that the marks are about.
    pub fn truncate(&mut self, end: u32) {
        self.by_hand.retain(|at| *at < end);
        self.computed_later = self.computed_later.min(end);
    }
}

/// The column `origin`, one object.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Around {
    #[serde(flatten)]
    origin: Origin,
    #[serde(flatten)]
    marks: Marks,
}

type Columns = (i64, String, Vec<u8>);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// `None` when the bytes cannot be read any more.
fn read((message, origin, tokens): Columns) -> Option<(MessageId, Kept)> {
    match Trace::from_bytes(&tokens) {
        Ok((trace, ids)) => {
            let Around { origin, marks } = from_json(&origin);
            let kept = Kept {
                origin,
                ids,
                trace,
                marks,
            };
            Some((MessageId(message), kept))
        }
        Err(error) => {
            tracing::warn!(message, "how a reply came about: {error}");
            None
        }
    }
}

impl Store {
    /// Keeps how a reply came about, all that is known of it, in place of what was kept before.
    ///
    /// # Errors
    /// When there is no such message, or it cannot be written.
    pub fn keep_trace(&mut self, message: MessageId, kept: &Kept) -> Result<(), StoreError> {
        const WHAT: &str = "saving how a reply came about";
        let sql = "INSERT OR REPLACE INTO trace (message, origin, tokens)
                   SELECT id, ?2, ?3 FROM message WHERE id = ?1";
        let tokens = kept.trace.to_bytes(&kept.ids);
        let around = to_json(&Around {
            origin: kept.origin.clone(),
            marks: kept.marks.clone(),
        });
        let change = self.change(WHAT)?;
        change
            .execute("DELETE FROM trace_part WHERE message = ?1", [message.0])
            .tried(WHAT)?;
        let rows = change
            .prepare_cached(sql)
            .and_then(|mut insert| insert.execute(params![message.0, around, tokens]))
            .tried(WHAT)?;
        change.commit().tried(WHAT)?;
        (rows > 0)
            .then_some(())
            .ok_or(StoreError::NoMessage(message))
    }

    /// Keeps what came new of a streaming reply of which something is kept: the tokens drawn and
    /// their candidates. Costs what is new, not all of it.
    ///
    /// # Errors
    /// When nothing is kept of such a message, or it cannot be written.
    pub fn add_trace(
        &mut self,
        message: MessageId,
        chosen: &[i32],
        trace: &Trace,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO trace_part (message, tokens)
                   SELECT message, ?2 FROM trace WHERE message = ?1";
        let tokens = trace.to_bytes(&Ids {
            prompt: Vec::new(),
            chosen: chosen.to_vec(),
        });
        let rows = self
            .db
            .prepare_cached(sql)
            .and_then(|mut insert| insert.execute(params![message.0, tokens]))
            .tried("saving how a reply goes on")?;
        (rows > 0)
            .then_some(())
            .ok_or(StoreError::NoMessage(message))
    }

    /// How a reply came about; `None` when that was not kept, or cannot be read any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn trace(&self, message: MessageId) -> Result<Option<Kept>, StoreError> {
        let sql = "SELECT message, origin, tokens FROM trace WHERE message = ?1";
        let found = self
            .db
            .prepare_cached(sql)
            .and_then(|mut found| found.query_row([message.0], columns).optional())
            .tried("reading how a reply came about")?;
        let Some((_, mut kept)) = found.and_then(read) else {
            return Ok(None);
        };
        self.add_parts(message, &mut kept)?;
        Ok(Some(kept))
    }

    /// How the replies of a conversation came about, where that was kept and can be read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn traces(
        &self,
        conversation: super::ConversationId,
    ) -> Result<Vec<(MessageId, Kept)>, StoreError> {
        let sql =
            "SELECT t.message, t.origin, t.tokens FROM trace t JOIN message m ON m.id = t.message
                   WHERE m.conversation = ?1";
        let found: Vec<Columns> = self
            .db
            .prepare_cached(sql)
            .and_then(|mut found| found.query_map([conversation.0], columns)?.collect())
            .tried("reading how replies came about")?;
        let mut all: Vec<_> = found.into_iter().filter_map(read).collect();
        // Only replies that were cut off have parts, and a chat has thousands that were not.
        let cut_off = self.in_parts()?;
        for (message, kept) in all.iter_mut().filter(|(id, _)| cut_off.contains(id)) {
            self.add_parts(*message, kept)?;
        }
        Ok(all)
    }

    /// The messages of all conversations whose record has parts.
    fn in_parts(&self) -> Result<HashSet<MessageId>, StoreError> {
        self.db
            .prepare_cached("SELECT DISTINCT message FROM trace_part")
            .and_then(|mut found| {
                let id = |row: &rusqlite::Row<'_>| row.get(0).map(MessageId);
                found.query_map([], id)?.collect()
            })
            .tried("reading which replies were cut off")
    }

    /// Adds what came new while the reply was made, if its end is not kept yet.
    fn add_parts(&self, message: MessageId, kept: &mut Kept) -> Result<(), StoreError> {
        const WHAT: &str = "reading how a reply went on";
        let sql = "SELECT tokens FROM trace_part WHERE message = ?1 ORDER BY id";
        let mut parts = self.db.prepare_cached(sql).tried(WHAT)?;
        let mut parts = parts.query([message.0]).tried(WHAT)?;
        while let Some(row) = parts.next().tried(WHAT)? {
            let bytes: Vec<u8> = row.get(0).tried(WHAT)?;
            // What follows a part that is lost has no place.
            let Ok((trace, ids)) = Trace::from_bytes(&bytes) else {
                tracing::warn!(
                    message = message.0,
                    "a part of how a reply came about is damaged"
                );
                break;
            };
            kept.ids.chosen.extend(ids.chosen);
            kept.trace.append(trace);
        }
        Ok(())
    }

    /// A message by its number; `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn message(&self, id: MessageId) -> Result<Option<super::Message>, StoreError> {
        const WHAT: &str = "reading a message";
        let conversation: Option<i64> = self
            .db
            .query_row(
                "SELECT conversation FROM message WHERE id = ?1",
                [id.0],
                |row| row.get(0),
            )
            .optional()
            .tried(WHAT)?;
        let Some(conversation) = conversation else {
            return Ok(None);
        };
        let tree = self.tree(super::ConversationId(conversation))?;
        Ok(tree.get(id).cloned())
    }
}
