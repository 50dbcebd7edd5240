//! What recording the tokens of a reply costs: the same reply with n-probs 0 and 10, in turn, in
//! one process; medians and the ratio.
//!
//! `cargo bench --bench tokens` measures the built-in model, whose step takes less than a
//! millisecond; `LLMDECK_BENCH_MODEL=FILE` another. The wish: at most 5 % on a vocabulary of
//! 150,000.

use std::path::PathBuf;

use llmdeck::chat::{Message, Role};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, EngineHandle, GenerateRequest, LoadId, LoadRequest,
    RequestId,
};
use llmdeck::params::{Params, SamplingParams};
use tokio::sync::mpsc::Receiver;

const ROUNDS: u64 = 9;
/// Tokens generated a round.
const N_PREDICT: u32 = 128;
const N_PROBS: u32 = 10;

fn main() {
    let path = std::env::var_os("LLMDECK_BENCH_MODEL")
        .map_or_else(|| PathBuf::from("models/guide.gguf"), PathBuf::from);
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    let n_vocab = load(&engine, &mut events, &path);
    let default = Params::default().sampling();
    let kinds = [
        ("default chain", default.clone()),
        (
            "with penalties",
            SamplingParams {
                penalty_repeat: 1.1,
                ..default.clone()
            },
        ),
        (
            "greedy",
            SamplingParams {
                temp: 0.0,
                ..default
            },
        ),
    ];
    println!(
        "{}: {n_vocab} tokens in the vocabulary, {N_PREDICT} generated, {ROUNDS} rounds in turn, medians",
        path.display()
    );
    println!(
        "| decode, tokens per second | off | n-probs {N_PROBS} | ratio |\n| --- | --- | --- | --- |"
    );
    let mut request = 0;
    for (name, sampling) in kinds {
        let mut speed = |n_probs| {
            request += 1;
            let sampling = SamplingParams {
                n_probs,
                seed: Some(1),
                ignore_eos: true,
                ..sampling.clone()
            };
            reply(&engine, &mut events, request, sampling)
        };
        speed(0);
        let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (speed(0), speed(N_PROBS))).collect();
        println!(
            "| {name} | {:.1} | {:.1} | {:.3} |",
            median(rounds.iter().map(|round| round.0)),
            median(rounds.iter().map(|round| round.1)),
            median(rounds.iter().map(|round| round.1 / round.0)),
        );
    }
    let _ = engine.send(Command::Stop);
    engine.join();
}

fn load(engine: &EngineHandle, events: &mut Receiver<EngineEvent>, path: &std::path::Path) -> u32 {
    let mut params = Params::default().load();
    params.context.n_ctx = 1024;
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
            EngineEvent::Loaded { model, .. } => return model.n_vocab,
            EngineEvent::LoadFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

/// Tokens per second of one reply.
fn reply(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    request: u64,
    sampling: SamplingParams,
) -> f64 {
    let mut reply = Params::default().reply();
    reply.max_tokens = Some(N_PREDICT);
    let request = GenerateRequest {
        id: RequestId(request),
        conversation: ConversationId(1),
        messages: vec![Message::new(Role::User, "What does top-k do?")],
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
            EngineEvent::Finished { timings, .. } => return timings.predicted_per_second,
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
