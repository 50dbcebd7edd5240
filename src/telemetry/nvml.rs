//! NVIDIA GPUs through NVML, the driver's own library, loaded at run time.
//!
//! A machine without it is normal; it is looked for again now and then, because a driver can be
//! loaded later. Every reading stands alone: a GPU that does not tell its power still has a load.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

use super::check::{celsius, percent, used, watts};
use super::{GpuReading, GpuSample, Missing, Reading};

/// How long to leave a driver alone that could not be loaded.
const RETRY: Duration = Duration::from_secs(30);

pub struct NvmlSource {
    /// The library's file; `None` = where the system finds it.
    library: Option<PathBuf>,
    state: State,
}

enum State {
    NotTried,
    Open(Box<Nvml>),
    Failed { reason: String, since: Instant },
}

impl NvmlSource {
    pub fn new(library: Option<PathBuf>) -> Self {
        Self {
            library,
            state: State::NotTried,
        }
    }

    /// Every GPU, or why none is shown. May block for as long as the driver does.
    pub fn read(&mut self, now: Instant) -> GpuReading {
        let due = match &self.state {
            State::NotTried => true,
            State::Open(_) => false,
            State::Failed { since, .. } => now.duration_since(*since) >= RETRY,
        };
        if due {
            self.state = self.open(now);
        }
        let reading = match &self.state {
            State::Open(nvml) => read_all(nvml),
            State::Failed { reason, .. } => Err(reason.clone()),
            State::NotTried => Err(NO_DRIVER.to_owned()),
        };
        if let (Err(reason), State::Open(_)) = (&reading, &self.state) {
            // A driver that was updated or unloaded under a running program must be opened anew.
            self.state = State::Failed {
                reason: reason.clone(),
                since: now,
            };
        }
        reading
    }

    fn open(&self, now: Instant) -> State {
        let mut builder = Nvml::builder();
        if let Some(library) = &self.library {
            builder.lib_path(library.as_os_str());
        }
        match builder.init() {
            Ok(nvml) => State::Open(Box::new(nvml)),
            Err(error) => State::Failed {
                reason: why_not_open(&error),
                since: now,
            },
        }
    }
}

const NO_DRIVER: &str = "no NVIDIA driver found";

fn read_all(nvml: &Nvml) -> GpuReading {
    let count = nvml
        .device_count()
        .map_err(|error| format!("NVML: {error}"))?;
    if count == 0 {
        return Err("no NVIDIA GPU found".to_owned());
    }
    Ok((0..count).map(|index| read_one(nvml, index)).collect())
}

fn read_one(nvml: &Nvml, index: u32) -> GpuSample {
    let device = match nvml.device_by_index(index) {
        Ok(device) => device,
        Err(error) => return silent(index, why_missing(&error)),
    };
    let memory = device.memory_info().map_err(|error| why_missing(&error));
    GpuSample {
        index,
        name: device.name().unwrap_or_else(|_| format!("GPU {index}")),
        load: reading(device.utilization_rates(), |rates| {
            percent(rates.gpu as f32)
        }),
        memory_used: memory
            .as_ref()
            .map_err(|reason| *reason)
            .and_then(|memory| used(memory.used, memory.total)),
        memory_total: memory.map(|memory| memory.total),
        temperature: reading(device.temperature(TemperatureSensor::Gpu), |degrees| {
            celsius(degrees as f32)
        }),
        power: reading(device.power_usage(), watts),
        power_limit: reading(device.enforced_power_limit(), watts),
    }
}

/// A GPU that is there and tells nothing.
fn silent(index: u32, reason: Missing) -> GpuSample {
    GpuSample {
        index,
        name: format!("GPU {index}"),
        load: Err(reason),
        memory_used: Err(reason),
        memory_total: Err(reason),
        temperature: Err(reason),
        power: Err(reason),
        power_limit: Err(reason),
    }
}

fn reading<T, U>(answer: Result<T, NvmlError>, check: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
    answer.map_err(|error| why_missing(&error)).and_then(check)
}

/// Why one reading is missing.
fn why_missing(error: &NvmlError) -> Missing {
    match error {
        NvmlError::NotSupported | NvmlError::NoData => "not reported by this GPU",
        NvmlError::NoPermission => "no permission to read it",
        NvmlError::GpuLost => "the GPU fell off the bus",
        NvmlError::ResetRequired => "the GPU needs a reset",
        NvmlError::Timeout => "the driver did not answer in time",
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => "the driver is too old",
        _ => "the driver reports an error",
    }
}

/// Why the library could not be opened, in words for the screen.
fn why_not_open(error: &NvmlError) -> String {
    match error {
        NvmlError::LibraryNotFound => NO_DRIVER.to_owned(),
        NvmlError::LibloadingError(error) if is_absent(&error.to_string()) => NO_DRIVER.to_owned(),
        NvmlError::LibloadingError(error) => format!("the NVIDIA library does not load: {error}"),
        NvmlError::DriverNotLoaded => "the NVIDIA driver is not loaded".to_owned(),
        NvmlError::LibRmVersionMismatch => {
            "the NVIDIA driver was updated and waits for the machine to be restarted".to_owned()
        }
        other => format!("NVML: {other}"),
    }
}

/// What the loaders of Linux, macOS and Windows say about a library that is not there.
fn is_absent(message: &str) -> bool {
    [
        "cannot open shared object file",
        "no such file",
        "error 126",
    ]
    .iter()
    .any(|text| message.to_lowercase().contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_driver_is_normal() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = NvmlSource::new(Some(folder.path().join("libnvidia-ml.so.1")));
        assert_eq!(source.read(Instant::now()), Err(NO_DRIVER.to_owned()));
    }

    #[test]
    fn a_damaged_library_is_not_an_absent_one() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        std::fs::write(&library, "not a library").unwrap();
        let reason = NvmlSource::new(Some(library))
            .read(Instant::now())
            .unwrap_err();
        assert!(
            reason.starts_with("the NVIDIA library does not load: "),
            "{reason}"
        );
    }

    #[test]
    fn the_driver_is_looked_for_again_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        let mut source = NvmlSource::new(Some(library.clone()));
        let start = Instant::now();
        assert_eq!(source.read(start), Err(NO_DRIVER.to_owned()));
        std::fs::write(&library, "not a library").unwrap();
        assert_eq!(
            source.read(start + RETRY / 2),
            Err(NO_DRIVER.to_owned()),
            "too early"
        );
        assert_ne!(source.read(start + RETRY), Err(NO_DRIVER.to_owned()));
    }

    #[test]
    fn a_reading_that_fails_says_why_and_leaves_the_others() {
        assert_eq!(
            reading(Err::<u32, _>(NvmlError::NotSupported), watts),
            Err("not reported by this GPU")
        );
        assert_eq!(reading(Ok(u32::MAX), watts), Err("nonsense reading"));
        assert_eq!(reading(Ok(300_000), watts), Ok(300.0));
    }
}
