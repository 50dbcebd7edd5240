//! The CPU: load of all cores and of each, steal, clocks, what a container may use.
//!
//! Linux: `/proc/stat` (proc_stat(5)), whose ticks count what each core did; elsewhere what
//! sysinfo tells.

use std::path::{Path, PathBuf};
use std::time::Instant;

use sysinfo::System;

use super::check::{self, percent};
use super::clocks::Clocks;
use super::files::{self, NOT_REPORTED};
use super::quota::Quota;
use super::rate::FIRST_READING;
use super::{CpuSample, Missing, Reading};

/// Reads the load since the reading before.
pub struct CpuSource {
    stat: PathBuf,
    load_average: PathBuf,
    clocks: Clocks,
    quota: Quota,
    /// Ticks at the reading before: all cores, then each.
    before: Vec<Ticks>,
    /// Where there is no `/proc`.
    elsewhere: Option<System>,
}

/// Ticks of one core since the machine was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    idle: u64,
    stolen: u64,
    all: u64,
}

impl CpuSource {
    /// `root` is where `/proc` and `/sys` are found: `/`.
    pub fn new(root: &Path) -> Self {
        let elsewhere = cfg!(not(target_os = "linux"))
            .then(System::new)
            .and_then(Result::ok);
        Self {
            stat: root.join("proc/stat"),
            load_average: root.join("proc/loadavg"),
            clocks: Clocks::new(root),
            quota: Quota::new(root),
            before: Vec::new(),
            elsewhere,
        }
    }

    /// Everything but heat and power, which other sensors tell.
    pub fn read(&mut self, now: Instant) -> CpuSample {
        let mut sample = CpuSample::missing(NOT_REPORTED);
        if let Some(system) = &mut self.elsewhere {
            let first = system.cpus().is_empty();
            system.refresh_cpu_all();
            let cores = system.cpus();
            (sample.load, sample.cores) = match first {
                true => (Err(FIRST_READING), Vec::new()),
                false => summary(cores.iter().map(sysinfo::Cpu::usage)),
            };
            // What a system does not tell is 0 there.
            let clocks = cores
                .iter()
                .map(|core| core.frequency())
                .filter(|mhz| *mhz > 0);
            #[expect(clippy::cast_precision_loss, reason = "it is checked to be small")]
            let clocks = clocks.filter_map(|mhz| check::megahertz(mhz as f64).ok());
            sample.clocks = clocks.collect();
            sample.clock = super::clocks::mean(&sample.clocks);
            return sample;
        }
        self.read_ticks(&mut sample);
        sample.load_average = self.read_load_average();
        sample.clocks = self.clocks.read();
        sample.clock = super::clocks::mean(&sample.clocks);
        sample.clock_max = self.clocks.max();
        let quota = self.quota.read(now);
        sample.quota = quota.cores;
        sample.held_back = quota.held_back;
        if quota.cores.is_ok() {
            sample.load = quota.load;
        }
        sample
    }

    fn read_ticks(&mut self, sample: &mut CpuSample) {
        let now = match files::text(&self.stat) {
            Ok(text) => ticks(&text),
            Err(reason) => {
                self.before.clear();
                (sample.load, sample.steal) = (Err(reason), Err(reason));
                return;
            }
        };
        let before = std::mem::replace(&mut self.before, now);
        // A core that was switched on or off: the next reading compares the same cores again.
        if before.len() != self.before.len() || before.is_empty() {
            let reason = if self.before.is_empty() {
                check::NONSENSE
            } else {
                FIRST_READING
            };
            (sample.load, sample.steal) = (Err(reason), Err(reason));
            return;
        }
        let mut pairs = before.iter().zip(&self.before);
        if let Some((before, now)) = pairs.next() {
            sample.load = now.busy_since(before);
            sample.steal = now.stolen_since(before);
        }
        let cores: Reading<Vec<f32>> = pairs
            .map(|(before, now)| now.busy_since(before))
            .collect::<Result<_, Missing>>();
        sample.cores = cores.unwrap_or_default();
    }

    fn read_load_average(&self) -> Reading<f32> {
        let text = files::text(&self.load_average)?;
        let first = text
            .split_whitespace()
            .next()
            .and_then(|word| word.parse().ok());
        first
            .filter(|load| (0.0..=1e6).contains(load))
            .ok_or(check::NONSENSE)
    }
}

impl Ticks {
    fn busy_since(&self, before: &Self) -> Reading<f32> {
        let all = self.all.checked_sub(before.all).ok_or(check::NONSENSE)?;
        // The idle ticks of a core may go back a little (proc_stat(5)).
        let idle = self.idle.saturating_sub(before.idle).min(all);
        share(all - idle, all)
    }

    fn stolen_since(&self, before: &Self) -> Reading<f32> {
        let all = self.all.checked_sub(before.all).ok_or(check::NONSENSE)?;
        share(self.stolen.saturating_sub(before.stolen), all)
    }
}

/// Percent; no tick at all since the reading before is too soon to tell.
fn share(part: u64, all: u64) -> Reading<f32> {
    if all == 0 {
        return Err(FIRST_READING);
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "three digits are shown"
    )]
    percent((part as f64 / all as f64 * 100.0) as f32)
}

/// The lines `cpu …` and `cpu0 …`: user nice system idle iowait irq softirq steal, then guest
/// time, which user time has already.
fn ticks(stat: &str) -> Vec<Ticks> {
    let lines = stat.lines().take_while(|line| line.starts_with("cpu"));
    let ticks = lines.filter_map(|line| {
        let fields: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .take(8)
            .map_while(|word| word.parse().ok())
            .collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or(0);
        (fields.len() >= 4).then(|| Ticks {
            idle: field(3).saturating_add(field(4)),
            stolen: field(7),
            all: fields
                .iter()
                .fold(0, |sum: u64, field| sum.saturating_add(*field)),
        })
    });
    ticks.collect()
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
    use std::fs;
    use std::time::Duration;

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

    fn machine(stat: &str) -> (tempfile::TempDir, CpuSource) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        fs::write(root.path().join("proc/stat"), stat).unwrap();
        fs::write(
            root.path().join("proc/loadavg"),
            "5.02 4.34 2.66 7/133 24796\n",
        )
        .unwrap();
        let source = CpuSource::new(root.path());
        (root, source)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn load_and_steal_are_what_happened_between_two_readings() {
        let (root, mut source) = machine(
            "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 50 0 50 400 0 0 0 0 0 0\ncpu1 50 0 50 400 0 0 0 0 0 0\nintr 5\n",
        );
        let start = Instant::now();
        let first = source.read(start);
        assert_eq!(first.load, Err(FIRST_READING));
        assert_eq!(first.load_average, Ok(5.02));
        let later = "cpu  200 0 140 820 20 0 0 20 60 0\ncpu0 150 0 50 400 0 0 0 0 60 0\ncpu1 50 0 90 420 20 0 0 20 0 0\nintr 6\n";
        fs::write(root.path().join("proc/stat"), later).unwrap();
        let second = source.read(start + Duration::from_secs(1));
        assert_eq!((second.load, second.steal), (Ok(80.0), Ok(10.0)));
        assert_eq!(second.cores, [100.0, 60.0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_kernel_does_not_say_is_missing() {
        let (root, mut source) = machine("nonsense\n");
        let start = Instant::now();
        assert_eq!(source.read(start).load, Err("nonsense reading"));
        fs::remove_file(root.path().join("proc/stat")).unwrap();
        assert_eq!(source.read(start).load, Err(NOT_REPORTED));
        fs::write(root.path().join("proc/stat"), "cpu 9 9 9 9\ncpu0 9 9 9 9\n").unwrap();
        assert_eq!(source.read(start).load, Err(FIRST_READING));
        fs::write(root.path().join("proc/stat"), "cpu 1 1 1 1\ncpu0 1 1 1 1\n").unwrap();
        let backwards = source.read(start);
        assert_eq!(
            (backwards.load, backwards.cores),
            (Err("nonsense reading"), vec![])
        );
        assert_eq!(backwards.clock, Err(NOT_REPORTED));
    }
}
