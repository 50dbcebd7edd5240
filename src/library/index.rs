//! What headers said, remembered by path, size and time, so that a file is read once.
//!
//! One JSON file that can be lost: a version it does not know, damage or a missing file is an empty
//! index. It is written beside and renamed, so that nobody ever reads half of one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{About, Called};

/// Raised whenever an entry means something else than before.
const VERSION: u32 = 1;
/// An index larger than this is not believed; an entry takes about a kilobyte.
const LONGEST: u64 = 64 << 20;

/// What is known of files.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Index {
    version: u32,
    entries: BTreeMap<PathBuf, Entry>,
    /// What the models of the last look are called.
    #[serde(default)]
    called: Called,
    /// Whether something was learnt or forgotten since it was read.
    #[serde(skip)]
    changed: bool,
}

/// A file as it was when its header was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub stamp: Stamp,
    /// The error has the byte and the reason.
    pub about: Result<About, String>,
    /// A hash of a few pieces, where another file has the same size.
    pub sample: Option<String>,
    /// `gguf::fingerprint`, where another file has the same sample.
    pub fingerprint: Option<String>,
}

/// When a file counts as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Bytes; of all files of a model in several.
    pub size: u64,
    /// Nanoseconds since 1970 of the last change, of the file changed last.
    pub changed_ns: u64,
}

impl Stamp {
    /// Of these files together.
    ///
    /// # Errors
    /// When one of them cannot be looked at.
    pub fn of(files: &[PathBuf]) -> io::Result<Self> {
        let mut stamp = Self {
            size: 0,
            changed_ns: 0,
        };
        for file in files {
            let facts = fs::metadata(file)?;
            let changed = facts.modified()?.duration_since(UNIX_EPOCH);
            let changed = changed.map_or(0, |time| time.as_nanos());
            stamp.size = stamp.size.saturating_add(facts.len());
            stamp.changed_ns = stamp
                .changed_ns
                .max(u64::try_from(changed).unwrap_or(u64::MAX));
        }
        Ok(stamp)
    }
}

impl Index {
    /// Reads the index; what cannot be read is empty.
    pub fn read(path: &Path) -> Self {
        let index: Option<Self> = read(path);
        index
            .filter(|index| index.version == VERSION)
            .unwrap_or_default()
    }

    /// What the models of the last look are called, without what their headers say; nothing where
    /// the index cannot be read.
    pub fn read_called(path: &Path) -> Called {
        #[derive(Deserialize)]
        struct Part {
            called: Called,
        }
        read(path).map_or_else(Called::default, |part: Part| part.called)
    }

    /// Remembers what the models of a look are called.
    pub fn call(&mut self, called: Called) {
        self.changed |= self.called != called;
        self.called = called;
    }

    /// Writes the index if it has changed.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn write(&mut self, path: &Path) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        self.version = VERSION;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let written = File::create(&part).and_then(|file| {
            let mut file = BufWriter::new(file);
            serde_json::to_writer(&mut file, self)?;
            file.flush()?;
            fs::rename(&part, path)
        });
        if written.is_err() {
            // What is left of a failed attempt is of no use.
            let _ = fs::remove_file(&part);
        }
        written.inspect(|()| self.changed = false)
    }

    /// What is known of a file, if it is still the same.
    pub(super) fn get(&self, path: &Path, stamp: Stamp) -> Option<&Entry> {
        self.entries.get(path).filter(|entry| entry.stamp == stamp)
    }

    /// A figure of a known file, made when it is asked for first.
    pub(super) fn remember(
        &mut self,
        path: &Path,
        field: impl Fn(&mut Entry) -> &mut Option<String>,
        make: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        let entry = self.entries.get_mut(path)?;
        let figure = field(entry);
        if figure.is_none() {
            *figure = make();
            self.changed |= figure.is_some();
        }
        figure.clone()
    }

    pub(super) fn learn(&mut self, path: PathBuf, entry: Entry) {
        self.changed = true;
        self.entries.insert(path, entry);
    }

    /// Forgets files that are not there any more.
    pub(super) fn keep(&mut self, is_there: impl Fn(&Path) -> bool) {
        let before = self.entries.len();
        self.entries.retain(|path, _| is_there(path));
        self.changed |= self.entries.len() != before;
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    BufReader::new(file.take(LONGEST))
        .read_to_end(&mut bytes)
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}
