//! RAM, swap and its traffic, the memory of this process; a container's limit counts as the
//! machine's.
//!
//! Linux: `/proc/meminfo`, `/proc/vmstat`, `/proc/self/statm` (proc(5)); elsewhere what sysinfo
//! tells.

use std::path::{Path, PathBuf};
use std::time::Instant;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::cgroup::{Cgroup, MemoryLimit};
use super::check::{self, byte_rate, used};
use super::files::{self, NOT_REPORTED};
use super::rate::Counter;
use super::{MemorySample, Missing};

const NO_SWAP: Missing = "none configured";

pub struct MemorySource {
    proc: PathBuf,
    cgroup: Cgroup,
    page_bytes: u64,
    swapped_in: Counter,
    swapped_out: Counter,
    /// Where there is no `/proc`.
    elsewhere: Option<(System, Option<Pid>)>,
}

/// What was read, in bytes, before anything is concluded from it.
#[derive(Clone, Copy, Default)]
struct Facts {
    total: Option<u64>,
    available: Option<u64>,
    /// 0 = none configured
    swap_total: Option<u64>,
    swap_used: Option<u64>,
    process: Option<u64>,
    limit: Option<MemoryLimit>,
}

impl MemorySource {
    /// `root` is where `/proc` and `/sys` are found: `/`.
    pub fn new(root: &Path) -> Self {
        let elsewhere = cfg!(not(target_os = "linux"))
            .then(|| Some((System::new().ok()?, sysinfo::get_current_pid().ok())))
            .flatten();
        Self {
            proc: root.join("proc"),
            cgroup: Cgroup::new(root),
            page_bytes: page_bytes(),
            swapped_in: Counter::default(),
            swapped_out: Counter::default(),
            elsewhere,
        }
    }

    pub fn read(&mut self, now: Instant) -> MemorySample {
        let mut facts = match &mut self.elsewhere {
            Some((system, pid)) => told(system, *pid),
            None => self.read_proc(),
        };
        facts.limit = self.cgroup.read(facts.total.unwrap_or(0));
        let mut sample = conclude(facts);
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

    fn read_proc(&self) -> Facts {
        let text = files::text(&self.proc.join("meminfo")).unwrap_or_default();
        let bytes = |name| files::field(&text, name).map(|kib| kib.saturating_mul(1024));
        let pages = files::text(&self.proc.join("self/statm")).unwrap_or_default();
        let resident = pages.split_whitespace().nth(1);
        let resident: Option<u64> = resident.and_then(|pages| pages.parse().ok());
        let (swap_total, swap_free) = (bytes("SwapTotal"), bytes("SwapFree"));
        Facts {
            total: bytes("MemTotal"),
            available: bytes("MemAvailable"),
            swap_total,
            swap_used: swap_total
                .zip(swap_free)
                .map(|(total, free)| total.saturating_sub(free)),
            process: resident.map(|pages| pages.saturating_mul(self.page_bytes)),
            limit: None,
        }
    }
}

fn page_bytes() -> u64 {
    #[cfg(unix)]
    let bytes = rustix::param::page_size() as u64;
    #[cfg(not(unix))]
    let bytes = 4096;
    bytes
}

/// What sysinfo tells; it says 0 where the system says nothing, and where no swap is configured.
fn told(system: &mut System, pid: Option<Pid>) -> Facts {
    system.refresh_memory();
    let process = pid.and_then(|pid| {
        let kind = ProcessRefreshKind::nothing().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
        system.process(pid).map(sysinfo::Process::memory)
    });
    let said = |bytes: u64| (bytes > 0).then_some(bytes);
    Facts {
        total: said(system.total_memory()),
        available: said(system.available_memory()),
        swap_total: Some(system.total_swap()),
        swap_used: Some(system.used_swap()),
        process: process.and_then(said),
        limit: None,
    }
}

fn conclude(facts: Facts) -> MemorySample {
    let total = facts.limit.map(|limit| limit.max).or(facts.total);
    let total = total.ok_or(NOT_REPORTED).and_then(check::size);
    let in_use = match facts.limit {
        Some(limit) => limit.used.ok_or("not reported by the container"),
        None => match facts.total.zip(facts.available) {
            Some((total, available)) => total.checked_sub(available).ok_or(check::NONSENSE),
            None => Err(NOT_REPORTED),
        },
    };
    let swap_total = match facts.swap_total {
        Some(0) => Err(NO_SWAP),
        Some(bytes) => Ok(bytes),
        None => Err(NOT_REPORTED),
    };
    MemorySample {
        total,
        used: total.and_then(|total| used(in_use?, total)),
        swap_total,
        swap_used: swap_total.and_then(|total| used(facts.swap_used.ok_or(NOT_REPORTED)?, total)),
        swap_in: Err(NOT_REPORTED),
        swap_out: Err(NOT_REPORTED),
        pool: Err(NOT_REPORTED),
        process: facts.process.ok_or(NOT_REPORTED).and_then(check::size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Facts = Facts {
        total: Some(1000),
        available: Some(600),
        swap_total: Some(50),
        swap_used: Some(5),
        process: Some(7),
        limit: None,
    };

    #[test]
    fn used_is_what_is_not_available() {
        let sample = conclude(MACHINE);
        assert_eq!((sample.total, sample.used), (Ok(1000), Ok(400)));
        assert_eq!((sample.swap_total, sample.swap_used), (Ok(50), Ok(5)));
        assert_eq!(sample.process, Ok(7));
    }

    #[test]
    fn a_container_limit_replaces_the_machines_memory() {
        let limit = |used| Facts {
            limit: Some(MemoryLimit { max: 300, used }),
            ..MACHINE
        };
        let sample = conclude(limit(Some(120)));
        assert_eq!((sample.total, sample.used), (Ok(300), Ok(120)));
        let silent = conclude(limit(None));
        assert_eq!(
            (silent.total, silent.used),
            (Ok(300), Err("not reported by the container"))
        );
    }

    #[test]
    fn what_is_not_there_is_missing_not_zero() {
        let sample = conclude(Facts::default());
        assert_eq!(sample.total, Err(NOT_REPORTED));
        assert_eq!(sample.used, Err(NOT_REPORTED));
        assert_eq!(sample.swap_total, Err(NOT_REPORTED));
        assert_eq!(sample.swap_used, Err(NOT_REPORTED));
        assert_eq!(sample.process, Err(NOT_REPORTED));
        let none_free = conclude(Facts {
            available: None,
            swap_used: None,
            ..MACHINE
        });
        assert_eq!(
            (none_free.total, none_free.used),
            (Ok(1000), Err(NOT_REPORTED))
        );
        assert_eq!(
            (none_free.swap_total, none_free.swap_used),
            (Ok(50), Err(NOT_REPORTED))
        );
        let no_swap = conclude(Facts {
            swap_total: Some(0),
            swap_used: Some(0),
            ..MACHINE
        });
        assert_eq!(
            (no_swap.swap_total, no_swap.swap_used),
            (Err(NO_SWAP), Err(NO_SWAP))
        );
    }

    #[test]
    fn nonsense_is_missing() {
        assert_eq!(
            conclude(Facts {
                available: Some(2000),
                ..MACHINE
            })
            .used,
            Err("nonsense reading")
        );
        assert_eq!(
            conclude(Facts {
                swap_used: Some(51),
                ..MACHINE
            })
            .swap_used,
            Err("nonsense reading")
        );
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
