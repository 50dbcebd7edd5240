//! Apple's GPU, as far as anybody may ask without being root: that it is there, and that it
//! shares the machine's memory.

use sysinfo::System;

use super::super::{GpuMemory, GpuReading, GpuSample, Missing, Vendor};

const ONLY_ROOT: Missing = "macOS tells only root (powermetrics)";

pub struct AppleSource {
    chip: Option<String>,
}

impl AppleSource {
    pub fn new() -> Self {
        let chip = cfg!(target_os = "macos").then(|| {
            let mut system = System::new().ok()?;
            system.refresh_cpu_all();
            Some(system.cpus().first()?.brand().to_owned())
        });
        Self {
            chip: chip.flatten(),
        }
    }

    /// The GPU of the chip; one of another maker is not known.
    pub fn read(&mut self) -> GpuReading {
        self.chip.as_deref().map_or(Err(none()), of)
    }
}

impl Default for AppleSource {
    fn default() -> Self {
        Self::new()
    }
}

fn none() -> String {
    "no Apple GPU found".to_owned()
}

fn of(chip: &str) -> GpuReading {
    if !chip.starts_with("Apple ") {
        return Err(none());
    }
    let name = format!("{chip} GPU");
    let mut sample = GpuSample::silent(0, Vendor::Apple, name, ONLY_ROOT);
    sample.memory = GpuMemory::Shared;
    Ok(vec![sample])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apples_chips_have_a_gpu_in_the_machines_memory() {
        let gpus = of("Apple M3 Max").unwrap();
        assert_eq!(gpus[0].name, "Apple M3 Max GPU");
        assert_eq!(gpus[0].memory, GpuMemory::Shared);
        assert_eq!(gpus[0].load, Err(ONLY_ROOT));
        assert!(of("Intel(R) Core(TM) i9").is_err());
    }
}
