use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::app::{Event, LineEdit, PromptOverlay, Subset, update};
use crate::engine;
use crate::library::{Contents, Estimate, Favourite, Source, Spot};
use crate::params::{Param, Source as Layer, Value};

/// A small model that fits, a large one that does not, one that cannot be loaded.
fn listing() -> Listing {
    let model = |name: &str, size_bytes, source| Model {
        size_bytes,
        ..Model::new(name, format!("/models/{name}.gguf"), source)
    };
    let mut small = model("alpha", 1, Source::HuggingFace);
    small.places.push(Spot {
        source: Source::Ollama,
        name: "qwen3:0.6b".to_owned(),
        path: "/ollama/sha256-1".into(),
    });
    let mut damaged = model("half", 2, Source::Folder);
    damaged.error = Some("byte 3: the file ends".to_owned());
    Listing {
        models: vec![small, damaged, model("large", 3, Source::LmStudio)],
        ..Listing::default()
    }
}

fn path(name: &str) -> PathBuf {
    format!("/models/{name}.gguf").into()
}

fn tell(state: &mut State, news: News) -> Vec<Effect> {
    update(state, Event::Library(news))
}

fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = vec![];
    for key in keys.split(' ') {
        effects.extend(update(state, Event::Key(key.parse().unwrap())));
    }
    effects
}

/// The view of them, with what is known.
fn known() -> State {
    let mut state = State::new((80, 24));
    press(&mut state, "f9");
    tell(&mut state, News::Found(Arc::new(listing())));
    let estimate = |fits, ceiling| Estimate {
        fits,
        ceiling: Some(ceiling),
        ..Estimate::default()
    };
    let small = Known {
        estimate: Some(estimate(true, 9.0)),
        removable: true,
        ..Known::default()
    };
    let large = Known {
        estimate: Some(estimate(false, 2.0)),
        used: Some(1_700_000_000),
        favourite: true,
        ..Known::default()
    };
    let known = [(path("alpha"), small), (path("large"), large)].into();
    tell(&mut state, News::Known(known));
    press(&mut state, "home");
    state
}

fn shown(state: &State) -> Vec<&str> {
    let models = state.library.models();
    let rows = state.library.list.rows.iter();
    rows.map(|row| {
        let own = models[row.model].name.as_str();
        row.named.as_deref().unwrap_or(own)
    })
    .collect()
}

fn asked(effects: &[Effect]) -> Vec<&Command> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Library(command) => Some(command),
        _ => None,
    });
    asked.collect()
}

#[test]
fn showing_looks_and_what_is_found_is_judged_only_while_it_is_shown() {
    let mut state = State::new((80, 24));
    assert_eq!(
        asked(&tell(&mut state, News::Found(Arc::default()))),
        [] as [&Command; 0]
    );
    assert_eq!(asked(&press(&mut state, "f9")), [&Command::Look]);
    let effects = tell(&mut state, News::Found(Arc::new(listing())));
    assert_eq!(asked(&effects), [&Command::Judge]);
}

#[test]
fn every_order_is_what_it_says() {
    let mut state = known();
    let mut orders = vec![];
    for _ in 0..6 {
        orders.push((state.library.list.order.name(), shown(&state).join(" ")));
        press(&mut state, "s");
    }
    let expected = [
        ("name", "large alpha half"),
        ("size", "large half alpha"),
        ("parameters", "alpha half large"),
        ("fit", "alpha large half"),
        ("speed ceiling", "alpha large half"),
        ("last used", "large alpha half"),
    ];
    for ((name, rows), (expected_name, expected)) in orders.iter().zip(expected) {
        assert_eq!((*name, rows.as_str()), (expected_name, expected));
    }
    assert_eq!(state.library.list.order, Order::Name);
}

#[test]
fn the_filter_takes_names_of_all_places_and_escape_takes_it_back() {
    let mut state = known();
    press(&mut state, "/ q w 0 6");
    assert_eq!(shown(&state), ["alpha"]);
    press(&mut state, "enter");
    assert_eq!(
        shown(&state),
        ["alpha"],
        "the filter stays, the keys are back"
    );
    press(&mut state, "esc");
    assert_eq!(shown(&state).len(), 3);
    press(&mut state, "f");
    assert_eq!(state.library.list.subset, Subset::Fitting);
    assert_eq!(shown(&state), ["alpha"]);
    press(&mut state, "esc");
    assert_eq!(state.view, View::Deck);
}

#[test]
fn the_selection_stays_on_its_model_when_others_come() {
    let mut state = known();
    press(&mut state, "end");
    assert_eq!(state.library.chosen().unwrap().name, "half");
    let mut more = listing();
    let new = Model::new("aaa", "/models/aaa.gguf", Source::Folder);
    more.models.insert(0, new);
    tell(&mut state, News::Found(Arc::new(more)));
    assert_eq!(state.library.chosen().unwrap().name, "half");
}

#[test]
fn enter_loads_and_says_why_it_does_not() {
    let mut state = known();
    press(&mut state, "end");
    let effects = press(&mut state, "enter");
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Engine(_)))
    );
    assert!(state.notice.as_ref().unwrap().text.contains("byte 3"));
    press(&mut state, "home down");
    let effects = press(&mut state, "enter");
    let loads = |effect: &Effect| matches!(effect, Effect::Engine(engine::Command::Load(request)) if request.path == path("alpha"));
    assert!(effects.iter().any(loads), "{effects:?}");
    assert_eq!(state.view, View::Deck);
}

#[test]
fn removing_asks_twice_and_any_other_key_keeps_the_model() {
    let mut state = known();
    press(&mut state, "down");
    assert_eq!(state.library.chosen().unwrap().name, "alpha");
    for keys in ["x", "x x"] {
        assert!(asked(&press(&mut state, keys)).is_empty());
        assert!(asked(&press(&mut state, "esc")).is_empty());
        assert_eq!((state.view, &state.library.removing), (View::Models, &None));
    }
    let effects = press(&mut state, "x x x");
    assert_eq!(asked(&effects), [&Command::Remove(path("alpha"))]);
    // The third key belongs to the model it was asked for.
    press(&mut state, "x x up");
    assert!(asked(&press(&mut state, "x")).is_empty());
    let said = &state.notice.as_ref().unwrap().text;
    assert!(said.contains("belongs to lmstudio"), "{said}");
}

#[test]
fn names_of_a_models_preset_stand_below_their_model_and_load_with_their_values() {
    let mut state = State::new((80, 24));
    let sets = Overrides::from([(Param::CtxSize, Value::Int(384))]);
    state.library.named = [
        ("coder".to_owned(), (path("alpha"), sets)),
        (
            "elsewhere".to_owned(),
            ("/nowhere.gguf".into(), Overrides::new()),
        ),
    ]
    .into();
    press(&mut state, "f9");
    tell(&mut state, News::Found(Arc::new(listing())));
    assert_eq!(shown(&state), ["alpha", "coder", "half", "large"]);
    press(&mut state, "home down");
    let (name, sets) = state.library.chosen_name().unwrap();
    assert_eq!((name, sets.len()), ("coder", 1));
    // News of models leave the selection where it stands.
    tell(&mut state, News::Known([].into()));
    assert_eq!(
        state.library.chosen_name().map(|(name, _)| name),
        Some("coder")
    );
    assert!(asked(&press(&mut state, "x")).is_empty());
    let said = state.notice.as_ref().unwrap().text.clone();
    assert!(said.starts_with("coder is only a name"), "{said}");
    let facts = |state: &State| format!("{:?}", state.detail_rows());
    press(&mut state, "i");
    assert!(facts(&state).contains("ctx-size 384"), "{}", facts(&state));
    press(&mut state, "i / c o d enter");
    assert_eq!(shown(&state), ["coder"]);
    let effects = press(&mut state, "enter");
    let loads = |effect: &Effect| matches!(effect, Effect::Engine(engine::Command::Load(request)) if request.path == path("alpha") && request.params.context.n_ctx == 384);
    assert!(effects.iter().any(loads), "{effects:?}");
    assert_eq!(
        state.params.values.source(Param::CtxSize),
        Layer::ModelsPreset
    );
}

#[test]
fn names_of_a_models_preset_complete_and_are_near() {
    let mut state = known();
    let named = ("coder".to_owned(), (path("alpha"), Overrides::new()));
    state.library.named = [named].into();
    assert_eq!(names(&state, "co"), ["coder"]);
    assert_eq!(names(&state, "")[0], "coder");
    let why = resolve(&state, "codr").unwrap_err();
    assert!(why.contains("did you mean coder"), "{why}");
    assert_eq!(resolve(&state, "coder"), Ok("coder".into()));
}

#[test]
fn a_favourite_is_marked_and_unmarked() {
    let mut state = known();
    let effects = press(&mut state, "* down *");
    let marks = [
        &Command::Favourite(path("large"), Favourite::No),
        &Command::Favourite(path("alpha"), Favourite::Yes),
    ];
    assert_eq!(asked(&effects), marks);
}

#[test]
fn details_take_the_answer_for_their_own_model_and_scroll_to_the_end() {
    let mut state = known();
    let effects = press(&mut state, "i");
    assert_eq!(asked(&effects), [&Command::Read(vec![path("large")])]);
    let contents = Contents {
        metadata: (0..100).map(|n| (n.to_string(), String::new())).collect(),
        tensors: vec![],
    };
    let answer = |path| News::Read {
        path,
        outcome: Ok(Arc::new(contents.clone())),
    };
    let before = state.detail_rows().len();
    tell(&mut state, answer(path("alpha")));
    assert_eq!(state.detail_rows().len(), before);
    tell(&mut state, answer(path("large")));
    let rows = state.detail_rows().len();
    assert!(rows > 100, "{rows}");
    press(&mut state, "end");
    let top = state.library.details.as_ref().unwrap().scrolled.top;
    assert_eq!(rows - top, 20, "the last page fills the screen");
    press(&mut state, "esc");
    assert_eq!((state.view, &state.library.details), (View::Models, &None));
}

#[test]
fn a_name_means_a_model_and_a_wrong_one_is_told_what_is_near() {
    let state = known();
    // The place that has the name: what its tool keeps beside it counts.
    let blob = PathBuf::from("/ollama/sha256-1");
    assert_eq!(resolve(&state, "qwen3:0.6b"), Ok(blob));
    assert_eq!(resolve(&state, "LARGE.gguf"), Ok(path("large")));
    assert_eq!(resolve(&state, "/x/y.gguf"), Ok(PathBuf::from("/x/y.gguf")));
    let why = resolve(&state, "alpa").unwrap_err();
    assert!(why.ends_with("did you mean alpha?"), "{why}");
    let empty = State::new((80, 24));
    assert_eq!(resolve(&empty, "alpha"), Ok(PathBuf::from("alpha")));
}

#[test]
fn the_load_prompt_asks_about_a_file_once_and_knows_what_was_found() {
    let mut state = known();
    let prompt = |text: &str| {
        Overlay::LoadModel(PromptOverlay {
            line: LineEdit::new(text),
            ..PromptOverlay::default()
        })
    };
    state.overlay = Some(prompt("/elsewhere/new.gguf"));
    let file = PathBuf::from("/elsewhere/new.gguf");
    let effects = look_ahead(&mut state);
    assert_eq!(asked(&effects), [&Command::Inspect(file.clone())]);
    assert!(look_ahead(&mut state).is_empty());
    assert_eq!(state.library.outlook("/elsewhere/new.gguf"), None);
    let estimate = Estimate {
        n_ctx: 77,
        ..Estimate::default()
    };
    let news = |path: &Path| News::Inspected {
        path: path.to_owned(),
        outcome: Ok(estimate),
    };
    tell(&mut state, news(Path::new("/another.gguf")));
    assert_eq!(state.library.outlook("/elsewhere/new.gguf"), None);
    tell(&mut state, news(&file));
    assert_eq!(
        state.library.outlook("/elsewhere/new.gguf"),
        Some(Ok(estimate))
    );
    state.overlay = Some(prompt("half.gguf"));
    assert!(look_ahead(&mut state).is_empty());
    let why = state.library.outlook("half").unwrap().unwrap_err();
    assert_eq!(why, "byte 3: the file ends");
}

#[test]
fn the_load_prompt_offers_names_by_last_use_and_then_what_is_typed() {
    let mut state = known();
    press(&mut state, "esc ctrl+o");
    let prompt = |state: &State| match &state.overlay {
        Some(Overlay::LoadModel(prompt)) => prompt.completions.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(prompt(&state), ["large", "alpha"]);
    press(&mut state, "q w");
    let (typed, found) = ("qw".to_owned(), vec!["qwen.gguf".to_owned()]);
    update(&mut state, Event::Paths { typed, found });
    assert_eq!(prompt(&state), ["qwen3:0.6b", "qwen.gguf"]);
    let effects = press(&mut state, "down enter");
    let loads = |effect: &Effect| matches!(effect, Effect::Engine(engine::Command::Load(request)) if request.path == Path::new("/ollama/sha256-1"));
    assert!(effects.iter().any(loads), "{effects:?}");
}

#[test]
fn a_long_reply_tells_how_fast_its_model_is() {
    let mut state = crate::app::tests::ready();
    let timings = |predicted_n| Timings {
        predicted_n,
        predicted_per_second: 12.5,
        ..Timings::default()
    };
    assert!(replied(&state, &timings(LONG_ENOUGH - 1)).is_empty());
    let effects = replied(&state, &timings(LONG_ENOUGH));
    let expected = Command::Replied {
        path: PathBuf::new(),
        per_second: 12.5,
    };
    assert_eq!(asked(&effects), [&expected]);
    state.model.running = None;
    assert!(replied(&state, &timings(LONG_ENOUGH)).is_empty());
}
