//! What a change would do, told beforehand, against what it does.

use llmdeck::chat::Message;
use llmdeck::engine::{
    Change, Command, ContextInfo, DeviceForecast, DeviceMemory, EngineError, EngineEvent,
    ErrorKind, Forecast, KvOutcome, LoadRequest,
};
use llmdeck::params::{FlashAttention, LoadMode, LoadParams};

use crate::harness::{Engine, assistant, at_most, endless, greedy, guide, small, user};

fn foresee(engine: &mut Engine, params: LoadParams) -> Result<Forecast, EngineError> {
    let wanted = engine.load_id();
    engine.send(Command::Foresee {
        id: wanted,
        params: Box::new(params),
    });
    loop {
        if let EngineEvent::Foreseen { id, outcome } = engine.event() {
            assert_eq!(id, wanted);
            return outcome.map(|forecast| *forecast);
        }
    }
}

fn retune(engine: &mut Engine, params: LoadParams) -> (ContextInfo, KvOutcome) {
    engine.retune(params);
    loop {
        match engine.event() {
            EngineEvent::Retuned { context, kv, .. } => return (*context, kv),
            EngineEvent::RetuneFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

fn sum(devices: impl Iterator<Item = DeviceMemory>) -> (u64, u64) {
    devices.fold((0, 0), |(weights, kv), device| {
        (weights + device.weights, kv + device.kv)
    })
}

/// Weights and KV cache are told to the percent, and what becomes of the cached tokens exactly.
#[test]
fn what_is_foretold_comes_true() {
    let mut engine = Engine::loaded(small());
    engine.answer(1, &[user("What is the KV cache?")], greedy(), at_most(20));
    let changes: [fn(&mut LoadParams); 6] = [
        |params| params.context.n_ctx = 1024,
        |params| params.context.n_ubatch = 64,
        |params| params.model.load_mode = LoadMode::None,
        |params| params.context.type_k = "q8_0".into(),
        |params| params.context.flash_attn = FlashAttention::On,
        |params| params.threads.n_threads = 2,
    ];
    let mut params = small();
    for change in changes {
        change(&mut params);
        let forecast = foresee(&mut engine, params.clone()).unwrap();
        if forecast.change == Change::NewContext {
            // What llama.cpp keeps twice is in no header.
            let stays = |device: &DeviceForecast| device.before.weights == device.after.weights;
            assert!(forecast.devices.iter().all(stays), "{forecast:?}");
        }
        let (context, kv) = retune(&mut engine, params.clone());
        assert_eq!(forecast.n_ctx, context.n_ctx);
        assert_eq!(
            std::mem::discriminant(&forecast.kv),
            std::mem::discriminant(&kv),
            "{:?} and {kv:?}",
            forecast.kv
        );
        let told = sum(forecast.devices.iter().map(|device| device.after.clone()));
        let came = sum(context.devices.into_iter());
        for (told, came) in [(told.0, came.0), (told.1, came.1)] {
            assert!(told.abs_diff(came) * 100 <= came, "{told} and {came}");
        }
        engine.answer(1, &[user("What is the KV cache?")], greedy(), at_most(20));
    }
}

/// A context with a cache of its own for each of three sequences.
fn divided(n_ctx: u32) -> LoadParams {
    let mut params = small();
    params.context.n_ctx = n_ctx;
    params.context.n_seq_max = 3;
    params.context.kv_unified = false;
    params
}

/// llama.cpp rounds each part of a divided context up: 1000 tokens for three are 512 each.
#[test]
fn a_divided_context_holds_what_is_foretold() {
    let mut engine = Engine::loaded(divided(3 * 768));
    engine.answer(1, &[user("What is the KV cache?")], endless(), at_most(380));
    let forecast = foresee(&mut engine, divided(1000)).unwrap();
    let (context, kv) = retune(&mut engine, divided(1000));
    assert_eq!((forecast.n_ctx, context.n_ctx), (512, 512));
    assert!(
        matches!(kv, KvOutcome::Kept { tokens } if tokens > 380),
        "{kv:?}"
    );
    assert_eq!(forecast.kv, kv);
}

/// llama.cpp takes no cache over into another number of them.
#[test]
fn a_cache_that_is_divided_otherwise_is_computed_again() {
    let mut engine = Engine::loaded(small());
    engine.answer(1, &[user("What is the KV cache?")], greedy(), at_most(20));
    for params in [divided(1536), small()] {
        let forecast = foresee(&mut engine, params.clone()).unwrap();
        let (_, kv) = retune(&mut engine, params);
        let KvOutcome::Prefill { reason, .. } = &kv else {
            panic!("{kv:?}")
        };
        assert!(reason.contains("divided"), "{reason}");
        assert_eq!(forecast.kv, kv);
        engine.answer(1, &[user("What is the KV cache?")], greedy(), at_most(20));
    }
}

#[test]
fn a_refusal_is_foretold_and_nothing_is_touched() {
    let mut engine = Engine::loaded(small());
    let before = engine.answer(1, &[user("What is the KV cache?")], endless(), at_most(300));
    let with = |change: fn(&mut LoadParams)| {
        let mut params = small();
        change(&mut params);
        params
    };
    let short = foresee(&mut engine, with(|params| params.context.n_ctx = 256)).unwrap_err();
    assert_eq!(short.kind, ErrorKind::BadParameter);
    let huge = foresee(
        &mut engine,
        with(|params| params.context.n_ctx = u32::MAX - 255),
    );
    assert_eq!(huge.unwrap_err().kind, ErrorKind::NoMemory);
    let unknown = foresee(
        &mut engine,
        with(|params| params.context.type_k = "q9_9".into()),
    );
    assert_eq!(unknown.unwrap_err().kind, ErrorKind::BadParameter);
    let same = foresee(&mut engine, small()).unwrap();
    assert_eq!((same.change, same.kv), (Change::Live, KvOutcome::Untouched));
    let again = engine.answer(1, &[user("What is the KV cache?")], endless(), at_most(300));
    assert_eq!((again.text, again.timings.prompt_n), (before.text, 1));
}

#[test]
fn without_a_model_nothing_can_be_foretold() {
    let mut engine = Engine::start();
    assert_eq!(
        foresee(&mut engine, small()).unwrap_err().kind,
        ErrorKind::NoModel
    );
}

#[test]
fn retunes_in_quick_succession_are_one() {
    let mut engine = Engine::start();
    let load = engine.load_id();
    engine.send(Command::Load(Box::new(LoadRequest {
        id: load,
        path: guide(),
        params: small(),
    })));
    let ids: Vec<_> = [512, 768, 1024]
        .into_iter()
        .map(|n_ctx| {
            let mut params = small();
            params.context.n_ctx = n_ctx;
            engine.retune(params)
        })
        .collect();
    let mut merged = Vec::new();
    let (last, context) = loop {
        match engine.event() {
            EngineEvent::Merged { id, into } => merged.push((id, into)),
            EngineEvent::Retuned { id, context, .. } => break (id, context),
            EngineEvent::RetuneFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    };
    assert_eq!(merged, [(ids[0], ids[1]), (ids[1], ids[2])]);
    assert_eq!((last, context.n_ctx), (ids[2], 1024));
}

/// A long chat that nobody is in, and a short one.
fn long_and_short() -> (Engine, LoadParams, Vec<Message>) {
    let mut params = small();
    params.context.n_ctx = 1024;
    let mut engine = Engine::loaded(params.clone());
    let long = format!("What is top-k? {}", "I mean it. ".repeat(100));
    engine.answer(1, &[user(&long)], endless(), at_most(4));
    let short = [user("What is the KV cache?")];
    let answer = engine.answer(2, &short, endless(), at_most(8));
    let [question] = short;
    let said = vec![question, assistant(&answer.text), user("And why?")];
    (engine, params, said)
}

#[test]
fn where_not_all_chats_fit_the_one_used_last_goes_on_and_the_other_is_put_away() {
    let (mut engine, mut params, said) = long_and_short();
    params.context.n_ctx = 256;
    let forecast = foresee(&mut engine, params.clone()).unwrap();
    let (context, kv) = retune(&mut engine, params);
    assert_eq!(forecast.kv, kv);
    let KvOutcome::Kept { tokens } = kv else {
        panic!("{kv:?}")
    };
    assert!((8..200).contains(&tokens), "{tokens}");
    let tells = |notes: &[String]| notes.iter().any(|note| note.contains("put away"));
    assert!(tells(&forecast.notes) && tells(&context.notes));

    let reply = engine.answer(2, &said, endless(), at_most(4));
    assert!(reply.timings.cache_n >= tokens, "{:?}", reply.timings);
}

#[test]
fn a_chat_beside_the_reply_does_not_keep_the_context_large() {
    let (mut engine, mut params, said) = long_and_short();
    params.context.n_ctx = 256;
    let id = engine.ask(2, &said, endless(), at_most(30));
    let mut outcome = None;
    let mut asked = false;
    let reply = engine.reply_and(id, |engine, event| match event {
        EngineEvent::Tokens { .. } if !asked => {
            asked = true;
            engine.retune(params.clone());
        }
        EngineEvent::Retuned { kv, .. } => outcome = Some(Ok(kv.clone())),
        EngineEvent::RetuneFailed { error, .. } => outcome = Some(Err(error.clone())),
        _ => {}
    });
    assert_eq!(reply.unwrap().timings.predicted_n, 30);
    assert!(
        matches!(outcome, Some(Ok(KvOutcome::Kept { tokens })) if tokens > 8),
        "{outcome:?}"
    );
}

#[test]
fn quantised_values_without_flash_attention_are_refused_beforehand() {
    let mut engine = Engine::loaded(small());
    let mut params = small();
    params.context.type_v = "q8_0".into();
    params.context.flash_attn = FlashAttention::Off;
    let error = foresee(&mut engine, params).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadParameter);
    assert!(error.why.contains("flash attention"), "{error}");
}
