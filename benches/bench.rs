//! What `llmdeck bench` measures against a bare `llama-cpp-2` loop that does the same: `pp512` and
//! `tg128` on the same file, in one process, in turn, medians and the ratio. The target is a ratio
//! within 2 % of 1.
//!
//! `cargo bench --bench bench` measures the built-in model; `LLMDECK_BENCH_MODEL=FILE` another.
//! `LLMDECK_BENCH_THREADS=N` sets the threads of both; without it both take every core.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llmdeck::engine::{
    BenchId, BenchRequest, BenchTest, Command, EngineEvent, EngineHandle, LoadId, LoadRequest,
};
use llmdeck::params::{FlashAttention, Params};
use tokio::sync::mpsc::Receiver;

const ROUNDS: u64 = 9;
const N_CTX: u32 = 1024;
const TESTS: [BenchTest; 2] = [
    BenchTest {
        n_prompt: 512,
        n_gen: 0,
        n_depth: 0,
    },
    BenchTest {
        n_prompt: 0,
        n_gen: 128,
        n_depth: 0,
    },
];

fn main() {
    let path = std::env::var_os("LLMDECK_BENCH_MODEL")
        .map_or_else(|| PathBuf::from("models/guide.gguf"), PathBuf::from);
    let threads = std::env::var("LLMDECK_BENCH_THREADS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from) as i32);
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    load(&engine, &mut events, &path, threads);
    let backend = LlamaBackend::init().expect("the backend of llama-cpp-2");
    let model = LlamaModel::load_from_file(&backend, &path, &LlamaModelParams::default())
        .expect("the model");
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(N_CTX))
        .with_n_threads(threads)
        .with_n_threads_batch(threads);
    let mut context = model.new_context(&backend, params).expect("a context");

    println!(
        "{}: {threads} threads, {ROUNDS} rounds in turn, medians",
        path.display()
    );
    println!("| tokens per second | llmdeck bench | bare loop | ratio |");
    println!("| --- | --- | --- | --- |");
    for test in TESTS {
        // The first round warms up.
        let rounds: Vec<(f64, f64)> = (0..=ROUNDS)
            .map(|round| {
                let ours = through_engine(&engine, &mut events, test, round);
                (ours, bare(&mut context, &model, test))
            })
            .skip(1)
            .collect();
        let name = llmdeck::bench::test_name(test);
        let ours = median(rounds.iter().map(|(ours, _)| *ours));
        let theirs = median(rounds.iter().map(|(_, theirs)| *theirs));
        let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs));
        println!("| {name} | {ours:.1} | {theirs:.1} | {ratio:.3} |");
    }
    let _ = engine.send(Command::Stop);
    engine.join();
}

fn load(engine: &EngineHandle, events: &mut Receiver<EngineEvent>, path: &Path, threads: i32) {
    let mut params = Params::default().load();
    params.context.n_ctx = N_CTX;
    params.context.n_seq_max = 1;
    // What the bare loop does by llama.cpp's defaults.
    params.context.flash_attn = FlashAttention::On;
    params.threads.n_threads = threads;
    params.threads.n_threads_batch = threads;
    let request = LoadRequest {
        id: LoadId(1),
        path: path.to_owned(),
        params,
    };
    engine
        .send(Command::Load(Box::new(request)))
        .expect("the engine");
    loop {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::Loaded { .. } => return,
            EngineEvent::LoadFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

/// Tokens per second.
fn through_engine(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    test: BenchTest,
    round: u64,
) -> f64 {
    engine
        .send(Command::Bench(BenchRequest {
            id: BenchId(round),
            test,
            repetitions: 1,
            warmup: false,
        }))
        .expect("the engine");
    let mut rate = 0.0;
    loop {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::BenchSample { sample, .. } => {
                rate = tokens(test) / sample.took.as_secs_f64();
            }
            EngineEvent::BenchDone { .. } => return rate,
            EngineEvent::BenchFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

/// Tokens per second.
fn bare(context: &mut LlamaContext<'_>, model: &LlamaModel, test: BenchTest) -> f64 {
    context.clear_kv_cache();
    let n_vocab = model.n_vocab();
    let mut batch = LlamaBatch::new(N_CTX as usize, 1);
    let mut random = 1_u64;
    let mut token = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        LlamaToken((random >> 33) as i32 % n_vocab)
    };
    let began = Instant::now();
    if test.n_prompt > 0 {
        for position in 0..test.n_prompt as i32 {
            let last = position + 1 == test.n_prompt as i32;
            batch.add(token(), position, &[0], last).expect("room");
        }
        context.decode(&mut batch).expect("prefill");
        context.synchronize();
    }
    for position in 0..test.n_gen as i32 {
        batch.clear();
        let position = test.n_prompt as i32 + position;
        batch.add(token(), position, &[0], true).expect("room");
        context.decode(&mut batch).expect("decode");
        context.synchronize();
    }
    tokens(test) / began.elapsed().as_secs_f64()
}

fn tokens(test: BenchTest) -> f64 {
    f64::from(test.n_prompt) + f64::from(test.n_gen)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
