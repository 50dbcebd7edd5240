//! Results as curves: the same test, over the one thing that differs.

use super::plan::test_name;
use super::record::Record;
use crate::engine::BenchTest;

/// What differs between the results of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Nothing: each result stands for itself.
    Test,
    /// Tokens in the context before the test.
    Depth,
    GpuLayers,
    Threads,
}

/// A curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// `tg32 over depth`
    pub title: String,
    /// In the order they were measured.
    pub points: Vec<Point>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Where on the axis: `1024`.
    pub label: String,
    /// Tokens per second, and the sample standard deviation, as llama-bench has it.
    pub rate: f64,
    pub stddev: f64,
}

/// The curves that results make.
pub fn series(records: &[Record], axis: Axis) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for record in records {
        let point = Point {
            label: match axis {
                Axis::Test => test_name(record.test()),
                Axis::Depth => record.n_depth.to_string(),
                Axis::GpuLayers => record.n_gpu_layers.to_string(),
                Axis::Threads => record.n_threads.to_string(),
            },
            rate: record.avg_ts,
            stddev: record.stddev_ts,
        };
        let title = title(record.test(), axis);
        match all.iter_mut().find(|series| series.title == title) {
            Some(series) => series.points.push(point),
            None => all.push(Series {
                title,
                points: vec![point],
            }),
        }
    }
    all
}

fn title(test: BenchTest, axis: Axis) -> String {
    let over = match axis {
        Axis::Test => return String::new(),
        Axis::Depth => "tokens in the context",
        Axis::GpuLayers => "n-gpu-layers",
        Axis::Threads => "threads",
    };
    let name = match axis {
        Axis::Depth => test_name(BenchTest { n_depth: 0, ..test }),
        _ => test_name(test),
    };
    format!("{name} over {over}")
}
