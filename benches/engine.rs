//! Prefill and decode through the engine against a bare `llama-cpp-2` loop: same model, same
//! process, same number of tokens, in turn, medians and the mean of ratios.
//!
//! `cargo bench --bench engine` measures the built-in model; `LLMDECK_BENCH_MODEL=FILE` another.
//! The built-in model takes well under a millisecond a token, so there the engine's own work
//! weighs most; on a model of a size people use it disappears.

#[path = "shared/loops.rs"]
mod loops;
mod shared;

use llmdeck::engine::Command;
use llmdeck::params::{FlashAttention, Params};
use loops::{Bare, N_CTX, N_PREDICT, Speed, through_engine};
use shared::{median, ratio};

const ROUNDS: u64 = 7;

fn main() {
    let path = shared::model();
    let threads = shared::threads();
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    let mut params = Params::default().load();
    params.context.n_ctx = N_CTX;
    // What the bare loop does by llama.cpp's defaults; the deck's own are faster at decoding.
    params.context.flash_attn = FlashAttention::On;
    params.threads.n_threads = threads;
    params.threads.n_threads_batch = threads;
    shared::load(&engine, &mut events, &path, params);
    let bare = Bare::load(&path, threads);

    through_engine(&engine, &mut events, 0);
    // The first one also prefills what the template puts before the first word.
    let n_prompt = through_engine(&engine, &mut events, 1).prompt_n as usize;
    bare.reply(n_prompt);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 2..2 + ROUNDS {
        let timings = through_engine(&engine, &mut events, round);
        assert_eq!(
            (timings.prompt_n as usize, timings.predicted_n),
            (n_prompt, N_PREDICT)
        );
        ours.push(Speed::from(&timings));
        theirs.push(bare.reply(n_prompt));
    }
    println!(
        "{}: {n_prompt} prompt tokens, {N_PREDICT} generated, {ROUNDS} rounds in turn; medians, and means of ratios with 95 % intervals",
        path.display()
    );
    println!("| tokens per second | engine | bare loop | ratio |\n| --- | --- | --- | --- |");
    row("prefill", &ours, &theirs, |speed| speed.prefill);
    row("decode", &ours, &theirs, |speed| speed.decode);
    let _ = engine.send(Command::Stop);
    engine.join();
}

fn row(name: &str, ours: &[Speed], theirs: &[Speed], figure: impl Fn(&Speed) -> f64 + Copy) {
    let ratios = ours.iter().zip(theirs);
    println!(
        "| {name} | {:.1} | {:.1} | {} |",
        median(ours.iter().map(figure)),
        median(theirs.iter().map(figure)),
        ratio(ratios.map(|(ours, theirs)| figure(ours) / figure(theirs)))
    );
}
