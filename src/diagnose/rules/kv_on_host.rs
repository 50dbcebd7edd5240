//! The KV cache in main memory although layers are on a GPU.

use super::gib;
use crate::diagnose::{Facts, Finding, Fix, Gain};
use crate::params::{Param, Value};

/// Time saved: bytes of cache that a token reads / measured memory bandwidth.
pub fn rule(facts: &Facts) -> Option<Finding> {
    let context = &facts.context;
    if context.kv_offload? || context.n_gpu_layers? == 0 {
        return None;
    }
    let kv = context.kv_bytes?;
    let free = facts.gpus.iter().filter_map(|gpu| gpu.memory_free).max()?;
    if free <= kv {
        return None;
    }
    let saved = facts.kv_read().zip(facts.machine.bandwidth);
    let gain = facts
        .reply
        .decode
        .zip(saved)
        .and_then(|(decode, (read, bandwidth))| {
            let now = 1.0 / decode;
            Gain::new(
                now / (now - read / bandwidth).max(now / 10.0),
                "without the time that main memory takes for the cache",
            )
        });
    Some(Finding {
        rule: "kv-on-host",
        what: "the KV cache lies in main memory and every token crosses the bus for it".into(),
        evidence: format!(
            "kv-offload is off; the cache takes {}, {} are free on a GPU",
            gib(kv),
            gib(free)
        ),
        gain,
        fix: Fix::Set(Param::KvOffload, Value::Bool(true)),
    })
}
