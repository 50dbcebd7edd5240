//! How far a download is: written by its threads, read by whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A number of bytes that one thread writes and others read.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct FileProgress {
    pub here: Counter,
    pub checked: Counter,
    /// Bytes there will be, once its server has said so; 0 before.
    pub size: Counter,
    pub status: Arc<Mutex<Status>>,
}

/// What a file waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Its turn.
    #[default]
    Queued,
    /// Another program that downloads the same file.
    Locked,
    Fetching,
    /// The next try, after this failure.
    Retrying(String),
    /// All bytes are here; their hash is not yet.
    Checking,
    Done,
}

impl FileProgress {
    pub(super) fn set(&self, status: Status) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub(super) fn status(&self) -> Status {
        let status = self.status.lock();
        status.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How far a download is, all files together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are here.
    pub here: u64,
    /// Bytes there will be; `None` while a server does not say.
    pub total: Option<u64>,
    /// Files that are here and checked, and all.
    pub files: (usize, usize),
    /// Of the file that has most to tell: a failure, then a lock, then checking.
    pub status: Status,
}

impl Progress {
    pub(super) fn of(files: &[FileProgress], total: Option<u64>) -> Self {
        let told = files.iter().map(|file| file.size.get());
        let all_told = told.clone().all(|size| size > 0);
        let told = all_told.then(|| told.fold(0, u64::saturating_add));
        let statuses: Vec<Status> = files.iter().map(FileProgress::status).collect();
        let weight = |status: &Status| match status {
            Status::Done => 0,
            Status::Queued => 1,
            Status::Checking => 2,
            Status::Fetching => 3,
            Status::Locked => 4,
            Status::Retrying(_) => 5,
        };
        let done = statuses.iter().filter(|status| **status == Status::Done);
        Self {
            here: files.iter().map(|file| file.here.get()).sum(),
            total: total.or(told),
            files: (done.count(), files.len()),
            status: statuses
                .iter()
                .max_by_key(|status| weight(status))
                .cloned()
                .unwrap_or_default(),
        }
    }
}
