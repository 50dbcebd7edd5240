//! CPU load, of all cores and of each.

use sysinfo::System;

use super::check::percent;
use super::{Missing, Reading};

const NOT_REPORTED: Missing = "not reported by this system";
/// Load is the work between two readings, so the first one has none.
const FIRST_READING: Missing = "known from the second reading on";

/// Reads the load since the previous reading.
pub struct CpuSource {
    system: Option<System>,
    /// Whether an earlier reading is there to measure from.
    primed: bool,
}

impl CpuSource {
    pub fn new() -> Self {
        Self {
            system: System::new().ok(),
            primed: false,
        }
    }

    /// Load of all cores, and of each; no core is listed when the load is missing.
    pub fn read(&mut self) -> (Reading<f32>, Vec<f32>) {
        let Some(system) = &mut self.system else {
            return (Err(NOT_REPORTED), Vec::new());
        };
        system.refresh_cpu_usage();
        if !std::mem::replace(&mut self.primed, true) {
            return (Err(FIRST_READING), Vec::new());
        }
        summary(system.cpus().iter().map(sysinfo::Cpu::usage))
    }
}

impl Default for CpuSource {
    fn default() -> Self {
        Self::new()
    }
}

/// The mean over the cores, and the cores; one nonsense core makes all of it missing.
fn summary(cores: impl Iterator<Item = f32>) -> (Reading<f32>, Vec<f32>) {
    match cores.map(percent).collect::<Result<Vec<f32>, Missing>>() {
        Ok(cores) if cores.is_empty() => (Err(NOT_REPORTED), cores),
        Ok(cores) => (Ok(cores.iter().sum::<f32>() / cores.len() as f32), cores),
        Err(reason) => (Err(reason), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_the_mean_of_the_cores() {
        assert_eq!(
            summary([100.0, 0.0, 50.0, 50.0].into_iter()),
            (Ok(50.0), vec![100.0, 0.0, 50.0, 50.0])
        );
    }

    #[test]
    fn no_core_and_a_nonsense_core_are_missing_not_zero() {
        assert_eq!(summary(std::iter::empty()), (Err(NOT_REPORTED), vec![]));
        assert_eq!(
            summary([3.0, f32::NAN].into_iter()),
            (Err("nonsense reading"), vec![])
        );
    }

    #[test]
    fn the_first_reading_has_no_load_and_the_second_has_one_per_core() {
        let mut source = CpuSource::new();
        assert_eq!(source.read().0, Err(FIRST_READING));
        let (load, cores) = source.read();
        assert!(load.is_ok_and(|load| (0.0..=100.0).contains(&load)));
        assert!(!cores.is_empty());
    }
}
