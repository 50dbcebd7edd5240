//! Columns side by side: what 4 and 8 replies to one prompt reach together, against one alone and
//! against a bare `llama-cpp-2` batch of the same shape, in turn; how much of the prompt is computed,
//! and how far apart the first tokens come.
//!
//! `LLMDECK_BENCH_MODEL=FILE cargo bench --bench compare`; without it the built-in model, whose
//! steps are so short that threads weigh more than the batch. `LLMDECK_BENCH_THREADS=N` sets the
//! threads of both.

mod shared;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

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
    Command, ConversationId, EngineEvent, EngineHandle, GenerateRequest, RequestId,
};
use llmdeck::params::{FlashAttention, LoadParams, Params};
use shared::{median, ratio};
use tokio::sync::mpsc::Receiver;

/// Seconds of rounds: with the 0.5B model of `docs/benchmarks.md` all is over in 100.
const TIME: Duration = Duration::from_secs(75);
const N_CTX: u32 = 2048;
/// Tokens of each column.
const N_PREDICT: u32 = 24;
/// Words of the prompt; about as many tokens.
const N_WORDS: usize = 60;

/// Columns, and the targets: of one stream, of the bare batch.
const CASES: [(usize, f64, f64); 3] = [(1, 1.0, 0.97), (4, 1.9, 0.97), (8, 2.6, 0.97)];

/// One round of one case.
struct Measured {
    /// Tokens per second of all columns together.
    ours: f64,
    bare: f64,
    /// From the first column's first token to the last one's, in steps.
    first_tokens: f64,
    /// Prompt tokens computed, and those of one prompt that were not in the cache.
    prefill: (u32, u32),
    /// The most columns in one step.
    sequences: u32,
}

fn main() {
    let path = shared::model();
    let threads = shared::threads();
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    shared::load(&engine, &mut events, &path, load_params(threads));
    let backend = LlamaBackend::init().expect("the backend of llama-cpp-2");
    let model = LlamaModel::load_from_file(&backend, &path, &LlamaModelParams::default())
        .expect("the model");
    let mut ids = 0;
    // The first one fills caches of the processor and of the engine.
    through_engine(&engine, &mut events, &mut ids, 1);
    bare(&backend, &model, N_WORDS, 1, threads);
    let rounds = rounds(|| {
        CASES.map(|(columns, ..)| {
            let (report, sequences) = through_engine(&engine, &mut events, &mut ids, columns);
            let first = report.columns[0].timings.expect("it has ended");
            let n_prompt = (first.prompt_n + first.cache_n) as usize;
            Measured {
                ours: report.aggregate_per_second.expect("all have ended"),
                bare: bare(&backend, &model, n_prompt, columns, threads),
                first_tokens: first_tokens(&report),
                prefill: (report.prefill.expect("all have begun").n, first.prompt_n),
                sequences,
            }
        })
    });
    println!(
        "{}: {threads} threads, {N_PREDICT} tokens a column, {} rounds in turn; means of ratios with \
         95 % intervals",
        path.display(),
        rounds.len()
    );
    println!("| columns | engine, tok/s | of one stream | bare batch, tok/s | engine / bare |");
    println!("| --- | --- | --- | --- | --- |");
    for (at, (columns, of_one, of_bare)) in CASES.iter().enumerate() {
        let case = || rounds.iter().map(|round| &round[at]);
        println!(
            "| {columns} | {:.1} | {}, target {of_one} | {:.1} | {}, target {of_bare} |",
            median(case().map(|one| one.ours)),
            ratio(rounds.iter().map(|round| round[at].ours / round[0].ours)),
            median(case().map(|one| one.bare)),
            ratio(case().map(|one| one.ours / one.bare)),
        );
    }
    println!("\n| columns | in one step | prompt tokens computed | first tokens within |");
    println!("| --- | --- | --- | --- |");
    for (at, (columns, ..)) in CASES.iter().enumerate() {
        let case = || rounds.iter().map(|round| &round[at]);
        let sequences = case().map(|one| one.sequences).min().unwrap_or(0);
        let (computed, prompt) = case().map(|one| one.prefill).max().unwrap_or((0, 0));
        println!(
            "| {columns} | {sequences} | {computed} of a prompt of {prompt} | {:.2} steps |",
            median(case().map(|one| one.first_tokens)),
        );
    }
    let _ = engine.send(Command::Stop);
    engine.join();
}

/// Measures until the time is up, at least three times.
fn rounds<T>(mut round: impl FnMut() -> T) -> Vec<T> {
    let began = Instant::now();
    let mut done = Vec::new();
    while done.len() < 3 || began.elapsed() < TIME {
        done.push(round());
    }
    done
}

/// From the first column's first token to the last one's, in steps of the first column.
fn first_tokens(report: &Report) -> f64 {
    let timings = || report.columns.iter().filter_map(|column| column.timings);
    let first = |least: f64, one: f64| least.min(one);
    let earliest = timings().map(|one| one.ttft_ms).fold(f64::MAX, first);
    let latest = timings().map(|one| one.ttft_ms).fold(0.0, f64::max);
    let step = median(timings().map(|one| one.predicted_ms / f64::from(one.predicted_n - 1)));
    (latest - earliest) / step
}

fn load_params(threads: i32) -> LoadParams {
    let mut params = Params::default().load();
    params.context.n_ctx = N_CTX;
    params.context.n_seq_max = 8;
    params.context.kv_unified = true;
    // What the deck chooses by itself on the CPU; the bare batch does the same.
    params.context.flash_attn = FlashAttention::Off;
    params.threads.n_threads = threads;
    params.threads.n_threads_batch = threads;
    params
}

/// One prompt, asked of so many columns at once, each with a seed of its own; and the most of them
/// in one step.
fn through_engine(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    ids: &mut u64,
    columns: usize,
) -> (Report, u32) {
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
    let (mut left, mut sequences) = (columns, 0);
    while left > 0 {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::Made { origin, .. } => {
                sequences = sequences.max(origin.batches.sequences);
            }
            EngineEvent::Finished {
                request, timings, ..
            } => {
                reports[(request.0 - first) as usize].timings = Some(timings);
                left -= 1;
            }
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    let report = Report::new(String::new(), Default::default(), reports, Vec::new());
    (report, sequences)
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
