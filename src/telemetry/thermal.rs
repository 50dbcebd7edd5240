//! The temperature of the CPU.

use sysinfo::{Component, Components};

use super::check::celsius;
use super::{Missing, Reading};

const NO_SENSOR: Missing = "no CPU sensor found";

/// What the sensors of CPUs are called, by driver, the whole package before a single core:
/// Intel, AMD, AMD through zenpower, boards with one, and Apple's.
const LABELS: &[&str] = &[
    "coretemp package id 0",
    "k10temp tdie",
    "k10temp tctl",
    "zenpower tdie",
    "zenpower tctl",
    "cpu_thermal",
    "cpu-thermal",
    "x86_pkg_temp",
    "soc_thermal",
    "pmu tdie",
    "cpu die",
    "coretemp",
    "k10temp",
    "zenpower",
];

/// Reads the one sensor that stands for the CPU; the others are looked at once, to find it.
#[derive(Default)]
pub struct ThermalSource {
    found: Option<Result<(Components, usize), Missing>>,
}

impl ThermalSource {
    pub fn new() -> Self {
        Self::default()
    }

    /// Degrees Celsius.
    pub fn read(&mut self) -> Reading<f32> {
        let (components, index) = self
            .found
            .get_or_insert_with(find)
            .as_mut()
            .map_err(|reason| *reason)?;
        let component = components.get_mut(*index).ok_or(NO_SENSOR)?;
        component.refresh();
        component
            .temperature()
            .map_or(Err("the sensor does not answer"), celsius)
    }
}

fn find() -> Result<(Components, usize), Missing> {
    let components = Components::new_with_refreshed_list().map_err(|_| NO_SENSOR)?;
    let labels: Vec<&str> = components.iter().map(Component::label).collect();
    let index = pick(&labels).ok_or(NO_SENSOR)?;
    Ok((components, index))
}

/// The label that names the CPU best.
fn pick(labels: &[&str]) -> Option<usize> {
    LABELS.iter().find_map(|wanted| {
        labels
            .iter()
            .position(|label| label.to_lowercase().starts_with(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_comes_before_its_cores() {
        assert_eq!(
            pick(&["nvme Composite", "coretemp Core 0", "coretemp Package id 0"]),
            Some(2)
        );
        assert_eq!(pick(&["k10temp Tctl", "k10temp Tccd1"]), Some(0));
        assert_eq!(pick(&["cpu_thermal temp1"]), Some(0));
    }

    #[test]
    fn other_sensors_are_not_the_cpu() {
        assert_eq!(
            pick(&["nvme Composite", "acpitz temp1", "amdgpu edge"]),
            None
        );
        assert_eq!(pick(&[]), None);
    }

    #[test]
    fn a_machine_without_a_sensor_says_so_every_time() {
        let mut source = ThermalSource {
            found: Some(Err(NO_SENSOR)),
        };
        assert_eq!(source.read(), Err(NO_SENSOR));
        assert_eq!(source.read(), Err(NO_SENSOR));
    }
}
