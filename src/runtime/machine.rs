//! What of this machine never changes while the program runs.

use tokio::sync::mpsc::Sender;

use super::Wake;
use crate::app::Event;
use crate::diagnose::Machine;
use crate::engine;

/// Tells the program; off the loop, for llama.cpp may have to find its devices first.
pub(super) fn tell(inbox: Sender<Wake>) {
    tokio::task::spawn_blocking(move || {
        let machine = Box::new(machine_facts(&engine::llama::system_info()));
        let _ = inbox.blocking_send(Wake::Event(Event::Machine(machine)));
    });
}

/// Compares what the processor can do with what llama.cpp was built to use; `system_info` is
/// llama.cpp's word.
pub fn machine_facts(system_info: &str) -> Machine {
    let unused = detected()
        .into_iter()
        .filter(|(name, has)| *has && !uses(system_info, name))
        .map(|(name, _)| name.to_owned());
    Machine {
        unused_features: unused.collect(),
        ..Machine::default()
    }
}

fn uses(system_info: &str, name: &str) -> bool {
    let parts = system_info.split(['|', ':']);
    let mut pairs = parts.filter_map(|part| part.split_once('='));
    pairs.any(|(key, value)| key.trim() == name && value.trim() != "0")
}

/// Instruction sets that ggml has kernels for, under its names, and whether the processor has them.
#[cfg(target_arch = "x86_64")]
fn detected() -> Vec<(&'static str, bool)> {
    use std::arch::is_x86_feature_detected as has;
    vec![
        ("AVX", has!("avx")),
        ("AVX2", has!("avx2")),
        ("F16C", has!("f16c")),
        ("FMA", has!("fma")),
        ("AVX_VNNI", has!("avxvnni")),
        ("AVX512", has!("avx512f")),
        ("AVX512_VBMI", has!("avx512vbmi")),
        ("AVX512_VNNI", has!("avx512vnni")),
        ("AVX512_BF16", has!("avx512bf16")),
    ]
}

#[cfg(target_arch = "aarch64")]
fn detected() -> Vec<(&'static str, bool)> {
    use std::arch::is_aarch64_feature_detected as has;
    vec![
        ("NEON", has!("neon")),
        ("DOTPROD", has!("dotprod")),
        ("MATMUL_INT8", has!("i8mm")),
        ("SVE", has!("sve")),
    ]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detected() -> Vec<(&'static str, bool)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_build_leaves_out_is_named() {
        let all: String = detected()
            .iter()
            .map(|(name, _)| format!("{name} = 1 | "))
            .collect();
        assert!(
            machine_facts(&format!("CPU : {all}"))
                .unused_features
                .is_empty()
        );
        let has: Vec<_> = detected().into_iter().filter(|(_, has)| *has).collect();
        assert_eq!(
            machine_facts("CPU : SSE3 = 1 |").unused_features.len(),
            has.len()
        );
        assert!(uses("CPU : AVX = 0 | AVX2 = 1", "AVX2"));
        assert!(!uses("CPU : AVX = 0 | AVX2 = 1", "AVX"));
    }
}
