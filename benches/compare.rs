//! Columns side by side: what 4 and 8 replies to one prompt reach together, against one alone and
//! against a bare `llama-cpp-2` batch of the same shape, in turn, medians.
//!
//! `LLMDECK_BENCH_MODEL=FILE cargo bench --bench compare`; without it the built-in model, whose
//! steps are so short that threads weigh more than the batch.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Instant;

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llmdeck::chat::{Message, Role};
use llmdeck::compare::{ColumnReport, Report, parse};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, EngineHandle, GenerateRequest, LoadId, LoadRequest,
    RequestId,
};
use llmdeck::params::{FlashAttention, Params};
use tokio::sync::mpsc::Receiver;

const ROUNDS: usize = 5;
const COLUMNS: [usize; 3] = [1, 4, 8];
const N_CTX: u32 = 2048;
/// Tokens of each column.
const N_PREDICT: u32 = 64;
/// Words of the prompt; about as many tokens.
const N_WORDS: usize = 100;

fn main() {
    let path = std::env::var_os("LLMDECK_BENCH_MODEL")
        .map_or_else(|| PathBuf::from("models/guide.gguf"), PathBuf::from);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as i32;
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    load(&engine, &mut events, &path, threads);
    let backend = LlamaBackend::init().expect("the backend of llama-cpp-2");
    let model = LlamaModel::load_from_file(&backend, &path, &LlamaModelParams::default())
        .expect("the model");
    let mut ids = 0;
    // The first ones fill caches of the processor and of the engine.
    for &columns in &COLUMNS {
        through_engine(&engine, &mut events, &mut ids, columns);
    }
    let mut rates = COLUMNS.map(|_| (Vec::new(), Vec::new()));
    let mut n_prompt = 0;
    for _ in 0..ROUNDS {
        for (&columns, (ours, theirs)) in COLUMNS.iter().zip(&mut rates) {
            let report = through_engine(&engine, &mut events, &mut ids, columns);
            n_prompt = report.columns[0].timings.prompt_n + report.columns[0].timings.cache_n;
            let computed = report.prefill.n as usize;
            assert!(
                computed < n_prompt as usize + columns,
                "one prefill: {computed} tokens for {columns} columns"
            );
            ours.push(report.aggregate_per_second);
            theirs.push(bare(&backend, &model, n_prompt as usize, columns, threads));
        }
    }
    println!(
        "{}: {n_prompt} prompt tokens, {N_PREDICT} a column, {ROUNDS} rounds in turn, medians",
        path.display()
    );
    println!("| columns | engine, tok/s | of one stream | bare batch, tok/s | ratio |");
    println!("| --- | --- | --- | --- | --- |");
    let single = median(&rates[0].0);
    for (columns, (ours, theirs)) in COLUMNS.iter().zip(&rates) {
        let ratios: Vec<f64> = ours
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        let rate = median(ours);
        println!(
            "| {columns} | {rate:.1} | {:.2} | {:.1} | {:.3} |",
            rate / single,
            median(theirs),
            median(&ratios)
        );
    }
    let _ = engine.send(Command::Stop);
    engine.join();
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn load(engine: &EngineHandle, events: &mut Receiver<EngineEvent>, path: &Path, threads: i32) {
    let mut params = Params::default().load();
    params.context.n_ctx = N_CTX;
    params.context.n_seq_max = 8;
    params.context.kv_unified = true;
    // What the deck chooses by itself on the CPU; the bare batch does the same.
    params.context.flash_attn = FlashAttention::Off;
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

/// One prompt, asked of so many columns at once, each with a seed of its own.
fn through_engine(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    ids: &mut u64,
    columns: usize,
) -> Report {
    let params = Params::default();
    let column = parse("current:ignore-eos=true", &params, &[]).expect("a column");
    let mut reports = vec![ColumnReport::new(&column); columns];
    let first = *ids + 1;
    for number in 0..columns {
        *ids += 1;
        let mut sampling = column.params.sampling();
        sampling.seed = Some(number as u32);
        let mut reply = params.reply();
        reply.max_tokens = Some(N_PREDICT);
        // Another beginning each time, so that nothing but the head of the template is reused.
        let content = format!("{first}{}", " the".repeat(N_WORDS));
        let request = GenerateRequest {
            id: RequestId(*ids),
            // The slots of the last round, so that the cache holds nothing else.
            conversation: ConversationId(number as u64),
            messages: vec![Message::new(Role::User, content)],
            reply_so_far: String::new(),
            exact: None,
            sampling,
            reply,
        };
        engine
            .send(Command::Generate(Box::new(request)))
            .expect("the engine");
    }
    let mut left = columns;
    while left > 0 {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::Finished {
                request, timings, ..
            } => {
                reports[(request.0 - first) as usize].timings = timings;
                left -= 1;
            }
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    Report::new(String::new(), String::new(), reports, Vec::new())
}

/// Tokens per second of a loop that does the same and nothing else: one prefill, a copy for each
/// column, one batch a step, the default chain for each.
fn bare(
    backend: &LlamaBackend,
    model: &LlamaModel,
    n_prompt: usize,
    columns: usize,
    threads: i32,
) -> f64 {
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(N_CTX))
        .with_n_seq_max(8)
        .with_kv_unified(true)
        .with_flash_attention_policy(llama_cpp_sys_2::LLAMA_FLASH_ATTN_TYPE_DISABLED)
        .with_n_threads(threads)
        .with_n_threads_batch(threads);
    let mut context = model.new_context(backend, params).expect("a context");
    let mut batch = LlamaBatch::new(N_CTX as usize, 1);
    for position in 0..n_prompt {
        let is_last = position + 1 == n_prompt;
        batch
            .add(LlamaToken(300), position as i32, &[0], is_last)
            .expect("room");
    }
    context.decode(&mut batch).expect("prefill");
    let chain = |seed| {
        LlamaSampler::chain_simple([
            LlamaSampler::top_k(40),
            LlamaSampler::top_p(0.95, 1),
            LlamaSampler::min_p(0.05, 1),
            LlamaSampler::temp(0.8),
            LlamaSampler::dist(seed),
        ])
    };
    let mut samplers: Vec<LlamaSampler> = (0..columns as u32).map(chain).collect();
    let last = n_prompt as i32 - 1;
    let mut tokens: Vec<LlamaToken> = samplers
        .iter_mut()
        .map(|sampler| sampler.sample(&context, last))
        .collect();
    for column in 1..columns as i32 {
        context.copy_cache(0, column, n_prompt as i32);
    }
    let began = Instant::now();
    for step in 0..N_PREDICT as usize - 1 {
        batch.clear();
        let position = (n_prompt + step) as i32;
        for (column, token) in (0..).zip(&tokens) {
            batch.add(*token, position, &[column], true).expect("room");
        }
        context.decode(&mut batch).expect("decode");
        for (column, (token, sampler)) in (0..).zip(tokens.iter_mut().zip(&mut samplers)) {
            *token = sampler.sample(&context, column);
        }
    }
    f64::from(N_PREDICT - 1) * columns as f64 / began.elapsed().as_secs_f64()
}
