//! Measurements beside conversations.

use llmdeck::engine::{
    BenchId, BenchRequest, BenchSample, BenchTest, Command, EngineError, EngineEvent, ErrorKind,
};

use crate::harness::{Engine, at_most, endless, greedy, small, user};

fn request(test: BenchTest, repetitions: u32) -> BenchRequest {
    BenchRequest {
        id: BenchId(7),
        test,
        repetitions,
        warmup: true,
    }
}

fn test(n_prompt: u32, n_gen: u32, n_depth: u32) -> BenchTest {
    BenchTest {
        n_prompt,
        n_gen,
        n_depth,
    }
}

/// Measures, with a look at every event.
fn bench_and(
    engine: &mut Engine,
    request: BenchRequest,
    mut look: impl FnMut(&Engine, &EngineEvent),
) -> (Vec<BenchSample>, Result<(), EngineError>) {
    engine.send(Command::Bench(request));
    let mut samples = Vec::new();
    loop {
        let event = engine.event();
        look(engine, &event);
        match event {
            EngineEvent::BenchSample { id, sample } if id == request.id => samples.push(sample),
            EngineEvent::BenchDone { id, .. } if id == request.id => return (samples, Ok(())),
            EngineEvent::BenchFailed { id, error } if id == request.id => {
                return (samples, Err(error));
            }
            _ => {}
        }
    }
}

fn bench(
    engine: &mut Engine,
    request: BenchRequest,
) -> (Vec<BenchSample>, Result<(), EngineError>) {
    bench_and(engine, request, |_, _| {})
}

#[test]
fn every_repetition_has_a_sample() {
    let mut engine = Engine::loaded(small());
    for test in [test(64, 0, 0), test(0, 3, 100), test(40, 3, 17)] {
        let (samples, outcome) = bench(&mut engine, request(test, 3));
        assert_eq!((samples.len(), outcome), (3, Ok(())));
        for sample in samples {
            assert!(sample.took >= sample.first_token, "{sample:?}");
            assert!(!sample.first_token.is_zero(), "{sample:?}");
        }
    }
}

#[test]
fn conversations_keep_their_cache() {
    let mut engine = Engine::loaded(small());
    let messages = [user("What does top-k do?")];
    let before = engine.answer(1, &messages, greedy(), at_most(20));
    bench(&mut engine, request(test(300, 2, 0), 1)).1.unwrap();
    let after = engine.answer(1, &messages, greedy(), at_most(20));
    assert_eq!(after.text, before.text);
    assert_eq!(
        (after.timings.prompt_n, before.timings.cache_n),
        (1, 0),
        "all but the last prompt token was still in the cache"
    );
}

#[test]
fn a_reply_in_progress_goes_on_as_if_nothing_had_been() {
    let mut engine = Engine::loaded(small());
    let messages = [user("Tell me about the KV cache.")];
    let expected = engine.answer(1, &messages, endless(), at_most(60)).text;
    let mut engine = Engine::loaded(small());
    let id = engine.ask(1, &messages, endless(), at_most(60));
    let mut asked = false;
    let reply = engine.reply_and(id, |engine, event| {
        if matches!(event, EngineEvent::Tokens { .. }) && !asked {
            asked = true;
            engine.send(Command::Bench(request(test(128, 4, 0), 1)));
        }
    });
    assert_eq!(reply.unwrap().text, expected);
}

#[test]
fn it_ends_within_a_step_and_the_engine_goes_on() {
    let mut engine = Engine::loaded(small());
    let mut cancelled = false;
    let (samples, outcome) = bench_and(
        &mut engine,
        request(test(16, 4, 0), 1_000_000),
        |engine, event| {
            if matches!(event, EngineEvent::BenchSample { .. }) && !cancelled {
                cancelled = true;
                engine.send(Command::CancelBench(BenchId(7)));
            }
        },
    );
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Cancelled);
    assert!(!samples.is_empty());
    let reply = engine.answer(1, &[user("Hello")], greedy(), at_most(3));
    assert!(reply.tokens > 0);
}

#[test]
fn other_commands_wait_and_do_not_spoil_it() {
    let mut engine = Engine::loaded(small());
    let mut sent = false;
    let (samples, outcome) =
        bench_and(&mut engine, request(test(256, 4, 0), 4), |engine, event| {
            if matches!(event, EngineEvent::BenchSample { .. }) && !sent {
                sent = true;
                // Urgent, so it stops the step that runs.
                engine.send(Command::CancelBench(BenchId(1)));
            }
        });
    assert_eq!((samples.len(), outcome), (4, Ok(())));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let mut engine = Engine::loaded(small());
    for (test, part) in [
        (
            test(500, 10, 3),
            "takes 513 tokens and the context holds 512",
        ),
        (test(0, 0, 8), "nothing to measure"),
        (test(u32::MAX, u32::MAX, 1), "the context holds 512"),
    ] {
        let error = bench(&mut engine, request(test, 1)).1.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadParameter);
        assert!(error.to_string().contains(part), "{error}");
    }
    let mut empty = Engine::start();
    let error = bench(&mut empty, request(test(1, 0, 0), 1)).1.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoModel);
}
