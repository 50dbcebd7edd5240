//! What a container may use of the CPU: the quota of its cgroup, version 2 or 1
//! (Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst).

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::check;
use super::files::{self, NOT_REPORTED};
use super::rate::Counter;
use super::{Missing, Reading};
use crate::host::{Cgroup, Group, Version};

const NO_LIMIT: Missing = "no limit";

pub(super) struct Quota {
    cgroup: Cgroup,
    used: Counter,
    throttled: Counter,
}

/// A quota and how near the container came to it since the reading before.
pub(super) struct QuotaReading {
    /// Cores' worth of time.
    pub cores: Reading<f32>,
    /// Percent of the quota.
    pub load: Reading<f32>,
    /// Percent of the periods in which it was used up.
    pub held_back: Reading<f32>,
}

/// The lowest quota on the way to the root, and whose it is.
struct Limit {
    cores: f64,
    folder: PathBuf,
    version: Version,
}

impl Quota {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            cgroup: Cgroup::new(root),
            used: Counter::default(),
            throttled: Counter::default(),
        }
    }

    pub(super) fn read(&mut self, now: Instant) -> QuotaReading {
        let Some(limit) = self.cgroup.group("cpu").and_then(|group| lowest(&group)) else {
            (self.used, self.throttled) = (Counter::default(), Counter::default());
            return QuotaReading {
                cores: Err(NO_LIMIT),
                load: Err(NO_LIMIT),
                held_back: Err(NO_LIMIT),
            };
        };
        let used = self.used.rate(now, limit.used_us());
        let throttled = self.throttled.rate(now, limit.throttled_us());
        #[expect(clippy::cast_possible_truncation, reason = "three digits are shown")]
        let percent = |share: f64| check::percent((share * 100.0).clamp(0.0, 100.0) as f32);
        #[expect(clippy::cast_possible_truncation, reason = "at most 10,000")]
        let cores = limit.cores as f32;
        QuotaReading {
            cores: Ok(cores),
            load: used.and_then(|us| percent(us / 1e6 / limit.cores)),
            held_back: throttled.and_then(|us| percent(us / 1e6)),
        }
    }
}

fn lowest(group: &Group) -> Option<Limit> {
    let limits = group.way_up().filter_map(|folder| {
        let cores = match group.version {
            Version::Two => {
                let text = files::text(&folder.join("cpu.max")).ok()?;
                let (quota, period) = text.trim().split_once(' ')?;
                share(quota.parse().ok()?, period.parse().ok()?)?
            }
            Version::One => share(
                files::number(&folder.join("cpu.cfs_quota_us")).ok()?,
                files::number(&folder.join("cpu.cfs_period_us")).ok()?,
            )?,
        };
        Some(Limit {
            cores,
            folder: folder.to_owned(),
            version: group.version,
        })
    });
    limits.min_by(|one, other| one.cores.total_cmp(&other.cores))
}

/// Quota over period; version 1 writes none as -1.
#[expect(clippy::cast_precision_loss, reason = "both are below 2^50")]
fn share(quota: i64, period: i64) -> Option<f64> {
    let cores = quota as f64 / period as f64;
    (quota > 0 && period > 0 && cores <= 10_000.0).then_some(cores)
}

impl Limit {
    /// Microseconds of CPU time.
    fn used_us(&self) -> Reading<u64> {
        match self.version {
            Version::Two => self.stat("usage_usec"),
            Version::One => files::number::<u64>(&self.folder.join("cpuacct.usage"))
                .or_else(|_| {
                    let accounts = self.folder.to_string_lossy().replace("/cpu/", "/cpuacct/");
                    files::number(&Path::new(&accounts).join("cpuacct.usage"))
                })
                .map(|nanoseconds: u64| nanoseconds / 1000),
        }
    }

    /// Microseconds in which something waited for the next period.
    fn throttled_us(&self) -> Reading<u64> {
        match self.version {
            Version::Two => self.stat("throttled_usec"),
            Version::One => self
                .stat("throttled_time")
                .map(|nanoseconds| nanoseconds / 1000),
        }
    }

    fn stat(&self, name: &str) -> Reading<u64> {
        let text = files::text(&self.folder.join("cpu.stat"))?;
        files::field(&text, name).ok_or(NOT_REPORTED)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        write(&root, files);
        root
    }

    fn write(root: &tempfile::TempDir, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn the_lowest_quota_on_the_way_up_is_what_load_is_a_share_of() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/box/job\n"),
            ("sys/fs/cgroup/box/cpu.max", "200000 100000\n"),
            (
                "sys/fs/cgroup/box/cpu.stat",
                "usage_usec 1000000\nthrottled_usec 0\n",
            ),
            ("sys/fs/cgroup/box/job/cpu.max", "max 100000\n"),
        ]);
        let mut quota = Quota::new(root.path());
        let start = Instant::now();
        assert_eq!(quota.read(start).cores, Ok(2.0));
        let later = "usage_usec 2000000\nthrottled_usec 250000\n";
        write(&root, &[("sys/fs/cgroup/box/cpu.stat", later)]);
        let reading = quota.read(start + Duration::from_secs(1));
        assert_eq!((reading.load, reading.held_back), (Ok(50.0), Ok(25.0)));
    }

    #[test]
    fn version_1_counts_nanoseconds() {
        let root = tree(&[
            ("proc/self/cgroup", "2:cpu,cpuacct:/docker/a\n"),
            ("sys/fs/cgroup/cpu/docker/a/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/docker/a/cpu.cfs_period_us", "100000\n"),
            (
                "sys/fs/cgroup/cpu/docker/a/cpu.stat",
                "throttled_time 500000000\n",
            ),
            ("sys/fs/cgroup/cpuacct/docker/a/cpuacct.usage", "0\n"),
        ]);
        let mut quota = Quota::new(root.path());
        let start = Instant::now();
        assert_eq!(quota.read(start).cores, Ok(0.5));
        let accounts = "sys/fs/cgroup/cpuacct/docker/a/cpuacct.usage";
        write(&root, &[(accounts, "250000000\n")]);
        let reading = quota.read(start + Duration::from_secs(1));
        assert_eq!((reading.load, reading.held_back), (Ok(50.0), Ok(0.0)));
    }

    #[test]
    fn no_quota_is_no_limit() {
        for files in [
            &[("proc/self/cgroup", "0::/\n")][..],
            &[
                ("proc/self/cgroup", "0::/\n"),
                ("sys/fs/cgroup/cpu.max", "max 100000\n"),
            ],
            &[
                ("proc/self/cgroup", "0::/\n"),
                ("sys/fs/cgroup/cpu.max", "1e30 0\n"),
            ],
            &[],
        ] {
            let reading = Quota::new(tree(files).path()).read(Instant::now());
            assert_eq!(reading.cores, Err(NO_LIMIT));
        }
    }
}
