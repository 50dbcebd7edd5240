//! `llmdeck replay`: replies of the store, made again by the real program.

use std::path::Path;

use llmdeck::chat::{Message, Role};
use llmdeck::engine::trace::Trace;
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, GenerateRequest, LoadId, LoadRequest, RequestId, llama,
};
use llmdeck::params::{Param, Params, Source, Value};
use llmdeck::store::{Ending, Kept, MessageId, MessageState, Said, Settings, Store};
use serde_json::json;

use super::library::home_of_ollama;
use super::{GUIDE, Home};

/// Makes a reply with those parameters, as the deck does.
fn make(params: &Params) -> (String, Kept) {
    let (engine, mut events) = llama::start().unwrap();
    let send = |command| engine.send(command).unwrap();
    send(Command::Load(Box::new(LoadRequest {
        id: LoadId(1),
        path: GUIDE.into(),
        params: params.load(),
    })));
    send(Command::Generate(Box::new(GenerateRequest {
        id: RequestId(1),
        conversation: ConversationId(1),
        messages: vec![Message::new(Role::User, "What does top-k do?")],
        reply_so_far: String::new(),
        exact: None,
        sampling: params.sampling(),
        reply: params.reply(),
    })));
    let (mut text, mut kept) = (String::new(), Kept::default());
    loop {
        match events.blocking_recv().unwrap() {
            EngineEvent::Tokens { text: more, .. } => text.push_str(&more),
            EngineEvent::Traced { trace, .. } => kept.trace.append(trace),
            EngineEvent::Made { origin, ids, .. } => {
                kept.origin = *origin;
                kept.ids = ids;
            }
            EngineEvent::Finished { .. } => break,
            EngineEvent::LoadFailed { error, .. } | EngineEvent::Failed { error, .. } => {
                panic!("{error}")
            }
            _ => {}
        }
    }
    send(Command::Stop);
    drop(events);
    engine.join();
    (text, kept)
}

/// Stores it; gives the reply's number.
fn store(home: &Home, params: &[(&str, &str)], text: &str, kept: &Kept) -> MessageId {
    let folder = home.path("data/sessions");
    let mut store = Store::open(&folder).unwrap().store;
    let chat = store.create(&Settings::default()).unwrap();
    let asked = store
        .append(chat, None, &Said::new(Role::User, "What does top-k do?"))
        .unwrap();
    let mut said = Said::new(Role::Assistant, text);
    let named = params.iter().map(|(name, value)| (*name, *value));
    said.params = named
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let reply = store.append(chat, Some(asked), &said).unwrap();
    store.keep_trace(reply, kept).unwrap();
    reply
}

fn params() -> Params {
    let mut params = Params::default();
    for (param, value) in [
        (Param::Temp, Value::Float(1.3)),
        (Param::NPredict, Value::Int(24)),
        (Param::NProbs, Value::Int(3)),
        (Param::Threads, Value::Int(1)),
        (Param::CtxSize, Value::Int(512)),
    ] {
        params.set(Source::Session, param, value).unwrap();
    }
    params
}

const STORED: &[(&str, &str)] = &[
    ("temp", "1.3"),
    ("n-predict", "24"),
    ("n-probs", "3"),
    ("threads", "1"),
    ("ctx-size", "512"),
];

#[test]
fn a_reply_comes_out_the_same_and_a_changed_one_is_found_out() {
    let home = Home::new();
    let (text, kept) = make(&params());
    let id = store(&home, STORED, &text, &kept).0.to_string();
    let report = home.run(&["replay", &id, "--json"]).json();
    assert_eq!(report["identical"], true, "{report:#}");
    assert_eq!(report["tokens"], kept.ids.chosen.len());
    assert_eq!(report["differences"], json!([]));
    let words = home.run(&["replay", &id]).good();
    assert!(words.contains("identical"), "{words}");

    // As if it had been cut off after the fifth.
    let mut part = kept.clone();
    part.ids.chosen.truncate(5);
    let cut = store(&home, STORED, &text, &part);
    let ending = Ending {
        state: MessageState::Interrupted,
        stop: "cancelled".into(),
        ..Ending::default()
    };
    let mut sessions = Store::open(&home.path("data/sessions")).unwrap().store;
    sessions.finish(cut, &ending).unwrap();
    drop(sessions);
    let words = home.run(&["replay", &cut.0.to_string()]).good();
    assert!(words.contains("identical, 5 tokens"), "{words}");
    assert!(words.contains("cut off (cancelled)"), "{words}");

    // As if another token had been drawn at the fifth place.
    let mut other = kept.clone();
    other.ids.chosen[4] = if other.ids.chosen[4] == 300 { 301 } else { 300 };
    other.origin.llama_cpp = "another".into();
    let id = store(&home, STORED, &text, &other).0.to_string();
    let done = home.run(&["replay", &id, "--json"]);
    assert_eq!(done.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["identical"], false);
    assert_eq!(report["divergence"]["at"], 4);
    assert_eq!(report["divergence"]["now"]["token"], kept.ids.chosen[4]);
    assert!(
        !report["divergence"]["now"]["candidates"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(report["differences"][0]["what"], "llama.cpp");
    let done = home.run(&["replay", &id]);
    assert!(done.stdout.contains("token 5 of"), "{}", done.stdout);
}

#[test]
fn candidates_that_were_not_recorded_are_computed() {
    let home = Home::new();
    let (text, mut kept) = make(&params());
    kept.trace = Trace::default();
    let drawn = if kept.ids.chosen[4] == 300 { 301 } else { 300 };
    kept.ids.chosen[4] = drawn;
    let id = store(&home, STORED, &text, &kept).0.to_string();
    let done = home.run(&["replay", &id, "--json"]);
    assert_eq!(done.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let then = &report["divergence"]["then"];
    assert_eq!(then["is_computed"], true, "{report:#}");
    let tokens: Vec<_> = then["candidates"].as_array().unwrap().iter().collect();
    assert!(tokens.iter().any(|one| one["token"] == drawn), "{report:#}");
    let done = home.run(&["replay", &id]);
    assert!(
        done.stdout.contains("computed afterwards"),
        "{}",
        done.stdout
    );
}

#[test]
fn parameters_given_are_named_and_those_that_cannot_count_are_refused() {
    let home = Home::new();
    let (text, kept) = make(&params());
    let id = store(&home, STORED, &text, &kept).0.to_string();
    let done = home.run(&["replay", &id, "--temp", "0", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let changed = json!({ "what": "temp", "then": "1.3", "now": "greedy" });
    assert_eq!(report["differences"][0], changed, "{report:#}");
    let refused = home
        .run(&["replay", &id, "--seed", "1", "-n", "3"])
        .failed(64);
    assert!(refused.contains("--seed, --n-predict"), "{refused}");
}

#[test]
fn what_cannot_be_made_again_is_said() {
    let home = Home::new();
    for given in [&["replay", "7"][..], &["replay", "7", "--json"]] {
        let unknown = home.run(given).failed(66);
        assert!(unknown.contains("no message"), "{unknown}");
    }
    let (_, mut kept) = make(&params());
    let chosen = std::mem::take(&mut kept.ids.chosen);
    kept.origin.model = Path::new("/nowhere/m.gguf").into();
    let empty = store(&home, &[], "", &kept).0;
    let empty = home.run(&["replay", &empty.to_string()]).failed(66);
    assert!(empty.contains("before a token"), "{empty}");
    kept.ids.chosen = chosen;
    let id = store(&home, &[], "x", &kept).0;
    let moved = home.run(&["replay", &id.to_string()]).failed(66);
    assert!(moved.contains("--model"), "{moved}");
    let asked = home.run(&["replay", &(id - 1).to_string()]).failed(66);
    assert!(asked.contains("no reply of a model"), "{asked}");
}

#[test]
fn another_file_in_the_place_of_the_model_is_told_before_it_is_loaded() {
    let home = Home::new();
    let (text, mut kept) = make(&params());
    let path = home.path("m.gguf");
    kept.origin.model = path.clone();
    let id = store(&home, STORED, &text, &kept).0.to_string();
    std::fs::write(&path, "not the model").unwrap();
    let other = home.run(&["replay", &id, "--json"]).failed(66);
    assert!(other.contains("is another file now"), "{other}");
    assert!(other.contains("--model"), "{other}");
    std::fs::copy(GUIDE, &path).unwrap();
    let report = home.run(&["replay", &id, "--json"]).json();
    assert_eq!(report["identical"], true, "{report:#}");
}

#[test]
fn tokens_that_are_given_again_are_told() {
    let home = Home::new();
    let (text, mut kept) = make(&params());
    kept.origin.begun_with = 3;
    kept.marks.by_hand = vec![2];
    let id = store(&home, STORED, &text, &kept).0.to_string();
    let done = home.run(&["replay", &id]);
    let told = "Its first 3 tokens are given, not drawn; taken by hand: token 3.";
    assert!(done.stdout.contains(told), "{}", done.stdout);
}

#[test]
fn a_model_that_moved_is_named_and_brings_nothing_of_its_name_along() {
    let home = home_of_ollama();
    let (text, mut kept) = make(&params());
    kept.origin.model = Path::new("/nowhere/m.gguf").into();
    let id = store(&home, STORED, &text, &kept).0.to_string();
    home.run(&["replay", &id]).failed(66);
    let report = home.run(&["replay", &id, "-m", "mine", "--json"]).json();
    assert_eq!(report["identical"], true, "{report:#}");
}
