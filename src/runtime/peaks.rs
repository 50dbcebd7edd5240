//! What the devices of this machine read from their memory and compute at most, measured and
//! remembered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use super::deck::Wake;
use crate::app::Event;
use crate::engine::{self, llama};
use crate::plan::{HOST, Peak, peak_of};
use crate::telemetry::measure_bandwidth;
use crate::units::counted;

/// The first frame and the first load go before it.
const AFTER: Duration = Duration::from_millis(500);

/// Other work makes a measurement too low and nothing makes it too high, so the first few starts
/// measure and the highest figure counts.
const MEASUREMENTS: u32 = 3;

/// `peaks.toml` in the folder of state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Remembered {
    /// Threads and devices that it was measured with; another machine is measured anew.
    machine: Vec<String>,
    /// How often it was measured.
    measurements: u32,
    devices: Vec<Device>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Device {
    name: String,
    bytes_per_second: u64,
    /// In ggml's products of matrices with 8-bit weights.
    operations_per_second: Option<f64>,
}

const FILE: &str = "peaks.toml";

/// What the devices of this machine reach, once decks have measured it often enough to be believed.
pub fn known_peaks(state_dir: &Path) -> Vec<Peak> {
    let known = read(&state_dir.join(FILE), &machine());
    match known.measurements >= MEASUREMENTS {
        true => known.peaks(),
        false => Vec::new(),
    }
}

/// Bytes per second of system memory, then of each of these GPUs; `None` for what was not measured.
pub fn bandwidths(gpus: &[engine::Device], peaks: &[Peak]) -> Vec<Option<u64>> {
    let of = |device: &str| peak_of(peaks, device).map(|peak| peak.bytes_per_second);
    let gpus = gpus.iter().map(|gpu| of(&gpu.name));
    std::iter::once(of(HOST)).chain(gpus).collect()
}

/// Measures every device once more, whatever is known, and remembers; of each figure the highest
/// stays. Takes about a second for each device.
pub fn measure_peaks(state_dir: &Path) -> Vec<Peak> {
    let (file, machine) = (state_dir.join(FILE), machine());
    let now = read(&file, &machine).with(machine, measure());
    remember(&file, &now);
    now.peaks()
}

fn measure() -> Vec<Peak> {
    let threads = u32::try_from(threads()).unwrap_or(1);
    let processor = Peak {
        device: HOST.to_owned(),
        bytes_per_second: measure_bandwidth(),
        operations_per_second: llama::measure_compute(threads),
    };
    let others = llama::devices().into_iter().filter(|one| one.name != HOST);
    let others = others.filter_map(|one| llama::measure_device(&one.name));
    std::iter::once(processor)
        .chain(others)
        .filter(|peak| peak.bytes_per_second > 0)
        .collect()
}

/// Tells the program, at once if it was measured before.
pub(super) async fn tell(state_dir: PathBuf, inbox: Sender<Wake>) {
    let file = state_dir.join(FILE);
    // Off the loop: llama.cpp may have to find its devices first.
    let known = tokio::task::spawn_blocking(move || read(&file, &machine()));
    let Ok(known) = known.await else {
        return;
    };
    if known.measurements > 0 {
        send(known.peaks(), &inbox).await;
    }
    if known.measurements >= MEASUREMENTS {
        return;
    }
    tokio::time::sleep(AFTER).await;
    let measured = tokio::task::spawn_blocking(move || measure_peaks(&state_dir));
    if let Ok(peaks) = measured.await {
        send(peaks, &inbox).await;
    }
}

impl Remembered {
    fn peaks(&self) -> Vec<Peak> {
        let devices = self.devices.iter().map(|device| Peak {
            device: device.name.clone(),
            bytes_per_second: device.bytes_per_second,
            operations_per_second: device.operations_per_second,
        });
        devices.collect()
    }

    /// With one more measurement: of each figure the highest stays.
    fn with(&self, machine: Vec<String>, measured: Vec<Peak>) -> Self {
        let known = self.peaks();
        let devices = measured.into_iter().map(|now| {
            let before = peak_of(&known, &now.device);
            let operations = before.and_then(|before| before.operations_per_second);
            Device {
                bytes_per_second: before
                    .map_or(0, |before| before.bytes_per_second)
                    .max(now.bytes_per_second),
                operations_per_second: operations
                    .into_iter()
                    .chain(now.operations_per_second)
                    .reduce(f64::max),
                name: now.device,
            }
        });
        Self {
            machine,
            measurements: self.measurements + 1,
            devices: devices.collect(),
        }
    }
}

async fn send(peaks: Vec<Peak>, inbox: &Sender<Wake>) {
    // The receiver goes first only when the program ends.
    let _ = inbox.send(Wake::Event(Event::Peaks(peaks))).await;
}

/// What the figures are of.
fn machine() -> Vec<String> {
    let devices = llama::devices().into_iter();
    let names = devices.map(|device| format!("{}: {}", device.name, device.description));
    std::iter::once(counted(threads(), "thread"))
        .chain(names)
        .collect()
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What is known of this machine; nothing where it is another's or cannot be read.
fn read(file: &Path, machine: &[String]) -> Remembered {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let known: Result<Remembered, _> = toml::from_str(&text);
    known
        .ok()
        .filter(|known| known.machine == machine)
        .filter(|known| known.devices.iter().all(|one| one.bytes_per_second > 0))
        .unwrap_or_default()
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
        tracing::warn!(%error, file = %file.display(), "what devices reach at most is not remembered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peak(device: &str, bytes_per_second: u64, operations: Option<f64>) -> Peak {
        Peak {
            device: device.to_owned(),
            bytes_per_second,
            operations_per_second: operations,
        }
    }

    #[test]
    fn what_was_measured_on_this_machine_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new/peaks.toml");
        let here = vec!["2 threads".to_owned(), "CPU: a processor".to_owned()];
        let nothing = Remembered::default();
        assert_eq!(read(&file, &here), nothing);
        let first = vec![peak(HOST, 27, Some(2.5)), peak("CUDA0", 900, None)];
        let known = nothing.with(here.clone(), first);
        remember(&file, &known);
        assert_eq!(read(&file, &here), known);
        assert_eq!(read(&file, &here[..1]), nothing, "another machine");
        std::fs::write(&file, "devices = \"fast\"").expect("the disk");
        assert_eq!(read(&file, &here), nothing);
    }

    #[test]
    fn of_several_measurements_the_highest_counts() {
        let known = Remembered::default()
            .with(
                vec![],
                vec![peak(HOST, 27, Some(2.5)), peak("CUDA0", 900, None)],
            )
            .with(
                vec![],
                vec![peak(HOST, 20, Some(3.0)), peak("CUDA0", 950, Some(9.0))],
            );
        assert_eq!(known.measurements, 2);
        assert_eq!(
            known.peaks(),
            [peak(HOST, 27, Some(3.0)), peak("CUDA0", 950, Some(9.0))]
        );
    }
}
