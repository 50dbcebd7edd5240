//! The memory bandwidth of this machine, measured once and remembered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use super::deck::Wake;
use crate::app::Event;
use crate::telemetry::measure_bandwidth;

/// The first frame and the first load go before it.
const AFTER: Duration = Duration::from_millis(500);

/// `bandwidth.toml` in the folder of state. Removing it measures again.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    /// Bytes per second that all cores together read.
    bytes_per_second: u64,
    /// Of a machine with that many threads: another one is measured anew.
    threads: usize,
}

const FILE: &str = "bandwidth.toml";

/// Bytes per second that this machine reads from its memory, if a deck has measured it before.
pub fn known_bandwidth(state_dir: &Path) -> Option<u64> {
    read(&state_dir.join(FILE), threads())
}

/// Tells the program, at once if it was measured before.
pub(super) async fn tell(state_dir: PathBuf, inbox: Sender<Wake>) {
    let (file, threads) = (state_dir.join(FILE), threads());
    let bytes_per_second = match read(&file, threads) {
        Some(known) => known,
        None => {
            tokio::time::sleep(AFTER).await;
            let Ok(measured) = tokio::task::spawn_blocking(measure_bandwidth).await else {
                return;
            };
            remember(
                &file,
                &Remembered {
                    bytes_per_second: measured,
                    threads,
                },
            );
            measured
        }
    };
    let _ = inbox
        .send(Wake::Event(Event::Bandwidth(bytes_per_second)))
        .await;
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn read(file: &Path, threads: usize) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let known: Remembered = toml::from_str(&text).ok()?;
    (known.threads == threads && known.bytes_per_second > 0).then_some(known.bytes_per_second)
}

fn remember(file: &Path, known: &Remembered) {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = toml::to_string(known)
        .map_err(std::io::Error::other)
        .and_then(|text| {
            std::fs::create_dir_all(folder)?;
            std::fs::write(file, text)
        });
    if let Err(error) = written {
        tracing::warn!(%error, file = %file.display(), "the memory bandwidth is not remembered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_on_this_machine_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new/bandwidth.toml");
        assert_eq!(read(&file, 2), None);
        remember(
            &file,
            &Remembered {
                bytes_per_second: 27_300_000_000,
                threads: 2,
            },
        );
        assert_eq!(read(&file, 2), Some(27_300_000_000));
        assert_eq!(read(&file, 8), None);
        std::fs::write(&file, "bytes_per_second = \"fast\"").expect("the disk");
        assert_eq!(read(&file, 2), None);
    }
}
