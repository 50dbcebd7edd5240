//! The update logic, event by event.

use super::*;
use crate::engine::{
    CameFrom, Command, ContextInfo, EngineError, EngineEvent, ErrorKind, KvOutcome, LoadId,
    ModelInfo, RequestId, StopReason, Timings,
};
use crate::keymap::{Context, Key, KeyCode};
use crate::library::{self, Command as LibraryCommand, Listing, Model, Modelfile, Spot};
use crate::params::{Param, Source, Value};

fn key(name: &str) -> Event {
    Event::Key(name.parse::<Key>().expect(name))
}

pub(super) fn press(state: &mut State, names: &[&str]) -> Vec<Effect> {
    names
        .iter()
        .flat_map(|name| update(state, key(name)))
        .collect()
}

pub(super) fn say(state: &mut State, text: &str) -> Vec<Effect> {
    state.composer.set(text);
    press(state, &["enter"])
}

/// A state with a model that runs.
pub(super) fn ready() -> State {
    let mut state = State::new((120, 40));
    let effects = start(&mut state, "/m.gguf".into(), None);
    let [Effect::Engine(Command::Load(request))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let model = ModelInfo {
        name: "m".into(),
        n_ctx_train: 8192,
        has_chat_template: true,
        ..ModelInfo::default()
    };
    let context = ContextInfo {
        n_ctx: 4096,
        params: request.params.clone(),
        ..ContextInfo::default()
    };
    let loaded = EngineEvent::Loaded {
        id: request.id,
        model: Box::new(model),
        context: Box::new(context),
        came_from: CameFrom::File,
        took: std::time::Duration::ZERO,
    };
    let effects = update(&mut state, Event::Engine(loaded));
    let [Effect::Library(LibraryCommand::Loaded(_))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    state
}

pub(super) fn generated(effects: &[Effect]) -> RequestId {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Engine(Command::Generate(request)) => Some(request.id),
            _ => None,
        })
        .expect("a request")
}

pub(super) fn finish(state: &mut State, request: RequestId, text: &str, reason: StopReason) {
    let timings = Timings {
        predicted_n: 3,
        ..Timings::default()
    };
    let tokens = EngineEvent::Tokens {
        request,
        text: text.into(),
        ids: vec![1, 2, 3],
        context_used: 10,
        timings,
    };
    update(state, Event::Engine(tokens));
    update(
        state,
        Event::Engine(EngineEvent::Finished {
            request,
            reason,
            context_used: 10,
            timings,
        }),
    );
}

#[test]
fn a_message_becomes_a_request_and_tokens_become_the_reply() {
    let mut state = ready();
    let request = generated(&say(&mut state, "hi"));
    finish(&mut state, request, "hello", StopReason::EndOfTurn);
    let reply = state.chat.last_reply().expect("a reply");
    assert_eq!(
        (reply.text.as_str(), &reply.state),
        ("hello", &ReplyState::Done(StopReason::EndOfTurn))
    );
    assert_eq!(state.speed.total_predicted, 3);
}

#[test]
fn late_events_of_unknown_requests_change_nothing() {
    let mut state = ready();
    finish(&mut state, RequestId(999), "ghost", StopReason::EndOfTurn);
    assert!(state.chat.entries.is_empty());
    assert_eq!(state.speed.total_predicted, 0);
}

#[test]
fn a_message_during_a_reply_stays_in_the_composer() {
    let mut state = ready();
    say(&mut state, "first");
    let effects = say(&mut state, "second");
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Engine(_))),
        "{effects:?}"
    );
    assert_eq!(state.composer.text(), "second");
    assert!(state.notice.as_ref().is_some_and(|notice| notice.is_error));
}

#[test]
fn without_a_model_the_message_stays_and_the_way_out_is_named() {
    let mut state = State::new((80, 24));
    say(&mut state, "hello?");
    assert_eq!(state.composer.text(), "hello?");
    assert!(
        state
            .notice
            .as_ref()
            .is_some_and(|notice| notice.text.contains("Ctrl+O")),
        "{:?}",
        state.notice
    );
}

#[test]
fn a_free_change_during_a_reply_reaches_its_next_token() {
    let mut state = ready();
    let request = generated(&say(&mut state, "go"));
    let effects = say(&mut state, "/set temp 0");
    let resampled = effects.iter().any(|effect| {
        matches!(effect, Effect::Engine(Command::Resample { request: other, sampling }) if *other == request && sampling.temp == 0.0)
    });
    assert!(resampled, "{effects:?}");
}

#[test]
fn a_dear_change_waits_and_is_applied_in_one_retune() {
    let mut state = ready();
    press(&mut state, &["f2"]);
    for (param, steps) in [(Param::CtxSize, 1), (Param::NGpuLayers, 2)] {
        state.params.selected = state
            .params
            .visible
            .iter()
            .position(|other| *other == param)
            .expect("visible");
        for _ in 0..steps {
            assert!(only_asks(&press(&mut state, &["right"])));
        }
    }
    assert_eq!(state.params.pending.len(), 2);
    let effects = press(&mut state, &["a"]);
    let retunes = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Engine(Command::Retune { .. })))
        .count();
    assert_eq!(retunes, 1, "{effects:?}");
    assert!(state.params.pending.is_empty());
}

#[test]
fn stepping_back_takes_a_pending_change_away() {
    let mut state = ready();
    press(&mut state, &["f2"]);
    state.params.selected = state
        .params
        .visible
        .iter()
        .position(|other| *other == Param::BatchSize)
        .expect("visible");
    press(&mut state, &["right", "left"]);
    assert!(state.params.pending.is_empty());
    press(&mut state, &["right", "esc"]);
    assert!(state.params.pending.is_empty());
    assert_eq!(state.focus, Pane::Parameters);
}

fn error() -> EngineError {
    EngineError {
        kind: ErrorKind::NoMemory,
        what: "a context".into(),
        why: "no memory".into(),
        hint: String::new(),
    }
}

#[test]
fn a_failed_retune_brings_the_values_back() {
    let mut state = ready();
    let effects = say(&mut state, "/set ctx-size 16384");
    let id = retuned(&effects);
    update(
        &mut state,
        Event::Engine(EngineEvent::RetuneFailed {
            id,
            error: error(),
            running: true,
        }),
    );
    assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(0));
    assert!(state.model.running.is_some());
    assert!(state.model.error.is_some());
}

#[test]
fn when_two_retunes_fail_the_values_before_the_first_come_back() {
    let mut state = ready();
    let first = retuned(&say(&mut state, "/set ctx-size 16384"));
    let second = retuned(&say(&mut state, "/set ctx-size 32768"));
    update(
        &mut state,
        Event::Engine(EngineEvent::RetuneFailed {
            id: first,
            error: error(),
            running: true,
        }),
    );
    assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(32768));
    update(
        &mut state,
        Event::Engine(EngineEvent::RetuneFailed {
            id: second,
            error: error(),
            running: true,
        }),
    );
    assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(0));
}

#[test]
fn when_the_first_of_two_retunes_works_a_failure_falls_back_to_it() {
    let mut state = ready();
    let first = retuned(&say(&mut state, "/set ctx-size 16384"));
    let second = retuned(&say(&mut state, "/set ctx-size 32768"));
    let context = Box::new(ContextInfo {
        n_ctx: 16384,
        ..ContextInfo::default()
    });
    let kv = KvOutcome::Untouched;
    update(
        &mut state,
        Event::Engine(EngineEvent::Retuned {
            id: first,
            context,
            kv,
            took: std::time::Duration::ZERO,
        }),
    );
    update(
        &mut state,
        Event::Engine(EngineEvent::RetuneFailed {
            id: second,
            error: error(),
            running: true,
        }),
    );
    assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(16384));
}

#[test]
fn what_pending_changes_would_do_is_asked_whenever_they_change() {
    let mut state = ready();
    let foreseen = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Engine(Command::Foresee { id, params }) => Some((*id, params.context.n_ctx)),
            _ => None,
        })
    };
    let known = |state: &State| {
        let foresight = state.params.foresight.as_ref()?;
        foresight.outcome.as_ref().map(Result::is_ok)
    };
    state.focus = Pane::Parameters;
    state.params.selected = at(&state, Param::CtxSize);
    let first = foreseen(&press(&mut state, &["right"])).expect("it is asked");
    let second = foreseen(&press(&mut state, &["right"])).expect("it is asked again");
    assert!(second.1 > first.1);
    let answer = |id| {
        Event::Engine(EngineEvent::Foreseen {
            id,
            outcome: Err(error()),
        })
    };
    update(&mut state, answer(first.0));
    assert_eq!(
        known(&state),
        None,
        "an answer to what is not pending any more"
    );
    update(&mut state, answer(second.0));
    assert_eq!(known(&state), Some(false));
    assert_eq!(foreseen(&press(&mut state, &["down"])), None);
    assert_eq!(known(&state), Some(false));
    press(&mut state, &["esc"]);
    assert_eq!(state.params.foresight, None);
}

#[test]
fn a_retune_that_was_overtaken_is_forgotten() {
    let mut state = ready();
    let first = retuned(&say(&mut state, "/set ctx-size 16384"));
    let second = retuned(&say(&mut state, "/set ctx-size 32768"));
    let merged = EngineEvent::Merged {
        id: first,
        into: second,
    };
    update(&mut state, Event::Engine(merged));
    let failed = EngineEvent::RetuneFailed {
        id: second,
        error: error(),
        running: true,
    };
    update(&mut state, Event::Engine(failed));
    assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(0));
}

/// Nothing is done but asking what would be.
fn only_asks(effects: &[Effect]) -> bool {
    let asks = |effect: &Effect| matches!(effect, Effect::Engine(Command::Foresee { .. }));
    effects.iter().all(asks)
}

/// The row of a parameter in the pane.
fn at(state: &State, param: Param) -> usize {
    let row = state
        .params
        .visible
        .iter()
        .position(|other| *other == param);
    row.expect("visible")
}

fn retuned(effects: &[Effect]) -> LoadId {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Engine(Command::Retune { id, .. }) => Some(*id),
            _ => None,
        })
        .expect("a retune")
}

#[test]
fn a_full_context_offers_room_and_raising_it_goes_on() {
    let mut state = ready();
    let request = generated(&say(&mut state, "tell me"));
    finish(
        &mut state,
        request,
        "once upon",
        StopReason::ContextFull { n_ctx: 4096 },
    );
    let effects = press(&mut state, &["home", "enter"]);
    retuned(&effects);
    let again = effects.iter().find_map(|effect| match effect {
        Effect::Engine(Command::Generate(request)) => Some((**request).clone()),
        _ => None,
    });
    let again = again.expect("the reply goes on");
    assert_eq!(again.reply_so_far, "once upon");
    assert_eq!(again.messages.len(), 1);
    assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(8192));
}

#[test]
fn escape_closes_what_is_open_before_it_stops_the_reply() {
    let mut state = ready();
    let request = generated(&say(&mut state, "go"));
    press(&mut state, &["f1"]);
    assert!(press(&mut state, &["esc"]).is_empty());
    let effects = press(&mut state, &["esc"]);
    assert!(
        matches!(effects.as_slice(), [Effect::Engine(Command::Cancel(other))] if *other == request),
        "{effects:?}"
    );
}

#[test]
fn escape_stops_a_change_before_the_reply_that_waits_for_it() {
    let mut state = ready();
    let request = generated(&say(&mut state, "Hi"));
    let change = retuned(&say(&mut state, "/set ctx-size 8192"));

    let effects = press(&mut state, &["esc"]);
    assert!(
        matches!(effects.as_slice(), [Effect::Engine(Command::CancelLoad(id))] if *id == change),
        "{effects:?}"
    );
    let failed = EngineEvent::RetuneFailed {
        id: change,
        error: EngineError {
            kind: ErrorKind::Cancelled,
            ..error()
        },
        running: true,
    };
    update(&mut state, Event::Engine(failed));
    let effects = press(&mut state, &["esc"]);
    assert!(
        matches!(effects.as_slice(), [Effect::Engine(Command::Cancel(id))] if *id == request),
        "{effects:?}"
    );
}

#[test]
fn control_c_quits_only_when_nothing_came_between() {
    let mut state = ready();
    assert!(
        !press(&mut state, &["ctrl+c", "x", "ctrl+c"])
            .iter()
            .any(|effect| matches!(effect, Effect::Quit))
    );
    assert!(
        press(&mut state, &["ctrl+c"])
            .iter()
            .any(|effect| matches!(effect, Effect::Quit))
    );
}

#[test]
fn regenerate_asks_the_same_again() {
    let mut state = ready();
    let first = generated(&say(&mut state, "q"));
    finish(&mut state, first, "bad", StopReason::EndOfTurn);
    let effects = say(&mut state, "/regen");
    assert_ne!(generated(&effects), first);
    assert_eq!(state.chat.entries.len(), 2);
    assert_eq!(state.chat.messages().len(), 1);
}

#[test]
fn the_models_recommendation_gives_way_to_the_user() {
    let mut state = ready();
    say(&mut state, "/set top-k 5");
    let effects = say(&mut state, "/model /other.gguf");
    let id = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Engine(Command::Load(request)) => Some(request.id),
            _ => None,
        })
        .expect("a load");
    let recommended = [
        (Param::TopK, Value::Int(20)),
        (Param::Temp, Value::Float(0.6)),
    ]
    .into();
    let model = Box::new(ModelInfo {
        recommended,
        ..ModelInfo::default()
    });
    let context = Box::<ContextInfo>::default();
    update(
        &mut state,
        Event::Engine(EngineEvent::Loaded {
            id,
            model,
            context,
            came_from: CameFrom::File,
            took: std::time::Duration::ZERO,
        }),
    );
    let values = &state.params.values;
    assert_eq!(
        (values.get(Param::TopK), values.source(Param::TopK)),
        (Value::Int(5), Source::Session)
    );
    assert_eq!(
        (values.get(Param::Temp), values.source(Param::Temp)),
        (Value::Float(0.6), Source::Model)
    );
}

#[test]
fn a_notice_makes_room_for_the_keys_of_another_view_and_a_long_failure_can_be_read() {
    let mut state = ready();
    say(&mut state, "/pin");
    assert!(state.notice.is_some());
    press(&mut state, &["f10"]);
    assert_eq!((state.view, &state.notice), (View::Metrics, &None));
    let notes = |state: &State| {
        let is_note = |entry: &&Entry| matches!(entry, Entry::Note { .. });
        state.chat.entries.iter().filter(is_note).count()
    };
    let before = notes(&state);
    update(&mut state, Event::Written(Err("no space".into())));
    assert_eq!(notes(&state), before);
    let long = "the disk has no room for this file; ".repeat(8);
    update(&mut state, Event::Written(Err(long.clone())));
    assert_eq!(notes(&state), before + 1);
    let last = state.chat.entries.last();
    assert!(matches!(last, Some(Entry::Note { text, is_error: true }) if *text == long));
}

#[test]
fn figures_of_the_model_before_do_not_stand_under_another() {
    for (fingerprint, rate) in [("", 9.0), ("another", 0.0)] {
        let mut state = ready();
        state.speed.timings.predicted_per_second = 9.0;
        let effects = say(&mut state, "/model /m.gguf");
        let id = effects.iter().find_map(|effect| match effect {
            Effect::Engine(Command::Load(request)) => Some(request.id),
            _ => None,
        });
        let model = Box::new(ModelInfo {
            fingerprint: fingerprint.to_owned(),
            ..ModelInfo::default()
        });
        let loaded = EngineEvent::Loaded {
            id: id.expect("a load"),
            model,
            context: Box::default(),
            came_from: CameFrom::File,
            took: std::time::Duration::ZERO,
        };
        update(&mut state, Event::Engine(loaded));
        assert_eq!(state.speed.timings.predicted_per_second, rate);
    }
}

#[test]
fn what_ollama_keeps_beside_a_model_is_read_before_it_is_loaded() {
    let mut state = ready();
    let blob = "/home/x/.ollama/models/blobs/sha256-aa";
    let effects = say(&mut state, &format!("/model {blob}"));
    assert!(
        matches!(&effects[..], [Effect::ReadModelfile { path, called: Some(name) }] if path.as_os_str() == blob && name == blob),
        "{effects:?}"
    );
    // Several models may have these weights; the name tells which is meant.
    let mut listing = Listing::default();
    let mut model = Model::new("llama3.2:3b", blob, library::Source::Ollama);
    model.places.push(Spot {
        name: "mine:latest".into(),
        ..model.places[0].clone()
    });
    listing.models.push(model);
    state.library.listing = Some(std::sync::Arc::new(listing));
    let effects = say(&mut state, "/model mine");
    assert!(
        matches!(&effects[..], [Effect::ReadModelfile { path, called: Some(name) }] if path.as_os_str() == blob && name == "mine"),
        "{effects:?}"
    );
    let modelfile = Modelfile {
        name: "mine:latest".into(),
        values: [(Param::CtxSize, Value::Int(384))].into(),
        left_out: vec!["unknown parameter 'mystery'".into()],
        ..Modelfile::default()
    };
    let effects = update(
        &mut state,
        Event::Modelfile {
            path: blob.into(),
            modelfile: Some(modelfile),
        },
    );
    let n_ctx = effects.iter().find_map(|effect| match effect {
        Effect::Engine(Command::Load(request)) => Some(request.params.context.n_ctx),
        _ => None,
    });
    assert_eq!(n_ctx, Some(384));
    let values = &state.params.values;
    assert_eq!(values.source(Param::CtxSize), Source::Ollama);
    let notes = format!("{:?}", state.chat.entries);
    assert!(notes.contains("mine:latest sets ctx-size"), "{notes}");
    assert!(notes.contains("mystery"), "{notes}");
    // Another model has nothing of it.
    say(&mut state, "/model /other.gguf");
    assert_eq!(state.params.values.source(Param::CtxSize), Source::Default);
}

#[test]
fn a_named_model_brings_its_values_along() {
    let mut state = ready();
    let values = [(Param::CtxSize, Value::Int(384))].into();
    let named = [("small".into(), ("/m.gguf".into(), values))];
    state.library.named = named.into();
    let load = |state: &mut State, name: &str| {
        let effects = say(state, &format!("/model {name}"));
        let request = effects.into_iter().find_map(|effect| match effect {
            Effect::Engine(Command::Load(request)) => Some(request),
            _ => None,
        });
        let request = request.expect("a load");
        let source = state.params.values.source(Param::CtxSize);
        (request.path, request.params.context.n_ctx, source)
    };
    let path = std::path::PathBuf::from("/m.gguf");
    let expected = (path.clone(), 384, Source::ModelsPreset);
    assert_eq!(load(&mut state, "small"), expected);
    // The same file without the name.
    assert_eq!(load(&mut state, "/m.gguf"), (path, 0, Source::Default));
}

#[test]
fn tuned_values_belong_to_one_model_and_come_back_with_it() {
    let mut state = ready();
    let tuned = [(Param::BatchSize, Value::Int(64))].into();
    state.params.tuned = [("/tuned.gguf".into(), tuned)].into();
    let load = |state: &mut State, path: &str| {
        let effects = say(state, &format!("/model {path}"));
        let request = effects.into_iter().find_map(|effect| match effect {
            Effect::Engine(Command::Load(request)) => Some(request),
            _ => None,
        });
        let request = request.expect("a load");
        (request.id, request.params.context.n_batch)
    };
    let (id, n_batch) = load(&mut state, "/tuned.gguf");
    assert_eq!(n_batch, 64);
    assert_eq!(state.params.values.source(Param::BatchSize), Source::Tuned);
    update(
        &mut state,
        Event::Engine(EngineEvent::Loaded {
            id,
            model: Box::default(),
            context: Box::default(),
            came_from: CameFrom::File,
            took: std::time::Duration::ZERO,
        }),
    );
    let (id, n_batch) = load(&mut state, "/other.gguf");
    assert_eq!(n_batch, 2048);
    let error = EngineError {
        kind: ErrorKind::NoInput,
        what: "loading /other.gguf".into(),
        why: "it is not there".into(),
        hint: String::new(),
    };
    update(
        &mut state,
        Event::Engine(EngineEvent::LoadFailed {
            id,
            error,
            running: true,
        }),
    );
    assert_eq!(state.params.values.get(Param::BatchSize), Value::Int(64));
}

#[test]
fn a_paste_of_100_kilobytes_is_one_piece_wherever_the_focus_is() {
    let mut state = ready();
    press(&mut state, &["tab"]);
    update(&mut state, Event::Paste("0123456789".repeat(10_000)));
    assert_eq!(state.composer.text().len(), 100_000);
    assert_eq!(state.focus, Pane::Composer);
}

#[test]
fn characters_that_come_together_mean_what_they_mean_alone() {
    let text = "What is top-k, and why /set?";
    let mut alone = ready();
    for character in text.chars() {
        update(&mut alone, Event::Key(Key::plain(KeyCode::Char(character))));
    }
    let mut together = ready();
    update(&mut together, Event::Typed(text.to_owned()));
    assert_eq!(together.composer.text(), text);
    assert_eq!(alone.composer.text(), text);
    // A command completes in either case.
    for state in [&mut alone, &mut together] {
        state.composer.set("");
    }
    for character in "/the".chars() {
        update(&mut alone, Event::Key(Key::plain(KeyCode::Char(character))));
    }
    update(&mut together, Event::Typed("/the".to_owned()));
    assert_eq!(together.completion.items, alone.completion.items);
    assert!(!together.completion.items.is_empty());
    // Where letters are keys, they stay keys.
    let mut reading = ready();
    press(&mut reading, &["tab"]);
    assert_eq!(reading.focus, Pane::Chat);
    update(&mut reading, Event::Typed("jj".to_owned()));
    assert_eq!(reading.focus, Pane::Chat);
    assert!(reading.composer.is_empty());
}

#[test]
fn an_unmarked_paste_is_taken_in_one_piece_wherever_the_focus_is() {
    let mut state = ready();
    update(&mut state, Event::Typed("0123456789".repeat(100)));
    press(&mut state, &["tab"]);
    update(&mut state, Event::Typed("0123456789".repeat(100)));
    assert_eq!(state.composer.text().len(), 2_000);
    assert_eq!(state.focus, Pane::Composer);
    // One step back takes one of them back.
    press(&mut state, &["ctrl+_"]);
    assert_eq!(state.composer.text().len(), 1_000);
}

#[test]
fn every_slash_command_answers() {
    for (line, _) in slash_commands() {
        let mut state = ready();
        let name = line.split_whitespace().next().expect("a name").to_owned();
        let effects = say(&mut state, &name);
        let something = !effects.is_empty()
            || state.overlay.is_some()
            || state.focus != Pane::Composer
            || state.view != View::Deck;
        assert!(something || name == "/clear", "{name} does nothing");
    }
}

/// Selects a parameter in its pane.
fn select(state: &mut State, param: Param) {
    press(state, &["f2"]);
    let at = state.params.visible.iter().position(|one| *one == param);
    state.params.selected = at.expect("visible");
}

#[test]
fn a_full_context_takes_no_key_that_was_meant_for_something_else() {
    let full = StopReason::ContextFull { n_ctx: 4096 };
    // Enter at once leaves everything as it is.
    let mut state = ready();
    let request = generated(&say(&mut state, "tell me"));
    finish(&mut state, request, "once upon", full.clone());
    assert!(press(&mut state, &["enter"]).is_empty());
    assert!(state.overlay.is_none());
    // Over a begun message and over another overlay there is a note instead.
    for keys in [["h", "i"], ["f1", "down"]] {
        let mut state = ready();
        let request = generated(&say(&mut state, "tell me"));
        press(&mut state, &keys);
        let overlay = state.overlay.clone();
        finish(&mut state, request, "once upon", full.clone());
        assert_eq!(state.overlay, overlay);
        let note = state.chat.entries.last();
        assert!(
            matches!(note, Some(Entry::Note { text, .. }) if text.contains("+ raises ctx-size")),
            "{note:?}"
        );
    }
}

#[test]
fn a_prompt_that_is_too_long_comes_back_and_leaves_the_transcript() {
    let mut state = ready();
    let request = generated(&say(&mut state, "a very long story"));
    let error = EngineError {
        kind: ErrorKind::PromptTooLong {
            n_prompt: 5000,
            n_ctx: 4096,
        },
        ..error()
    };
    update(
        &mut state,
        Event::Engine(EngineEvent::Failed { request, error }),
    );
    assert_eq!(state.composer.text(), "a very long story");
    assert!(state.chat.messages().is_empty());
    // More room sends it again.
    let effects = press(&mut state, &["home", "enter"]);
    retuned(&effects);
    generated(&effects);
    assert_eq!(state.chat.messages().len(), 1);
    assert!(state.composer.is_empty());
}

#[test]
fn escape_takes_filter_then_pending_changes_then_leaves() {
    let mut state = ready();
    select(&mut state, Param::BatchSize);
    press(&mut state, &["right", "/", "b", "a", "t", "enter"]);
    let all = TABLE_LEN;
    assert!(state.params.visible.len() < all);
    press(&mut state, &["esc"]);
    assert_eq!(
        (state.params.visible.len(), state.params.pending.len()),
        (all, 1)
    );
    press(&mut state, &["esc"]);
    assert!(state.params.pending.is_empty());
    assert_eq!(state.focus, Pane::Parameters);
    press(&mut state, &["esc"]);
    assert_eq!(state.focus, Pane::Composer);
    // A filter begins empty, whatever the one before was.
    press(&mut state, &["f2", "/", "b", "enter", "/"]);
    assert_eq!(state.params.filter.text, "");
}

const TABLE_LEN: usize = crate::params::TABLE.len();

#[test]
fn resetting_what_is_dear_waits_and_what_is_free_does_not() {
    let mut state = ready();
    say(&mut state, "/set ctx-size 2048");
    say(&mut state, "/set temp 0.1");
    select(&mut state, Param::CtxSize);
    assert!(only_asks(&press(&mut state, &["R"])));
    assert_eq!(state.params.values.source(Param::Temp), Source::Default);
    assert_eq!(state.params.values.get(Param::CtxSize), Value::Int(2048));
    retuned(&press(&mut state, &["a"]));
    assert_eq!(state.params.values.source(Param::CtxSize), Source::Default);
    // One alone, too; pressed again the change is taken back.
    say(&mut state, "/set ctx-size 2048");
    select(&mut state, Param::CtxSize);
    press(&mut state, &["r"]);
    assert_eq!(state.params.shown(Param::CtxSize), Value::Int(0));
    press(&mut state, &["r"]);
    assert!(state.params.pending.is_empty());
}

#[test]
fn setting_a_dear_value_says_that_it_is_applied_and_replaces_what_waits() {
    let mut state = ready();
    select(&mut state, Param::CtxSize);
    press(&mut state, &["right", "f2"]);
    assert_eq!(state.params.pending.len(), 1);
    retuned(&say(&mut state, "/set ctx-size 16384"));
    assert!(state.params.pending.is_empty());
    let said = state.notice.clone().expect("a notice").text;
    assert_eq!(said, "applying ctx-size 16384");
}

#[test]
fn a_wrong_command_comes_back_with_the_nearest_name() {
    for (line, wanted) in [
        ("/thenme nord", "did you mean /theme? /help lists all"),
        ("/set tempp 1", "did you mean 'temp'?"),
        ("/set temp hot", "'hot' is not"),
        ("/preset nothing", "There is no preset 'nothing'"),
        ("/image cat.png", "/read attaches"),
        ("/pop", "/tree goes back"),
    ] {
        let mut state = ready();
        say(&mut state, line);
        let said = state.notice.clone().expect("a notice").text;
        assert!(said.contains(wanted), "{said}");
        assert_eq!(state.composer.text(), line);
    }
}

#[test]
fn help_asked_for_by_a_command_opens_at_the_commands() {
    let mut state = ready();
    say(&mut state, "/help");
    let Some(Overlay::Help { top }) = state.overlay else {
        panic!("{:?}", state.overlay)
    };
    let sections = help::sections(&state.keymap);
    let (_, commands) = sections.last().unwrap();
    assert!(top > 0);
    assert!(top + help::room(state.size.1) >= help::line_count(&state.keymap) - commands.len());
    press(&mut state, &["pgup"]);
    assert!(matches!(state.overlay, Some(Overlay::Help { top: above }) if above < top));
}

#[test]
fn help_opens_at_the_keys_of_the_view_one_is_in() {
    let mut state = ready();
    press(&mut state, &["f1"]);
    assert!(matches!(state.overlay, Some(Overlay::Help { top: 0 })));
    press(&mut state, &["esc", "f10", "f1"]);
    let Some(Overlay::Help { top }) = state.overlay else {
        panic!("{:?}", state.overlay)
    };
    let sections = help::sections(&state.keymap);
    let before = sections
        .iter()
        .take_while(|(heading, _)| heading != Context::Metrics.title());
    let at: usize = before.map(|(_, rows)| rows.len() + 2).sum();
    assert_eq!(top, at.min(help::last_top(&state.keymap, state.size.1)));
    assert!(top > 0);
}

#[test]
fn a_path_at_the_beginning_is_a_message() {
    let mut state = ready();
    generated(&say(&mut state, "/usr/bin is full, what now?"));
}

#[test]
fn an_old_timer_does_not_disarm_a_newer_interrupt() {
    let mut state = ready();
    let armed = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::After(timer @ Timer::QuitArmed(_), _) => Some(timer),
            _ => None,
        })
    };
    let old = armed(press(&mut state, &["ctrl+c", "x"])).expect("a timer");
    press(&mut state, &["ctrl+c"]);
    update(&mut state, Event::Timer(old));
    assert!(
        press(&mut state, &["ctrl+c"])
            .iter()
            .any(|effect| matches!(effect, Effect::Quit))
    );
}

#[test]
fn a_notice_makes_room_when_other_keys_count() {
    let mut state = ready();
    say(&mut state, "/set temp 0.1");
    press(&mut state, &["x"]);
    assert!(state.notice.is_some());
    press(&mut state, &["f1"]);
    assert!(state.notice.is_none());
}

#[test]
fn a_failed_change_without_a_model_left_says_how_to_load_one() {
    let mut state = ready();
    let id = retuned(&say(&mut state, "/set ctx-size 16384"));
    let failed = EngineEvent::RetuneFailed {
        id,
        error: error(),
        running: false,
    };
    update(&mut state, Event::Engine(failed));
    let note = state.chat.entries.last();
    assert!(
        matches!(note, Some(Entry::Note { text, .. }) if text.contains("No model is loaded; Ctrl+O loads one.")),
        "{note:?}"
    );
    assert!(state.model.error.is_some());
    // The next load that works makes it good.
    let effects = say(&mut state, "/model /m.gguf");
    let Some(Effect::Engine(Command::Load(request))) = effects.first() else {
        panic!("{effects:?}")
    };
    let loaded = EngineEvent::Loaded {
        id: request.id,
        model: Box::default(),
        context: Box::default(),
        came_from: CameFrom::File,
        took: std::time::Duration::ZERO,
    };
    update(&mut state, Event::Engine(loaded));
    assert_eq!(state.model.error, None);
}

#[test]
fn totals_count_the_reply_in_progress_once() {
    let mut state = ready();
    let request = generated(&say(&mut state, "go"));
    let timings = Timings {
        prompt_n: 5,
        predicted_n: 3,
        ..Timings::default()
    };
    let tokens = EngineEvent::Tokens {
        request,
        text: "a".into(),
        ids: vec![1, 2, 3],
        context_used: 8,
        timings,
    };
    update(&mut state, Event::Engine(tokens));
    assert_eq!(state.speed.totals(), (5, 3));
    press(&mut state, &["ctrl+n"]);
    assert_eq!(state.speed.totals(), (5, 3));
}

#[test]
fn a_path_is_chosen_with_the_arrows_and_folders_are_entered() {
    let mut state = ready();
    if let Some((model, _)) = &mut state.model.running {
        model.path = "/models/m.gguf".into();
    }
    let effects = press(&mut state, &["ctrl+o"]);
    assert!(
        matches!(effects.as_slice(), [Effect::ListPaths(folder), Effect::Library(_)] if folder == "/models/"),
        "{effects:?}"
    );
    let paths = |typed: &str, found: &[&str]| Event::Paths {
        typed: typed.into(),
        found: found.iter().map(|path| (*path).into()).collect(),
    };
    update(
        &mut state,
        paths("/models/", &["/models/a.gguf", "/models/big/"]),
    );
    let effects = press(&mut state, &["down", "down", "enter"]);
    assert!(
        matches!(effects.as_slice(), [.., Effect::ListPaths(folder)] if folder == "/models/big/"),
        "{effects:?}"
    );
    update(&mut state, paths("/models/big/", &["/models/big/b.gguf"]));
    let effects = press(&mut state, &["down", "enter"]);
    assert!(
        matches!(effects.as_slice(), [.., Effect::Engine(Command::Load(request))]
            if request.path.to_str() == Some("/models/big/b.gguf")),
        "{effects:?}"
    );
}

#[test]
fn a_theme_that_is_taken_says_how_to_keep_it() {
    let mut state = ready();
    state.themes = std::sync::Arc::new(vec!["dark".into(), "light".into()]);
    press(&mut state, &["f7", "down", "enter"]);
    assert_eq!(state.theme, "light");
    let said = state.notice.clone().expect("a notice").text;
    assert!(said.contains("theme = \"light\""), "{said}");
}

#[test]
fn configured_themes_and_presets_are_used_at_once() {
    let mut state = ready();
    let effects = update(&mut state, Event::Settings(Settings::Theme("nord".into())));
    assert!(matches!(effects.as_slice(), [Effect::UseTheme(name)] if name == "nord"));
    let preset = crate::config::Preset {
        name: "cool".into(),
        description: String::new(),
        values: [(Param::Temp, Value::Float(0.2))].into(),
    };
    state.presets = std::sync::Arc::new(vec![preset]);
    let wanted = Settings::Preset(Some("cool".into()));
    update(&mut state, Event::Settings(wanted));
    assert_eq!(state.params.values.get(Param::Temp), Value::Float(0.2));
    update(&mut state, Event::Settings(Settings::Preset(None)));
    assert_eq!(state.params.values.source(Param::Temp), Source::Default);
}
