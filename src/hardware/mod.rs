//! Hardware by name: memory and bandwidth of common cards and machines, each with its source, and
//! what the user adds in `hardware.toml` of the configuration folder.

mod size;

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

pub use size::{bandwidth, bytes};

const EMBEDDED: &str = include_str!("catalogue.toml");
/// The user's file, in the configuration folder.
pub const FILE: &str = "hardware.toml";

/// A card or machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// What it is asked for by: `rtx-4090`.
    pub id: String,
    /// As its maker calls it.
    pub name: String,
    pub kind: Kind,
    /// Bytes.
    pub memory: u64,
    /// Bytes per second that can be read; `None` where nobody said.
    pub bandwidth: Option<u64>,
    /// Where the figures come from.
    pub source: String,
}

/// What a model's parts that stay with the processor share memory with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A card with memory of its own.
    #[default]
    Gpu,
    /// One memory for processor and GPU.
    Unified,
    /// System memory without a GPU.
    Ram,
}

/// Why a catalogue cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueError {
    pub why: String,
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for CatalogueError {}

/// The embedded catalogue with the user's over it, in the order of ids. A missing file adds nothing.
///
/// # Errors
/// When the user's file cannot be read or says something else than hardware.
pub fn catalogue(folder: &Path) -> Result<Vec<Hardware>, CatalogueError> {
    let mut all = parse(EMBEDDED)?;
    match std::fs::read_to_string(folder.join(FILE)) {
        Ok(text) => all.extend(parse(&text)?),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(CatalogueError {
                why: error.to_string(),
            });
        }
    }
    Ok(all.into_values().collect())
}

/// An entry as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: Kind,
    memory: String,
    bandwidth: Option<String>,
    #[serde(default)]
    source: String,
}

fn parse(text: &str) -> Result<BTreeMap<String, Hardware>, CatalogueError> {
    let wrong = |why: String| CatalogueError { why };
    let entries: BTreeMap<String, Entry> =
        toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut all = BTreeMap::new();
    for (id, entry) in entries {
        let of = |why: String| wrong(format!("[{id}] {why}"));
        let memory = bytes(&entry.memory).map_err(of)?;
        let bandwidth = match &entry.bandwidth {
            Some(text) => Some(bandwidth(text).map_err(of)?),
            None => None,
        };
        let name = if entry.name.is_empty() {
            id.clone()
        } else {
            entry.name
        };
        let hardware = Hardware {
            id: id.clone(),
            name,
            kind: entry.kind,
            memory,
            bandwidth,
            source: entry.source,
        };
        all.insert(id, hardware);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(all: &[Hardware], id: &str) -> Hardware {
        let found = all.iter().find(|hardware| hardware.id == id);
        found.unwrap_or_else(|| panic!("{id}")).clone()
    }

    #[test]
    fn everything_embedded_has_figures_and_a_source() {
        let all = catalogue(Path::new("/nowhere")).expect("readable");
        assert!(all.len() > 45);
        for hardware in &all {
            let bandwidth = hardware.bandwidth.expect("known");
            assert!((60_000_000_000..10_000_000_000_000).contains(&bandwidth));
            assert!((8 << 30..1 << 40).contains(&hardware.memory));
            assert!(hardware.source.contains("https://"), "{}", hardware.id);
        }
        for (id, gib, gigabytes_per_second) in [
            ("rtx-4090", 24, 1008),
            ("rtx-5090", 32, 1792),
            ("dgx-spark", 128, 273),
            ("strix-halo", 128, 256),
            ("m3-ultra", 512, 819),
            ("h200", 141, 4800),
        ] {
            let hardware = named(&all, id);
            assert_eq!(hardware.memory, gib << 30, "{id}");
            assert_eq!(
                hardware.bandwidth,
                Some(gigabytes_per_second * 1_000_000_000)
            );
        }
    }

    #[test]
    fn a_users_entry_adds_and_replaces() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "[rtx-4090]\nmemory = \"48 GiB\"\n[mine]\nmemory = '8GB'\nkind = 'ram'\n";
        std::fs::write(folder.path().join(FILE), text).expect("written");
        let all = catalogue(folder.path()).expect("readable");
        let card = named(&all, "rtx-4090");
        assert_eq!((card.memory, card.bandwidth), (48 << 30, None));
        let mine = named(&all, "mine");
        assert_eq!((mine.memory, mine.kind), (8_000_000_000, Kind::Ram));
        for text in ["[a]\nmemory = 'much'", "[a]\nspeed = 3", "[a]"] {
            std::fs::write(folder.path().join(FILE), text).expect("written");
            assert!(catalogue(folder.path()).is_err(), "{text}");
        }
    }
}
