//! Weights or cache that do not stay in memory.

use super::{free_memory, gib};
use crate::diagnose::{Facts, Finding, Gain};

/// Bytes per second from swap, and faults per second that waited for a disk, from which on it counts.
const SWAP_IN: f64 = 1_000_000.0;
const FAULTS: f64 = 20.0;

pub fn rule(facts: &Facts) -> Option<Finding> {
    let machine = &facts.machine;
    if !facts.reply.decoding? {
        return None;
    }
    let swap_in = machine.swap_in.filter(|rate| *rate > SWAP_IN);
    let faults = machine.major_faults.filter(|rate| *rate > FAULTS);
    if swap_in.is_none() && faults.is_none() {
        return None;
    }
    let mut evidence = Vec::new();
    evidence.extend(swap_in.map(|rate| format!("{:.1} MB/s come back from swap", rate / 1e6)));
    evidence.extend(faults.map(|rate| format!("{rate:.0} page faults a second wait for a disk")));
    evidence.extend(
        machine
            .memory_available
            .map(|bytes| format!("{} of memory left", gib(bytes))),
    );
    // What GPUs read is no matter of main memory.
    let in_memory = facts.context.n_gpu_layers.unwrap_or(0) == 0;
    let ceiling = machine
        .bandwidth
        .filter(|_| in_memory)
        .zip(facts.bytes_per_token())
        .map(|(bandwidth, bytes)| bandwidth / bytes);
    let gain = ceiling
        .zip(facts.reply.decode)
        .and_then(|(ceiling, decode)| {
            Gain::new(
                ceiling / decode,
                "what memory could do / what is measured; at most",
            )
        });
    Some(Finding {
        rule: "swapping",
        what: "the model does not stay in memory: parts of it come from a disk for every token"
            .into(),
        evidence: evidence.join(", "),
        gain,
        fix: free_memory(facts),
    })
}
