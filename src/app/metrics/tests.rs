use super::*;
use crate::app::{Action, Content, Entry, Event, FilePlace, Reply, Saving, View, update};
use crate::engine::{EngineEvent, StopReason};
use crate::params::{Param, Source, Value};
use crate::telemetry::history::Series;
use crate::telemetry::{Moment, Sample};

const REPLY: RequestId = RequestId(7);

fn sample(ms: u64, watts: f32) -> Event {
    let mut sample = Sample {
        at: Moment { ms, unix_ms: 0 },
        ..Sample::default()
    };
    sample.cpu.power = Ok(watts);
    Event::Sample(Box::new(sample))
}

fn asked() -> State {
    let mut state = State::new((80, 24));
    state.sessions.saving = Saving::On;
    let reply = Reply::new(REPLY, String::new());
    state.chat.entries.push(Entry::Reply(reply));
    state
}

fn timings(tokens: u32) -> Timings {
    Timings {
        prompt_n: 40,
        cache_n: 2,
        prompt_ms: 200.0,
        prompt_per_second: 200.0,
        predicted_n: tokens,
        predicted_ms: f64::from(tokens) * 50.0,
        predicted_per_second: 20.0,
        recent_per_second: 19.5,
        ..Timings::default()
    }
}

fn tokens(state: &mut State, tokens: u32) {
    let event = EngineEvent::Finished {
        request: REPLY,
        reason: StopReason::EndOfTurn,
        context_used: tokens,
        timings: timings(tokens),
    };
    update(state, Event::Engine(event));
}

#[test]
fn a_reply_between_two_samples_is_not_missed() {
    let mut state = asked();
    update(&mut state, sample(0, 20.0));
    let prefill = EngineEvent::Prefill {
        request: REPLY,
        done: 42,
        total: 42,
        reused: 2,
        timings: timings(0),
    };
    update(&mut state, Event::Engine(prefill));
    tokens(&mut state, 5);
    update(&mut state, sample(500, 60.0));
    update(&mut state, sample(1000, 20.0));
    let value = |series, at| state.metrics.history.value(series, at);
    assert_eq!(value(Series::Decode, 500), Some(19.5));
    assert_eq!(value(Series::Prompt, 500), Some(200.0));
    assert_eq!(value(Series::Decode, 1000), None);
    let marks: Vec<_> = state.metrics.history.marks(0, 2000).collect();
    assert_eq!(marks.len(), 1);
    assert_eq!(marks[0].text, "a reply began, 42 prompt tokens");
}

#[test]
fn energy_goes_to_the_store_once_idle_power_is_known() {
    let mut state = asked();
    tokens(&mut state, 0);
    for half in 0..30 {
        assert!(update(&mut state, sample(half * 500, 20.0)).is_empty());
    }
    let mut runs = Vec::new();
    for step in 1..=10_u32 {
        tokens(&mut state, step * 10);
        let event = sample(15_000 + u64::from(step) * 500, 70.0);
        runs.extend(update(&mut state, event));
    }
    let stored: Vec<_> = runs
        .iter()
        .filter_map(|effect| match effect {
            Effect::Store(Command::AddRun(run)) => Some(&run.figures),
            _ => None,
        })
        .collect();
    let sum = |name: &str| {
        stored
            .iter()
            .filter_map(|run| run[name].as_f64())
            .sum::<f64>()
    };
    assert_eq!(sum("predicted_n"), 100.0);
    assert!(
        (sum("predicted_joules") - 10.0 * 35.0).abs() < 1.0,
        "{stored:?}"
    );
    assert_eq!(stored[0]["idle_watts"], 20.0);

    let mut secret = asked();
    secret.sessions.saving = Saving::Incognito;
    for half in 0..30 {
        update(&mut secret, sample(half * 500, 20.0));
    }
    tokens(&mut secret, 10);
    assert!(update(&mut secret, sample(15_500, 70.0)).is_empty());
}

#[test]
fn changed_parameters_leave_marks_without_the_text_of_prompts() {
    let mut state = State::new((80, 24));
    update(&mut state, sample(0, 1.0));
    super::super::retune::change(&mut state, |params| {
        for (param, value) in [
            (Param::Temp, Value::Float(0.25)),
            (
                Param::System,
                Value::Text("you are my lawyer, and this is private".to_owned()),
            ),
        ] {
            params.values.set(Source::Session, param, value).unwrap();
        }
    });
    let marks: Vec<_> = state
        .metrics
        .history
        .marks(0, 1)
        .map(|mark| mark.text.as_str())
        .collect();
    assert!(marks.contains(&"temp 0.8 -> 0.25"), "{marks:?}");
    assert!(
        marks.iter().any(|mark| mark.ends_with(" changed")),
        "{marks:?}"
    );
    assert!(
        !marks.iter().any(|mark| mark.contains("lawyer")),
        "{marks:?}"
    );
}

#[test]
fn keys_of_the_view_move_time_and_ask_for_files() {
    let mut state = State::new((80, 24));
    for second in 0..100 {
        update(&mut state, sample(second * 1000, 1.0));
    }
    let press = |state: &mut State, key: &str| update(state, Event::Key(key.parse().unwrap()));
    press(&mut state, "f10");
    assert_eq!(state.view, View::Metrics);
    press(&mut state, "left");
    assert_eq!(state.metrics.window.cursor, Some(96_500));
    press(&mut state, "+");
    assert_eq!(state.metrics.window.length_ms(), 120_000);
    press(&mut state, "end");
    assert_eq!(state.metrics.window.cursor, None);
    let effects = press(&mut state, "c");
    let [
        Effect::WriteFile {
            place,
            content: Content::Text(text),
        },
    ] = effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(place, &FilePlace::Exports("metrics.csv".into()));
    assert_eq!(text.lines().count(), 101);
    press(&mut state, "esc");
    assert_eq!(state.view, View::Deck);
    let done = super::super::perform::perform(&mut state, Action::ExportText);
    assert_eq!(done.len(), 1, "the palette exports from everywhere");
}
