//! Who is writing: each program that has the store open holds a lock that dies with it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::StoreError;
use super::error::Tried;
use super::files;

/// This program's place among the writers.
pub(super) struct Writer {
    pub id: i64,
    path: PathBuf,
    _lock: File,
}

impl Writer {
    /// Registers this program. To be called inside a transaction: nobody may see the number before
    /// its file is locked.
    pub(super) fn register(
        db: &Connection,
        folder: &Path,
        now_ms: i64,
    ) -> Result<Self, StoreError> {
        db.execute("INSERT INTO writer (began_ms) VALUES (?1)", [now_ms])
            .tried("registering this program")?;
        let id = db.last_insert_rowid();
        let path = lock_path(folder, id);
        let failed = |error| StoreError::io("locking", &path, error);
        let lock = files::open_private(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                id,
                path,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(failed(io::ErrorKind::WouldBlock.into())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What stays behind is cleared away by the next one that finds nobody holding it.
        let _ = fs::remove_file(&self.path);
    }
}

/// The writers whose programs are gone, other than this one.
pub(super) fn dead(
    db: &Connection,
    folder: &Path,
    own: Option<i64>,
) -> Result<Vec<i64>, StoreError> {
    let mut writers = db
        .prepare_cached("SELECT id FROM writer")
        .tried("looking for other programs")?;
    let ids: Vec<i64> = writers
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .tried("looking for other programs")?;
    Ok(ids
        .into_iter()
        .filter(|id| Some(*id) != own && !lives(folder, *id))
        .collect())
}

/// Clears the lock of a dead writer away.
pub(super) fn bury(folder: &Path, id: i64) {
    let _ = fs::remove_file(lock_path(folder, id));
}

fn lives(folder: &Path, id: i64) -> bool {
    match File::open(lock_path(folder, id)) {
        // Only who holds it is told apart here; the lock taken ends with the file's end.
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

fn lock_path(folder: &Path, id: i64) -> PathBuf {
    folder.join(format!("writer-{id}.lock"))
}
