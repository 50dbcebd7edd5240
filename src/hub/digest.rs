//! The SHA-256 of a file that is still being written, on a thread of its own: it reads what the
//! writer has finished, from the page cache, so that neither waits for the other and what is
//! checked is what lies on disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};

use super::progress::Counter;
use crate::hex;

/// Bytes read at once.
const PIECE: usize = 1024 * 1024;

/// Follows the writer of a file.
pub(super) struct Follower {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<String>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// Bytes that are in the file.
    written: u64,
    /// How often the file was begun anew.
    restarts: u32,
    end: End,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// Nothing more will be written.
    Complete,
    /// Nobody wants to know any more.
    Dropped,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }
}

impl Follower {
    /// Starts to follow; `checked` is kept at the number of bytes that were hashed.
    ///
    /// # Errors
    /// When the file cannot be opened or no thread be started.
    pub(super) fn start(path: &Path, checked: Counter) -> io::Result<Self> {
        let file = File::open(path)?;
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            let name = thread::Builder::new().name("sha256".to_owned());
            name.spawn(move || follow(file, &shared, &checked))?
        };
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// So many bytes are in the file now.
    pub(super) fn wrote(&self, written: u64) {
        self.shared.change(|state| state.written = written);
    }

    /// The file is about to be emptied.
    pub(super) fn restart(&self) {
        self.shared.change(|state| {
            state.written = 0;
            state.restarts += 1;
        });
    }

    /// The hash of the whole file, in hexadecimal.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn finish(mut self) -> io::Result<String> {
        self.shared.change(|state| state.end = End::Complete);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(hash)) => hash,
            _ => Err(io::Error::other("the thread that hashes has ended")),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.change(|state| state.end = End::Dropped);
            let _ = thread.join();
        }
    }
}

fn follow(mut file: File, shared: &Shared, checked: &Counter) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut hashed = 0;
    let mut restarts = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let state = {
            let waiting = |state: &mut State| {
                state.end == End::Open && state.written == hashed && state.restarts == restarts
            };
            let waited = shared.changed.wait_while(shared.lock(), waiting);
            *waited.unwrap_or_else(PoisonError::into_inner)
        };
        if state.end == End::Dropped {
            return Ok(String::new());
        }
        if state.restarts != restarts {
            restarts = state.restarts;
            hashed = 0;
            checked.set(0);
            hash = Sha256::new();
            file.seek(SeekFrom::Start(0))?;
        }
        if hashed == state.written {
            if state.end == End::Complete {
                return Ok(hex::digits(&hash.finalize()));
            }
            continue;
        }
        let room = usize::try_from(state.written - hashed).unwrap_or(PIECE);
        let read = file.read(&mut piece[..room.min(PIECE)])?;
        if read == 0 && shared.lock().restarts == restarts {
            return Err(io::Error::other(
                "the file became shorter while it was read",
            ));
        }
        hash.update(&piece[..read]);
        hashed += read as u64;
        checked.set(hashed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_hash_is_that_of_what_was_written_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = File::create(&path).unwrap();
        let checked = Counter::default();
        let follower = Follower::start(&path, checked.clone()).unwrap();
        file.write_all(&[7; 3_000_000]).unwrap();
        follower.wrote(3_000_000);
        follower.restart();
        file.set_len(0).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut written = 0;
        for piece in [b"ab".as_slice(), b"", b"c"] {
            file.write_all(piece).unwrap();
            written += piece.len() as u64;
            follower.wrote(written);
        }
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            follower.finish().unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(checked.get(), 3);
    }

    #[test]
    fn one_that_is_dropped_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let follower = Follower::start(&path, Counter::default()).unwrap();
        follower.wrote(1);
        drop(follower);
        assert!(Follower::start(&folder.path().join("none"), Counter::default()).is_err());
    }
}
