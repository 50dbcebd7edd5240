//! The memory bandwidth that the deck measures, against BabelStream's dot product: sum += a[i] * b[i]
//! over two arrays that no cache holds, one part for each thread (Deakin et al., "GPU-STREAM",
//! 2016). Both only read, as decoding does. In turn, several rounds, medians.

use std::hint::black_box;
use std::time::Instant;

use llmdeck::telemetry::measure_bandwidth;

const ROUNDS: usize = 7;
/// Elements of each array, over all threads.
const LENGTH: usize = 32 << 20;
/// Passes of the dot product; the fastest counts, as in STREAM.
const PASSES: usize = 10;

fn main() {
    let (mut ours, mut dots, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let own = measure_bandwidth() as f64;
        let dot = dot_bandwidth();
        ours.push(own / 1e9);
        dots.push(dot / 1e9);
        ratios.push(own / dot);
    }
    println!(
        "measure_bandwidth {:.1} GB/s, dot product {:.1} GB/s, ratio {:.3} (target 0.9 to 1.1)",
        median(&mut ours),
        median(&mut dots),
        median(&mut ratios)
    );
}

/// Bytes per second that all threads together read.
fn dot_bandwidth() -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let length = LENGTH / threads;
    let mut parts: Vec<(Vec<f64>, Vec<f64>)> = (0..threads)
        .map(|_| (vec![0.1; length], vec![0.2; length]))
        .collect();
    let bytes = (2 * 8 * length * threads) as f64;
    let pass = |parts: &mut Vec<(Vec<f64>, Vec<f64>)>| {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for (a, b) in parts.iter() {
                scope.spawn(move || black_box(dot(a, b)));
            }
        });
        bytes / began.elapsed().as_secs_f64()
    };
    (0..PASSES).map(|_| pass(&mut parts)).fold(0.0, f64::max)
}

/// Eight sums, so that memory and not addition is waited for.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, _) = a.as_chunks::<8>();
    let (b, _) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
