use super::*;
use crate::app::{Event, LoadPhase, update};
use crate::engine::{Command, ContextInfo, LoadId};
use crate::params::{Param, Value};

fn ready() -> State {
    let mut state = State::new((80, 24));
    let context = ContextInfo {
        n_ctx: 4096,
        ..ContextInfo::default()
    };
    state.model.running = Some((Box::default(), Box::new(context)));
    state.bench.n_cores = 4;
    press(&mut state, "f12");
    state
}

fn press(state: &mut State, key: &str) -> Vec<Effect> {
    update(state, Event::Key(key.parse().unwrap()))
}

fn orders(effects: &[Effect]) -> Vec<&Measure> {
    let orders = effects.iter().filter_map(|effect| match effect {
        Effect::Measure(order) => Some(order),
        _ => None,
    });
    orders.collect()
}

fn over(state: &mut State, end: End) -> Vec<Effect> {
    update(state, Event::Measure(News::Over(end)))
}

#[test]
fn a_question_becomes_an_order_with_numbers_of_its_own() {
    let mut state = ready();
    let before = state.next_id();
    let effects = press(&mut state, "enter");
    let [Measure::Begin(order)] = orders(&effects)[..] else {
        panic!("{effects:?}");
    };
    let Work::Bench { first_id, .. } = order.work else {
        panic!("{order:?}");
    };
    assert!(first_id > before);
    assert!(state.next_id() >= first_id + IDS);
    assert!(state.bench.is_running());
}

#[test]
fn without_a_model_nothing_is_measured() {
    let mut state = State::new((80, 24));
    press(&mut state, "f12");
    assert!(orders(&press(&mut state, "enter")).is_empty());
    assert!(state.notice.is_some_and(|notice| notice.is_error));
}

#[test]
fn a_model_that_is_being_changed_is_not_measured() {
    let mut state = ready();
    state.model.loading = Some(LoadPhase {
        id: LoadId(1),
        path: None,
        progress: None,
    });
    assert!(orders(&press(&mut state, "enter")).is_empty());
}

#[test]
fn while_it_runs_nothing_else_changes_the_model() {
    let mut state = ready();
    press(&mut state, "enter");
    let values = state.params.values.clone();
    let to_engine = |effects: &[Effect]| {
        effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Engine(Command::Retune { .. } | Command::Load(_))
            )
        })
    };
    assert!(!to_engine(&retune::set(
        &mut state,
        Param::CtxSize,
        Value::Int(8192)
    )));
    assert_eq!(state.params.values, values);
    assert!(!to_engine(&retune::load(&mut state, "b.gguf".into())));
    assert!(
        orders(&press(&mut state, "enter")).is_empty(),
        "one at a time"
    );
    assert!(matches!(
        orders(&press(&mut state, "esc"))[..],
        [Measure::Cancel]
    ));
    let effects = over(&mut state, End::Cancelled);
    assert!(to_engine(&effects), "the values in force come back");
    assert!(!state.bench.is_running());
    let effects = retune::set(&mut state, Param::CtxSize, Value::Int(8192));
    assert!(to_engine(&effects));
}

#[test]
fn values_found_are_in_force_as_tuned_and_can_be_taken_back() {
    let mut state = ready();
    let path = std::path::PathBuf::from("a.gguf");
    let values = Overrides::from([(Param::Threads, Value::Int(3))]);
    let news = News::Tuned {
        path: path.clone(),
        values,
    };
    update(&mut state, Event::Measure(news));
    assert_eq!(state.params.values.source(Param::Threads), Source::Tuned);
    assert!(state.params.tuned.contains_key(&path));
    update(
        &mut state,
        Event::Measure(News::Undone(Ok((path.clone(), "gone".into())))),
    );
    assert_eq!(state.params.values.source(Param::Threads), Source::Default);
    assert!(!state.params.tuned.contains_key(&path));
}
