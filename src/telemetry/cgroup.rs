//! The memory limit of a container: the cgroup this process runs in, version 2 or 1
//! (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst).
//!
//! The limit that counts is the lowest on the way from the process's own group to the root.
//! Memory in use is what the kernel charged less the page cache it would give back first
//! (`inactive_file`): a mapped model file would otherwise read as a full container.

use std::fs;
use std::path::{Path, PathBuf};

/// Finds and reads the limit below a given `/proc` and `/sys`.
pub struct Cgroup {
    proc_cgroup: PathBuf,
    mount: PathBuf,
}

/// A limit in force, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    pub max: u64,
    /// `None` when the group does not tell.
    pub used: Option<u64>,
}

/// The file names of one cgroup version.
struct Layout {
    max: &'static str,
    current: &'static str,
    inactive: &'static str,
}

const V2: Layout = Layout {
    max: "memory.max",
    current: "memory.current",
    inactive: "inactive_file",
};
const V1: Layout = Layout {
    max: "memory.limit_in_bytes",
    current: "memory.usage_in_bytes",
    inactive: "total_inactive_file",
};

impl Cgroup {
    /// `root` is `/`, or the root of a tree that looks like one.
    pub fn new(root: &Path) -> Self {
        Self {
            proc_cgroup: root.join("proc/self/cgroup"),
            mount: root.join("sys/fs/cgroup"),
        }
    }

    /// The lowest limit under `ceiling` bytes (the memory of the machine); `None` when there is none.
    pub fn read(&self, ceiling: u64) -> Option<MemoryLimit> {
        let group = self.group("memory")?;
        let layout = match group.version {
            Version::One => V1,
            Version::Two => V2,
        };
        group
            .way_up()
            .filter_map(|folder| Some((number(&folder.join(layout.max))?, folder)))
            .filter(|(max, _)| *max < ceiling)
            .min_by_key(|(max, _)| *max)
            .map(|(max, folder)| MemoryLimit {
                max,
                used: layout.used(folder),
            })
    }

    /// The group in which a controller counts this process.
    pub(super) fn group(&self, controller: &str) -> Option<Group> {
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
pub(super) enum Version {
    One,
    Two,
}

/// The group of this process in one hierarchy.
pub(super) struct Group {
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
        let inactive = stat
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(name, _)| *name == self.inactive)
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or(0);
        Some(current.saturating_sub(inactive))
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
    fn the_lowest_limit_on_the_way_to_the_root_counts() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/box/job\n"),
            ("sys/fs/cgroup/cgroup.controllers", "memory\n"),
            ("sys/fs/cgroup/box/memory.max", "2147483648\n"),
            ("sys/fs/cgroup/box/memory.current", "1500\n"),
            (
                "sys/fs/cgroup/box/memory.stat",
                "anon 1\ninactive_file 500\n",
            ),
            ("sys/fs/cgroup/box/job/memory.max", "max\n"),
        ]);
        let cgroup = Cgroup::new(root.path());
        assert_eq!(
            cgroup.read(8 * GIB),
            Some(MemoryLimit {
                max: 2 * GIB,
                used: Some(1000)
            })
        );
        assert_eq!(
            cgroup.read(GIB),
            None,
            "a limit above the machine's memory is none"
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
                used: Some(50)
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
                used: None
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
