//! What this program downloaded, so that it removes nothing else: a line of JSON a file, added
//! before the file gets its name.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The record's name in the data folder.
const FILE: &str = "downloads.jsonl";

/// The record of a data folder.
#[derive(Clone, Debug)]
pub struct Record {
    path: PathBuf,
}

/// A file that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downloaded {
    /// Where its bytes lie: the blob in the Hub's cache, or the file itself.
    pub path: PathBuf,
    /// What was asked for: `org/repo:Q4_K_M`, an address.
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

impl Record {
    pub fn of(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join(FILE),
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn add(&self, file: &Downloaded) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut line = serde_json::to_string(file)?;
        // A line that a crash cut short ends here.
        line.insert(0, '\n');
        line.push('\n');
        let mut record = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        record.write_all(line.as_bytes())?;
        record.sync_all()
    }

    /// Every file by where its bytes lie. What cannot be read is left out.
    pub fn files(&self) -> BTreeMap<PathBuf, Downloaded> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let files = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        files
            .map(|file: Downloaded| (file.path.clone(), file))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_short_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::of(&folder.path().join("data"));
        assert!(record.files().is_empty());
        let file = |path: &str| Downloaded {
            path: path.into(),
            name: "a/b:Q8_0".into(),
            bytes: 7,
            sha256: String::new(),
            at_ms: 1,
        };
        record.add(&file("/one")).unwrap();
        let mut cut = OpenOptions::new().append(true).open(&record.path).unwrap();
        cut.write_all(b"{\"path\":\"/cut").unwrap();
        record.add(&file("/two")).unwrap();
        record.add(&file("/two")).unwrap();
        let paths: Vec<PathBuf> = record.files().into_keys().collect();
        assert_eq!(paths, [Path::new("/one"), Path::new("/two")]);
        assert_eq!(record.files()[Path::new("/two")], file("/two"));
    }
}
