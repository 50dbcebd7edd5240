//! Room on the disk, asked before it is needed.

use std::path::Path;

use super::{ErrorKind, HubError};

/// Bytes that stay free for everything else.
const SPARE: u64 = 64 * 1024 * 1024;

/// Bytes that this user can still write where the folder is, or will be; `None` where the system
/// does not say.
#[cfg(unix)]
pub fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let facts = rustix::fs::statvfs(there).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(not(unix))]
pub fn free(_folder: &Path) -> Option<u64> {
    None
}

/// # Errors
/// When so many bytes do not fit.
pub(super) fn check(folder: &Path, bytes: u64) -> Result<(), HubError> {
    match free(folder) {
        Some(free) if bytes > 0 && bytes.saturating_add(SPARE) > free => {
            let why = format!("{bytes} bytes are to come, and {free} are free on that disk");
            let what = format!("downloading to {}", folder.display());
            Err(HubError::new(ErrorKind::NoSpace, what, why)
                .hint("make room, choose a smaller quantisation, or name a folder on another disk in HF_HUB_CACHE"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_its_disk() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        assert_eq!(free(&below).is_some(), cfg!(unix));
        assert!(check(&below, 0).is_ok());
        if cfg!(unix) {
            let error = check(&below, u64::MAX).unwrap_err();
            assert_eq!(error.kind, ErrorKind::NoSpace);
        }
    }
}
