//! Conversations as a whole: the list, titles, pins, tags, deleting and restoring, settings.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Tried;
use super::messages;
use super::open::now_ms;
use super::row::{from_json, text, to_json};
use super::search;
use super::{Conversation, ConversationId, MessageId, Settings, Store, StoreError};

/// Characters of a first line that are kept as a title.
const TITLE: usize = 120;
const COLUMNS: &str = "c.id, c.title, c.first_line, c.pinned, c.created_ms, c.changed_ms,
    c.deleted_ms, c.leaf, c.system, c.preset, c.params,
    (SELECT count(*) FROM message m WHERE m.conversation = c.id AND m.deleted_ms IS NULL),
    (SELECT json_group_array(name) FROM (SELECT name FROM tag t WHERE t.conversation = c.id ORDER BY name))";

/// Which conversations a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All that are not deleted.
    #[default]
    Kept,
    /// Those of `Kept` that have this tag.
    Tagged(String),
    /// What can be restored.
    Deleted,
}

impl Store {
    /// Begins a conversation without messages.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(&mut self, settings: &Settings) -> Result<ConversationId, StoreError> {
        let now = now_ms();
        let change = self.change("beginning a conversation")?;
        let id = insert(&change, settings, now, now)?;
        change.commit().tried("beginning a conversation")?;
        Ok(id)
    }

    /// Conversations, pinned ones first, then the one changed last; at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self, which: &Which, limit: usize) -> Result<Vec<Conversation>, StoreError> {
        const WHAT: &str = "listing the conversations";
        let (condition, tag) = match which {
            Which::Kept => ("c.deleted_ms IS NULL", ""),
            Which::Tagged(tag) => (
                "c.deleted_ms IS NULL AND EXISTS
                 (SELECT 1 FROM tag t WHERE t.conversation = c.id AND t.name = ?2)",
                tag.as_str(),
            ),
            Which::Deleted => ("c.deleted_ms IS NOT NULL", ""),
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Chosen by the index first: counting messages is only for those that are shown.
        let mut statement = self
            .db
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM conversation c WHERE c.id IN
                 (SELECT c.id FROM conversation c WHERE {condition} AND ?2 IS NOT NULL
                  ORDER BY c.pinned DESC, c.changed_ms DESC, c.id DESC LIMIT ?1)
                 ORDER BY c.pinned DESC, c.changed_ms DESC, c.id DESC"
            ))
            .tried(WHAT)?;
        statement
            .query_map(params![limit, tag], read)
            .and_then(Iterator::collect)
            .tried(WHAT)
    }

    /// One conversation, deleted or not.
    ///
    /// # Errors
    /// [`StoreError::NoConversation`] when there is none of that number.
    pub fn conversation(&self, id: ConversationId) -> Result<Conversation, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM conversation c WHERE c.id = ?1");
        self.db
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([id.0], read).optional())
            .tried("reading a conversation")?
            .ok_or(StoreError::NoConversation(id))
    }

    /// The conversation that was changed last, if there is any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last(&self) -> Result<Option<ConversationId>, StoreError> {
        let sql = "SELECT id FROM conversation WHERE deleted_ms IS NULL
                   ORDER BY changed_ms DESC, id DESC LIMIT 1";
        self.db
            .query_row(sql, [], |row| row.get(0).map(ConversationId))
            .optional()
            .tried("looking for the last conversation")
    }

    /// Gives a title by hand; an empty one makes the first line the title again.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn rename(&mut self, id: ConversationId, title: &str) -> Result<(), StoreError> {
        const WHAT: &str = "renaming a conversation";
        let title = Some(title.trim()).filter(|title| !title.is_empty());
        let change = self.change(WHAT)?;
        name(&change, id, title)?;
        change.commit().tried(WHAT)
    }

    /// Puts a conversation above the others in lists, or takes it down again.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn set_pinned(&mut self, id: ConversationId, pinned: bool) -> Result<(), StoreError> {
        let sql = "UPDATE conversation SET pinned = ?2 WHERE id = ?1";
        self.update("pinning a conversation", id, sql, &[&pinned])
    }

    /// Gives a conversation these tags and no others. Empty ones are left out.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn set_tags(&mut self, id: ConversationId, tags: &[String]) -> Result<(), StoreError> {
        const WHAT: &str = "tagging a conversation";
        let change = self.change(WHAT)?;
        must_exist(&change, id)?;
        write_tags(&change, id, tags)?;
        change.commit().tried(WHAT)
    }

    /// Keeps what belongs to the conversation beside its messages.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn set_settings(
        &mut self,
        id: ConversationId,
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE conversation SET system = ?2, preset = ?3, params = ?4 WHERE id = ?1";
        let params = to_json(&settings.params);
        self.update(
            "keeping a conversation's settings",
            id,
            sql,
            &[&settings.system, &settings.preset, &params],
        )
    }

    /// Deletes a conversation; [`Store::restore`] brings it back as it was.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn delete(&mut self, id: ConversationId) -> Result<(), StoreError> {
        let sql = "UPDATE conversation SET deleted_ms = coalesce(deleted_ms, ?2), open_by = NULL WHERE id = ?1";
        self.update("deleting a conversation", id, sql, &[&now_ms()])
    }

    /// Brings a deleted conversation back.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn restore(&mut self, id: ConversationId) -> Result<(), StoreError> {
        let sql = "UPDATE conversation SET deleted_ms = NULL WHERE id = ?1";
        self.update("restoring a conversation", id, sql, &[])
    }

    /// Removes a conversation for good: its text is zeroed in the file.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn purge(&mut self, id: ConversationId) -> Result<(), StoreError> {
        const WHAT: &str = "removing a conversation";
        let change = self.change(WHAT)?;
        search::reindex_title(&change, id, &title_of(&change, id)?, "")?;
        messages::forget_all(&change, id)?;
        change
            .execute("DELETE FROM conversation WHERE id = ?1", [id.0])
            .tried(WHAT)?;
        change.commit().tried(WHAT)?;
        self.checkpoint()
    }

    /// Removes for good what was deleted before that time. Returns how many conversations.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn purge_deleted(&mut self, before_ms: i64) -> Result<usize, StoreError> {
        const WHAT: &str = "removing deleted conversations";
        let old: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM conversation WHERE deleted_ms < ?1")
            .and_then(|mut old| old.query_map([before_ms], |row| row.get(0))?.collect())
            .tried(WHAT)?;
        for id in &old {
            self.purge(ConversationId(*id))?;
        }
        Ok(old.len())
    }

    /// Notes that a conversation is on this program's screen: should the program die, the next one
    /// finds it among those that were [left open](Self::left_open).
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn enter(&mut self, id: ConversationId) -> Result<(), StoreError> {
        let writer = self.writer_id()?;
        let sql = "UPDATE conversation SET open_by = ?2 WHERE id = ?1";
        self.update("opening a conversation", id, sql, &[&writer])
    }

    /// Notes that a conversation was left on purpose.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be written.
    pub fn leave(&mut self, id: ConversationId) -> Result<(), StoreError> {
        let sql = "UPDATE conversation SET open_by = NULL WHERE id = ?1";
        self.update("leaving a conversation", id, sql, &[])
    }

    /// Conversations that were on a screen when their program ended without leaving them, the one
    /// changed last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn left_open(&self) -> Result<Vec<Conversation>, StoreError> {
        const WHAT: &str = "looking for conversations left open";
        let sql = format!(
            "SELECT {COLUMNS} FROM conversation c
             WHERE c.open_by IS NOT NULL AND c.deleted_ms IS NULL
                   AND c.open_by NOT IN (SELECT id FROM writer)
             ORDER BY c.changed_ms DESC, c.id DESC"
        );
        self.db
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_map([], read)?.collect())
            .tried(WHAT)
    }

    /// Writes everything into the database file itself, and empties the log beside it.
    fn checkpoint(&self) -> Result<(), StoreError> {
        // Another program that reads meanwhile leaves some of it for later; that is no failure.
        self.db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .tried("emptying the log of changes")
    }

    /// Changes one conversation; its number is the first parameter.
    fn update(
        &mut self,
        what: &'static str,
        id: ConversationId,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<(), StoreError> {
        let mut parameters: Vec<&dyn rusqlite::ToSql> = vec![&id.0];
        parameters.extend(values);
        let rows = self
            .db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters.as_slice()))
            .tried(what)?;
        touch(rows, id)
    }
}

/// Puts a conversation into its table.
pub(super) fn insert(
    db: &Connection,
    settings: &Settings,
    created_ms: i64,
    changed_ms: i64,
) -> Result<ConversationId, StoreError> {
    db.prepare_cached(
        "INSERT INTO conversation (first_line, pinned, created_ms, changed_ms, system, preset, params)
         VALUES ('', 0, ?1, ?2, ?3, ?4, ?5)",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            created_ms,
            changed_ms,
            settings.system,
            settings.preset,
            to_json(&settings.params)
        ])
    })
    .tried("beginning a conversation")?;
    Ok(ConversationId(db.last_insert_rowid()))
}

pub(super) fn write_tags(
    db: &Connection,
    id: ConversationId,
    tags: &[String],
) -> Result<(), StoreError> {
    const WHAT: &str = "tagging a conversation";
    db.execute("DELETE FROM tag WHERE conversation = ?1", [id.0])
        .tried(WHAT)?;
    for tag in tags.iter().map(|tag| tag.trim()) {
        if !tag.is_empty() {
            let sql = "INSERT OR IGNORE INTO tag (conversation, name) VALUES (?1, ?2)";
            db.execute(sql, params![id.0, tag]).tried(WHAT)?;
        }
    }
    Ok(())
}

/// Gives a title by hand, or takes it back.
pub(super) fn name(
    db: &Connection,
    id: ConversationId,
    title: Option<&str>,
) -> Result<(), StoreError> {
    let old = title_of(db, id)?;
    let sql = "UPDATE conversation SET title = ?2 WHERE id = ?1";
    db.execute(sql, params![id.0, title])
        .tried("renaming a conversation")?;
    search::reindex_title(db, id, &old, &title_of(db, id)?)
}

/// The title in force.
pub(super) fn title_of(db: &Connection, id: ConversationId) -> Result<String, StoreError> {
    db.prepare_cached("SELECT coalesce(title, first_line) FROM conversation WHERE id = ?1")
        .and_then(|mut title| title.query_row([id.0], |row| text(row, 0)).optional())
        .tried("reading a title")?
        .ok_or(StoreError::NoConversation(id))
}

/// Makes the first line of a message the title, unless there is one.
pub(super) fn title_from(
    db: &Connection,
    id: ConversationId,
    content: &str,
) -> Result<(), StoreError> {
    let line = first_line(content);
    if line.is_empty() {
        return Ok(());
    }
    let old = title_of(db, id)?;
    let sql = "UPDATE conversation SET first_line = ?2 WHERE id = ?1 AND first_line = ''";
    db.prepare_cached(sql)
        .and_then(|mut update| update.execute(params![id.0, line]))
        .tried("making a title")?;
    search::reindex_title(db, id, &old, &title_of(db, id)?)
}

/// The title that a first message makes: its first line that says something.
pub(super) fn first_line(content: &str) -> String {
    let line = content.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or_default().chars().take(TITLE).collect()
}

pub(super) fn must_exist(db: &Connection, id: ConversationId) -> Result<(), StoreError> {
    db.prepare_cached("SELECT 1 FROM conversation WHERE id = ?1")
        .and_then(|mut statement| statement.exists([id.0]))
        .tried("reading a conversation")?
        .then_some(())
        .ok_or(StoreError::NoConversation(id))
}

fn touch(rows: usize, id: ConversationId) -> Result<(), StoreError> {
    (rows > 0)
        .then_some(())
        .ok_or(StoreError::NoConversation(id))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    let optional = |column| -> rusqlite::Result<Option<String>> {
        let is_null = row.get_ref(column)? == ValueRef::Null;
        (!is_null).then(|| text(row, column)).transpose()
    };
    let title = optional(1)?;
    Ok(Conversation {
        id: ConversationId(row.get(0)?),
        is_named: title.is_some(),
        title: title.map_or_else(|| text(row, 2), Ok)?,
        pinned: row.get(3)?,
        created_ms: row.get(4)?,
        changed_ms: row.get(5)?,
        deleted_ms: row.get(6)?,
        leaf: row.get::<_, Option<i64>>(7)?.map(MessageId),
        settings: Settings {
            system: optional(8)?,
            preset: optional(9)?,
            params: from_json(&text(row, 10)?),
        },
        messages: row.get(11)?,
        tags: from_json(&text(row, 12)?),
    })
}
