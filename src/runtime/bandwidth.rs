//! What this machine reads from memory and computes at most, measured once and remembered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use super::deck::Wake;
use crate::app::Event;
use crate::engine;
use crate::telemetry::measure_bandwidth;

/// The first frame and the first load go before it.
const AFTER: Duration = Duration::from_millis(500);

/// Other work makes a measurement too low and nothing makes it too high, so the first few starts
/// measure and the highest figure counts.
const MEASUREMENTS: u32 = 3;

/// `bandwidth.toml` in the folder of state. Removing it measures again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    /// Bytes per second that all cores together read.
    bytes_per_second: u64,
    /// Operations per second in ggml's product of matrices with 8-bit weights.
    operations_per_second: f64,
    /// Of a machine with that many threads: another one is measured anew.
    threads: usize,
    /// How often it was measured.
    measurements: u32,
}

const FILE: &str = "bandwidth.toml";

/// Bytes per second that this machine reads from its memory, once decks have measured it often
/// enough to be believed.
pub fn known_bandwidth(state_dir: &Path) -> Option<u64> {
    let known = read(&state_dir.join(FILE), threads())?;
    (known.measurements >= MEASUREMENTS).then_some(known.bytes_per_second)
}

/// Tells the program, at once if it was measured before.
pub(super) async fn tell(state_dir: PathBuf, inbox: Sender<Wake>) {
    let (file, threads) = (state_dir.join(FILE), threads());
    let known = read(&file, threads);
    if let Some(known) = known {
        send(&known, &inbox).await;
        if known.measurements >= MEASUREMENTS {
            return;
        }
    }
    tokio::time::sleep(AFTER).await;
    let both = || (measure_bandwidth(), compute());
    let Ok((bandwidth, operations)) = tokio::task::spawn_blocking(both).await else {
        return;
    };
    let now = Remembered {
        bytes_per_second: known
            .map_or(0, |known| known.bytes_per_second)
            .max(bandwidth),
        operations_per_second: known
            .map_or(0.0, |known| known.operations_per_second)
            .max(operations),
        threads,
        measurements: known.map_or(0, |known| known.measurements) + 1,
    };
    remember(&file, &now);
    send(&now, &inbox).await;
}

fn compute() -> f64 {
    let threads = u32::try_from(threads()).unwrap_or(1);
    engine::llama::measure_compute(threads).unwrap_or(0.0)
}

async fn send(known: &Remembered, inbox: &Sender<Wake>) {
    let event = Event::Peaks {
        bytes_per_second: known.bytes_per_second,
        operations_per_second: known.operations_per_second,
    };
    // The receiver goes first only when the program ends.
    let _ = inbox.send(Wake::Event(event)).await;
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn read(file: &Path, threads: usize) -> Option<Remembered> {
    let text = std::fs::read_to_string(file).ok()?;
    let known: Remembered = toml::from_str(&text).ok()?;
    (known.threads == threads && known.bytes_per_second > 0).then_some(known)
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
        let known = Remembered {
            bytes_per_second: 27_300_000_000,
            operations_per_second: 2.5e11,
            threads: 2,
            measurements: 1,
        };
        remember(&file, &known);
        assert_eq!(read(&file, 2), Some(known));
        assert_eq!(read(&file, 8), None);
        std::fs::write(&file, "bytes_per_second = \"fast\"").expect("the disk");
        assert_eq!(read(&file, 2), None);
    }
}
