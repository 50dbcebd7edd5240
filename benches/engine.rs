//! Prefill and decode through the engine against a bare `llama-cpp-2` loop: same model, same
//! process, same number of tokens, in turn, medians and the ratio.
//!
//! `cargo bench --bench engine` measures the built-in model; `LLMDECK_BENCH_MODEL=FILE` another.
//! The built-in model takes well under a millisecond a token, so there the engine's own work
//! weighs most; on a model of a size people use it disappears. `-- --beside N` measures beside N
//! processes that each keep a core busy, with the engine's threads left automatic.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Instant;

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llmdeck::chat::{Message, Role};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, EngineHandle, GenerateRequest, LoadId, LoadRequest,
    RequestId, Timings,
};
use llmdeck::params::{FlashAttention, Params};
use tokio::sync::mpsc::Receiver;

const ROUNDS: u64 = 7;
/// Beside busy processes everything takes long, and the differences are large.
const ROUNDS_BESIDE: u64 = 3;
const N_CTX: u32 = 1024;
/// Tokens generated a round.
const N_PREDICT: u32 = 128;
/// Words of the prompt; about as many tokens.
const N_WORDS: usize = 400;

/// Tokens per second.
struct Speed {
    prefill: f64,
    decode: f64,
}

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--beside");
    let beside: usize = arguments
        .nth(1)
        .map_or(0, |count| count.parse().expect("a number"));
    if std::env::args().any(|argument| argument == "--burn") {
        burn();
    }
    let path = std::env::var_os("LLMDECK_BENCH_MODEL")
        .map_or_else(|| PathBuf::from("models/guide.gguf"), PathBuf::from);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as i32;
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    load(
        &engine,
        &mut events,
        &path,
        if beside == 0 { threads } else { 0 },
    );
    let backend = LlamaBackend::init().expect("the backend of llama-cpp-2");
    let model = LlamaModel::load_from_file(&backend, &path, &LlamaModelParams::default())
        .expect("the model");

    through_engine(&engine, &mut events, 0);
    // The first one also prefills what the template puts before the first word.
    let n_prompt = through_engine(&engine, &mut events, 1).prompt_n as usize;
    bare(&backend, &model, n_prompt, threads);
    let busy: Vec<Busy> = (0..beside).map(|_| Busy::start()).collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let rounds = if beside == 0 { ROUNDS } else { ROUNDS_BESIDE };
    for round in 2..2 + rounds {
        let timings = through_engine(&engine, &mut events, round);
        assert_eq!(
            (timings.prompt_n as usize, timings.predicted_n),
            (n_prompt, N_PREDICT)
        );
        ours.push(Speed {
            prefill: timings.prompt_per_second,
            decode: timings.predicted_per_second,
        });
        theirs.push(bare(&backend, &model, n_prompt, threads));
    }
    drop(busy);
    println!(
        "{}: {n_prompt} prompt tokens, {N_PREDICT} generated, {rounds} rounds in turn, medians, \
         beside {beside} busy processes",
        path.display()
    );
    println!("| tokens per second | engine | bare loop | ratio |\n| --- | --- | --- | --- |");
    row("prefill", &ours, &theirs, |speed| speed.prefill);
    row("decode", &ours, &theirs, |speed| speed.decode);
    let _ = engine.send(Command::Stop);
    engine.join();
}

/// Another process that keeps a core busy until this is dropped.
struct Busy(std::process::Child);

impl Busy {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        Self(
            std::process::Command::new(program)
                .arg("--burn")
                .spawn()
                .expect("a process"),
        )
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In a session of its own, as what another login or a service runs is: Linux shares out the cores
/// between sessions first (autogroups), and between their threads then.
fn burn() -> ! {
    let _ = rustix::process::setsid();
    let mut number = 1_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(3));
    }
}

fn row(name: &str, ours: &[Speed], theirs: &[Speed], figure: impl Fn(&Speed) -> f64 + Copy) {
    let ratios = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| figure(ours) / figure(theirs));
    println!(
        "| {name} | {:.1} | {:.1} | {:.3} |",
        median(ours.iter().map(figure)),
        median(theirs.iter().map(figure)),
        median(ratios)
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn load(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    path: &std::path::Path,
    threads: i32,
) {
    let mut params = Params::default().load();
    params.context.n_ctx = N_CTX;
    // What the bare loop does by llama.cpp's defaults; the deck's own are faster at decoding.
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

/// One reply; every round is the first message of the conversation written anew, different from its
/// first word on, so that nothing but the head of the template is reused.
fn through_engine(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    round: u64,
) -> Timings {
    let start = char::from(b'a' + (round % 26) as u8);
    let params = Params::default();
    let mut sampling = params.sampling();
    sampling.temp = 0.0;
    sampling.ignore_eos = true;
    let mut reply = params.reply();
    reply.max_tokens = Some(N_PREDICT);
    let content = format!("{start}{}", " the".repeat(N_WORDS));
    let request = GenerateRequest {
        id: RequestId(round),
        // One conversation, so that the cache holds no other, which llama.cpp would look at too.
        conversation: ConversationId(1),
        messages: vec![Message::new(Role::User, content)],
        reply_so_far: String::new(),
        exact: None,
        sampling,
        reply,
    };
    engine
        .send(Command::Generate(Box::new(request)))
        .expect("the engine");
    loop {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::Finished { timings, .. } => return timings,
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

fn bare(backend: &LlamaBackend, model: &LlamaModel, n_prompt: usize, threads: i32) -> Speed {
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(N_CTX))
        .with_n_threads(threads)
        .with_n_threads_batch(threads);
    let mut context = model.new_context(backend, params).expect("a context");
    let mut sampler = LlamaSampler::greedy();
    let mut batch = LlamaBatch::new(N_CTX as usize, 1);
    for position in 0..n_prompt {
        batch
            .add(
                LlamaToken(300),
                position as i32,
                &[0],
                position + 1 == n_prompt,
            )
            .expect("room");
    }
    let began = Instant::now();
    context.decode(&mut batch).expect("prefill");
    let mut token = sampler.sample(&context, n_prompt as i32 - 1);
    let prefill = n_prompt as f64 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    for position in 0..N_PREDICT - 1 {
        batch.clear();
        batch
            .add(token, n_prompt as i32 + position as i32, &[0], true)
            .expect("room");
        context.decode(&mut batch).expect("decode");
        token = sampler.sample(&context, 0);
        // What any chat has to do as well.
        std::hint::black_box(token);
    }
    Speed {
        prefill,
        decode: f64::from(N_PREDICT - 1) / began.elapsed().as_secs_f64(),
    }
}
