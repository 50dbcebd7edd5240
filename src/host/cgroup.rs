//! The memory limit of a container: the cgroup this process runs in, version 2 or 1
//! (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst).
//!
//! A limit holds for all groups below it, so those on the way from the process's own to the root
//! count.
//! Memory in use is what the kernel charged less the page cache, which it gives back before it ends
//! anything: a mapped model file would otherwise read as a full container. Its active part counts
//! as well, as it does in `MemAvailable`: with the multi-generational LRU what is mapped is active.

use std::fs;
use std::path::{Path, PathBuf};

use super::field;

/// Finds and reads the limit below a given `/proc` and `/sys`.
pub struct Cgroup {
    proc_cgroup: PathBuf,
    mount: PathBuf,
}

/// The limits in force, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The lowest.
    pub max: u64,
    /// What may still be taken under all of them; `None` when a group does not tell its use.
    pub left: Option<u64>,
}

/// The file names of one cgroup version.
struct Layout {
    max: &'static str,
    current: &'static str,
    cache: [&'static str; 2],
}

const V2: Layout = Layout {
    max: "memory.max",
    current: "memory.current",
    cache: ["active_file", "inactive_file"],
};
const V1: Layout = Layout {
    max: "memory.limit_in_bytes",
    current: "memory.usage_in_bytes",
    cache: ["total_active_file", "total_inactive_file"],
};

impl Cgroup {
    /// `root` is `/`, or the root of a tree that looks like one.
    pub fn new(root: &Path) -> Self {
        Self {
            proc_cgroup: root.join("proc/self/cgroup"),
            mount: root.join("sys/fs/cgroup"),
        }
    }

    /// The limits below `ceiling` bytes (the memory of the machine); `None` when there are none.
    pub fn read(&self, ceiling: u64) -> Option<MemoryLimit> {
        let group = self.group("memory")?;
        let layout = match group.version {
            Version::One => V1,
            Version::Two => V2,
        };
        let limit = |folder: &Path| {
            let max = number(&folder.join(layout.max)).filter(|max| *max < ceiling)?;
            let left = layout.used(folder).map(|used| max.saturating_sub(used));
            Some(MemoryLimit { max, left })
        };
        group
            .way_up()
            .filter_map(limit)
            .reduce(|one, other| MemoryLimit {
                max: one.max.min(other.max),
                left: one.left.zip(other.left).map(|(one, other)| one.min(other)),
            })
    }

    /// The group in which a controller counts this process.
    pub fn group(&self, controller: &str) -> Option<Group> {
        let groups = fs::read_to_string(&self.proc_cgroup).ok()?;
        // A controller lives in exactly one of the two hierarchies.
        let (mount, path, version) = match v1_group(&groups, controller) {
            Some((names, path)) => (self.v1_mount(names, controller), path, Version::One),
            None => (
                self.mount.clone(),
                groups.lines().find_map(|line| line.strip_prefix("0::"))?,
                Version::Two,
            ),
        };
        let own = mount.join(path.trim_start_matches('/'));
        // Inside a container the path may be the host's, of which only the root is mounted here.
        let own = if own.is_dir() { own } else { mount.clone() };
        Some(Group {
            mount,
            own,
            version,
        })
    }

    /// Controllers that share a hierarchy are mounted as `cpu,cpuacct`, mostly with links.
    fn v1_mount(&self, names: &str, controller: &str) -> PathBuf {
        let alone = self.mount.join(controller);
        if alone.is_dir() {
            alone
        } else {
            self.mount.join(names)
        }
    }
}

/// Which of the two file layouts a hierarchy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

/// The group of this process in one hierarchy.
pub struct Group {
    mount: PathBuf,
    pub own: PathBuf,
    pub version: Version,
}

impl Group {
    /// The group, the one it is in, and so on to the root: a limit holds for all below it.
    pub fn way_up(&self) -> impl Iterator<Item = &Path> {
        self.own
            .ancestors()
            .take_while(|folder| folder.starts_with(&self.mount))
    }
}

impl Layout {
    fn used(&self, folder: &Path) -> Option<u64> {
        let current = number(&folder.join(self.current))?;
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let cache = self.cache.map(|name| field(&stat, name).unwrap_or(0));
        Some(cache.into_iter().fold(current, u64::saturating_sub))
    }
}

/// The names and the path of the line `4:cpu,memory:/path`; controllers can share a line.
fn v1_group<'a>(groups: &'a str, controller: &str) -> Option<(&'a str, &'a str)> {
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let names = fields.next()?;
        let path = fields.next()?;
        names
            .split(',')
            .any(|name| name == controller)
            .then_some((names, path))
    })
}

/// A file that holds one number; `max` and anything else is none.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_limit_on_the_way_to_the_root_counts() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/box/job\n"),
            ("sys/fs/cgroup/cgroup.controllers", "memory\n"),
            ("sys/fs/cgroup/box/memory.max", "2147483648\n"),
            ("sys/fs/cgroup/box/memory.current", "1500\n"),
            (
                "sys/fs/cgroup/box/memory.stat",
                "anon 1\ninactive_file 300\nactive_file 200\n",
            ),
            ("sys/fs/cgroup/box/job/memory.max", "max\n"),
        ]);
        let cgroup = Cgroup::new(root.path());
        assert_eq!(
            cgroup.read(8 * GIB),
            Some(MemoryLimit {
                max: 2 * GIB,
                left: Some(2 * GIB - 1000)
            })
        );
        assert_eq!(
            cgroup.read(GIB),
            None,
            "a limit above the machine's memory is none"
        );
    }

    #[test]
    fn a_group_above_can_be_nearer_to_its_own_limit() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/box/job\n"),
            ("sys/fs/cgroup/box/memory.max", "4000\n"),
            ("sys/fs/cgroup/box/memory.current", "3900\n"),
            ("sys/fs/cgroup/box/job/memory.max", "2000\n"),
            ("sys/fs/cgroup/box/job/memory.current", "500\n"),
        ]);
        assert_eq!(
            Cgroup::new(root.path()).read(GIB),
            Some(MemoryLimit {
                max: 2000,
                left: Some(100)
            })
        );
    }

    #[test]
    fn version_1_is_read_from_its_own_hierarchy() {
        let root = tree(&[
            ("proc/self/cgroup", "5:cpu,memory:/docker/abc\n0::/\n"),
            (
                "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes",
                "1073741824\n",
            ),
            (
                "sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes",
                "70\n",
            ),
            (
                "sys/fs/cgroup/memory/docker/abc/memory.stat",
                "inactive_file 1\ntotal_inactive_file 20\n",
            ),
        ]);
        assert_eq!(
            Cgroup::new(root.path()).read(8 * GIB),
            Some(MemoryLimit {
                max: GIB,
                left: Some(GIB - 50)
            })
        );
    }

    #[test]
    fn a_container_that_sees_the_hosts_path_uses_the_mounted_root() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/host/only\n"),
            ("sys/fs/cgroup/memory.max", "1073741824\n"),
        ]);
        assert_eq!(
            Cgroup::new(root.path()).read(8 * GIB),
            Some(MemoryLimit {
                max: GIB,
                left: None
            })
        );
    }

    #[test]
    fn without_cgroups_there_is_no_limit() {
        assert_eq!(Cgroup::new(tree(&[]).path()).read(GIB), None);
        assert_eq!(
            Cgroup::new(tree(&[("proc/self/cgroup", "nonsense")]).path()).read(GIB),
            None
        );
    }
}
