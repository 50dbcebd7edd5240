//! NVIDIA GPUs through NVML, the driver's own library, loaded at run time.
//!
//! A machine without it is normal; it is looked for again now and then, because a driver can be
//! loaded later. Every reading stands alone: a GPU that does not tell its power still has a load.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, PcieUtilCounter, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::super::check::{byte_rate, celsius, joules, megahertz, percent, size, used, watts};
use super::super::{GpuMemory, GpuReading, GpuSample, Missing, Pool, Reading, Throttle, Vendor};

/// How long to leave a driver alone that could not be loaded.
const RETRY: Duration = Duration::from_secs(30);
/// Boards and MIG instances read at most.
const MOST_GPUS: u32 = 64;
const MOST_INSTANCES: u32 = 16;

const NOT_TOLD: Missing = "not reported by this GPU";
const OF_THE_BOARD: Missing = "counted for the first instance of the board";

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
    let mut gpus = Vec::new();
    for index in 0..count.min(MOST_GPUS) {
        match nvml.device_by_index(index) {
            Ok(device) => gpus.extend(read_board(&device, index)),
            Err(error) => gpus.push(GpuSample::silent(
                index,
                Vendor::Nvidia,
                format!("GPU {index}"),
                why_missing(&error),
            )),
        }
    }
    Ok(gpus)
}

/// A board is one GPU, or, divided by MIG, its instances: memory is that of the instance, heat and
/// power are those of the board, which each of them has.
fn read_board(device: &Device<'_>, index: u32) -> Vec<GpuSample> {
    let board = read_one(device, index);
    let most = match device.mig_mode() {
        Ok(mode) if mode.current == 1 => device.mig_device_count().unwrap_or(0),
        _ => 0,
    };
    // Places without an instance answer with an error.
    let instances = (0..most.min(MOST_INSTANCES)).filter_map(|place| {
        let instance = device.mig_device_by_index(place).ok()?;
        let mut sample = board.clone();
        sample.name = instance
            .name()
            .unwrap_or_else(|_| format!("{} MIG {place}", board.name));
        sample.id = instance.uuid().unwrap_or_default();
        read_memory(&instance, &mut sample);
        // Load is told for whole boards only.
        sample.load = Err("not reported for a MIG instance");
        Some(sample)
    });
    let instances: Vec<GpuSample> = instances.collect();
    if instances.is_empty() {
        vec![board]
    } else {
        // Counted for the first one only, so that a sum over GPUs is right.
        let others = |(place, mut sample): (usize, GpuSample)| {
            if place > 0 {
                sample.power = Err(OF_THE_BOARD);
                sample.energy = Err(OF_THE_BOARD);
            }
            sample
        };
        instances.into_iter().enumerate().map(others).collect()
    }
}

fn read_one(device: &Device<'_>, index: u32) -> GpuSample {
    let name = device.name().unwrap_or_else(|_| format!("GPU {index}"));
    let mut sample = GpuSample::silent(index, Vendor::Nvidia, name, NOT_TOLD);
    sample.id = device.uuid().unwrap_or_default();
    sample.set_aside = Ok(Pool { used: 0, total: 0 });
    read_memory(device, &mut sample);
    sample.load = reading(device.utilization_rates(), |rates| {
        percent(rates.gpu as f32)
    });
    sample.temperature = reading(device.temperature(TemperatureSensor::Gpu), |degrees| {
        celsius(degrees as f32)
    });
    let milliwatts = |value: u32| watts(f64::from(value) / 1000.0);
    sample.power = reading(device.power_usage(), milliwatts);
    sample.power_limit = reading(device.enforced_power_limit(), milliwatts);
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let millijoules = |value: u64| joules(value as f64 / 1000.0);
    sample.energy = reading(device.total_energy_consumption(), millijoules);
    let mhz = |value: u32| megahertz(value.into());
    sample.clock = reading(device.clock_info(Clock::SM), mhz);
    sample.clock_max = reading(device.max_clock_info(Clock::SM), mhz);
    sample.memory_clock = reading(device.clock_info(Clock::Memory), mhz);
    sample.throttle = reading(device.current_throttle_reasons(), |bits| Ok(throttle(bits)));
    // Thousands of bytes (nvml.h: KB/s), averaged by the driver over 20 ms in which it waits.
    let kilobytes = |value: u32| byte_rate(f64::from(value) * 1000.0);
    sample.pcie_sent = reading(device.pcie_throughput(PcieUtilCounter::Send), kilobytes);
    sample.pcie_received = reading(device.pcie_throughput(PcieUtilCounter::Receive), kilobytes);
    // Fans may be asked for more than their usual speed.
    sample.fan = reading(device.fan_speed(0), |value| {
        percent((value as f32).min(100.0))
    });
    sample
}

/// A GPU that has no memory of its own to tell of works in the machine's: GB10, Tegra.
fn read_memory(device: &Device<'_>, sample: &mut GpuSample) {
    let memory = device.memory_info();
    if matches!(memory, Err(NvmlError::NotSupported)) {
        sample.memory = GpuMemory::Shared;
    }
    let memory = memory.map_err(|error| why_missing(&error));
    sample.memory_total = memory
        .as_ref()
        .map_err(|reason| *reason)
        .and_then(|memory| size(memory.total));
    sample.memory_used = memory.and_then(|memory| used(memory.used, memory.total));
    sample.memory_process = share_of_process(device);
}

/// What this process holds; in a container the driver may know it by another number.
fn share_of_process(device: &Device<'_>) -> Reading<u64> {
    let compute = device.running_compute_processes();
    let graphics = device.running_graphics_processes();
    if let (Err(error), Err(_)) = (&compute, &graphics) {
        return Err(why_missing(error));
    }
    let lists = [compute, graphics];
    let all = lists.iter().flatten().flatten();
    let own = all
        .filter(|process| process.pid == std::process::id())
        .map(|process| match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Ok(bytes),
            UsedGpuMemory::Unavailable => Err(NOT_TOLD),
        });
    // A process of both kinds is in both lists with the same memory.
    own.max_by_key(|share| share.unwrap_or(0))
        .unwrap_or(Err("this process does not use it"))
}

/// What holds the clocks down; an idle GPU and clocks set by hand are nothing to report.
fn throttle(bits: ThrottleReasons) -> Vec<Throttle> {
    let all = [
        (ThrottleReasons::SW_POWER_CAP, Throttle::PowerLimit),
        (
            ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN,
            Throttle::PowerBrake,
        ),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, Throttle::Heat),
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, Throttle::Overheat),
        (ThrottleReasons::HW_SLOWDOWN, Throttle::Hardware),
        (ThrottleReasons::SYNC_BOOST, Throttle::SyncBoost),
    ];
    let set = all.into_iter().filter(|(bit, _)| bits.contains(*bit));
    set.map(|(_, reason)| reason).collect()
}

fn reading<T, U>(answer: Result<T, NvmlError>, check: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
    answer.map_err(|error| why_missing(&error)).and_then(check)
}

/// Why one reading is missing.
fn why_missing(error: &NvmlError) -> Missing {
    match error {
        NvmlError::NotSupported | NvmlError::NoData => NOT_TOLD,
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
            reading(Err::<f64, _>(NvmlError::NotSupported), watts),
            Err(NOT_TOLD)
        );
        assert_eq!(reading(Ok(1e30), watts), Err("nonsense reading"));
        assert_eq!(reading(Ok(300.0), watts), Ok(300.0));
    }
}
