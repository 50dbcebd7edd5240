//! How fast this machine reads its memory: the bound of decoding, where every token needs all
//! weights once.
//!
//! All threads sum memory of their own that no cache holds, for a few short passes; the fastest
//! counts, since other work only makes a pass slower. STREAM (McCalpin) measures the same way but
//! also writes, which decoding hardly does.

use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Passes, and how long each takes at least.
const PASSES: usize = 4;
const PASS: Duration = Duration::from_millis(60);
/// Bytes read in all: far more than last-level caches hold, and little enough to be free.
const BYTES: usize = 256 << 20;

/// Bytes per second that all cores together read from main memory.
pub fn measure_bandwidth() -> u64 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Barrier::new(threads);
    let passes = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| passes(BYTES / threads, &start)))
            .collect();
        let all = all
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default());
        all.collect::<Vec<[f64; PASSES]>>()
    });
    let together = |pass: usize| passes.iter().map(|thread| thread[pass]).sum::<f64>();
    let best = (0..PASSES).map(together).fold(0.0, f64::max);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and far below 2^63"
    )]
    let best = best as u64;
    best
}

/// Bytes per second of one thread in each pass.
fn passes(bytes: usize, start: &Barrier) -> [f64; PASSES] {
    // Written once, so that the system gives real pages.
    let memory: Vec<u64> = (0..(bytes / 8) as u64).collect();
    let mut speeds = [0.0; PASSES];
    for speed in &mut speeds {
        start.wait();
        let began = Instant::now();
        let mut read = 0;
        while began.elapsed() < PASS {
            std::hint::black_box(sum(&memory));
            read += memory.len() * 8;
        }
        #[expect(clippy::cast_precision_loss, reason = "three digits count")]
        let bytes = read as f64;
        *speed = bytes / began.elapsed().as_secs_f64();
    }
    speeds
}

/// Several sums side by side, so that memory and not addition is waited for.
fn sum(memory: &[u64]) -> u64 {
    let (chunks, rest) = memory.as_chunks::<16>();
    let mut sums = [0_u64; 16];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sums.iter()
        .chain(rest)
        .fold(0, |all, one| all.wrapping_add(*one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_sums() {
        let numbers: Vec<u64> = (0..1003).collect();
        assert_eq!(sum(&numbers), 1002 * 1003 / 2);
        assert_eq!(sum(&[]), 0);
    }

    #[test]
    fn every_pass_reads_something() {
        let speeds = passes(1 << 16, &Barrier::new(1));
        assert!(speeds.iter().all(|speed| *speed > 0.0), "{speeds:?}");
    }
}
