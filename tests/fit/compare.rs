//! On the CPU alone.

use std::path::Path;

use llmdeck::engine::{ContextInfo, llama};
use llmdeck::gguf::{Facts, Header};
use llmdeck::params::{FlashAttention, LoadMode, LoadParams};
use llmdeck::plan::{self, Memory, Placement};

use crate::fixture::{Shape, write_hollow};
use crate::harness::Engine;
use crate::shapes;

/// A context that does not depend on the machine.
pub fn params(n_ctx: u32) -> LoadParams {
    let mut params = LoadParams::default();
    params.model.fit = false;
    // Mapped, a file counts from its first tensor in use to its last, whatever lies between.
    params.model.load_mode = LoadMode::None;
    params.context.n_ctx = n_ctx;
    params.context.n_seq_max = 2;
    params.context.kv_unified = true;
    params.threads.n_threads = 1;
    params.threads.n_threads_batch = 1;
    params
}

pub fn written(shape: &Shape, folder: &Path) -> (std::path::PathBuf, Facts) {
    let path = folder.join("model.gguf");
    write_hollow(shape, &path).unwrap();
    let facts = Header::read(&path).unwrap().facts();
    (path, facts)
}

/// What `plan` says of the same load on these shares of GPUs.
pub fn planned(facts: &Facts, params: &LoadParams, gpu_layers: u32, shares: &[u64]) -> Placement {
    let run = plan::Run {
        n_ctx: params.context.n_ctx,
        n_gpu_layers: gpu_layers,
        ..llama::run_for(params, shares.len()).unwrap()
    };
    plan::place(facts, &run, shares)
}

/// What llama.cpp reported of a device.
pub fn reported(context: &ContextInfo, name: &str) -> Memory {
    let device = context.devices.iter().find(|device| device.name == name);
    device.map_or(Memory::default(), |device| Memory {
        weights: device.weights,
        kv: device.kv,
        compute: device.compute,
    })
}

/// Each figure with what is off, as a line for a failed test.
pub fn off(what: &str, real: Memory, plan: Memory) -> Vec<String> {
    // The log has hundredths of a MiB, and every buffer is rounded.
    let near = |real: u64, plan: u64, percent: u64| {
        real.abs_diff(plan) <= real * percent / 100 + 3 * 10_486
    };
    let mut wrong = Vec::new();
    for (part, real, plan, percent) in [
        ("weights", real.weights, plan.weights, 1),
        ("cache", real.kv, plan.kv, 1),
        ("compute", real.compute, plan.compute, 15),
    ] {
        if std::env::var_os("LLMDECK_SHOW_FIT").is_some() {
            let ratio = plan as f64 / real.max(1) as f64;
            println!("{what:<60} {part:<8} {real:>11} {plan:>11} {ratio:.3}");
        }
        if !near(real, plan, percent) {
            wrong.push(format!("{what}: {part} {real} bytes, planned {plan}"));
        }
    }
    wrong
}

#[test]
fn every_architecture_takes_what_was_planned() {
    let mut wrong = Vec::new();
    let mut engine = Engine::start();
    for (name, shape) in shapes::all() {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = written(&shape, folder.path());
        for (n_ctx, n_ubatch, flash_attn, type_k) in [
            (2048, 512, FlashAttention::Off, "f16"),
            (2048, 512, FlashAttention::On, "f16"),
            (8192, 512, FlashAttention::Off, "f16"),
            (8192, 512, FlashAttention::On, "q8_0"),
            (4096, 128, FlashAttention::Off, "f32"),
            (4096, 1024, FlashAttention::On, "f16"),
        ] {
            let mut params = params(n_ctx);
            params.context.n_ubatch = n_ubatch;
            params.context.flash_attn = flash_attn;
            params.context.type_k = type_k.into();
            params.context.type_v = type_k.into();
            let (_, context) = engine.load(&path, params.clone()).unwrap();
            let plan = planned(&facts, &params, 0, &[]);
            let what = format!("{name}, {n_ctx}/{n_ubatch} {flash_attn:?} {type_k}");
            wrong.extend(off(&what, reported(&context, "CPU"), plan.host));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
