//! The hardware, as far as speed depends on it.

use serde::{Deserialize, Serialize};

use crate::engine::{Device, DeviceKind};
use crate::units::counted;

/// What a figure was measured on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu_info: String,
    /// The names of the GPUs, joined by `, `; empty without one.
    pub gpu_info: String,
    /// The backends that compute beside the processor, or `CPU`.
    pub backends: String,
    /// Cores this process may use.
    pub n_cores: usize,
}

impl Machine {
    /// Looks at this machine. `devices` are llama.cpp's.
    pub fn read(devices: &[Device]) -> Self {
        let system = sysinfo::System::new().ok().map(|mut system| {
            system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
            system
        });
        let brand = system.as_ref().and_then(|system| system.cpus().first());
        Self::new(
            brand.map_or("", sysinfo::Cpu::brand).trim(),
            std::thread::available_parallelism().map_or(1, usize::from),
            devices,
        )
    }

    fn new(cpu: &str, n_cores: usize, devices: &[Device]) -> Self {
        let gpus = devices
            .iter()
            .filter(|device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu));
        let gpus: Vec<&str> = gpus.map(|device| device.description.as_str()).collect();
        let mut backends: Vec<&str> = devices
            .iter()
            .filter(|device| device.kind != DeviceKind::Cpu)
            .map(|device| device.backend.as_str())
            .collect();
        backends.dedup();
        if backends.is_empty() {
            backends.push("CPU");
        }
        Self {
            cpu_info: cpu.to_owned(),
            gpu_info: gpus.join(", "),
            backends: backends.join(","),
            n_cores,
        }
    }
}

/// The machine in words, the same as long as it is the same.
impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            cpu_info,
            gpu_info,
            backends,
            n_cores,
        } = self;
        let cores = counted(*n_cores, "core");
        write!(f, "{cpu_info}, {cores}, {backends}")?;
        if !gpu_info.is_empty() {
            write!(f, ", {gpu_info}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_named_once_and_the_processor_only_alone() {
        let device = |kind, backend: &str, description: &str| Device {
            name: String::new(),
            description: description.into(),
            backend: backend.into(),
            kind,
            memory_total: 0,
            memory_free: 0,
        };
        let cpu = device(DeviceKind::Cpu, "CPU", "a processor");
        let gpu = device(DeviceKind::Gpu, "CUDA", "a card");
        let alone = Machine::new("a processor", 2, std::slice::from_ref(&cpu));
        assert_eq!(
            (alone.backends.as_str(), alone.gpu_info.as_str()),
            ("CPU", "")
        );
        let both = Machine::new("a processor", 2, &[gpu.clone(), gpu, cpu]);
        assert_eq!(
            (both.backends.as_str(), both.gpu_info.as_str()),
            ("CUDA", "a card, a card")
        );
    }
}
