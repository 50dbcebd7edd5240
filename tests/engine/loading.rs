//! Loads that succeed, fail, and are stopped.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use llmdeck::engine::{Command, DeviceKind, EngineEvent, ErrorKind, LoadRequest, llama};
use llmdeck::gguf::TensorType;
use llmdeck::gguf::write::HeaderWriter;
use llmdeck::params::{FlashAttention, LoadMode};

use crate::fixture;
use crate::harness::{Engine, assistant, at_most, endless, greedy, guide, small, user};

#[test]
fn a_load_tells_what_it_came_out_as() {
    let mut engine = Engine::start();
    let (model, context) = engine.load(&guide(), small()).unwrap();
    assert!(
        !model.name.is_empty() && model.n_layer > 0 && model.n_vocab > 0 && model.size_bytes > 0
    );
    assert!(model.has_chat_template);
    assert_eq!(
        (context.n_ctx, context.n_seq_max, context.n_threads),
        (512, 2, 1)
    );
    let cpu = context
        .devices
        .iter()
        .find(|device| device.name == "CPU")
        .unwrap();
    assert!(cpu.weights > 0 && cpu.kv > 0 && cpu.compute > 0, "{cpu:?}");
    // Logits of a whole ubatch would take n_ubatch rows.
    let rows = u64::from(context.n_ubatch) * u64::from(model.n_vocab) * 4;
    assert!(cpu.compute < 16 * rows, "{cpu:?}, a row each: {rows}");
}

#[test]
fn an_automatic_context_is_the_trained_one_where_it_fits() {
    let mut engine = Engine::start();
    let mut params = small();
    params.context.n_ctx = 0;
    let (model, context) = engine.load(&guide(), params.clone()).unwrap();
    assert_eq!(context.n_ctx, model.n_ctx_train.next_multiple_of(256));
    params.model.fit = true;
    params.model.fit_target = u64::MAX / 4;
    params.model.fit_ctx = 256;
    let (_, context) = engine.load(&guide(), params).unwrap();
    assert_eq!(context.n_ctx, 256);
    assert!(
        context
            .notes
            .iter()
            .any(|note| note.starts_with("ctx-size: 256 instead of")),
        "{:?}",
        context.notes
    );
}

#[test]
fn a_context_larger_than_memory_is_refused_beforehand() {
    let mut engine = Engine::start();
    let mut params = small();
    params.context.n_ctx = u32::MAX - 255;
    let (error, running) = engine.load(&guide(), params).unwrap_err();
    assert_eq!(
        (error.kind, running),
        (ErrorKind::NoMemory, false),
        "{error}"
    );
    assert_eq!(error.what, format!("ctx-size {}", u32::MAX - 255));
    assert!(
        error.why.starts_with("the KV cache takes") && error.why.contains("free"),
        "{error}"
    );
}

#[test]
fn a_model_larger_than_the_machine_is_refused_before_anything_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let huge = dir.path().join("huge.gguf");
    write_sparse_model(&huge, 1 << 43);
    let mut engine = Engine::loaded(small());
    let question = [user("What is a token?")];
    let before = engine.answer(1, &question, greedy(), at_most(12));
    for load_mode in [LoadMode::None, LoadMode::Mmap] {
        let mut params = small();
        params.model.load_mode = load_mode;
        let id = engine.load_id();
        engine.send(Command::Load(Box::new(LoadRequest {
            id,
            path: huge.clone(),
            params,
        })));
        // The answer comes without a sign of loading.
        let event = engine.event();
        let EngineEvent::LoadFailed { error, running, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!((error.kind, running), (ErrorKind::NoMemory, true));
        assert!(
            error.what.contains("huge.gguf") && error.why.contains("the weights take"),
            "{error}"
        );
        assert!(!error.hint.is_empty());
    }
    let again = engine.answer(1, &question, greedy(), at_most(12));
    assert_eq!(
        (again.text, again.timings.prompt_n),
        (before.text, 1),
        "the whole question was in the cache"
    );
}

/// A valid header in front of a hole of at least that many bytes, which take no disk.
fn write_sparse_model(path: &Path, bytes: u64) {
    let mut header = HeaderWriter::default();
    header
        .text("general.architecture", "llama")
        .u32("llama.block_count", 1)
        .u32("llama.context_length", 64)
        .u32("llama.embedding_length", 32)
        .u32("llama.attention.head_count", 4)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", ["a", "b"])
        .tensor("token_embd.weight", &[32, 2], TensorType::F32)
        .tensor("blk.0.ffn_up.weight", &[32, bytes / 128], TensorType::F32);
    let begin = header.header();
    let mut file = File::create(path).unwrap();
    file.write_all(&begin).unwrap();
    file.set_len(begin.len() as u64 + header.data_len())
        .unwrap();
}

#[test]
fn a_broken_file_keeps_the_model_that_runs() {
    let mut engine = Engine::loaded(small());
    let question = [user("What is a token?")];
    let before = engine.answer(1, &question, greedy(), at_most(12)).text;
    let dir = tempfile::tempdir().unwrap();
    let whole = std::fs::read(guide()).unwrap();
    let broken = dir.path().join("broken.gguf");

    std::fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    let (error, running) = engine.load(&broken, small()).unwrap_err();
    assert_eq!((error.kind, running), (ErrorKind::BadData, true), "{error}");
    assert!(error.what.contains("broken.gguf") && !error.why.is_empty());

    std::fs::write(&broken, b"no model at all").unwrap();
    assert_eq!(
        engine.load(&broken, small()).unwrap_err().0.kind,
        ErrorKind::BadData
    );
    assert_eq!(
        engine
            .load(&dir.path().join("missing.gguf"), small())
            .unwrap_err()
            .0
            .kind,
        ErrorKind::NoInput
    );

    let after = engine.answer(1, &question, greedy(), at_most(12));
    assert_eq!(after.text, before);
    assert_eq!(after.timings.prompt_n, 1, "even the cache is still there");
}

#[test]
fn a_reply_goes_on_when_a_load_fails() {
    let mut undisturbed = Engine::loaded(small());
    let expected = undisturbed
        .answer(1, &[user("What is a token?")], greedy(), at_most(40))
        .text;
    let mut engine = Engine::loaded(small());
    let id = engine.ask(1, &[user("What is a token?")], greedy(), at_most(40));
    let load = engine.load_id();
    let mut sent = false;
    let reply = engine
        .reply_and(id, |engine, event| {
            if matches!(event, EngineEvent::Tokens { .. }) && !sent {
                sent = true;
                let request = LoadRequest {
                    id: load,
                    path: "/nowhere/none.gguf".into(),
                    params: small(),
                };
                engine.send(Command::Load(Box::new(request)));
            }
        })
        .unwrap();
    assert_eq!(reply.text, expected);
}

#[test]
fn where_memory_is_short_the_earlier_model_is_brought_back() {
    let expected =
        Engine::loaded(small()).answer(1, &[user("What is a token?")], greedy(), at_most(40));
    let mut engine = Engine::loaded(small());
    let id = engine.ask(1, &[user("What is a token?")], greedy(), at_most(40));
    let load = engine.load_id();
    // So much to be left free that the earlier model goes first, and then no context can be made.
    let mut params = small();
    params.model.fit_target = u64::MAX;
    params.context.flash_attn = FlashAttention::Off;
    params.context.type_v = "q8_0".into();
    let (mut sent, mut failed) = (false, None);
    let reply = engine
        .reply_and(id, |engine, event| match event {
            EngineEvent::Tokens { .. } if !sent => {
                sent = true;
                engine.send(Command::Load(Box::new(LoadRequest {
                    id: load,
                    path: guide(),
                    params: params.clone(),
                })));
            }
            EngineEvent::LoadFailed { error, running, .. } => failed = Some((error.kind, *running)),
            _ => {}
        })
        .unwrap();
    assert_eq!(failed, Some((ErrorKind::BadParameter, true)));
    assert_eq!(reply.text, expected.text);

    params.context.type_v = "f16".into();
    let (_, context) = engine.load(&guide(), params).unwrap();
    assert_eq!(context.n_ctx, 512);
    assert_eq!(
        engine
            .answer(1, &[user("What is a token?")], greedy(), at_most(40))
            .text,
        expected.text
    );
}

#[test]
fn a_cancelled_load_says_so() {
    let mut engine = Engine::loaded(small());
    let id = engine.load_id();
    engine.send(Command::Load(Box::new(LoadRequest {
        id,
        path: guide(),
        params: small(),
    })));
    engine.send(Command::CancelLoad(id));
    // The load may have been quicker than the second command; both ends are right.
    loop {
        match engine.event() {
            EngineEvent::Loaded { .. } => break,
            EngineEvent::LoadFailed { error, running, .. } => {
                assert_eq!((error.kind, running), (ErrorKind::Cancelled, true));
                break;
            }
            _ => {}
        }
    }
    let reply = engine.answer(1, &[user("Still there?")], greedy(), at_most(4));
    assert!(reply.tokens > 0);
}

#[test]
fn a_load_that_waits_behind_another_can_be_cancelled() {
    let mut engine = Engine::start();
    let (first, second) = (engine.load_id(), engine.load_id());
    for id in [first, second] {
        engine.send(Command::Load(Box::new(LoadRequest {
            id,
            path: guide(),
            params: small(),
        })));
    }
    engine.send(Command::CancelLoad(second));
    let mut answers = Vec::new();
    while answers.len() < 2 {
        match engine.event() {
            EngineEvent::Loaded { id, .. } => answers.push(id),
            EngineEvent::LoadFailed { id, error, .. } => {
                assert_eq!((id, error.kind), (second, ErrorKind::Cancelled));
                answers.push(id);
            }
            _ => {}
        }
    }
    assert_eq!(answers, [first, second]);
}

#[test]
fn names_that_do_not_exist_are_refused() {
    let mut engine = Engine::loaded(small());
    let mut params = small();
    params.context.type_k = "q9_9".into();
    let (error, running) = engine.load(&guide(), params).unwrap_err();
    assert_eq!((error.kind, running), (ErrorKind::BadParameter, true));
    assert!(error.to_string().contains("q9_9"), "{error}");
    let mut params = small();
    params.model.devices = vec!["Nothing0".into()];
    assert_eq!(
        engine.load(&guide(), params).unwrap_err().0.kind,
        ErrorKind::BadParameter
    );
}

#[test]
fn llama_cpp_tells_of_itself_and_its_devices() {
    assert!(
        llama::devices()
            .iter()
            .any(|device| device.kind == DeviceKind::Cpu && device.memory_total > 0)
    );
    assert!(llama::system_info().contains("CPU"));
    assert!(!llama::version().is_empty());
}

#[test]
fn another_model_takes_the_conversation_over_and_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.gguf");
    fixture::run(&["--layers", "2", other.to_str().unwrap()]).unwrap();
    let mut engine = Engine::loaded(small());
    let mut talk = vec![user("What is a token?")];
    let first = engine.answer(1, &talk, greedy(), at_most(12));
    talk.extend([assistant(&first.text), user("And a model?")]);
    let expected = engine.answer(1, &talk, greedy(), at_most(12));

    let (model, _) = engine.load(&other, small()).unwrap();
    assert_eq!(model.path, other);
    let theirs = engine.answer(1, &talk, endless(), at_most(12));
    assert_eq!(
        theirs.timings.cache_n, 0,
        "nothing of the other model's cache"
    );
    assert!(
        theirs.timings.prompt_n > 0 && theirs.tokens == 12,
        "{theirs:?}"
    );
    assert_ne!(theirs.text, expected.text);

    engine.load(&guide(), small()).unwrap();
    let again = engine.answer(1, &talk, greedy(), at_most(12));
    assert_eq!(again.text, expected.text);
}
