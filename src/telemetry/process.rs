//! What this process does: `/proc/self/stat` and `/proc/self/io` (proc_pid_stat(5),
//! proc_pid_io(5)).

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::check::{self, byte_rate, event_rate};
use super::files::{self, NOT_REPORTED};
use super::rate::Counter;
use super::{ProcessSample, Reading};

pub struct ProcessSource {
    stat: PathBuf,
    io: PathBuf,
    ticks_per_second: f64,
    ticks: Counter,
    minor: Counter,
    major: Counter,
    read: Counter,
}

/// The fields of `/proc/self/stat` that are of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    minor_faults: u64,
    major_faults: u64,
    /// User and system time, in ticks.
    ticks: u64,
}

impl ProcessSource {
    /// `root` is where `/proc` is found: `/`.
    pub fn new(root: &Path) -> Self {
        Self {
            stat: root.join("proc/self/stat"),
            io: root.join("proc/self/io"),
            ticks_per_second: ticks_per_second(),
            ticks: Counter::default(),
            minor: Counter::default(),
            major: Counter::default(),
            read: Counter::default(),
        }
    }

    pub fn read(&mut self, now: Instant) -> ProcessSample {
        let stat = files::text(&self.stat).and_then(|text| parse(&text).ok_or(check::NONSENSE));
        let of = |pick: fn(&Stat) -> u64| stat.as_ref().map(pick).map_err(|reason| *reason);
        let io = files::text(&self.io)
            .and_then(|text| files::field(&text, "read_bytes").ok_or(NOT_REPORTED));
        let ticks = self.ticks.rate(now, of(|stat| stat.ticks));
        ProcessSample {
            cpu: ticks.and_then(|ticks| cores(ticks / self.ticks_per_second * 100.0)),
            minor_faults: self
                .minor
                .rate(now, of(|stat| stat.minor_faults))
                .and_then(event_rate),
            major_faults: self
                .major
                .rate(now, of(|stat| stat.major_faults))
                .and_then(event_rate),
            disk_read: self.read.rate(now, io).and_then(byte_rate),
        }
    }
}

/// Percent of one core; a machine has fewer than ten thousand.
fn cores(percent: f64) -> Reading<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    event_rate(percent)
        .map(|percent| percent as f32)
        .and_then(|percent| {
            if percent <= 1e6 {
                Ok(percent)
            } else {
                Err(check::NONSENSE)
            }
        })
}

/// The name, in parentheses, may hold anything: what counts comes after the last one.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // The first of them is field 3 of the manual page, the state.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        minor_faults: field(10)?,
        major_faults: field(12)?,
        ticks: field(14)?.checked_add(field(15)?)?,
    })
}

fn ticks_per_second() -> f64 {
    #[cfg(unix)]
    #[expect(clippy::cast_precision_loss, reason = "it is 100")]
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    #[cfg(not(unix))]
    let ticks = 100.0;
    ticks
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_with_parentheses_is_no_trouble() {
        let text = "42 (a) b (c) S 1 2 3 4 5 6 700 8 9 10 11 12 13";
        let stat = Stat {
            minor_faults: 700,
            major_faults: 9,
            ticks: 23,
        };
        assert_eq!(parse(text), Some(stat));
        assert_eq!(parse("42 (a) S 1 2"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn rates_are_what_happened_between_two_readings() {
        let root = tempfile::tempdir().unwrap();
        let write = |faults: u64, ticks: u64, read: u64| {
            std::fs::create_dir_all(root.path().join("proc/self")).unwrap();
            let stat = format!("1 (llmdeck) R 0 0 0 0 0 0 0 0 {faults} 0 {ticks} 0 0");
            std::fs::write(root.path().join("proc/self/stat"), stat).unwrap();
            let io = format!("rchar: 1\nread_bytes: {read}\n");
            std::fs::write(root.path().join("proc/self/io"), io).unwrap();
        };
        let mut source = ProcessSource::new(root.path());
        let start = Instant::now();
        assert_eq!(source.read(start).major_faults, Err(NOT_REPORTED));
        write(0, 0, 0);
        assert!(source.read(start).cpu.is_err());
        write(10, 100, 4096);
        let sample = source.read(start + Duration::from_secs(2));
        assert_eq!(sample.major_faults, Ok(5.0));
        assert_eq!(sample.disk_read, Ok(2048.0));
        let cpu = sample.cpu.unwrap();
        assert!((f64::from(cpu) - 50.0 * 100.0 / ticks_per_second()).abs() < 0.01);
    }
}
