use super::*;
use crate::app::{Event as AppEvent, update};
use crate::hub::{ErrorKind, HubError, Leftovers, Offer, Pulled, RepoId, Size};

fn press(state: &mut State, keys: &[&str]) -> Vec<Effect> {
    let mut effects = vec![];
    for key in keys {
        effects = update(state, AppEvent::Key(key.parse().unwrap()));
    }
    effects
}

fn tell(state: &mut State, event: Event) -> Vec<Effect> {
    update(state, AppEvent::Hub(event))
}

fn commands(effects: &[Effect]) -> Vec<Command> {
    let hub = effects.iter().filter_map(|effect| match effect {
        Effect::Hub(command) => Some(command.clone()),
        _ => None,
    });
    hub.collect()
}

fn model(name: &str) -> Offer {
    Offer::Model {
        name: name.to_owned(),
        wanted: Wanted::parse(name).unwrap(),
        size: Size::Known(5),
        fits: None,
        about: String::new(),
    }
}

fn shown(offers: Vec<Offer>) -> State {
    let mut state = State::new((80, 24));
    let effects = press(&mut state, &["alt+g"]);
    let [
        Command::Ask {
            number,
            question: Question::First,
        },
    ] = commands(&effects)[..]
    else {
        panic!("{effects:?}")
    };
    tell(
        &mut state,
        Event::Answer {
            number,
            rows: Ok(offers),
        },
    );
    state
}

#[test]
fn words_are_searched_and_names_are_taken() {
    let mut state = shown(vec![]);
    let effects = press(&mut state, &["q", "w", "e", "n", "enter"]);
    let [
        Command::Ask {
            number,
            question: Question::Search(words),
        },
    ] = &commands(&effects)[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(words, "qwen");
    let repo = RepoId::parse("a/b").unwrap();
    let offer = Offer::Repo {
        repo: repo.clone(),
        downloads: 1,
        license: String::new(),
        gated: false,
    };
    // An answer to an earlier question comes too late.
    tell(
        &mut state,
        Event::Answer {
            number: number - 1,
            rows: Ok(vec![]),
        },
    );
    assert!(matches!(state.downloads.find.list, Offers::Asking));
    tell(
        &mut state,
        Event::Answer {
            number: *number,
            rows: Ok(vec![offer]),
        },
    );
    let effects = press(&mut state, &["enter"]);
    assert!(
        matches!(&commands(&effects)[..], [Command::Ask { question: Question::Models(asked), .. }] if *asked == repo)
    );
    let effects = press(&mut state, &["a", "/", "b", ":", "Q", "8", "enter"]);
    assert!(
        matches!(&commands(&effects)[..], [Command::Pull { wanted, .. }] if wanted.to_string() == "a/b:Q8")
    );
}

#[test]
fn two_run_and_the_third_waits_for_its_turn() {
    let names = ["a/b:Q1", "a/b:Q2", "a/b:Q3"];
    let mut state = shown(names.map(model).to_vec());
    let mut ids = vec![];
    for (index, pulls) in [(0, 1), (1, 1), (2, 0)] {
        state.downloads.find.selected = index;
        let commands = commands(&press(&mut state, &["enter"]));
        assert_eq!(commands.len(), pulls);
        ids.extend(commands.into_iter().filter_map(|command| match command {
            Command::Pull { id, .. } => Some(id),
            _ => None,
        }));
    }
    // The same once more is not begun twice.
    assert!(commands(&press(&mut state, &["enter"])).is_empty());
    let pulled = Pulled {
        name: names[0].into(),
        path: "/m.gguf".into(),
        bytes: 5,
        fetched: 1,
        sha256: None,
    };
    let effects = tell(
        &mut state,
        Event::Ended {
            id: ids[0],
            outcome: Ok(pulled),
        },
    );
    assert!(
        matches!(&commands(&effects)[..], [Command::Pull { wanted, .. }] if wanted.to_string() == names[2])
    );
    // What came is loaded by Enter.
    let effects = press(&mut state, &["tab", "enter"]);
    assert_eq!(state.view, View::Deck);
    assert!(
        matches!(
            &effects[..],
            [Effect::Engine(crate::engine::Command::Load(_)), ..]
        ),
        "{effects:?}"
    );
}

#[test]
fn pauses_go_on_and_what_is_cancelled_is_gone() {
    let mut state = shown(vec![model("a/b:Q1")]);
    press(&mut state, &["enter", "tab"]);
    let id = state.downloads.queue.all[0].id;
    let stopped = || HubError::new(ErrorKind::Stopped, "downloading", "it was stopped");
    let effects = press(&mut state, &["space"]);
    assert_eq!(
        commands(&effects),
        [Command::Stop {
            id,
            leftovers: Leftovers::Keep
        }]
    );
    tell(
        &mut state,
        Event::Ended {
            id,
            outcome: Err(stopped()),
        },
    );
    assert_eq!(state.downloads.queue.all[0].phase, Phase::Paused);
    let effects = press(&mut state, &["space"]);
    assert!(matches!(&commands(&effects)[..], [Command::Pull { .. }]));
    let failed = HubError::new(ErrorKind::Network, "downloading", "cut").hint("again");
    tell(
        &mut state,
        Event::Ended {
            id,
            outcome: Err(failed),
        },
    );
    assert!(
        matches!(&state.downloads.queue.all[0].phase, Phase::Failed(why) if why.contains("again"))
    );
    press(&mut state, &["space"]);
    let effects = press(&mut state, &["del"]);
    assert_eq!(
        commands(&effects),
        [Command::Stop {
            id,
            leftovers: Leftovers::Discard
        }]
    );
    tell(
        &mut state,
        Event::Ended {
            id,
            outcome: Err(stopped()),
        },
    );
    assert!(state.downloads.queue.all.is_empty());
    assert_eq!(state.downloads.part, Part::Find);
    // Events of what is gone mean nothing.
    tell(
        &mut state,
        Event::Ended {
            id,
            outcome: Err(stopped()),
        },
    );
}

#[test]
fn esc_goes_back_step_by_step() {
    let mut state = shown(vec![model("a/b:Q1")]);
    press(&mut state, &["enter", "tab", "esc"]);
    assert_eq!(
        (state.view, state.downloads.part),
        (View::Downloads, Part::Find)
    );
    press(&mut state, &["x", "esc"]);
    assert!(state.downloads.find.line.text.is_empty());
    assert_eq!(state.view, View::Downloads);
    press(&mut state, &["esc"]);
    assert_eq!(state.view, View::Deck);
}
