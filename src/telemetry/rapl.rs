//! Energy of the CPU packages and their memory: RAPL's counters in `/sys/class/powercap`
//! (Documentation/power/powercap/powercap.rst), in millionths of a joule. AMD's have the same
//! names. Since Linux 5.10 only root may read them, unless the administrator allows it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::check::{joules, watts};
use super::files;
use super::rate::FIRST_READING;
use super::{Missing, Reading};

const NO_RAPL: Missing = "no RAPL counter found";
/// How often counters that came or went are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

pub struct RaplSource {
    folder: PathBuf,
    looked: Option<Instant>,
    counters: Vec<Wrapping>,
    /// Joules since the first reading.
    total: f64,
    last: Option<Instant>,
}

/// A counter that begins at 0 again when it has reached its end.
struct Wrapping {
    file: PathBuf,
    /// Microjoules at which it begins again.
    range: u64,
    last: Option<u64>,
}

impl RaplSource {
    /// `root` is where `/sys` is found: `/`.
    pub fn new(root: &Path) -> Self {
        Self {
            folder: root.join("sys/class/powercap"),
            looked: None,
            counters: Vec::new(),
            total: 0.0,
            last: None,
        }
    }

    /// Watts since the reading before, and joules since the first one; of all packages and of the
    /// memory that they do not count.
    pub fn read(&mut self, now: Instant) -> (Reading<f32>, Reading<f64>) {
        let is_due = |looked: Instant| now.duration_since(looked) >= LOOK_AGAIN;
        if self.counters.is_empty() && self.looked.is_none_or(is_due) {
            self.looked = Some(now);
            self.counters = find(&self.folder);
        }
        if self.counters.is_empty() {
            return (Err(NO_RAPL), Err(NO_RAPL));
        }
        let mut counted = 0.0;
        for counter in &mut self.counters {
            match counter.read() {
                Ok(joules) => counted += joules,
                Err(reason) => {
                    self.counters.clear();
                    self.last = None;
                    return (Err(reason), Err(reason));
                }
            }
        }
        let before = self.last.replace(now);
        let Some(before) = before else {
            return (Err(FIRST_READING), Err(FIRST_READING));
        };
        let seconds = now.duration_since(before).as_secs_f64();
        let power = match seconds > 0.0 {
            true => watts(counted / seconds),
            false => Err(FIRST_READING),
        };
        if power.is_ok() {
            self.total += counted;
        }
        (power, joules(self.total))
    }
}

impl Wrapping {
    /// Joules since the reading before; 0 at the first one.
    fn read(&mut self) -> Reading<f64> {
        let now: u64 = files::number(&self.file)?;
        let before = self.last.replace(now).unwrap_or(now);
        let counted = match now.checked_sub(before) {
            Some(counted) => counted,
            None => (self.range.saturating_sub(before)).saturating_add(now),
        };
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let joules = counted as f64 / 1e6;
        Ok(joules)
    }
}

/// The packages, and memory as far as no package has it: a zone within another is part of it,
/// but for `dram`, which lies beside the package that it is listed in.
fn find(folder: &Path) -> Vec<Wrapping> {
    let mut found = Vec::new();
    for (_, package) in files::numbered(folder, "intel-rapl:") {
        let name = files::line(&folder.join(&package).join("name")).unwrap_or_default();
        // `psys` is the whole board: it has the packages in it, and not every board tells it.
        if name.starts_with("package") {
            found.extend(counter(&folder.join(&package)));
        }
        let within = files::numbered(folder, &format!("{package}:"));
        for (_, zone) in within {
            if files::line(&folder.join(&zone).join("name")).as_deref() == Some("dram") {
                found.extend(counter(&folder.join(&zone)));
            }
        }
    }
    found
}

fn counter(zone: &Path) -> Option<Wrapping> {
    let file = zone.join("energy_uj");
    let range = files::number(&zone.join("max_energy_range_uj")).unwrap_or(0);
    file.exists().then_some(Wrapping {
        file,
        range,
        last: None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn zone(root: &Path, name: &str, kind: &str, energy: u64) {
        let folder = root.join("sys/class/powercap").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("name"), format!("{kind}\n")).unwrap();
        fs::write(folder.join("energy_uj"), format!("{energy}\n")).unwrap();
        fs::write(folder.join("max_energy_range_uj"), "262143328850\n").unwrap();
    }

    #[test]
    fn packages_and_their_memory_are_summed_and_nothing_twice() {
        let root = tempfile::tempdir().unwrap();
        let set = |package, core, dram, psys| {
            zone(root.path(), "intel-rapl:0", "package-0", package);
            zone(root.path(), "intel-rapl:0:0", "core", core);
            zone(root.path(), "intel-rapl:0:1", "dram", dram);
            zone(root.path(), "intel-rapl:1", "psys", psys);
        };
        set(1_000_000, 500_000, 0, 9_000_000);
        let mut source = RaplSource::new(root.path());
        let start = Instant::now();
        assert_eq!(source.read(start).0, Err(FIRST_READING));
        set(61_000_000, 40_500_000, 8_000_000, 99_000_000);
        let (power, energy) = source.read(start + Duration::from_secs(2));
        assert_eq!((power, energy), (Ok(34.0), Ok(68.0)));
    }

    #[test]
    fn a_counter_that_begins_again_goes_on() {
        let root = tempfile::tempdir().unwrap();
        zone(root.path(), "intel-rapl:0", "package-0", 262_143_000_000);
        let mut source = RaplSource::new(root.path());
        let start = Instant::now();
        let _ = source.read(start);
        zone(root.path(), "intel-rapl:0", "package-0", 671_150);
        let (power, _) = source.read(start + Duration::from_secs(1));
        assert_eq!(power, Ok(1.0));
    }

    #[test]
    fn a_counter_that_is_not_there_or_jumps_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let mut source = RaplSource::new(root.path());
        let start = Instant::now();
        assert_eq!(source.read(start).0, Err(NO_RAPL));
        zone(root.path(), "intel-rapl:0", "package-0", 0);
        let found = start + LOOK_AGAIN;
        assert_eq!(source.read(found).0, Err(FIRST_READING));
        zone(root.path(), "intel-rapl:0", "package-0", u64::MAX);
        let jump = source.read(found + Duration::from_secs(1));
        assert_eq!(jump.0, Err("nonsense reading"));
        fs::write(
            root.path()
                .join("sys/class/powercap/intel-rapl:0/energy_uj"),
            "-5",
        )
        .unwrap();
        let nonsense = source.read(found + Duration::from_secs(2));
        assert_eq!(nonsense.1, Err("nonsense reading"));
    }
}
