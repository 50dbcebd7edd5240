//! Saving what can be saved of a damaged store.
//!
//! The file is not asked for its order, which may be what is broken: every page is looked at by
//! itself, every row on it decoded and told by its shape, and put into a new store under its old
//! number. The damaged file stays beside the new one under another name.

mod pages;
mod record;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ToSql, params_from_iter};

use super::conversations::{title_from, title_of};
use super::error::Tried;
use super::open::{connect, create_schema, now_ms};
use super::{
    ConversationId, Ending, MessageId, MessageState, StoreError, files, messages, row, search,
};
use crate::units::counted;
use pages::Pages;
use record::{Row, Value};
use rows::{TABLES, Table, table_of};

/// The store that is being made.
const NEW: &str = "sessions.new.db";
const WHAT: &str = "salvaging the store";

/// What came of a salvage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// Where the damaged file lies now.
    pub aside: PathBuf,
    pub conversations: usize,
    pub messages: usize,
    /// Rows that were seen and could not be read.
    pub unreadable: usize,
}

impl std::fmt::Display for Salvaged {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "The saved chats were damaged. Salvaged: {} with {}",
            counted(self.conversations, "chat"),
            counted(self.messages, "message")
        )?;
        if self.unreadable > 0 {
            write!(out, "; not to be read: {}", counted(self.unreadable, "row"))?;
        }
        write!(
            out,
            "; the damaged file is kept as {}",
            self.aside.display()
        )
    }
}

/// Salvages the store of a folder. `None` when it is sound after all: somebody else was quicker.
///
/// # Errors
/// When another program has the store open, or the new one cannot be written; the damaged one is
/// where it was then.
pub(super) fn salvage(folder: &Path) -> Result<Option<Salvaged>, StoreError> {
    let path = folder.join(files::DATABASE);
    let Some(_owned) = files::own(folder)? else {
        return Err(StoreError::InUse { path });
    };
    if is_sound(&path) {
        return Ok(None);
    }
    let new = folder.join(NEW);
    for suffix in ["", "-wal", "-shm"] {
        remove(&files::with_suffix(&new, suffix))?;
    }
    files::open_private(&new).map_err(|error| StoreError::io("making", &new, error))?;
    let mut pages = Pages::open(&path, &files::with_suffix(&path, "-wal"))
        .map_err(|error| StoreError::io("reading", &path, error))?;
    let mut db = connect(&new)?;
    create_schema(&mut db, &new)?;
    let rescued = rescue(&mut db, &mut pages)?;
    // Everything into the file itself: the log beside it does not move with it.
    db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
        .tried(WHAT)?;
    drop(db);
    let aside = set_aside(&path)?;
    fs::rename(&new, &path).map_err(|error| StoreError::io("moving", &new, error))?;
    Ok(Some(Salvaged { aside, ..rescued }))
}

/// Whether SQLite finds nothing wrong with a file.
fn is_sound(path: &Path) -> bool {
    let Ok(db) = connect(path) else {
        return false;
    };
    let said = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    said.is_ok_and(|said| said == "ok")
}

/// Gives the damaged file and its log other names.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = path.with_file_name(format!("sessions-damaged-{}.db", now_ms()));
    let failed = |error| StoreError::io("setting aside", path, error);
    for suffix in ["-wal", "-shm", ""] {
        let (from, to) = (
            files::with_suffix(path, suffix),
            files::with_suffix(&aside, suffix),
        );
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(aside)
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("removing", path, error))
        }
        _ => Ok(()),
    }
}

/// Puts every row that can be read into a new store, then mends what hangs in the air.
fn rescue(db: &mut Connection, pages: &mut Pages) -> Result<Salvaged, StoreError> {
    let change = db.transaction().tried(WHAT)?;
    // Rows come in the order of pages: parents may follow their children.
    change
        .execute_batch("PRAGMA defer_foreign_keys = ON")
        .tried(WHAT)?;
    let mut unreadable = 0;
    for number in 1..=pages.count() {
        for row in record::rows(pages, number) {
            match row {
                Some(row) => {
                    if let Some(table) = table_of(&row) {
                        put(&change, table, &row)?;
                    }
                }
                None => unreadable += 1,
            }
        }
    }
    mend(&change)?;
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        change.query_row(&sql, [], |row| row.get::<_, i64>(0))
    };
    let salvaged = Salvaged {
        aside: PathBuf::new(),
        conversations: count("conversation").tried(WHAT)? as usize,
        messages: count("message").tried(WHAT)? as usize,
        unreadable,
    };
    change.commit().tried(WHAT)?;
    Ok(salvaged)
}

fn put(db: &Connection, table: &Table, row: &Row) -> Result<(), StoreError> {
    if table.name == "sqlite_sequence" {
        return raise_sequence(db, &row.values);
    }
    let values = row.values.iter().enumerate().map(|(column, value)| {
        let value: Box<dyn ToSql> = match value {
            _ if column == 0 => Box::new(row.id),
            Value::Null | Value::Other => Box::new(rusqlite::types::Null),
            Value::Integer(number) => Box::new(*number),
            Value::Text(text) => Box::new(text.clone()),
        };
        value
    });
    let marks = vec!["?"; row.values.len()].join(", ");
    // A page that was copied brings rows twice; the first one stays.
    let sql = format!(
        "INSERT OR IGNORE INTO {} ({}) VALUES ({marks})",
        table.name, table.columns
    );
    db.prepare_cached(&sql)
        .and_then(|mut insert| insert.execute(params_from_iter(values)))
        .map(|_| ())
        .tried(WHAT)
}

/// Numbers that were given before are not given again.
fn raise_sequence(db: &Connection, values: &[Value]) -> Result<(), StoreError> {
    let [Value::Text(name), Value::Integer(given)] = values else {
        return Ok(());
    };
    if !TABLES.iter().any(|table| table.name == name) {
        return Ok(());
    }
    let sql = "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2
               WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)";
    db.execute(sql, rusqlite::params![name, given])
        .tried(WHAT)?;
    let sql = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
    db.execute(sql, rusqlite::params![name, given])
        .map(|_| ())
        .tried(WHAT)
}

/// Gives messages without a conversation one, messages without a parent the nearest one that is
/// left, ends what was streaming, drops what belongs to nothing, and indexes all words.
fn mend(db: &Connection) -> Result<(), StoreError> {
    let now = now_ms();
    db.execute(
        "INSERT INTO conversation (id, title, first_line, pinned, created_ms, changed_ms, params)
         SELECT DISTINCT conversation, 'Salvaged', '', 0, ?1, ?1, '{}' FROM message
         WHERE conversation NOT IN (SELECT id FROM conversation)",
        [now],
    )
    .tried(WHAT)?;
    adopt_orphans(db)?;
    db.execute_batch(
        "UPDATE message SET writer = NULL;
         UPDATE conversation SET leaf = NULL WHERE leaf NOT IN (SELECT id FROM message);
         DELETE FROM piece WHERE message NOT IN (SELECT id FROM message);
         DELETE FROM tag WHERE conversation NOT IN (SELECT id FROM conversation);
         DELETE FROM omission WHERE conversation NOT IN (SELECT id FROM conversation)
                                 OR before NOT IN (SELECT id FROM message);
         DELETE FROM vote WHERE better NOT IN (SELECT id FROM message)
                             OR worse NOT IN (SELECT id FROM message);",
    )
    .tried(WHAT)?;
    for id in ids(db, "SELECT id FROM message ORDER BY id")? {
        index(db, MessageId(id))?;
    }
    for id in ids(db, "SELECT id FROM conversation")? {
        title(db, ConversationId(id))?;
    }
    Ok(())
}

fn adopt_orphans(db: &Connection) -> Result<(), StoreError> {
    let sql = "SELECT id, conversation, parent FROM message ORDER BY id";
    let mut statement = db.prepare(sql).tried(WHAT)?;
    let places: Vec<(i64, i64, Option<i64>)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect)
        .tried(WHAT)?;
    let mut seen: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for (id, conversation, parent) in places {
        let earlier = seen.entry(conversation).or_default();
        if let Some(parent) = parent.filter(|parent| !earlier.contains(parent)) {
            let nearest = earlier.range(..parent.max(0)).next_back().copied();
            let sql = "UPDATE message SET parent = ?2 WHERE id = ?1";
            db.execute(sql, rusqlite::params![id, nearest])
                .tried(WHAT)?;
        }
        earlier.insert(id);
    }
    Ok(())
}

/// Ends a message that was streaming, and takes its words into the index.
fn index(db: &Connection, id: MessageId) -> Result<(), StoreError> {
    let (content, reasoning, state) = messages::text_of(db, id)?;
    if state != MessageState::Streaming {
        return search::index_message(db, id, &content, &reasoning);
    }
    let ending = Ending {
        state: MessageState::Interrupted,
        ..Ending::default()
    };
    messages::finish(db, id, &ending)
}

/// Makes a title from the first message where there is none, and takes it into the index.
fn title(db: &Connection, id: ConversationId) -> Result<(), StoreError> {
    let sql =
        "SELECT content FROM message WHERE conversation = ?1 AND role = 'user' ORDER BY id LIMIT 1";
    let first: Option<String> = db
        .prepare_cached(sql)
        .and_then(|mut row| {
            row.query_map([id.0], |found| row::text(found, 0))?
                .next()
                .transpose()
        })
        .tried(WHAT)?;
    search::reindex_title(db, id, "", &title_of(db, id)?)?;
    title_from(db, id, first.as_deref().unwrap_or_default())
}

fn ids(db: &Connection, sql: &str) -> Result<Vec<i64>, StoreError> {
    db.prepare(sql)
        .and_then(|mut ids| ids.query_map([], |row| row.get(0))?.collect())
        .tried(WHAT)
}
