//! Temperatures: that of the CPU, and every thermal zone.
//!
//! Linux: `/sys/class/hwmon` (Documentation/hwmon/sysfs-interface.rst) and `/sys/class/thermal`
//! (Documentation/driver-api/thermal/sysfs-api.rst), in thousandths of a degree; elsewhere what
//! sysinfo tells.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sysinfo::{Component, Components};

use super::check::{celsius, millicelsius};
use super::files;
use super::{Missing, Reading, Zone};

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

/// Zones read at most.
const MOST_ZONES: usize = 32;
/// How often sensors that came or went are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Reads the one sensor that stands for the CPU, and the zones.
pub struct ThermalSource {
    root: PathBuf,
    looked: Option<Instant>,
    /// The file of the CPU's sensor.
    cpu: Option<PathBuf>,
    /// Names and files.
    zones: Vec<(String, PathBuf)>,
    /// Where there is no `/sys`.
    elsewhere: Option<Components>,
}

impl ThermalSource {
    /// `root` is where `/sys` is found: `/`.
    pub fn new(root: &Path) -> Self {
        let elsewhere = cfg!(not(target_os = "linux"))
            .then(Components::new_with_refreshed_list)
            .and_then(Result::ok);
        Self {
            root: root.to_owned(),
            looked: None,
            cpu: None,
            zones: Vec::new(),
            elsewhere,
        }
    }

    /// Degrees Celsius of the CPU, and the zones.
    pub fn read(&mut self, now: Instant) -> (Reading<f32>, Vec<Zone>) {
        if let Some(components) = &mut self.elsewhere {
            return (told(components), Vec::new());
        }
        if self
            .looked
            .is_none_or(|looked| now.duration_since(looked) >= LOOK_AGAIN)
        {
            self.looked = Some(now);
            self.look();
        }
        let zones = self.zones.iter().map(|(name, file)| Zone {
            name: name.clone(),
            temperature: degrees(file),
        });
        let cpu = self.cpu.as_deref().map_or(Err(NO_SENSOR), degrees);
        (cpu, zones.collect())
    }

    fn look(&mut self) {
        let class = self.root.join("sys/class");
        let zones = files::numbered(&class.join("thermal"), "thermal_zone");
        let zones = zones.into_iter().take(MOST_ZONES).map(|(_, name)| {
            let folder = class.join("thermal").join(name);
            let kind = files::line(&folder.join("type")).unwrap_or_else(|| "zone".to_owned());
            (kind, folder.join("temp"))
        });
        self.zones = zones.collect();
        let mut sensors = sensors(&class.join("hwmon"));
        sensors.extend(self.zones.iter().cloned());
        let labels: Vec<&str> = sensors.iter().map(|(label, _)| label.as_str()).collect();
        self.cpu = pick(&labels).map(|index| sensors[index].1.clone());
    }
}

/// The temperature files of all chips, labelled `coretemp Package id 0`.
fn sensors(hwmon: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for (_, chip) in files::numbered(hwmon, "hwmon") {
        let folder = hwmon.join(chip);
        let Some(name) = files::line(&folder.join("name")) else {
            continue;
        };
        for number in 1..=64 {
            let file = folder.join(format!("temp{number}_input"));
            if !file.exists() {
                // Numbers may be left out, but not for long.
                if number > 8 {
                    break;
                }
                continue;
            }
            let label = files::line(&folder.join(format!("temp{number}_label")));
            let label = label.map_or(name.clone(), |label| format!("{name} {label}"));
            found.push((label, file));
        }
    }
    found
}

fn degrees(file: &Path) -> Reading<f32> {
    millicelsius(files::number(file)?)
}

/// The CPU's temperature as sysinfo tells it.
fn told(components: &mut Components) -> Reading<f32> {
    components.refresh(false);
    let labels: Vec<&str> = components.iter().map(Component::label).collect();
    let index = pick(&labels).ok_or(NO_SENSOR)?;
    let component = components.get(index).ok_or(NO_SENSOR)?;
    component
        .temperature()
        .map_or(Err("the sensor does not answer"), celsius)
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
    use std::fs;

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
    #[cfg(target_os = "linux")]
    fn chips_and_zones_are_found_again_after_a_while() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join("sys/class").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let mut source = ThermalSource::new(root.path());
        let start = Instant::now();
        assert_eq!(source.read(start), (Err(NO_SENSOR), vec![]));
        write("hwmon/hwmon0/name", "nvme\n");
        write("hwmon/hwmon0/temp1_input", "30000\n");
        write("hwmon/hwmon1/name", "k10temp\n");
        write("hwmon/hwmon1/temp1_label", "Tctl\n");
        write("hwmon/hwmon1/temp1_input", "61500\n");
        write("thermal/thermal_zone0/type", "acpitz\n");
        write("thermal/thermal_zone0/temp", "-273200\n");
        assert_eq!(source.read(start).0, Err(NO_SENSOR), "too early");
        let (cpu, zones) = source.read(start + LOOK_AGAIN);
        assert_eq!(cpu, Ok(61.5));
        let zone = Zone {
            name: "acpitz".to_owned(),
            temperature: Err("nonsense reading"),
        };
        assert_eq!(zones, [zone]);
        fs::remove_file(root.path().join("sys/class/hwmon/hwmon1/temp1_input")).unwrap();
        let gone = source.read(start + LOOK_AGAIN).0;
        assert_eq!(gone, Err("not reported by this system"));
    }
}
