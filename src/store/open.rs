//! Opening the store, and what every call of it needs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::error::Tried;
use super::salvage::{self, Salvaged};
use super::writer::{self, Writer};
use super::{StoreError, files, schema};

/// How long a write waits for those of other programs.
const BUSY: Duration = Duration::from_secs(5);
/// `lmdk`: marks the file as this program's own.
const APPLICATION_ID: i64 = 0x6c6d_646b;
/// Statements kept prepared.
const STATEMENTS: usize = 64;

/// The store, open. Every change is on disk when its call returns.
pub struct Store {
    pub(super) db: Connection,
    pub(super) folder: PathBuf,
    /// `None` until the first reply or conversation of this program.
    pub(super) writer: Option<Writer>,
    /// Held for as long as the store is open.
    _shared: File,
}

/// A store, and what was found when it was opened.
pub struct Opened {
    pub store: Store,
    /// The store was damaged: what was saved, and where the damaged file lies.
    pub salvaged: Option<Salvaged>,
}

impl Store {
    /// Opens the store in a folder; both are made if they are not there. A store of an older
    /// version is brought up to date, replies of programs that died are closed. A damaged one is set
    /// aside and salvaged.
    ///
    /// # Errors
    /// When the folder or the file cannot be used, belongs to a newer or another program, or is
    /// damaged while another program has it open.
    pub fn open(folder: &Path) -> Result<Opened, StoreError> {
        match Self::open_sound(folder) {
            Err(error) if error.is_damage() => {
                tracing::error!("{error}");
                Self::salvage(folder)
            }
            outcome => outcome,
        }
    }

    /// Opens a store that a call has found [damaged](StoreError::is_damage): what was open of it
    /// must be dropped before.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn salvage(folder: &Path) -> Result<Opened, StoreError> {
        files::prepare(folder)?;
        let salvaged = salvage::salvage(folder)?;
        if let Some(salvaged) = &salvaged {
            tracing::error!("{salvaged}");
        }
        Ok(Opened {
            salvaged,
            ..Self::open_sound(folder)?
        })
    }

    fn open_sound(folder: &Path) -> Result<Opened, StoreError> {
        let path = files::prepare(folder)?;
        let shared = files::share(folder)?;
        let mut db = connect(&path)?;
        create_schema(&mut db, &path)?;
        let mut store = Self {
            db,
            folder: folder.to_owned(),
            writer: None,
            _shared: shared,
        };
        store.recover()?;
        Ok(Opened {
            store,
            salvaged: None,
        })
    }

    /// Begins a change that waits its turn among several programs.
    pub(super) fn change(&mut self, what: &'static str) -> Result<Transaction<'_>, StoreError> {
        self.db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .tried(what)
    }

    /// This program's number among the writers, given at the first need of it.
    pub(super) fn writer_id(&mut self) -> Result<i64, StoreError> {
        if let Some(writer) = &self.writer {
            return Ok(writer.id);
        }
        let folder = self.folder.clone();
        let change = self.change("registering this program")?;
        let writer = Writer::register(&change, &folder, now_ms())?;
        change.commit().tried("registering this program")?;
        Ok(self.writer.insert(writer).id)
    }

    /// Marks the replies as interrupted that programs left open which are gone.
    fn recover(&mut self) -> Result<(), StoreError> {
        const WHAT: &str = "closing interrupted replies";
        let (folder, own) = (self.folder.clone(), self.writer.as_ref().map(|own| own.id));
        if writer::dead(&self.db, &folder, own)?.is_empty() {
            return Ok(());
        }
        let change = self.change(WHAT)?;
        // Asked again inside, because another program may be doing the same.
        let dead = writer::dead(&change, &folder, own)?;
        for id in &dead {
            super::messages::interrupt_all(&change, *id)?;
            change
                .execute("DELETE FROM writer WHERE id = ?1", [id])
                .tried(WHAT)?;
        }
        change.commit().tried(WHAT)?;
        for id in dead {
            writer::bury(&folder, id);
        }
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(writer) = &self.writer {
            // A conversation that is still open stays marked: the next start offers to go on with it.
            let _ = self
                .db
                .execute("DELETE FROM writer WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE writer = ?1)", [writer.id]);
        }
    }
}

/// Turns the write-ahead log on and gives the journal mode that came of it.
///
/// SQLite does not wait its turn for this as it does for all else: of two programs that open a new
/// store at once, one is told that it is busy.
fn use_wal(db: &Connection) -> rusqlite::Result<String> {
    const AGAIN: Duration = Duration::from_millis(5);
    let until = Instant::now() + BUSY;
    loop {
        let outcome = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        let busy = outcome
            .as_ref()
            .is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy));
        if !busy || Instant::now() >= until {
            return outcome;
        }
        std::thread::sleep(AGAIN);
    }
}

/// Opens a database file that exists, set up as every program of ours has it.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    const WHAT: &str = "opening the store";
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).tried(WHAT)?;
    db.busy_timeout(BUSY).tried(WHAT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Readers and a writer side by side. A file system that cannot do it (some network drives)
    // keeps the rollback journal, which is as safe and only slower.
    let mode = use_wal(&db).tried(WHAT)?;
    if !mode.eq_ignore_ascii_case("wal") {
        tracing::warn!("the store runs with journal mode {mode}");
    }
    for (name, value) in [
        // With NORMAL a power cut takes back what was acknowledged since the last checkpoint.
        ("synchronous", "FULL"),
        // On macOS a plain fsync leaves the data in the drive's cache.
        ("fullfsync", "ON"),
        ("checkpoint_fullfsync", "ON"),
        ("foreign_keys", "ON"),
        // What was purged is zeroed, not only forgotten.
        ("secure_delete", "ON"),
        // The file may come from elsewhere: nothing in its schema is run, and pages are checked.
        ("trusted_schema", "OFF"),
        ("cell_size_check", "ON"),
    ] {
        db.pragma_update(None, name, value).tried(WHAT)?;
    }
    // Reads the schema, and so finds a file that is not a database now and not in mid-sentence.
    db.query_row("SELECT count(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })
    .tried(WHAT)?;
    Ok(db)
}

/// Claims the file and brings its schema to the newest version.
pub(super) fn create_schema(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    mark(db, path)?;
    super::search::provide_words(db)?;
    schema::migrate(db, schema::MIGRATIONS)?.map_err(|found| StoreError::TooNew {
        path: path.to_owned(),
        found,
        known: schema::VERSION,
    })
}

/// Claims an empty file, and refuses one that somebody else's program made.
fn mark(db: &Connection, path: &Path) -> Result<(), StoreError> {
    const WHAT: &str = "opening the store";
    let number = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let id = number("PRAGMA application_id").tried(WHAT)?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    let tables = number("SELECT count(*) FROM sqlite_master").tried(WHAT)?;
    if id != 0 || tables > 0 {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    db.pragma_update(None, "application_id", APPLICATION_ID)
        .tried(WHAT)
}

/// Milliseconds since 1970, UTC.
pub(super) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
