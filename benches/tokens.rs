//! What recording the tokens of a reply costs: n-probs 0 and 10 take turns within one reply, a few
//! tokens each, by the engine's own clock. So both meet the same machine, cache and depth.
//!
//! `LLMDECK_BENCH_MODEL=FILE cargo bench --bench tokens`; without it the built-in model, whose step
//! takes less than a millisecond. The wish: at most 5 % on a vocabulary of 150,000.

mod shared;

use std::time::{Duration, Instant};

use llmdeck::chat::{Message, Role};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, EngineHandle, GenerateRequest, RequestId,
};
use llmdeck::params::{Params, SamplingParams};
use shared::{median, ratio};
use tokio::sync::mpsc::Receiver;

/// For each kind of chain: with the 0.5B model of `docs/benchmarks.md` all is over in 100 s.
const TIME: Duration = Duration::from_secs(28);
/// Tokens between two turns; the first of them still sends what the turn before recorded.
const BLOCK: usize = 6;
/// Turns of one reply.
const BLOCKS: u32 = 100;
const N_PROBS: u32 = 10;

fn main() {
    let path = shared::model();
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    let mut params = Params::default().load();
    params.context.n_ctx = 1024;
    params.threads.n_threads = shared::threads();
    let n_vocab = shared::load(&engine, &mut events, &path, params).n_vocab;
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
        "{}: {n_vocab} tokens in the vocabulary; means of ratios with 95 % intervals",
        path.display()
    );
    println!("| decode, ms a token | off | n-probs {N_PROBS} | speed beside off | pairs |");
    println!("| --- | --- | --- | --- | --- |");
    let mut request = 0;
    for (name, sampling) in kinds {
        let began = Instant::now();
        let mut pairs = Vec::new();
        while began.elapsed() < TIME {
            request += 1;
            let left = TIME.saturating_sub(began.elapsed());
            pairs.extend(reply(&engine, &mut events, request, &sampling, left));
        }
        println!(
            "| {name} | {:.2} | {:.2} | {} | {} |",
            median(pairs.iter().map(|pair| pair.0)),
            median(pairs.iter().map(|pair| pair.1)),
            ratio(pairs.iter().map(|pair| pair.0 / pair.1)),
            pairs.len(),
        );
    }
    let _ = engine.send(Command::Stop);
    engine.join();
}

/// Milliseconds a token without and with recording, of neighbouring turns of one reply, which ends
/// when the time is up.
fn reply(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    request: u64,
    sampling: &SamplingParams,
    time: Duration,
) -> Vec<(f64, f64)> {
    let began = Instant::now();
    let id = RequestId(request);
    let sampling = |n_probs| SamplingParams {
        n_probs,
        seed: Some(1),
        ignore_eos: true,
        ..sampling.clone()
    };
    let mut reply = Params::default().reply();
    reply.max_tokens = Some(BLOCK as u32 * BLOCKS);
    let generate = GenerateRequest {
        id,
        conversation: ConversationId(1),
        messages: vec![Message {
            role: Role::User,
            content: "What does top-k do?".to_owned(),
        }],
        reply_so_far: String::new(),
        exact: None,
        sampling: sampling(0),
        reply,
    };
    engine
        .send(Command::Generate(Box::new(generate)))
        .expect("the engine");
    // The times of each turn's tokens; every second one records.
    let mut turns: Vec<Vec<f64>> = Vec::new();
    let (mut traced, mut records, mut last) = (false, false, None);
    loop {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::Traced { .. } => traced = true,
            EngineEvent::Tokens { ids, timings, .. } => {
                assert!(ids.len() <= 1, "a step is missing");
                if turns.is_empty() || traced != records {
                    turns.push(Vec::new());
                    records = traced;
                } else if let (Some(last), Some(turn)) = (last, turns.last_mut()) {
                    turn.push(timings.predicted_ms - last);
                }
                traced = false;
                last = Some(timings.predicted_ms);
                if turns.last().is_some_and(|turn| turn.len() + 1 == BLOCK) {
                    let sampling = Box::new(sampling(if records { 0 } else { N_PROBS }));
                    let _ = engine.send(Command::Resample {
                        request: id,
                        sampling,
                    });
                }
                if began.elapsed() > time {
                    let _ = engine.send(Command::Cancel(id));
                }
            }
            EngineEvent::Finished { .. } => break,
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    let of = |turn: &Vec<f64>| median(turn.iter().copied());
    turns
        .chunks_exact(2)
        .filter(|pair| pair.iter().all(|turn| !turn.is_empty()))
        .map(|pair| (of(&pair[0]), of(&pair[1])))
        .collect()
}
