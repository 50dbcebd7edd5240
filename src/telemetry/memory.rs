//! RAM, swap and its traffic, the memory of this process; a container's limit counts as the
//! machine's.
//!
//! Linux: `/proc/vmstat`, `/proc/self/statm` (proc(5)); elsewhere what sysinfo tells. RAM and swap
//! come from [`crate::host`], as for plans.

use std::path::{Path, PathBuf};
use std::time::Instant;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::check::{self, NONSENSE, byte_rate, used};
use super::files::{self, NOT_REPORTED};
use super::rate::Counter;
use super::{MemorySample, Missing};
use crate::host::{Memory, MemoryReader};

const NO_SWAP: Missing = "none configured";

pub struct MemorySource {
    memory: MemoryReader,
    proc: PathBuf,
    page_bytes: u64,
    swapped_in: Counter,
    swapped_out: Counter,
    /// Where there is no `/proc`.
    elsewhere: Option<(System, Option<Pid>)>,
}

impl MemorySource {
    /// `root` is where `/proc` and `/sys` are found: `/`.
    pub fn new(root: &Path) -> Self {
        let elsewhere = cfg!(not(target_os = "linux"))
            .then(|| Some((System::new().ok()?, sysinfo::get_current_pid().ok())))
            .flatten();
        Self {
            memory: MemoryReader::new(root),
            proc: root.join("proc"),
            page_bytes: page_bytes(),
            swapped_in: Counter::default(),
            swapped_out: Counter::default(),
            elsewhere,
        }
    }

    pub fn read(&mut self, now: Instant) -> MemorySample {
        let process = match &mut self.elsewhere {
            Some((system, pid)) => pid.and_then(|pid| told(system, pid)),
            None => self.resident(),
        };
        let mut sample = conclude(self.memory.read(), process);
        if self.elsewhere.is_none() {
            let traffic = files::text(&self.proc.join("vmstat"));
            let pages = |name| {
                let text = traffic.as_ref().map_err(|reason| *reason)?;
                files::field(text, name).ok_or(NOT_REPORTED)
            };
            #[expect(clippy::cast_precision_loss, reason = "a power of two")]
            let page = self.page_bytes as f64;
            let rate = |pages: f64| byte_rate(pages * page);
            sample.swap_in = self.swapped_in.rate(now, pages("pswpin")).and_then(rate);
            sample.swap_out = self.swapped_out.rate(now, pages("pswpout")).and_then(rate);
        }
        sample
    }

    /// Bytes of this process.
    fn resident(&self) -> Option<u64> {
        let pages = files::text(&self.proc.join("self/statm")).ok()?;
        let resident: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
        Some(resident.saturating_mul(self.page_bytes))
    }
}

fn page_bytes() -> u64 {
    #[cfg(unix)]
    let bytes = rustix::param::page_size() as u64;
    #[cfg(not(unix))]
    let bytes = 4096;
    bytes
}

/// Bytes of this process as sysinfo tells them.
fn told(system: &mut System, pid: Pid) -> Option<u64> {
    let kind = ProcessRefreshKind::nothing().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
    system.process(pid).map(sysinfo::Process::memory)
}

/// What cannot be taken any more is used.
fn conclude(memory: Memory, process: Option<u64>) -> MemorySample {
    let total = memory.total.ok_or(NOT_REPORTED).and_then(check::size);
    let swap_total = match memory.swap_total {
        Some(0) => Err(NO_SWAP),
        Some(bytes) => Ok(bytes),
        None => Err(NOT_REPORTED),
    };
    let taken = |total: u64, left: Option<u64>| {
        let left = left.ok_or(NOT_REPORTED)?;
        used(total.checked_sub(left).ok_or(NONSENSE)?, total)
    };
    MemorySample {
        total,
        used: total.and_then(|total| taken(total, memory.available)),
        swap_total,
        swap_used: swap_total.and_then(|total| taken(total, memory.swap_free)),
        swap_in: Err(NOT_REPORTED),
        swap_out: Err(NOT_REPORTED),
        pool: Err(NOT_REPORTED),
        process: process.ok_or(NOT_REPORTED).and_then(check::size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Memory = Memory {
        total: Some(1000),
        available: Some(600),
        swap_total: Some(50),
        swap_free: Some(45),
    };

    #[test]
    fn used_is_what_is_not_available() {
        let sample = conclude(MACHINE, Some(7));
        assert_eq!((sample.total, sample.used), (Ok(1000), Ok(400)));
        assert_eq!((sample.swap_total, sample.swap_used), (Ok(50), Ok(5)));
        assert_eq!(sample.process, Ok(7));
    }

    #[test]
    fn what_is_not_there_is_missing_not_zero() {
        let sample = conclude(Memory::default(), None);
        assert_eq!(sample.total, Err(NOT_REPORTED));
        assert_eq!(sample.used, Err(NOT_REPORTED));
        assert_eq!(sample.swap_total, Err(NOT_REPORTED));
        assert_eq!(sample.swap_used, Err(NOT_REPORTED));
        assert_eq!(sample.process, Err(NOT_REPORTED));
        let none_left = Memory {
            available: None,
            swap_free: None,
            ..MACHINE
        };
        let silent = conclude(none_left, None);
        assert_eq!((silent.total, silent.used), (Ok(1000), Err(NOT_REPORTED)));
        assert_eq!(
            (silent.swap_total, silent.swap_used),
            (Ok(50), Err(NOT_REPORTED))
        );
        let no_swap = Memory {
            swap_total: Some(0),
            swap_free: Some(0),
            ..MACHINE
        };
        let none = conclude(no_swap, None);
        assert_eq!(
            (none.swap_total, none.swap_used),
            (Err(NO_SWAP), Err(NO_SWAP))
        );
    }

    #[test]
    fn nonsense_is_missing() {
        let nonsense = Memory {
            available: Some(2000),
            swap_free: Some(51),
            ..MACHINE
        };
        let sample = conclude(nonsense, None);
        assert_eq!(sample.used, Err(NONSENSE));
        assert_eq!(sample.swap_used, Err(NONSENSE));
    }

    #[test]
    fn this_process_has_memory() {
        let sample = MemorySource::new(Path::new("/")).read(Instant::now());
        let (Ok(total), Ok(process)) = (sample.total, sample.process) else {
            panic!("{sample:?}")
        };
        assert!(0 < process && process < total);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_recorded_machine_is_read_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "proc/meminfo",
            "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:   12000000 kB\nSwapTotal: 2000 kB\nSwapFree: 500 kB\n",
        );
        write("proc/vmstat", "pswpin 100\npswpout 0\n");
        write("proc/self/statm", "900 300 100 1 0 200 0\n");
        let mut source = MemorySource::new(root.path());
        let start = Instant::now();
        let first = source.read(start);
        assert_eq!(
            (first.total, first.used),
            (Ok(16_384_000_000), Ok(4_096_000_000))
        );
        assert_eq!(
            (first.swap_total, first.swap_used),
            (Ok(2_048_000), Ok(1_536_000))
        );
        assert_eq!(first.process, Ok(300 * page_bytes()));
        assert_eq!(first.swap_in, Err("known from the second reading on"));
        write("proc/vmstat", "pswpin 110\npswpout 0\n");
        let second = source.read(start + std::time::Duration::from_secs(2));
        assert_eq!(second.swap_in, Ok(5.0 * page_bytes() as f64));
        assert_eq!(second.swap_out, Ok(0.0));
        // Kernels before 3.14 have no line of what is available.
        write(
            "proc/meminfo",
            "MemTotal:       16000000 kB\nMemFree:  1 kB\nSwapTotal: 2000 kB\n",
        );
        let old = source.read(start);
        assert_eq!(
            (old.total, old.used),
            (Ok(16_384_000_000), Err(NOT_REPORTED))
        );
        assert_eq!(
            (old.swap_total, old.swap_used),
            (Ok(2_048_000), Err(NOT_REPORTED))
        );
        let silent = MemorySource::new(&root.path().join("nowhere")).read(start);
        assert_eq!(
            (silent.total, silent.swap_in),
            (Err(NOT_REPORTED), Err(NOT_REPORTED))
        );
    }
}
