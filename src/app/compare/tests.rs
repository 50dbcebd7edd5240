//! Comparisons, event by event.

use std::sync::Arc;

use super::*;
use crate::app::tests::{press, ready, say};
use crate::app::{Content, Entry, Event, FilePlace, ReplyState, Saving, update};
use crate::chat::NodeId;
use crate::config;
use crate::engine::{
    Command, ContextInfo, ConversationId, EngineError, ErrorKind, GenerateRequest, RequestId,
    StopReason, Timings,
};
use crate::params::{Param, Source, Value};
use crate::store::Command as StoreCommand;

fn deck() -> State {
    let mut state = ready();
    state.presets = Arc::new(config::load_presets(std::path::Path::new("no such folder")).0);
    if let Some((model, context)) = &mut state.model.running {
        model.fingerprint = "f".into();
        context.n_seq_max = 8;
    }
    state.sessions.saving = Saving::On;
    state
}

fn requests(effects: &[Effect]) -> Vec<GenerateRequest> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Engine(Command::Generate(request)) => Some((**request).clone()),
            _ => None,
        })
        .collect()
}

fn stored(effects: &[Effect]) -> Vec<&StoreCommand> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Store(command) => Some(command),
            _ => None,
        })
        .collect()
}

fn tokens(state: &mut State, request: RequestId, text: &str, predicted_n: u32, rate: f64) {
    let timings = Timings {
        predicted_n,
        recent_per_second: rate,
        ..Timings::default()
    };
    let event = EngineEvent::Tokens {
        request,
        text: text.into(),
        ids: vec![1],
        context_used: 9,
        timings,
    };
    update(state, Event::Engine(event));
}

fn finish(state: &mut State, request: RequestId) {
    let event = EngineEvent::Finished {
        request,
        reason: StopReason::EndOfTurn,
        context_used: 9,
        timings: Timings {
            predicted_n: 3,
            ..Timings::default()
        },
    };
    update(state, Event::Engine(event));
}

/// A comparison in which each column has said its number.
fn compared(columns: &str) -> (State, Vec<RequestId>) {
    let mut state = deck();
    let effects = say(&mut state, &format!("/compare {columns} Why?"));
    let ids: Vec<RequestId> = requests(&effects)
        .iter()
        .map(|request| request.id)
        .collect();
    for (number, id) in (1..).zip(&ids) {
        tokens(&mut state, *id, &format!("answer {number}"), 3, 1.0);
        finish(&mut state, *id);
    }
    (state, ids)
}

/// Another model of the same name runs from now on.
fn swap(state: &mut State) {
    if let Some((model, _)) = &mut state.model.running {
        model.fingerprint = "other".into();
    }
}

/// The sentence in the status line.
fn told(state: &State) -> &str {
    state
        .notice
        .as_ref()
        .map_or("", |notice| notice.text.as_str())
}

/// What the comparison is exported as.
fn exported(state: &mut State) -> serde_json::Value {
    press(state, &["o", "ctrl+u"]);
    update(state, Event::Paste("a.json".into()));
    let effects = press(state, &["enter"]);
    let [
        Effect::WriteFile {
            content: Content::Text(text),
            ..
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    serde_json::from_str(text).expect("JSON")
}

fn fail(state: &mut State, request: RequestId) {
    let error = EngineError {
        kind: ErrorKind::BadParameter,
        what: "grammar".into(),
        why: "no root".into(),
        hint: String::new(),
    };
    let failed = EngineEvent::Failed { request, error };
    update(state, Event::Engine(failed));
}

fn run(state: &State) -> &Run {
    state.compare.run.as_ref().expect("a comparison")
}

#[test]
fn a_step_of_a_batch_reads_the_weights_once() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.reads = vec![crate::plan::Reads {
            device: crate::plan::HOST.into(),
            weights: 1_000,
            output: 0,
            per_token: 0,
        }];
    }
    let effects = say(&mut state, "/compare greedy,creative Why?");
    for request in requests(&effects) {
        tokens(&mut state, request.id, "so", 3, 10.0);
    }
    let sample = crate::telemetry::Sample::default();
    update(&mut state, Event::Sample(Box::new(sample)));
    let value = |series| state.metrics.history.value(series, 0);
    use crate::telemetry::history::Series;
    assert_eq!(value(Series::Decode), Some(20.0));
    assert_eq!(value(Series::Bandwidth), Some(10_000.0));
}

#[test]
fn one_message_goes_to_all_columns_each_with_its_own_settings() {
    let mut state = deck();
    let effects = say(
        &mut state,
        "/compare greedy,creative:temp=1.9,creative Why?",
    );
    let requests = requests(&effects);
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.messages == requests[0].messages)
    );
    assert_eq!(requests[0].messages[0].content, "Why?");
    let mut conversations: Vec<ConversationId> = requests
        .iter()
        .map(|request| request.conversation)
        .collect();
    conversations.dedup();
    assert_eq!(conversations.len(), 3);
    assert_eq!(requests[1].sampling.temp, 1.9);
    assert_ne!(requests[0].sampling.temp, requests[2].sampling.temp);
    assert_eq!(state.view, View::Compare);
    assert!(matches!(stored(&effects)[0], StoreCommand::Say { text, .. } if text == "Why?"));
}

#[test]
fn a_system_prompt_with_a_comma_stands_in_quotes() {
    let mut state = deck();
    let column = r#"creative:system="Be brief, and kind: always":seed=3"#;
    let effects = say(&mut state, &format!("/compare {column},greedy Why, x=\"5?"));
    let sent = requests(&effects);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].reply.system, "Be brief, and kind: always");
    assert_eq!(sent[0].messages[0].content, "Why, x=\"5?");
    // The choice is edited as it was written.
    press(&mut state, &["n", "e"]);
    let line = state.compare.line.as_ref().expect("a line");
    assert_eq!(line.edit.text, format!("{column},greedy"));
    press(&mut state, &["backspace", "enter"]);
    let line = state.compare.line.as_ref().expect("the line stays");
    let why = line.error.as_deref().expect("an error");
    assert!(why.contains("no preset 'greed'"), "{why}");
    press(&mut state, &["ctrl+u"]);
    update(
        &mut state,
        Event::Paste(r#"greedy,greedy:system="Be brief, and"#.into()),
    );
    press(&mut state, &["enter"]);
    let line = state.compare.line.as_ref().expect("the line stays");
    let why = line.error.as_deref().expect("an error");
    assert!(why.contains("of system begins with is not closed"), "{why}");
}

#[test]
fn without_a_message_the_last_one_is_answered_and_the_chat_stays() {
    let mut state = deck();
    let request = requests(&say(&mut state, "First?"))[0].id;
    tokens(&mut state, request, "Yes.", 30, 1.0);
    finish(&mut state, request);
    let effects = say(&mut state, "/compare greedy,creative");
    let requests = requests(&effects);
    assert_eq!(
        requests[0].messages.len(),
        1,
        "the reply it had is no part of the prompt"
    );
    assert_eq!(state.chat.entries.len(), 2, "until a column is kept");
    assert!(stored(&effects).is_empty());
}

#[test]
fn what_cannot_begin_says_why_and_changes_nothing() {
    for (command, why) in [
        ("/compare greedy Why?", "2 to 8 columns"),
        ("/compare greedy,nothing Why?", "no preset 'nothing'"),
        ("/compare greedy,creative", "no message to answer"),
        (
            "/compare greedy,creative:system=\"Be brief Why?",
            "not closed",
        ),
    ] {
        let mut state = deck();
        assert!(requests(&say(&mut state, command)).is_empty());
        let notice = state.notice.as_ref().expect(command);
        assert!(notice.text.contains(why), "{}", notice.text);
        assert_eq!(
            (state.view, state.composer.text()),
            (View::Deck, command.to_owned())
        );
        assert!(state.chat.entries.is_empty());
    }
}

#[test]
fn a_context_with_too_few_sequences_is_made_larger_first() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.n_seq_max = 2;
    }
    let effects = say(&mut state, "/compare greedy,creative,min-p Why?");
    let engine = |effect: &Effect| matches!(effect, Effect::Engine(_));
    let first = effects
        .iter()
        .find(|effect| engine(effect))
        .expect("commands");
    let Effect::Engine(Command::Retune { params, .. }) = first else {
        panic!("{first:?}")
    };
    assert_eq!(
        (params.context.n_seq_max, params.context.kv_unified),
        (3, true)
    );
    assert_eq!(requests(&effects).len(), 3);
}

/// The engine makes the context that it is asked for.
fn retuned(state: &mut State, effects: &[Effect]) -> Option<(u32, bool)> {
    let (id, params) = effects.iter().find_map(|effect| match effect {
        Effect::Engine(Command::Retune { id, params }) => Some((*id, params.clone())),
        _ => None,
    })?;
    let asked = (params.context.n_seq_max, params.context.kv_unified);
    let context = Box::new(ContextInfo {
        n_seq_max: if asked.0 == 0 { 4 } else { asked.0 },
        params: *params,
        ..ContextInfo::default()
    });
    let event = EngineEvent::Retuned {
        id,
        context,
        kv: crate::engine::KvOutcome::Kept { tokens: 9 },
        took: std::time::Duration::ZERO,
    };
    update(state, Event::Engine(event));
    Some(asked)
}

const FIVE: &str = "/compare greedy,creative,min-p,greedy,creative Why?";

#[test]
fn borrowed_sequences_are_given_back_once_the_comparison_is_left() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.n_seq_max = 4;
    }
    let before = state.params.values.clone();
    let effects = say(&mut state, FIVE);
    assert_eq!(retuned(&mut state, &effects), Some((5, true)));
    let left = press(&mut state, &["alt+c"]);
    assert_eq!(state.view, View::Deck);
    assert_eq!(retuned(&mut state, &left), None, "columns go on");
    let ids: Vec<RequestId> = requests(&effects).iter().map(|one| one.id).collect();
    for id in &ids {
        tokens(&mut state, *id, "x", 1, 1.0);
    }
    press(&mut state, &["alt+c"]);
    for id in &ids {
        finish(&mut state, *id);
    }
    assert_ne!(state.params.values, before, "it is looked at");
    let left = press(&mut state, &["esc"]);
    assert_eq!(retuned(&mut state, &left), Some((0, true)));
    assert_eq!(state.params.values, before);
    assert!(state.compare.run.is_some(), "it can be looked at again");
    press(&mut state, &["alt+c", "a"]);
    update(&mut state, Event::Paste("min-p".into()));
    let effects = press(&mut state, &["enter"]);
    assert_eq!(retuned(&mut state, &effects), Some((6, true)));
}

#[test]
fn the_sessions_own_values_come_back_and_what_was_set_since_stays() {
    let set = |state: &mut State, param, value| {
        let _ = state.params.values.set(Source::Session, param, value);
    };
    let mut state = deck();
    set(&mut state, Param::Parallel, Value::Int(2));
    set(&mut state, Param::KvUnified, Value::Bool(false));
    if let Some((_, context)) = &mut state.model.running {
        context.n_seq_max = 2;
    }
    let effects = say(&mut state, FIVE);
    assert_eq!(retuned(&mut state, &effects), Some((5, true)));
    for request in requests(&effects) {
        tokens(&mut state, request.id, "x", 1, 1.0);
        finish(&mut state, request.id);
    }
    set(&mut state, Param::Parallel, Value::Int(7));
    let kept = press(&mut state, &["u"]);
    assert_eq!(retuned(&mut state, &kept), Some((7, false)));
}

#[test]
fn a_column_is_retried_varied_added_and_stopped_while_others_run() {
    let mut state = deck();
    let ids: Vec<RequestId> = requests(&say(&mut state, "/compare greedy,creative Why?"))
        .iter()
        .map(|request| request.id)
        .collect();
    tokens(&mut state, ids[0], "one", 1, 1.0);
    let again = press(&mut state, &["r"]);
    assert!(matches!(&again[0], Effect::Engine(Command::Cancel(id)) if *id == ids[0]));
    let new = requests(&again)[0].id;
    tokens(&mut state, ids[0], "late", 2, 1.0);
    tokens(&mut state, new, "new", 1, 1.0);
    assert_eq!(run(&state).answers[0].text, "new");
    press(&mut state, &["right", "e"]);
    let line = state.compare.line.as_ref().expect("a line");
    assert_eq!(
        (line.purpose, line.edit.text.as_str()),
        (Purpose::Vary(1), "creative")
    );
    update(&mut state, Event::Paste(":temp=0.3".into()));
    let varied = press(&mut state, &["enter"]);
    assert_eq!(requests(&varied)[0].sampling.temp, 0.3);
    press(&mut state, &["a"]);
    update(&mut state, Event::Paste("min-p".into()));
    assert_eq!(requests(&press(&mut state, &["enter"])).len(), 1);
    assert_eq!(run(&state).answers.len(), 3);
    let stopped = press(&mut state, &["x"]);
    assert!(
        matches!(stopped[..], [Effect::Engine(Command::Cancel(_))]),
        "{stopped:?}"
    );
    assert_eq!(
        press(&mut state, &["esc"]).len(),
        3,
        "Esc stops all that run"
    );
}

#[test]
fn a_column_is_taken_away_and_two_stay() {
    let mut state = deck();
    let requests = requests(&say(&mut state, "/compare greedy,creative,min-p Why?"));
    press(&mut state, &["right", "right", "d", "left"]);
    let effects = press(&mut state, &["-"]);
    assert!(
        matches!(effects[..], [Effect::Engine(Command::Cancel(id))] if id == requests[1].id),
        "{effects:?}"
    );
    tokens(&mut state, requests[1].id, "late", 1, 1.0);
    tokens(&mut state, requests[2].id, "third", 1, 1.0);
    let texts: Vec<&str> = run(&state).answers.iter().map(|one| &*one.text).collect();
    assert_eq!(texts, ["", "third"]);
    assert_eq!((run(&state).focus, run(&state).base), (1, Some(1)));
    press(&mut state, &["-"]);
    assert!(told(&state).contains("2 columns are the fewest"));
    assert_eq!(run(&state).answers.len(), 2);
}

#[test]
fn what_was_read_with_names_is_voted_on_in_another_comparison() {
    let (mut state, _) = compared("greedy,creative");
    press(&mut state, &["b"]);
    let compare = &state.compare;
    assert_eq!(
        (compare.stage, compare.names),
        (Stage::Choosing, Names::Hidden)
    );
    assert_eq!(compare.chosen, ["greedy", "creative"]);
    press(&mut state, &["enter", "right", "space", "space", "space"]);
    assert!(run(&state).marked.iter().eq([&1]), "as its digit does");
    press(&mut state, &["-"]);
    assert!(told(&state).starts_with("The names are hidden"));
}

#[test]
fn a_wrong_line_stays_with_its_reason() {
    let (mut state, _) = compared("greedy,creative");
    press(&mut state, &["a"]);
    update(&mut state, Event::Paste("gredy".into()));
    assert!(press(&mut state, &["enter"]).is_empty());
    let line = state.compare.line.as_ref().expect("it stays");
    assert!(
        line.error
            .as_ref()
            .is_some_and(|why| why.contains("'greedy'")),
        "{line:?}"
    );
    press(&mut state, &["esc"]);
    assert_eq!((&state.compare.line, state.view), (&None, View::Compare));
}

#[test]
fn the_kept_column_is_the_reply_and_the_others_are_its_siblings() {
    let (mut state, ids) = compared("greedy,creative,min-p");
    let effects = press(&mut state, &["right", "u"]);
    assert_eq!(state.view, View::Deck);
    let reply = state.chat.last_reply().expect("the reply");
    assert_eq!(reply.text, "answer 2");
    assert_eq!(reply.state, ReplyState::Done(StopReason::EndOfTurn));
    let told: Vec<String> = stored(&effects)
        .iter()
        .map(|command| match command {
            StoreCommand::Begin {
                reply,
                text,
                parent,
                ..
            } => {
                assert_eq!(*parent, Some(NodeId(0)), "versions of one reply");
                format!("begin {} {text}", reply.0)
            }
            StoreCommand::Finish { reply, .. } => format!("finish {}", reply.0),
            other => format!("{other:?}"),
        })
        .collect();
    let column = |at: usize| {
        let id = ids[at].0;
        [
            format!("begin {id} answer {}", at + 1),
            format!("finish {id}"),
        ]
    };
    let expected = [column(0), column(2), column(1)];
    assert_eq!(told, expected.concat());
    let leaf = state.chat.tree.leaf().expect("the reply");
    assert_eq!(state.chat.tree.version(leaf), (3, 3));
    assert!(state.compare.run.is_none());
}

#[test]
fn a_column_is_kept_in_its_own_chat_only() {
    let (mut state, _) = compared("greedy,creative");
    press(&mut state, &["esc", "ctrl+n"]);
    update(&mut state, Event::Key("alt+c".parse().expect("a key")));
    assert!(
        press(&mut state, &["u"])
            .iter()
            .all(|effect| !matches!(effect, Effect::Store(_)))
    );
    assert!(
        state
            .notice
            .as_ref()
            .is_some_and(|notice| notice.text.contains("another chat"))
    );
    assert!(state.chat.entries.is_empty());
}

#[test]
fn hidden_names_are_shuffled_and_shown_after_the_vote() {
    let mut state = deck();
    state.compare.names = Names::Hidden;
    state.compare.chance = 3;
    let effects = say(&mut state, "/compare greedy,creative,min-p Why?");
    let ids: Vec<RequestId> = requests(&effects)
        .iter()
        .map(|request| request.id)
        .collect();
    press(&mut state, &["2", "enter"]);
    assert_eq!(run(&state).names, Names::Hidden, "they are still writing");
    for id in &ids {
        tokens(&mut state, *id, "x", 1, 1.0);
        finish(&mut state, *id);
    }
    press(&mut state, &["u"]);
    assert!(state.chat.last_reply().is_none(), "keeping would tell");
    press(&mut state, &["3"]);
    let effects = press(&mut state, &["enter"]);
    let [StoreCommand::Cast { prompt, ballot }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (prompt.as_str(), ballot.best.as_slice()),
        ("Why?", &[1, 2][..])
    );
    assert_eq!(ballot.contenders.len(), 3);
    assert!(
        ballot
            .contenders
            .iter()
            .all(|contender| contender.model_hash == "f")
    );
    assert_eq!(run(&state).names, Names::Shown);
    assert_ne!(
        ballot.contenders[0].preset_hash,
        ballot.contenders[1].preset_hash
    );
}

#[test]
fn a_vote_leaves_no_trace_where_nothing_is_saved() {
    let mut state = deck();
    state.sessions.saving = Saving::Incognito;
    state.compare.names = Names::Hidden;
    for request in requests(&say(&mut state, "/compare greedy,creative Why?")) {
        tokens(&mut state, request.id, "x", 1, 1.0);
        finish(&mut state, request.id);
    }
    let effects = press(&mut state, &["1", "enter"]);
    assert!(stored(&effects).is_empty());
    assert_eq!(run(&state).names, Names::Shown);
}

#[test]
fn settings_and_comparisons_become_files() {
    let (mut state, _) = compared("greedy,creative:temp=1.9");
    press(&mut state, &["right", "s"]);
    update(&mut state, Event::Paste("warm".into()));
    let effects = press(&mut state, &["enter"]);
    let [
        Effect::WriteFile {
            place,
            content: Content::Text(text),
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(place, &FilePlace::Preset("warm".into()));
    assert!(text.contains("temp = 1.9"), "{text}");
    press(&mut state, &["s"]);
    update(&mut state, Event::Paste("../warm".into()));
    assert!(press(&mut state, &["enter"]).is_empty());
    press(&mut state, &["esc"]);
    assert_eq!(exported(&mut state)["columns"][1]["text"], "answer 2");
}

#[test]
fn one_that_goes_on_alone_tells_what_one_stream_reaches() {
    let mut state = deck();
    let requests = requests(&say(&mut state, "/compare greedy,creative Why?"));
    tokens(&mut state, requests[0].id, "x", 10, 5.0);
    tokens(&mut state, requests[1].id, "x", 10, 5.0);
    let measured = (run(&state).together, run(&state).single);
    assert_eq!(measured, (Some((2, 10.0)), None));
    finish(&mut state, requests[0].id);
    tokens(&mut state, requests[1].id, "x", 20, 8.0);
    tokens(&mut state, requests[1].id, "x", 30, 8.0);
    assert_eq!(run(&state).single, None, "too few tokens alone");
    tokens(&mut state, requests[1].id, "x", 36, 9.0);
    assert_eq!(run(&state).single, Some(9.0));
    assert_eq!(run(&state).together, Some((2, 10.0)), "one is not together");
}

#[test]
fn a_failed_column_says_why_and_the_others_go_on() {
    let mut state = deck();
    let requests = requests(&say(&mut state, "/compare greedy,creative Why?"));
    fail(&mut state, requests[0].id);
    assert!(
        matches!(&run(&state).answers[0].state, ReplyState::Failed(why) if why.contains("no root"))
    );
    assert!(run(&state).is_running());
    assert!(
        !state
            .chat
            .entries
            .iter()
            .any(|entry| matches!(entry, Entry::Note { .. }))
    );
}

#[test]
fn columns_are_chosen_by_hand() {
    let mut state = deck();
    state.chat.push(Entry::User("Why?".into()));
    update(&mut state, Event::Key("alt+c".parse().expect("a key")));
    press(
        &mut state,
        &["down", "space", "down", "space", "space", "space", "-"],
    );
    let second = state.presets[1].name.clone();
    assert_eq!(
        state.compare.chosen,
        ["recommended", second.as_str(), second.as_str()]
    );
    press(&mut state, &["pgup", "pgdn", "up"]);
    assert_eq!(state.compare.selected, 7);
    press(&mut state, &["b"]);
    assert_eq!(state.compare.names, Names::Hidden);
    let effects = press(&mut state, &["enter"]);
    assert_eq!(requests(&effects).len(), 3);
    assert_eq!(state.compare.stage, Stage::Reading);
    press(&mut state, &["n"]);
    assert_eq!(state.compare.stage, Stage::Choosing);
}

#[test]
fn an_earlier_message_can_be_answered_and_what_followed_stays_in_the_store() {
    let mut state = deck();
    for text in ["First?", "Second?"] {
        let request = requests(&say(&mut state, text))[0].id;
        tokens(&mut state, request, "Yes.", 30, 1.0);
        finish(&mut state, request);
    }
    state.compare.chosen = vec!["greedy".into(), "creative".into()];
    press(&mut state, &["alt+c", "left", "left", "left"]);
    assert_eq!(
        message(&state),
        Some(Message::Entry(0)),
        "there is none before the first"
    );
    let requests = requests(&press(&mut state, &["enter"]));
    assert_eq!(requests[0].messages.len(), 1);
    assert_eq!(requests[0].messages[0].content, "First?");
    assert_eq!(state.chat.entries.len(), 4, "until a column is kept");
    tokens(&mut state, requests[1].id, "No.", 2, 1.0);
    finish(&mut state, requests[1].id);
    press(&mut state, &["right", "u"]);
    let said: Vec<String> = state
        .chat
        .messages()
        .into_iter()
        .map(|message| message.content)
        .collect();
    assert_eq!(said, ["First?", "No."]);
}

#[test]
fn a_kept_column_tells_what_made_it() {
    let mut state = deck();
    let requests = requests(&say(&mut state, "/compare greedy,creative Why?"));
    for request in &requests {
        tokens(&mut state, request.id, "x", 1, 1.0);
        let made = EngineEvent::Made {
            request: request.id,
            origin: Box::new(crate::engine::Origin {
                fingerprint: "f00d".into(),
                ..crate::engine::Origin::default()
            }),
            ids: crate::engine::trace::Ids {
                prompt: vec![1, 2],
                chosen: vec![3],
            },
        };
        update(&mut state, Event::Engine(made));
        finish(&mut state, request.id);
    }
    let effects = press(&mut state, &["u"]);
    let told: Vec<RequestId> = stored(&effects)
        .into_iter()
        .filter_map(|command| match command {
            StoreCommand::Keep { reply, kept } if kept.ids.chosen == [3] => Some(*reply),
            _ => None,
        })
        .collect();
    assert_eq!(told, [requests[1].id, requests[0].id]);
    let recorded = &state.tokens.replies[&requests[0].id];
    assert_eq!(recorded.kept.origin.fingerprint, "f00d");
}

/// The sequences the engine is asked about.
fn foreseen(effects: &[Effect]) -> Option<(crate::engine::LoadId, u32)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Engine(Command::Foresee { id, params }) => Some((*id, params.context.n_seq_max)),
        _ => None,
    })
}

fn answer_foreseen(state: &mut State, id: crate::engine::LoadId, fits: bool) -> Vec<Effect> {
    let outcome = if fits {
        Ok(Box::new(Forecast {
            change: crate::engine::Change::NewContext,
            n_ctx: 4096,
            n_gpu_layers: 0,
            devices: Vec::new(),
            kv: crate::engine::KvOutcome::Kept { tokens: 0 },
            fits: true,
            notes: Vec::new(),
        }))
    } else {
        Err(EngineError {
            kind: ErrorKind::NoMemory,
            what: "a context".into(),
            why: "1 GiB is free".into(),
            hint: String::new(),
        })
    };
    update(state, Event::Engine(EngineEvent::Foreseen { id, outcome }))
}

fn room(state: &State) -> Option<String> {
    let room = state.compare.ahead.room.as_ref();
    room.map(ToString::to_string)
}

#[test]
fn where_memory_has_no_room_for_all_it_is_said_before_they_are_sent() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.n_seq_max = 1;
    }
    state.compare.chosen = ["greedy", "creative", "min-p", "greedy"]
        .map(str::to_owned)
        .into();
    state.composer.set("Why?");
    let (id, sequences) = foreseen(&press(&mut state, &["alt+c"])).expect("it is asked");
    assert_eq!((sequences, room(&state)), (4, None));
    let (next, sequences) = foreseen(&answer_foreseen(&mut state, id, false)).expect("fewer");
    assert_eq!((sequences, room(&state)), (3, None));
    assert!(answer_foreseen(&mut state, id, true).is_empty(), "answered");
    assert_eq!(room(&state), None, "an answer to what is asked no more");
    let (next, sequences) = foreseen(&answer_foreseen(&mut state, next, false)).expect("fewer");
    assert_eq!(sequences, 2);
    answer_foreseen(&mut state, next, true);
    let said = room(&state).expect("it is known");
    assert!(said.starts_with("2 of 4 columns go on at once"), "{said}");
    assert!(said.contains("1 GiB is free"), "{said}");
    let effects = press(&mut state, &["enter"]);
    let retuned = effects.iter().find_map(|effect| match effect {
        Effect::Engine(Command::Retune { params, .. }) => Some(params.context.n_seq_max),
        _ => None,
    });
    assert_eq!(retuned, Some(2), "so many are asked for");
    assert_eq!(requests(&effects).len(), 4, "the others follow");
}

#[test]
fn where_nothing_more_fits_than_runs_it_is_said_too() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.n_seq_max = 1;
    }
    state.compare.chosen = vec!["greedy".into(), "creative".into()];
    let (id, _) = foreseen(&press(&mut state, &["alt+c"])).expect("it is asked");
    assert_eq!(foreseen(&answer_foreseen(&mut state, id, false)), None);
    let said = room(&state).expect("it is known");
    assert!(said.starts_with("1 of 2 columns"), "{said}");
}

#[test]
fn cells_of_the_context_count_with_the_prompt_that_will_be_sent() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.n_ctx = 100;
        context.params.context.kv_unified = true;
    }
    state.composer.set("Why?");
    state.compare.chosen = vec!["greedy:n-predict=30".into(), "creative:n-predict=40".into()];
    let effects = press(&mut state, &["alt+c"]);
    let shown = effects.iter().find_map(|effect| match effect {
        Effect::Engine(Command::ShowPrompt(request)) => Some(request.clone()),
        _ => None,
    });
    let shown = shown.expect("the prompt is asked for");
    assert_eq!(shown.messages[0].content, "Why?");
    assert_eq!(room(&state), None);
    let token = crate::engine::PromptToken {
        id: 1,
        piece: b"x".to_vec(),
        is_special: false,
    };
    let prompt = Prompt {
        segments: Vec::new(),
        tokens: vec![token; 30],
    };
    let event = EngineEvent::PromptShown {
        request: shown.id,
        of: crate::engine::PromptOf::Now,
        prompt: Ok(Box::new(prompt)),
    };
    update(&mut state, Event::Engine(event));
    let said = room(&state).expect("it is known");
    assert!(
        said.contains("the prompt takes 30 and each reply up to 40"),
        "{said}"
    );
    let effects = press(&mut state, &["space"]);
    assert_eq!(state.compare.chosen.len(), 3);
    let said = room(&state).expect("it is known");
    assert!(
        said.starts_with("all 3"),
        "of a column without a limit only sequences count: {said}"
    );
    assert!(requests(&effects).is_empty());
}

#[test]
fn a_comparison_is_of_the_model_that_answered_whichever_runs_later() {
    let (mut state, _) = compared("greedy,creative");
    if let Some(run) = &mut state.compare.run {
        run.names = Names::Hidden;
    }
    swap(&mut state);
    let effects = press(&mut state, &["1", "enter"]);
    let [StoreCommand::Cast { ballot, .. }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    let hashes = ballot.contenders.iter().map(|one| one.model_hash.as_str());
    assert!(hashes.eq(["f", "f"]), "{ballot:?}");
    let json = exported(&mut state);
    assert_eq!(
        (&json["model"], &json["model_hash"]),
        (&"m".into(), &"f".into())
    );
    if let Some((model, _)) = &mut state.model.running {
        model.name = "half".into();
    }
    press(&mut state, &["u"]);
    let reply = state.chat.last_reply().expect("the reply");
    assert_eq!(reply.model, "m");
}

#[test]
fn another_model_does_not_answer_in_a_column_of_the_first() {
    let (mut state, _) = compared("greedy,creative");
    press(&mut state, &["e"]);
    if let Some((model, _)) = &mut state.model.running {
        (model.name, model.fingerprint) = ("half".into(), "other".into());
    }
    assert_eq!(requests(&press(&mut state, &["enter"])).len(), 0);
    let line = state.compare.line.take().expect("the line stays");
    let why = "m answered here, and half runs now";
    assert!(line.error.is_some_and(|error| error.starts_with(why)));
    for key in ["r", "e", "a"] {
        state.notice = None;
        assert_eq!(requests(&press(&mut state, &[key])).len(), 0);
        assert!(told(&state).starts_with(why), "{key}: {}", told(&state));
        assert_eq!(state.compare.line, None);
    }
    if let Some((model, _)) = &mut state.model.running {
        (model.name, model.fingerprint) = ("m".into(), "f".into());
    }
    assert_eq!(requests(&press(&mut state, &["r"])).len(), 1, "it is back");
}

#[test]
fn one_alone_is_a_figure_of_the_model_that_runs() {
    let mut state = deck();
    let request = requests(&say(&mut state, "First?"))[0].id;
    let timings = Timings {
        predicted_n: 30,
        predicted_per_second: 7.0,
        ..Timings::default()
    };
    for event in [
        EngineEvent::Made {
            request,
            origin: Box::new(crate::engine::Origin {
                fingerprint: "f".into(),
                ..crate::engine::Origin::default()
            }),
            ids: crate::engine::trace::Ids::default(),
        },
        EngineEvent::Finished {
            request,
            reason: StopReason::EndOfTurn,
            context_used: 9,
            timings,
        },
    ] {
        update(&mut state, Event::Engine(event));
    }
    say(&mut state, "/compare greedy,creative");
    assert_eq!(run(&state).single, Some(7.0));
    state.view = View::Deck;
    swap(&mut state);
    say(&mut state, "/compare greedy,creative");
    assert_eq!(run(&state).single, None);
}

#[test]
fn columns_that_failed_take_no_part_in_a_vote() {
    let mut state = deck();
    state.compare.names = Names::Hidden;
    let ids: Vec<RequestId> = requests(&say(&mut state, "/compare greedy,creative,min-p Why?"))
        .iter()
        .map(|request| request.id)
        .collect();
    fail(&mut state, ids[0]);
    for id in &ids[1..] {
        tokens(&mut state, *id, "x", 1, 1.0);
        finish(&mut state, *id);
    }
    let effects = press(&mut state, &["1", "enter"]);
    assert!(stored(&effects).is_empty(), "it has no answer");
    assert!(told(&state).contains("no answer"), "{}", told(&state));
    assert_eq!(run(&state).names, Names::Hidden);
    let effects = press(&mut state, &["1", "3", "enter"]);
    let [StoreCommand::Cast { ballot, .. }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    let of = |at: usize| run(&state).answers[at].column.name.clone();
    let voted_on = ballot.contenders.iter().map(|one| one.preset.clone());
    assert!(voted_on.eq([of(1), of(2)]), "{ballot:?}");
    assert_eq!(ballot.best, [1]);
    assert!(told(&state).contains("left out"), "{}", told(&state));
}

#[test]
fn where_one_column_answered_names_are_told_without_a_vote() {
    let mut state = deck();
    state.compare.names = Names::Hidden;
    let requests = requests(&say(&mut state, "/compare greedy,creative Why?"));
    fail(&mut state, requests[0].id);
    tokens(&mut state, requests[1].id, "x", 1, 1.0);
    finish(&mut state, requests[1].id);
    press(&mut state, &["0"]);
    assert!(
        run(&state).marked.iter().eq([&1]),
        "those that failed are not marked"
    );
    assert!(stored(&press(&mut state, &["enter"])).is_empty());
    assert_eq!(run(&state).names, Names::Shown);
}

#[test]
fn an_export_has_the_notes_of_the_screen() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.sharing = crate::engine::PrefixSharing::Recurrent;
        context.n_seq_max = 2;
    }
    let effects = say(&mut state, "/compare greedy,creative,min-p Why?");
    for request in requests(&effects) {
        let prefill = EngineEvent::Prefill {
            request: request.id,
            done: 4,
            total: 4,
            reused: 0,
            timings: Timings {
                prompt_n: 4,
                ..Timings::default()
            },
        };
        update(&mut state, Event::Engine(prefill));
        tokens(&mut state, request.id, "x", 1, 1.0);
    }
    let notes = run(&state).notes.clone();
    let [sharing, room] = &notes[..] else {
        panic!("{notes:?}")
    };
    assert!(
        sharing.contains("prefills the prompt by itself"),
        "{sharing}"
    );
    assert!(room.contains("2 of 3 columns"), "{room}");
    swap(&mut state);
    let json = exported(&mut state);
    assert_eq!(
        json["notes"],
        serde_json::json!(notes),
        "of the model that answered"
    );
}

#[test]
fn while_names_are_hidden_no_column_is_added() {
    let (mut state, _) = compared("greedy,creative");
    if let Some(run) = &mut state.compare.run {
        run.names = Names::Hidden;
    }
    press(&mut state, &["a"]);
    assert_eq!(state.compare.line, None);
    assert!(
        told(&state).starts_with("The names are hidden"),
        "{}",
        told(&state)
    );
    press(&mut state, &["1", "enter", "a"]);
    assert!(state.compare.line.is_some(), "after the vote");
}
