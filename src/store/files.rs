//! The store's folder and files: readable by the user alone, before anything is written to them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// The database in the store's folder.
pub const DATABASE: &str = "sessions.db";
/// Everyone who has the store open holds a shared lock on it; a salvage holds an exclusive one.
const LOCK: &str = "sessions.lock";

/// Makes the folder and an empty database, if they are not there, and takes the rights of others away.
pub(super) fn prepare(folder: &Path) -> Result<PathBuf, StoreError> {
    let failed = |error| StoreError::io("making the folder", folder, error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    restrict(folder, 0o700).map_err(failed)?;
    let path = folder.join(DATABASE);
    // SQLite gives the -wal and -shm files the rights of the database.
    open_private(&path).map_err(|error| StoreError::io("making", &path, error))?;
    for suffix in ["-wal", "-shm"] {
        let side = with_suffix(&path, suffix);
        match restrict(&side, 0o600) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("restricting", side, error));
            }
            _ => {}
        }
    }
    Ok(path)
}

/// Opens a file for reading and writing, made if it is not there, that nobody else can read.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    restrict(path, 0o600)?;
    Ok(file)
}

/// Holds the store open; a salvage by somebody else is waited for.
pub(super) fn share(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let failed = |error| StoreError::io("locking", &path, error);
    let file = open_private(&path).map_err(failed)?;
    file.lock_shared().map_err(failed)?;
    Ok(file)
}

/// Holds the store alone. `None` when somebody else has it open.
pub(super) fn own(folder: &Path) -> Result<Option<File>, StoreError> {
    let path = folder.join(LOCK);
    let failed = |error| StoreError::io("locking", &path, error);
    let file = open_private(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// `sessions.db-wal` of `sessions.db`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    let mut rights = fs::metadata(path)?.permissions();
    if rights.mode() & 0o777 != mode {
        rights.set_mode(mode);
        fs::set_permissions(path, rights)?;
    }
    Ok(())
}
