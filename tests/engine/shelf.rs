//! KV caches that outlive the context and the engine.

use std::path::Path;

use llmdeck::engine::{Command, EngineEvent, KvOutcome};
use llmdeck::params::LoadParams;

use crate::harness::{Engine, assistant, at_most, greedy, guide, small, user};

/// A conversation long enough to be kept, and a question about it.
fn chat() -> Vec<llmdeck::chat::Message> {
    let long = "The context holds the tokens of the whole conversation, and the cache its keys and values. ";
    vec![
        user(&long.repeat(6)),
        assistant("The cache grows with every token."),
        user("What is the KV cache?"),
    ]
}

fn other() -> Vec<llmdeck::chat::Message> {
    vec![user("How do I quit?")]
}

fn open(folder: &Path, params: LoadParams) -> Engine {
    let mut engine = Engine::keeping(folder);
    engine.load(&guide(), params).unwrap();
    engine
}

fn retune(engine: &mut Engine, params: LoadParams) -> KvOutcome {
    let id = engine.load_id();
    engine.send(Command::Retune {
        id,
        params: Box::new(params),
    });
    loop {
        match engine.event() {
            EngineEvent::Retuned { kv, .. } => return kv,
            EngineEvent::RetuneFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries =
        std::fs::read_dir(folder).map(|all| all.map(|entry| entry.unwrap().path()).collect());
    entries.unwrap_or_default()
}

#[test]
fn a_chat_opened_after_a_restart_needs_no_prefill() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path(), small());
    let before = first.answer(1, &chat(), greedy(), at_most(24));
    assert_eq!(before.timings.cache_n, 0);
    drop(first);
    assert_eq!(files(folder.path()).len(), 1);

    let mut second = open(folder.path(), small());
    let after = second.answer(7, &chat(), greedy(), at_most(24));
    assert_eq!(
        after.timings.prompt_n, 1,
        "only the last token is decoded, for its logits"
    );
    assert_eq!(after.timings.cache_n + 1, before.timings.prompt_n);
    assert_eq!(after.text, before.text);
    // The other way to begin is another chat.
    assert_eq!(
        second
            .answer(8, &other(), greedy(), at_most(4))
            .timings
            .cache_n,
        0
    );
}

#[test]
fn another_cache_type_and_a_limit_of_zero_use_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path(), small());
    first.answer(1, &chat(), greedy(), at_most(4));
    drop(first);
    let mut types = small();
    types.context.type_k = "q8_0".into();
    let mut second = open(folder.path(), types);
    assert_eq!(
        second
            .answer(1, &chat(), greedy(), at_most(4))
            .timings
            .cache_n,
        0
    );
    drop(second);
    let mut off = small();
    off.shelf.disk = 0;
    let before = files(folder.path());
    let mut third = open(folder.path(), off);
    assert_eq!(
        third
            .answer(1, &chat(), greedy(), at_most(4))
            .timings
            .cache_n,
        0
    );
    drop(third);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn damaged_files_are_ignored_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path(), small());
    first.answer(1, &chat(), greedy(), at_most(4));
    drop(first);
    let [file] = &files(folder.path())[..] else {
        panic!("one file");
    };
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(file, bytes).unwrap();
    let mut second = open(folder.path(), small());
    let reply = second.answer(1, &chat(), greedy(), at_most(4));
    assert_eq!(reply.timings.cache_n, 0);
    assert!(!file.exists());
}

#[test]
fn more_conversations_than_sequences_keep_their_caches_in_memory() {
    let mut one = small();
    one.context.n_seq_max = 1;
    let mut engine = Engine::start();
    engine.load(&guide(), one).unwrap();
    let first = engine.answer(1, &chat(), greedy(), at_most(8));
    engine.answer(2, &other(), greedy(), at_most(8));
    let again = engine.answer(1, &chat(), greedy(), at_most(8));
    assert_eq!((again.timings.prompt_n, &again.text), (1, &first.text));
}

#[test]
fn a_model_loaded_again_finds_the_caches_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path(), small());
    engine.answer(1, &chat(), greedy(), at_most(8));
    engine.load(&guide(), small()).unwrap();
    assert_eq!(
        engine
            .answer(1, &chat(), greedy(), at_most(8))
            .timings
            .prompt_n,
        1
    );
    let mut shorter = small();
    shorter.context.type_v = "f32".into();
    assert!(matches!(
        retune(&mut engine, shorter),
        KvOutcome::Prefill { .. }
    ));
    assert!(
        engine
            .answer(1, &chat(), greedy(), at_most(8))
            .timings
            .prompt_n
            > 1
    );
    retune(&mut engine, small());
    assert_eq!(
        engine
            .answer(3, &chat(), greedy(), at_most(8))
            .timings
            .prompt_n,
        1
    );
}
