//! CPU threads. A change takes effect with the next token.

use super::build::row;
use crate::params::{Cost, Group, Param, Spec};

const fn threads(param: Param, name: &'static str) -> Spec {
    row(Group::Threads, Cost::Free, param, name)
}

pub(super) const ROWS: &[Spec] = &[
    threads(Param::Threads, "threads")
        .short(&["t"])
        .aliases(&["num_thread", "n_threads", "cpuThreads"])
        .int((1, 512), 1, &[("auto", -1)], -1)
        .help("CPU threads for decoding. Memory bandwidth is the limit, so physical cores are enough; more than the free cores is far slower."),
    threads(Param::ThreadsBatch, "threads-batch")
        .short(&["tb"])
        .aliases(&["n_threads_batch", "blasthreads"])
        .int((1, 512), 1, &[("same", -1)], -1)
        .help("CPU threads for prefill, which computes more than it reads: here all cores, hyperthreads included, may pay."),
];
