//! Where the readings come from, and one round of them.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::gpu::{self, GpuSource};
use super::{
    CpuSource, GpuReading, MemorySource, Missing, Moment, ProcessSource, RaplSource, Reading,
    Sample, ThermalSource, Zone,
};

/// Every sensor, by who answers for it.
pub struct Sources {
    pub kernel: KernelSource,
    /// May block.
    pub heat: HeatSource,
    /// Each may block.
    pub gpus: Vec<GpuSource>,
}

/// What the kernel answers at once, from its own tables.
pub struct KernelSource {
    pub cpu: CpuSource,
    pub memory: MemorySource,
    pub process: ProcessSource,
    started: Instant,
}

/// Temperatures, and the power of the CPU: chips answer, which may take them long.
pub struct HeatSource {
    pub thermal: ThermalSource,
    pub rapl: RaplSource,
}

/// What a [`HeatSource`] tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    pub temperature: Reading<f32>,
    pub zones: Vec<Zone>,
    pub power: Reading<f32>,
    pub energy: Reading<f64>,
}

impl Sources {
    /// The sensors of this machine.
    pub fn system() -> Self {
        Self::of(Path::new("/"))
    }

    /// The sensors of a tree that looks like `/`; NVIDIA's driver is asked where the system has it.
    pub fn of(root: &Path) -> Self {
        Self {
            kernel: KernelSource {
                cpu: CpuSource::new(root),
                memory: MemorySource::new(root),
                process: ProcessSource::new(root),
                started: Instant::now(),
            },
            heat: HeatSource {
                thermal: ThermalSource::new(root),
                rapl: RaplSource::new(root),
            },
            gpus: gpu::sources(root),
        }
    }

    /// One round of everything at that time, on this thread; for those that can wait.
    pub fn read(&mut self, now: Instant) -> Sample {
        let gpus = self.gpus.iter_mut().map(|source| (source.read)(now));
        let gpus = gpus.collect();
        let heat = self.heat.read(now);
        self.kernel.sample(now, heat, gpus)
    }
}

impl KernelSource {
    /// A whole sample: what is read at once, with what others have read.
    pub fn sample(&mut self, now: Instant, heat: Heat, gpus: Vec<GpuReading>) -> Sample {
        let mut cpu = self.cpu.read(now);
        cpu.temperature = heat.temperature;
        (cpu.power, cpu.energy) = (heat.power, heat.energy);
        let mut memory = self.memory.read(now);
        let mut gpus = gpu::merge(gpus);
        gpu::pool(&mut memory, &mut gpus);
        Sample {
            at: moment(now.saturating_duration_since(self.started)),
            cpu,
            memory,
            process: self.process.read(now),
            zones: heat.zones,
            gpus,
        }
    }
}

impl HeatSource {
    pub fn read(&mut self, now: Instant) -> Heat {
        let (temperature, zones) = self.thermal.read(now);
        let (power, energy) = self.rapl.read(now);
        Heat {
            temperature,
            zones,
            power,
            energy,
        }
    }
}

impl Heat {
    /// Nothing known, for this reason.
    pub fn missing(why: Missing) -> Self {
        Self {
            temperature: Err(why),
            zones: Vec::new(),
            power: Err(why),
            energy: Err(why),
        }
    }
}

fn moment(since_start: Duration) -> Moment {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment {
        ms: u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX),
        unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
    }
}
