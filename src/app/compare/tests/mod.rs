//! Comparisons, event by event.

mod outcome;
mod room;

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
    assert!(
        why.contains("the quote after system= is not closed"),
        "{why}"
    );
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
        assert!(state.chat.messages().is_empty());
    }
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
