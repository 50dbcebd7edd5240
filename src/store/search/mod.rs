//! Full-text search over everything said, and the titles.

mod snippet;
mod words;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::error::Tried;
use super::row::{role_from, text as column};
use super::{ConversationId, Hit, MessageId, Store, StoreError};
use words::{prepare, query};

impl Store {
    /// Where all these words were said, at most `limit` places: in titles, the chat begun last first,
    /// then in messages, the one saved last first. What was imported counts from its import. `"a phrase"` is searched as a whole, `begin*` finds what begins so.
    /// Case and accents do not matter. A text without words finds nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn search(&self, text: &str, limit: usize) -> Result<Vec<Hit>, StoreError> {
        let Some(query) = query(text) else {
            return Ok(Vec::new());
        };
        let mut hits = self.search_titles(text, &query, limit)?;
        hits.extend(self.search_messages(text, &query, limit)?);
        hits.truncate(limit);
        Ok(hits)
    }

    fn search_titles(&self, text: &str, query: &str, limit: usize) -> Result<Vec<Hit>, StoreError> {
        const WHAT: &str = "searching the titles";
        // CROSS JOIN keeps the index the outer loop, which gives the last saved first without sorting.
        let mut statement = self
            .db
            .prepare_cached(
                "SELECT c.id, coalesce(c.title, c.first_line), c.changed_ms
                 FROM titled CROSS JOIN conversation c ON c.id = titled.rowid
                 WHERE titled MATCH ?1 AND c.deleted_ms IS NULL
                 ORDER BY titled.rowid DESC LIMIT ?2",
            )
            .tried(WHAT)?;
        statement
            .query_map(params![query, limit as i64], |row| {
                let title = column(row, 1)?;
                Ok(Hit {
                    conversation: ConversationId(row.get(0)?),
                    message: None,
                    role: None,
                    created_ms: row.get(2)?,
                    snippet: snippet::around(&title, text),
                    title,
                })
            })
            .and_then(Iterator::collect)
            .tried(WHAT)
    }

    fn search_messages(
        &self,
        text: &str,
        query: &str,
        limit: usize,
    ) -> Result<Vec<Hit>, StoreError> {
        const WHAT: &str = "searching the messages";
        let mut statement = self
            .db
            .prepare_cached(
                "SELECT m.id, m.conversation, coalesce(c.title, c.first_line), m.role,
                        m.created_ms, m.content, m.reasoning
                 FROM said CROSS JOIN message m ON m.id = said.rowid
                      CROSS JOIN conversation c ON c.id = m.conversation
                 WHERE said MATCH ?1 AND m.deleted_ms IS NULL AND c.deleted_ms IS NULL
                 ORDER BY said.rowid DESC LIMIT ?2",
            )
            .tried(WHAT)?;
        statement
            .query_map(params![query, limit as i64], |row| {
                let (content, reasoning) = (column(row, 5)?, column(row, 6)?);
                let snippet = snippet::find(&content, text)
                    .or_else(|| snippet::find(&reasoning, text))
                    .unwrap_or_else(|| snippet::around(&content, text));
                Ok(Hit {
                    conversation: ConversationId(row.get(1)?),
                    title: column(row, 2)?,
                    message: Some(MessageId(row.get(0)?)),
                    role: Some(role_from(&column(row, 3)?)),
                    created_ms: row.get(4)?,
                    snippet,
                })
            })
            .and_then(Iterator::collect)
            .tried(WHAT)
    }
}

/// Makes `words(text)` known to SQL: a text as the index is given it.
///
/// # Errors
/// When SQLite refuses.
pub(super) fn provide_words(db: &Connection) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("words", 1, flags, |call| {
        Ok(match call.get_raw(0) {
            ValueRef::Text(text) => prepare(&String::from_utf8_lossy(text)),
            _ => String::new(),
        })
    })
    .tried("preparing the search")
}

/// Takes a message's words into the index, which must not have them yet.
pub(super) fn index_message(
    db: &Connection,
    id: MessageId,
    content: &str,
    reasoning: &str,
) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO said (rowid, content, reasoning) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute(params![id.0, prepare(content), prepare(reasoning)]))
        .map(|_| ())
        .tried("indexing a message")
}

/// Takes a message's words out of the index: exactly those that were taken in.
pub(super) fn forget_message(
    db: &Connection,
    id: MessageId,
    content: &str,
    reasoning: &str,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO said (said, rowid, content, reasoning) VALUES ('delete', ?1, ?2, ?3)",
    )
    .and_then(|mut delete| delete.execute(params![id.0, prepare(content), prepare(reasoning)]))
    .map(|_| ())
    .tried("taking words out of the index")
}

/// Makes the index have another title's words; empty titles are not in it.
pub(super) fn reindex_title(
    db: &Connection,
    id: ConversationId,
    old: &str,
    new: &str,
) -> Result<(), StoreError> {
    const WHAT: &str = "indexing a title";
    if old == new {
        return Ok(());
    }
    if !old.is_empty() {
        db.prepare_cached("INSERT INTO titled (titled, rowid, title) VALUES ('delete', ?1, ?2)")
            .and_then(|mut delete| delete.execute(params![id.0, prepare(old)]))
            .tried(WHAT)?;
    }
    if !new.is_empty() {
        db.prepare_cached("INSERT INTO titled (rowid, title) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![id.0, prepare(new)]))
            .tried(WHAT)?;
    }
    Ok(())
}
