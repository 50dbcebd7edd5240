//! How many threads compute, and the pools they live in.
//!
//! Without a pool of its own a context starts and ends its threads at every step, which costs
//! small models most of their speed and lets the scheduler put two of them on one core.

use std::sync::Mutex;
use std::thread::{self, Builder};

use llama_cpp_sys_2 as sys;

use crate::params::ThreadParams;
use crate::units::counted;

/// Threads that the rest of the program may come to start: for files, sensors, the store.
const SPARE: usize = 16;
/// Bytes of the stack of a thread, as C libraries choose them.
const STACK: usize = 8 << 20;

/// Threads for single tokens and for batches, at least one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threads {
    pub single: i32,
    pub batch: i32,
}

impl Threads {
    pub(crate) const ONE: Self = Self {
        single: 1,
        batch: 1,
    };

    /// So many for both.
    pub(super) fn same(count: u32) -> Self {
        let count = i32::try_from(count.max(1)).unwrap_or(1);
        Self {
            single: count,
            batch: count,
        }
    }

    /// "Automatic" is the number of cores, and one for single tokens of a model of so few bytes
    /// that more are no use.
    pub(crate) fn resolve(asked: ThreadParams, model_bytes: u64) -> Self {
        let single = match asked.n_threads {
            given if given > 0 => given,
            _ if model_bytes <= ONE_THREAD => 1,
            _ => cores(),
        };
        let batch = match (asked.n_threads_batch, asked.n_threads) {
            (given, _) if given > 0 => given,
            (_, given) if given > 0 => given,
            _ => cores(),
        };
        Self { single, batch }
    }

    /// What was left automatic, bounded by the cores that other processes leave.
    pub(crate) fn within(self, asked: ThreadParams, free: u32) -> Self {
        let most = i32::try_from(free).unwrap_or(i32::MAX).max(1);
        if asked.n_threads > 0 {
            return self;
        }
        let batch = if asked.n_threads_batch > 0 {
            self.batch
        } else {
            self.batch.min(most)
        };
        Self {
            single: self.single.min(most),
            batch,
        }
    }

    /// As many of them as this process may start now, with some to spare. ggml ends the program
    /// where it is refused a thread, so the system is asked before.
    pub(super) fn granted(self) -> Self {
        match self.beside() {
            0 => self,
            wanted => self.bounded(startable(wanted + SPARE).saturating_sub(SPARE)),
        }
    }

    /// Threads to be started beside the one that asks: a pool for each kind, or one for both.
    fn beside(self) -> usize {
        let more = |count: i32| usize::try_from(count - 1).unwrap_or(0);
        match self.single == self.batch {
            true => more(self.single),
            false => more(self.single) + more(self.batch),
        }
    }

    /// The same, or fewer where that many cannot be started.
    fn bounded(self, startable: usize) -> Self {
        if self.beside() <= startable {
            return self;
        }
        let pools = if self.single == self.batch { 1 } else { 2 };
        let most = i32::try_from(startable / pools + 1).unwrap_or(i32::MAX);
        Self {
            single: self.single.min(most),
            batch: self.batch.min(most),
        }
    }

    /// A warning when the system gave fewer than were asked for.
    pub(super) fn refused(self, asked: Self) -> Option<String> {
        (self != asked).then(|| {
            format!(
                "threads: the system starts {} of {} for decoding and {} of {} for prefill; a limit (ulimit -u, pids.max) allows no more",
                self.single, asked.single, self.batch, asked.batch
            )
        })
    }

    /// A warning when more threads are to run than cores may: ggml's threads then wait for each other.
    pub(crate) fn crowded(self) -> Option<String> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let most = usize::try_from(self.single.max(self.batch)).unwrap_or(0);
        (most > cores).then(|| {
            let (cores, as_many) = (counted(cores, "core"), counted(cores, "thread"));
            format!("{most} threads share {cores}: that is many times slower than {as_many}")
        })
    }
}

/// Weights up to this size decode on one thread unless the user says otherwise.
///
/// A step over them takes less time than cores need to meet at ggml's barriers, of which it has
/// over a hundred. With all cores to itself a second thread gains little; beside other busy
/// processes every barrier waits for the scheduler: measured on the built-in model with two
/// threads on two busy cores 1.5 tokens per second, with one 390.
const ONE_THREAD: u64 = 32 << 20;

/// Cores this process may use. Hardware threads beyond cores make ggml slower, and so do more
/// threads than the process may run at once.
fn cores() -> i32 {
    let allowed = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let physical = sysinfo::System::physical_core_count().unwrap_or(allowed);
    i32::try_from(allowed.min(physical).max(1)).unwrap_or(1)
}

/// How many of so many threads the system lets this process start: they are started and ended.
fn startable(wanted: usize) -> usize {
    let gate = Mutex::new(());
    let Ok(closed) = gate.lock() else { return 0 };
    thread::scope(|scope| {
        let wait = || drop(gate.lock());
        let start = |_: &usize| {
            let thread = Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, wait).is_ok()
        };
        let started = (0..wanted).take_while(start).count();
        drop(closed);
        started
    })
}

/// The threads of one context, which must be freed before them.
#[derive(Debug)]
pub(super) struct Pools {
    asked: Threads,
    granted: Threads,
    single: Pool,
    /// `None` where the same pool serves both.
    batch: Option<Pool>,
}

impl Pools {
    /// Starts the threads, or as many of them as the system gives.
    pub(super) fn start(asked: Threads) -> Self {
        let granted = asked.granted();
        if let Some(why) = granted.refused(asked) {
            tracing::warn!("{why}");
        }
        Self {
            asked,
            granted,
            single: Pool::start(granted.single),
            batch: (granted.batch != granted.single).then(|| Pool::start(granted.batch)),
        }
    }

    pub(super) fn asked(&self) -> Threads {
        self.asked
    }

    /// Those that run.
    pub(super) fn threads(&self) -> Threads {
        self.granted
    }

    pub(super) fn single(&self) -> sys::ggml_threadpool_t {
        self.single.0
    }

    pub(super) fn batch(&self) -> sys::ggml_threadpool_t {
        self.batch.as_ref().unwrap_or(&self.single).0
    }
}

/// Threads that wait for graphs to compute; the one that asks is the first of them.
#[derive(Debug)]
struct Pool(sys::ggml_threadpool_t);

/// How long a thread that has nothing to do spins before it sleeps, in ggml's unit of 131,072
/// pauses of the processor, a few milliseconds: longer than choosing a token takes, so that the
/// next step finds it awake, and far shorter than ggml's own 50, so that an idle deck is idle.
const POLL: u32 = 1;

impl Pool {
    /// The system must have the threads to give: ggml aborts where `pthread_create` fails, and
    /// never gives null.
    fn start(count: i32) -> Self {
        // SAFETY: returns a plain struct.
        let mut params = unsafe { sys::ggml_threadpool_params_default(count.max(1)) };
        params.poll = POLL;
        // SAFETY: the parameters are read during the call only.
        Self(unsafe { sys::ggml_threadpool_new(&raw mut params) })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: made by `ggml_threadpool_new`, freed once; `Context` frees what uses it before.
        unsafe { sys::ggml_threadpool_free(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(n_threads: i32, n_threads_batch: i32, model_bytes: u64) -> (i32, i32) {
        let asked = ThreadParams {
            n_threads,
            n_threads_batch,
        };
        let threads = Threads::resolve(asked, model_bytes);
        (threads.single, threads.batch)
    }

    #[test]
    fn what_is_asked_for_is_used_and_the_rest_is_chosen() {
        let all = cores();
        assert_eq!(resolve(3, 0, 1 << 30), (3, 3));
        assert_eq!(resolve(3, 5, 1 << 20), (3, 5));
        assert_eq!(resolve(0, 0, 1 << 30), (all, all));
        assert_eq!(resolve(0, 0, 1 << 20), (1, all));
        assert_eq!(resolve(-1, 2, 1 << 20), (1, 2));
    }

    #[test]
    fn only_what_is_automatic_follows_the_free_cores() {
        let threads = Threads {
            single: 4,
            batch: 8,
        };
        let within = |n_threads, n_threads_batch, free| {
            let asked = ThreadParams {
                n_threads,
                n_threads_batch,
            };
            let threads = threads.within(asked, free);
            (threads.single, threads.batch)
        };
        assert_eq!(within(0, 0, 6), (4, 6));
        assert_eq!(within(0, 0, 0), (1, 1));
        assert_eq!(within(0, 8, 2), (2, 8));
        assert_eq!(within(4, 0, 2), (4, 8));
    }

    #[test]
    fn no_more_threads_are_started_than_the_system_gives() {
        let bounded = |single, batch, startable| {
            let threads = Threads { single, batch }.bounded(startable);
            assert!(threads.beside() <= startable);
            (threads.single, threads.batch)
        };
        // The one that asks is one of them.
        assert_eq!(bounded(8, 8, 7), (8, 8));
        assert_eq!(bounded(8, 8, 6), (7, 7));
        assert_eq!(bounded(1, 8, 7), (1, 8));
        assert_eq!(bounded(4, 8, 10), (4, 8));
        assert_eq!(bounded(4, 8, 9), (4, 5));
        assert_eq!(bounded(512, 512, 0), (1, 1));
        assert_eq!(startable(3), 3);
        let asked = Threads {
            single: 512,
            batch: 512,
        };
        assert_eq!(asked.refused(asked), None);
        insta::assert_snapshot!(Threads::ONE.refused(asked).expect("fewer"), @"threads: the system starts 1 of 512 for decoding and 1 of 512 for prefill; a limit (ulimit -u, pids.max) allows no more");
    }

    #[test]
    fn a_pool_ends_with_its_threads() {
        let both = Threads {
            single: 1,
            batch: 2,
        };
        let pools = Pools::start(both);
        assert_eq!((pools.asked(), pools.threads()), (both, both));
        assert_ne!(pools.single(), pools.batch());
        let same = Pools::start(Threads::ONE);
        assert_eq!(same.single(), same.batch());
    }
}
