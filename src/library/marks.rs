//! What the deck itself remembers of models: favourites, when each was used last, how fast it replied,
//! and which files were downloaded: only those may be removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file in the data folder.
const FILE: &str = "models.json";
/// Longer than this it is not believed.
const LONGEST: u64 = 16 << 20;

/// By the paths of models, as they are loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    pub favourites: BTreeSet<PathBuf>,
    /// Where the bytes of files lie that were downloaded; their record is kept elsewhere.
    #[serde(skip)]
    pub downloaded: BTreeSet<PathBuf>,
    /// Seconds since 1970.
    pub used: BTreeMap<PathBuf, u64>,
    /// Tokens per second of the last reply that was long enough to tell.
    pub replied: BTreeMap<PathBuf, f64>,
}

impl Marks {
    /// Reads them; a missing or damaged file has none.
    pub fn read(data_dir: &Path) -> Self {
        let read = || -> Option<Self> {
            let mut text = String::new();
            let file = File::open(data_dir.join(FILE)).ok()?;
            file.take(LONGEST).read_to_string(&mut text).ok()?;
            serde_json::from_str(&text).ok()
        };
        read().unwrap_or_default()
    }

    /// Changes them on the disk; programs that run side by side take turns.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn change(data_dir: &Path, make: impl FnOnce(&mut Self)) -> io::Result<Self> {
        fs::create_dir_all(data_dir)?;
        let path = data_dir.join(FILE);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.with_extension("lock"))?;
        lock.lock()?;
        let mut marks = Self::read(data_dir);
        make(&mut marks);
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let mut file = File::create(&part)?;
        serde_json::to_writer_pretty(&mut file, &marks)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        Ok(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_add_up() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Marks::read(folder.path()), Marks::default());
        let (a, b) = (PathBuf::from("/a"), PathBuf::from("/b"));
        Marks::change(folder.path(), |marks| {
            marks.favourites.insert(a.clone());
        })
        .unwrap();
        Marks::change(folder.path(), |marks| {
            marks.used.insert(b.clone(), 7);
        })
        .unwrap();
        let marks = Marks::read(folder.path());
        assert!(marks.favourites.contains(&a));
        assert_eq!(marks.used.get(&b), Some(&7));
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(Marks::read(folder.path()), Marks::default());
    }
}
