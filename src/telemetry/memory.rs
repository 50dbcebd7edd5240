//! RAM, swap and the memory of this process; a container's limit counts as the machine's.

use std::path::Path;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::cgroup::{Cgroup, MemoryLimit};
use super::check::used;
use super::{MemorySample, Missing};

const NOT_REPORTED: Missing = "not reported by this system";
const NO_SWAP: Missing = "none configured";

pub struct MemorySource {
    system: Option<System>,
    pid: Option<Pid>,
    cgroup: Cgroup,
}

/// What was read, in bytes, before anything is concluded from it; 0 is what the system says
/// when it says nothing.
#[derive(Clone, Copy, Default)]
struct Facts {
    total: u64,
    available: u64,
    swap_total: u64,
    swap_used: u64,
    process: u64,
    limit: Option<MemoryLimit>,
}

impl MemorySource {
    /// `root` is where `/proc` and `/sys` of the container limit are found: `/`.
    pub fn new(root: &Path) -> Self {
        Self {
            system: System::new().ok(),
            pid: sysinfo::get_current_pid().ok(),
            cgroup: Cgroup::new(root),
        }
    }

    pub fn read(&mut self) -> MemorySample {
        let Some(system) = &mut self.system else {
            return conclude(Facts::default());
        };
        system.refresh_memory();
        let process = self.pid.map_or(0, |pid| {
            let kind = ProcessRefreshKind::nothing().with_memory().without_tasks();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
            system.process(pid).map_or(0, sysinfo::Process::memory)
        });
        conclude(Facts {
            total: system.total_memory(),
            available: system.available_memory(),
            swap_total: system.total_swap(),
            swap_used: system.used_swap(),
            process,
            limit: self.cgroup.read(system.total_memory()),
        })
    }
}

fn conclude(facts: Facts) -> MemorySample {
    let total = facts.limit.map_or(facts.total, |limit| limit.max);
    let in_use = match facts.limit {
        Some(limit) => limit.used.ok_or("not reported by the container"),
        None => facts
            .total
            .checked_sub(facts.available)
            .ok_or("nonsense reading"),
    };
    let has_total = if total > 0 {
        Ok(total)
    } else {
        Err(NOT_REPORTED)
    };
    let has_swap = if facts.swap_total > 0 {
        Ok(facts.swap_total)
    } else {
        Err(NO_SWAP)
    };
    MemorySample {
        total: has_total,
        used: has_total.and_then(|total| used(in_use?, total)),
        swap_total: has_swap,
        swap_used: has_swap.and_then(|total| used(facts.swap_used, total)),
        process: if facts.process > 0 {
            Ok(facts.process)
        } else {
            Err(NOT_REPORTED)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Facts = Facts {
        total: 1000,
        available: 600,
        swap_total: 50,
        swap_used: 5,
        process: 7,
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
        assert_eq!(sample.swap_total, Err(NO_SWAP));
        assert_eq!(sample.swap_used, Err(NO_SWAP));
        assert_eq!(sample.process, Err(NOT_REPORTED));
    }

    #[test]
    fn nonsense_is_missing() {
        assert_eq!(
            conclude(Facts {
                available: 2000,
                ..MACHINE
            })
            .used,
            Err("nonsense reading")
        );
        assert_eq!(
            conclude(Facts {
                swap_used: 51,
                ..MACHINE
            })
            .swap_used,
            Err("nonsense reading")
        );
    }

    #[test]
    fn this_process_has_memory() {
        let sample = MemorySource::new(Path::new("/")).read();
        let (Ok(total), Ok(process)) = (sample.total, sample.process) else {
            panic!("{sample:?}")
        };
        assert!(0 < process && process < total);
    }
}
