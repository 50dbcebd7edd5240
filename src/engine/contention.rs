//! How many cores other processes leave.
//!
//! ggml's threads meet at a barrier after every operation and spin there until the last one comes.
//! When another process has the core of one of them, all wait for it: two threads on two cores
//! beside one busy process decode slower than one thread. So while tokens are made the engine
//! looks a few times a second at what others use, and runs no more threads than cores are left.
//! The first step after a pause cannot wait for that: it goes by how many threads want a core now.

use std::time::Duration;

/// How often to look.
pub(super) const WINDOW: Duration = Duration::from_millis(300);
/// Cores that others may use in all before a thread is given up.
const TOLERATED: f64 = 0.35;
/// Looks in a row that must find a core free before a thread comes back.
const CALM: u32 = 3;
/// Glances, and the time between them: what runs for a moment only is no contention.
const GLANCES: u32 = 5;
const GLANCE: Duration = Duration::from_millis(1);

/// Processor time so far, in seconds on the cores that this process may use, since any one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CpuTime {
    /// Cores that this process may use.
    pub cores: u32,
    /// Of all processes, and what the host of a virtual machine took.
    pub everyone: f64,
    /// Of this process.
    pub own: f64,
    /// On the wall.
    pub clock: f64,
}

impl CpuTime {
    /// Cores that other processes took on average since an earlier reading; `None` where no time
    /// has passed.
    pub(super) fn others_since(self, earlier: Self) -> Option<f64> {
        let clock = self.clock - earlier.clock;
        let others = ((self.everyone - earlier.everyone) - (self.own - earlier.own)) / clock;
        (clock > 0.0 && others.is_finite()).then(|| others.max(0.0))
    }
}

/// Watches what others use.
#[derive(Debug, Default)]
pub(super) struct Contention {
    last: Option<CpuTime>,
    /// `None` until something was seen.
    free: Option<u32>,
    calm: u32,
}

impl Contention {
    /// Forgets when it looked last, for a pause in which anything may have run.
    pub(super) fn pause(&mut self) {
        self.last = None;
    }

    /// Takes `free` cores for granted until a look says otherwise.
    pub(super) fn assume(&mut self, free: u32) {
        (self.free, self.calm) = (Some(free), CALM - 1);
    }

    /// Takes a look in; the cores that are free for threads, at least one, or `None` before
    /// anything is known.
    pub(super) fn observe(&mut self, now: CpuTime) -> Option<u32> {
        let last = self.last.replace(now)?;
        let Some(others) = now.others_since(last) else {
            return self.free;
        };
        let cores = now.cores.max(1);
        let left = whole(f64::from(cores) - others + TOLERATED).clamp(1, cores);
        let more = self.free.is_some_and(|free| left > free);
        self.calm = if more { self.calm + 1 } else { 0 };
        if !more || self.calm >= CALM {
            (self.free, self.calm) = (Some(left), 0);
        }
        self.free
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates at both ends"
)]
fn whole(cores: f64) -> u32 {
    cores as u32
}

/// Reads the times; `None` where the system does not tell them, and nothing adapts.
#[cfg(target_os = "linux")]
pub(super) fn read() -> Option<CpuTime> {
    use rustix::time::{ClockId, clock_gettime};

    let allowed = rustix::thread::sched_getaffinity(None).ok()?;
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    #[expect(clippy::cast_precision_loss, reason = "100 on every Linux")]
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let seconds = |clock| {
        let time = clock_gettime(clock);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        seconds
    };
    Some(CpuTime {
        cores: allowed.count(),
        everyone: busy_ticks(&stat, |core| allowed.is_set(core))? / ticks,
        own: seconds(ClockId::ProcessCPUTime),
        clock: seconds(ClockId::Monotonic),
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read() -> Option<CpuTime> {
    None
}

/// Cores that are free at this moment, at least one. Takes no time when there are `enough`, and a
/// few milliseconds when there are not. `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn glance(enough: u32) -> Option<u32> {
    let allowed = rustix::thread::sched_getaffinity(None).ok()?.count();
    let mut most = 0;
    for n in 0..GLANCES {
        if n > 0 {
            std::thread::sleep(GLANCE);
        }
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        most = most.max(free_cores(&stat, allowed)?);
        if most >= enough {
            break;
        }
    }
    Some(most)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn glance(_enough: u32) -> Option<u32> {
    None
}

/// Of `allowed` cores those that no other thread wants: `/proc/stat` has a line for every core of
/// the machine and `procs_running`, the threads that run or wait for a core, the asking one among
/// them.
#[cfg(any(target_os = "linux", test))]
fn free_cores(stat: &str, allowed: u32) -> Option<u32> {
    let is_core = |line: &&str| {
        let number = line.strip_prefix("cpu");
        number.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let cores = u32::try_from(stat.lines().filter(is_core).count()).ok()?;
    let mut lines = stat.lines();
    let running = lines.find_map(|line| line.strip_prefix("procs_running "))?;
    let others = running.trim().parse::<u32>().ok()?.saturating_sub(1);
    Some(cores.saturating_sub(others).clamp(1, allowed.max(1)))
}

/// Ticks that the allowed cores were not idle, from `/proc/stat` (proc_stat(5)): `cpuN user nice
/// system idle iowait irq softirq steal …`.
#[cfg(any(target_os = "linux", test))]
fn busy_ticks(stat: &str, allowed: impl Fn(usize) -> bool) -> Option<f64> {
    let mut sum = None;
    for line in stat.lines().skip(1) {
        let mut words = line.split_ascii_whitespace();
        let Some(core) = words.next().and_then(|name| name.strip_prefix("cpu")) else {
            break;
        };
        let Ok(core) = core.parse::<usize>() else {
            continue;
        };
        if !allowed(core) {
            continue;
        }
        let ticks: Vec<f64> = words.map_while(|word| word.parse().ok()).take(8).collect();
        let idle: f64 = ticks.iter().skip(3).take(2).sum();
        *sum.get_or_insert(0.0) += ticks.iter().sum::<f64>() - idle;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs looks of one second each with what others and this process used in it.
    fn free_after(cores: u32, uses: &[(f64, f64)]) -> Vec<u32> {
        let mut watch = Contention::default();
        let mut now = CpuTime {
            cores,
            ..CpuTime::default()
        };
        assert_eq!(watch.observe(now), None);
        let looks = uses.iter().map(|(others, own)| {
            now.everyone += others + own;
            now.own += own;
            now.clock += 1.0;
            watch.observe(now).expect("it has looked twice")
        });
        looks.collect()
    }

    #[test]
    fn what_others_took_is_what_was_used_without_our_own_part() {
        let at = |everyone, own, clock| CpuTime {
            cores: 2,
            everyone,
            own,
            clock,
        };
        let earlier = at(10.0, 5.0, 100.0);
        assert_eq!(at(13.0, 7.0, 102.0).others_since(earlier), Some(0.5));
        // Ticks and clocks are read one after the other: a little less than nothing is nothing.
        assert_eq!(at(11.0, 6.1, 101.0).others_since(earlier), Some(0.0));
        assert_eq!(earlier.others_since(earlier), None);
    }

    #[test]
    fn a_busy_process_takes_a_thread_at_once_and_gives_it_back_after_a_while() {
        // Two spinning threads and one busy process share two cores: it gets two thirds of one.
        let uses = [
            (0.1, 1.9),
            (0.67, 1.33),
            (1.0, 1.0),
            (0.0, 1.0),
            (0.1, 1.0),
            (0.0, 1.0),
            (0.0, 2.0),
        ];
        assert_eq!(free_after(2, &uses), [2, 1, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn a_short_calm_gives_nothing_back() {
        let uses = [(1.0, 1.0), (0.0, 1.0), (0.0, 1.0), (1.0, 1.0), (0.0, 1.0)];
        assert_eq!(free_after(2, &uses), [1; 5]);
    }

    #[test]
    fn the_first_look_after_a_pause_says_nothing_new() {
        let mut watch = Contention::default();
        let at = |everyone, clock| CpuTime {
            cores: 4,
            everyone,
            own: 0.0,
            clock,
        };
        watch.observe(at(0.0, 0.0));
        assert_eq!(watch.observe(at(1.0, 1.0)), Some(3));
        watch.pause();
        assert_eq!(watch.observe(at(400.0, 100.0)), None);
        assert_eq!(watch.observe(at(402.0, 101.0)), Some(2));
    }

    #[test]
    fn only_the_cores_of_this_process_count() {
        let stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 100 50 4 5 6 7 8\ncpu1 10 0 0 0 0 0 0 0 0 0\nintr 1 2\n";
        assert_eq!(busy_ticks(stat, |_| true), Some(31.0));
        assert_eq!(busy_ticks(stat, |core| core == 0), Some(21.0));
        assert_eq!(busy_ticks(stat, |core| core == 7), None);
        assert_eq!(busy_ticks("", |_| true), None);
    }

    #[test]
    fn what_waits_for_a_core_now_is_counted_on_the_whole_machine() {
        let stat = |running: &str| {
            format!(
                "cpu  9 9\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nintr 5\nprocs_running {running}\nprocs_blocked 0\n"
            )
        };
        let free = |running: &str, allowed| free_cores(&stat(running), allowed);
        assert_eq!(free("1", 4), Some(4));
        assert_eq!(free("1", 2), Some(2));
        assert_eq!(free("3", 4), Some(2));
        // Two cores of this machine are somebody else's, and they are where the others run.
        assert_eq!(free("3", 2), Some(2));
        assert_eq!(free("99", 4), Some(1));
        assert_eq!(free("x", 4), None);
        assert_eq!(free_cores("cpu 1\n", 4), None);
    }

    #[test]
    fn a_glance_holds_until_the_first_look() {
        let mut watch = Contention::default();
        let at = |everyone, clock| CpuTime {
            cores: 2,
            everyone,
            own: 0.0,
            clock,
        };
        watch.assume(1);
        assert_eq!(watch.observe(at(0.0, 0.0)), None);
        assert_eq!(watch.observe(at(0.0, 1.0)), Some(2));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_tells() {
        let time = read().expect("/proc/stat");
        assert!(
            time.everyone > 0.0 && time.own > 0.0 && time.clock > 0.0,
            "{time:?}"
        );
    }

    proptest! {
        #[test]
        fn at_least_one_thread_runs_and_never_more_than_cores(
            cores in 0u32..300,
            uses in proptest::collection::vec((-1e12f64..1e12, -1e12f64..1e12, -1.0f64..2.0), 0..20),
        ) {
            let mut watch = Contention::default();
            let mut now = CpuTime { cores, ..CpuTime::default() };
            for (everyone, own, clock) in uses {
                now = CpuTime { everyone: now.everyone + everyone, own: now.own + own, clock: now.clock + clock, ..now };
                prop_assert!(watch.observe(now).is_none_or(|free| (1..=cores.max(1)).contains(&free)));
            }
        }
    }
}
