//! Load parameters changed under a running conversation.

use llmdeck::engine::{EngineEvent, ErrorKind, KvOutcome, StopReason};
use llmdeck::params::{LoadMode, LoadParams, ReplyParams};

use crate::harness::{Engine, Reply, at_most, endless, greedy, guide, latent, small, user};

const QUESTION: &str = "What does temperature do?";

/// A reply of sixty tokens, with the parameters changed after the tenth.
fn disturbed(params: LoadParams) -> (Reply, EngineEvent) {
    let mut engine = Engine::loaded(small());
    let id = engine.ask(1, &[user(QUESTION)], endless(), at_most(60));
    let (mut seen, mut outcome) = (0, None);
    let reply = engine
        .reply_and(id, |engine, event| match event {
            EngineEvent::Tokens { ids, .. } => {
                if seen < 10 && seen + ids.len() >= 10 {
                    engine.retune(params.clone());
                }
                seen += ids.len();
            }
            EngineEvent::Retuned { .. } | EngineEvent::RetuneFailed { .. } => {
                outcome = Some(event.clone())
            }
            _ => {}
        })
        .unwrap();
    let outcome = outcome.unwrap_or_else(|| answered(&mut engine));
    (reply, outcome)
}

/// How the retune ended.
fn answered(engine: &mut Engine) -> EngineEvent {
    loop {
        let event = engine.event();
        if matches!(
            event,
            EngineEvent::Retuned { .. } | EngineEvent::RetuneFailed { .. }
        ) {
            return event;
        }
    }
}

fn undisturbed() -> Reply {
    Engine::loaded(small()).answer(1, &[user(QUESTION)], endless(), at_most(60))
}

fn kept(event: &EngineEvent) -> &KvOutcome {
    match event {
        EngineEvent::Retuned { kv, .. } => kv,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_larger_context_loses_nothing() {
    let mut params = small();
    params.context.n_ctx = 1024;
    let (reply, outcome) = disturbed(params);
    assert_eq!(reply.text, undisturbed().text);
    assert!(
        matches!(kept(&outcome), KvOutcome::Kept { tokens } if *tokens > 10),
        "{outcome:?}"
    );
    let EngineEvent::Retuned { context, .. } = outcome else {
        panic!()
    };
    assert_eq!(context.n_ctx, 1024);
}

#[test]
fn threads_touch_nothing() {
    let mut params = small();
    params.threads.n_threads = 2;
    let (reply, outcome) = disturbed(params);
    assert_eq!(reply.text, undisturbed().text);
    assert_eq!(kept(&outcome), &KvOutcome::Untouched);
}

#[test]
fn another_cache_type_prefills_again_and_says_why() {
    let mut params = small();
    params.context.type_k = "f32".into();
    params.context.type_v = "f32".into();
    let (reply, outcome) = disturbed(params);
    assert_eq!(
        (reply.reason.clone(), reply.tokens),
        (StopReason::MaxTokens(60), 60)
    );
    // As long as the model says an answer it knows; past its end, which the request does not let it
    // take, it is unsure, and the precision of the cache decides.
    let answer = |text: &str| text.chars().take(150).collect::<String>();
    assert_eq!(answer(&reply.text), answer(&undisturbed().text));
    let KvOutcome::Prefill { tokens, reason } = kept(&outcome) else {
        panic!("{outcome:?}")
    };
    assert!(*tokens > 10 && reason.contains("f32"), "{outcome:?}");
}

#[test]
fn a_model_loaded_again_goes_on_in_the_sentence() {
    let mut params = small();
    params.model.load_mode = LoadMode::None;
    let (reply, outcome) = disturbed(params);
    assert_eq!(reply.text, undisturbed().text);
    assert!(
        matches!(kept(&outcome), KvOutcome::Kept { .. }),
        "{outcome:?}"
    );
}

/// What only llama.cpp refuses, when the context before is gone already.
#[test]
fn a_retune_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = latent(folder.path());
    let ask = |engine: &mut Engine| engine.ask(1, &[user(QUESTION)], endless(), at_most(60));
    let undisturbed = {
        let mut engine = Engine::start();
        engine.load(&path, small()).unwrap();
        let id = ask(&mut engine);
        engine.reply(id).unwrap()
    };
    let mut engine = Engine::start();
    engine.load(&path, small()).unwrap();
    let id = ask(&mut engine);
    let mut params = small();
    params.context.type_k = "f32".into();
    let (mut asked, mut outcome) = (false, None);
    let reply = engine.reply_and(id, |engine, event| match event {
        EngineEvent::Tokens { .. } if !asked => {
            asked = true;
            engine.retune(params.clone());
        }
        EngineEvent::RetuneFailed { error, running, .. } => {
            outcome = Some((error.clone(), *running));
        }
        _ => {}
    });
    assert_eq!(reply.unwrap().text, undisturbed.text);
    let (error, running) = outcome.expect("it is refused");
    assert!(running);
    assert!(error.why.contains("cache types"), "{error}");
}

#[test]
fn a_context_larger_than_memory_is_refused_and_the_reply_goes_on() {
    let mut params = small();
    params.context.n_ctx = u32::MAX - 255;
    let (reply, outcome) = disturbed(params);
    assert_eq!(reply.text, undisturbed().text);
    let EngineEvent::RetuneFailed { error, running, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (error.kind, running),
        (ErrorKind::NoMemory, true),
        "{error}"
    );
}

#[test]
fn a_context_smaller_than_the_conversation_is_refused_with_its_size() {
    let mut engine = Engine::loaded(small());
    let reply = engine.answer(1, &[user(QUESTION)], endless(), at_most(300));
    let mut params = small();
    params.context.n_ctx = 256;
    engine.retune(params);
    let (error, running) = loop {
        match engine.event() {
            EngineEvent::RetuneFailed { error, running, .. } => break (error, running),
            EngineEvent::Retuned { context, .. } => panic!("{context:?}"),
            _ => {}
        }
    };
    assert!(running);
    assert_eq!(error.kind, ErrorKind::BadParameter);
    // The last token was never decoded, so it takes no room.
    assert!(
        error.why.contains(&(reply.context_used - 1).to_string()),
        "{error}"
    );
}

#[test]
fn an_idle_conversation_is_carried_over() {
    let mut engine = Engine::loaded(small());
    let first = engine.answer(1, &[user(QUESTION)], greedy(), at_most(8));
    let mut params = small();
    params.context.n_ctx = 768;
    params.context.n_seq_max = 1;
    engine.retune(params);
    while !matches!(engine.event(), EngineEvent::Retuned { .. }) {}
    let again = engine.answer(1, &[user(QUESTION)], greedy(), at_most(8));
    assert_eq!(again.text, first.text);
    assert_eq!(again.timings.prompt_n, 1, "{:?}", again.timings);
}

#[test]
fn weights_are_read_again_only_from_the_file_that_they_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let bytes = std::fs::read(guide()).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let mut in_memory = small();
    in_memory.model.load_mode = LoadMode::None;
    let mut engine = Engine::start();
    engine.load(&path, in_memory.clone()).unwrap();
    let first = engine.answer(1, &[user(QUESTION)], greedy(), at_most(8));
    let mut other = in_memory;
    other.model.load_mode = LoadMode::Mmap;
    let refused = |engine: &mut Engine, hint: &str| {
        engine.retune(other.clone());
        let event = answered(engine);
        let EngineEvent::RetuneFailed { error, running, .. } = &event else {
            panic!("{event:?}")
        };
        assert!(*running && error.to_string().contains(hint), "{error}");
    };
    std::fs::remove_file(&path).unwrap();
    refused(&mut engine, "No such file");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    refused(&mut engine, "model.gguf");
    // A file that could be loaded, with other weights.
    let mut changed = bytes.clone();
    for byte in changed.iter_mut().rev().take(100_000) {
        *byte ^= 1;
    }
    std::fs::write(&path, &changed).unwrap();
    refused(&mut engine, "not the file any more");
    let again = engine.answer(1, &[user(QUESTION)], greedy(), at_most(8));
    assert_eq!(again.text, first.text, "what ran goes on");
    std::fs::write(&path, &bytes).unwrap();
    engine.retune(other);
    let event = answered(&mut engine);
    assert!(matches!(kept(&event), KvOutcome::Kept { .. }), "{event:?}");
}

#[test]
fn without_a_model_there_is_nothing_to_retune() {
    let mut engine = Engine::start();
    engine.retune(small());
    let EngineEvent::RetuneFailed { error, running, .. } = engine.event() else {
        panic!()
    };
    assert_eq!((error.kind, running), (ErrorKind::NoModel, false));
}

#[test]
fn a_grammar_survives_a_reload() {
    let mut engine = Engine::loaded(small());
    let sampling = llmdeck::params::SamplingParams {
        grammar: r#"root ::= ("ab" [0-9]){12}"#.into(),
        ..greedy()
    };
    let id = engine.ask(1, &[user(QUESTION)], sampling, ReplyParams::default());
    let mut retuned = false;
    let reply = engine
        .reply_and(id, |engine, event| {
            if matches!(event, EngineEvent::Tokens { .. }) && !retuned {
                retuned = true;
                let mut params = small();
                params.model.load_mode = LoadMode::None;
                engine.retune(params);
            }
        })
        .unwrap();
    assert_eq!(reply.reason, StopReason::EndOfTurn);
    assert_eq!(reply.text.len(), 36, "{}", reply.text);
    assert!(
        reply
            .text
            .as_bytes()
            .chunks(3)
            .all(|part| part.starts_with(b"ab") && part[2].is_ascii_digit()),
        "{}",
        reply.text
    );
}

/// Other contexts, batches, threads and loads, one after another: under a reply as long as it
/// lasts, and then between replies.
#[test]
fn a_hundred_retunes_lose_no_token() {
    // A generator of Knuth's, so that every run is the same.
    let mut random = 7_u64;
    let mut draw = move |count: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % count
    };
    let mut another = move || {
        let mut params = small();
        params.context.n_ctx = [512, 768, 1024][draw(3) as usize];
        params.context.n_ubatch = [0, 64, 128][draw(3) as usize];
        params.context.n_seq_max = 1 + draw(3) as u32;
        params.threads.n_threads = 1 + draw(2) as i32;
        params.model.load_mode = [LoadMode::Auto, LoadMode::None][draw(2) as usize];
        params
    };
    let check = |event: &EngineEvent| match event {
        EngineEvent::Retuned { kv, .. } => {
            assert!(!matches!(kv, KvOutcome::Prefill { .. }), "{kv:?}");
            true
        }
        EngineEvent::RetuneFailed { error, .. } => panic!("{error}"),
        _ => false,
    };
    let mut engine = Engine::loaded(small());
    let id = engine.ask(1, &[user(QUESTION)], endless(), at_most(200));
    let (mut asked, mut answered) = (0, 0);
    let reply = engine
        .reply_and(id, |engine, event| {
            let begins = asked == 0 && matches!(event, EngineEvent::Tokens { .. });
            let goes_on = check(event);
            answered += usize::from(goes_on);
            if (begins || goes_on) && asked < 100 {
                asked += 1;
                engine.retune(another());
            }
        })
        .unwrap();
    assert!(answered > 10, "{answered} under the reply");
    while answered < 100 {
        if asked == answered {
            asked += 1;
            engine.retune(another());
        }
        answered += usize::from(check(&engine.event()));
    }
    let again = engine.answer(1, &[user(QUESTION)], endless(), at_most(200));
    assert_eq!((&again.text, again.timings.prompt_n), (&reply.text, 1));
    let undisturbed = Engine::loaded(small()).answer(1, &[user(QUESTION)], endless(), at_most(200));
    assert_eq!(reply.text, undisturbed.text);
}
