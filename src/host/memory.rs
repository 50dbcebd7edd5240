//! RAM and swap of this machine, bounded by what the cgroup of this process may take.
//!
//! Linux: `/proc/meminfo` (proc(5)); elsewhere what sysinfo tells.

use std::fs;
use std::path::{Path, PathBuf};

use sysinfo::System;

use super::cgroup::Cgroup;
use super::field;

/// Bytes; what the system does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What this process could have at most: of the machine or of its cgroup.
    pub total: Option<u64>,
    /// What it can still take without swapping and without being ended for it. Page cache counts:
    /// the kernel gives it up, mapped weights too.
    pub available: Option<u64>,
    pub swap_total: Option<u64>,
    pub swap_free: Option<u64>,
}

impl Memory {
    /// As it is now.
    pub fn now() -> Self {
        MemoryReader::new(Path::new("/")).read()
    }
}

/// Reads [`Memory`] again and again.
pub struct MemoryReader {
    meminfo: PathBuf,
    cgroup: Cgroup,
    /// Where there is no `/proc/meminfo`.
    elsewhere: Option<System>,
}

impl MemoryReader {
    /// `root` is where `/proc` and `/sys` are found: `/`.
    pub fn new(root: &Path) -> Self {
        let elsewhere = cfg!(not(target_os = "linux")).then(System::new);
        Self {
            meminfo: root.join("proc/meminfo"),
            cgroup: Cgroup::new(root),
            elsewhere: elsewhere.and_then(Result::ok),
        }
    }

    /// As it is now.
    pub fn read(&mut self) -> Memory {
        let machine = match &mut self.elsewhere {
            Some(system) => told(system),
            None => parse(&fs::read_to_string(&self.meminfo).unwrap_or_default()),
        };
        let limit = self.cgroup.read(machine.total.unwrap_or(u64::MAX));
        limit.map_or(machine, |limit| Memory {
            total: Some(limit.max),
            available: machine
                .available
                .zip(limit.left)
                .map(|(machine, limit)| machine.min(limit)),
            ..machine
        })
    }
}

fn parse(meminfo: &str) -> Memory {
    let bytes = |name| Some(field(meminfo, name)?.saturating_mul(1024));
    Memory {
        total: bytes("MemTotal"),
        available: bytes("MemAvailable"),
        swap_total: bytes("SwapTotal"),
        swap_free: bytes("SwapFree"),
    }
}

/// What sysinfo tells; it says 0 where the system says nothing.
fn told(system: &mut System) -> Memory {
    system.refresh_memory();
    let known = system.total_memory() > 0;
    let told = |bytes| known.then_some(bytes);
    Memory {
        total: told(system.total_memory()),
        available: told(system.available_memory()),
        swap_total: told(system.total_swap()),
        swap_free: told(system.free_swap()),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// 16 GiB of which 12 are available, and 2 GiB of swap; `group` has the files of its cgroup.
    fn machine(group: &[(&str, u64)]) -> Memory {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("the disk");
            fs::write(path, text).expect("the disk");
        };
        write(
            "proc/meminfo",
            "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB\nSwapTotal: 2097152 kB\nSwapFree: 1048576 kB\n",
        );
        write("proc/self/cgroup", "0::/slice/job\n");
        for (name, value) in group {
            let value = match *name {
                "memory.stat" => format!("anon 1\nactive_file {value}\n"),
                _ => value.to_string(),
            };
            write(&format!("sys/fs/cgroup/slice/{name}"), &value);
        }
        write("sys/fs/cgroup/slice/job/memory.max", "max\n");
        MemoryReader::new(root.path()).read()
    }

    #[test]
    fn without_a_limit_it_is_the_machines() {
        let memory = machine(&[]);
        assert_eq!(memory.total, Some(16 * GIB));
        assert_eq!(memory.available, Some(12 * GIB));
        assert_eq!(memory.swap_total, Some(2 * GIB));
        assert_eq!(memory.swap_free, Some(GIB));
    }

    #[test]
    fn a_slice_bounds_it_and_its_page_cache_is_available() {
        let limited = |max, current, cache| {
            let memory = machine(&[
                ("memory.max", max * GIB),
                ("memory.current", current * GIB),
                ("memory.stat", cache * GIB),
            ]);
            (memory.total, memory.available)
        };
        assert_eq!(limited(8, 7, 5), (Some(8 * GIB), Some(6 * GIB)));
        assert_eq!(limited(8, 8, 0), (Some(8 * GIB), Some(0)));
        // The machine has less than the slice would allow.
        assert_eq!(limited(15, 0, 0), (Some(15 * GIB), Some(12 * GIB)));
    }

    #[test]
    fn what_is_not_told_is_missing() {
        let silent = machine(&[("memory.max", 8 * GIB)]);
        assert_eq!((silent.total, silent.available), (Some(8 * GIB), None));
        let nowhere = MemoryReader::new(Path::new("/nowhere")).read();
        assert_eq!(nowhere, Memory::default());
    }
}
