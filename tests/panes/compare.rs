//! The view of comparisons.

use std::sync::Arc;

use llmdeck::app::{Effect, Event, State, View, update};
use llmdeck::compare::{Ballot, Contender, Group, Row, SEED, Standing, standing};
use llmdeck::config;
use llmdeck::engine::{
    Command, EngineError, EngineEvent, ErrorKind, PrefixSharing, RequestId, StopReason, Timings,
};
use llmdeck::store;
use llmdeck::theme::Theme;
use llmdeck::ui;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::{snapshots, states};

const SIZES: [(u16, u16); 3] = [(60, 18), (80, 24), (200, 60)];

const ANSWERS: [&str; 4] = [
    "The sky is blue because air scatters short waves of light more than long ones.",
    "The sky looks blue, because the air scatters short waves of light far more than the long ones.\n\n\
     At dusk light has a longer way to go, and what is left is red.",
    "Blue, you ask? Rayleigh told us in 1871.",
    "",
];

fn press(state: &mut State, keys: &[&str]) -> Vec<Effect> {
    let press = |key: &&str| update(state, Event::Key(key.parse().expect("a key")));
    keys.iter().flat_map(press).collect()
}

fn ready(size: (u16, u16)) -> State {
    let mut state = states::ready(size);
    state.presets = Arc::new(config::load_presets(std::path::Path::new("no such folder")).0);
    if let Some((_, context)) = &mut state.model.running {
        context.n_seq_max = 8;
        context.params.context.kv_unified = true;
    }
    state
}

/// Four columns: two are done, one still speaks, one waits for its prompt.
fn columns(size: (u16, u16)) -> State {
    columns_of(ready(size))
}

fn columns_of(mut state: State) -> State {
    state
        .composer
        .set("/compare greedy,creative,creative:temp=1.9:system=Brief,min-p Why is the sky blue?");
    let ids: Vec<RequestId> = press(&mut state, &["enter"])
        .iter()
        .filter_map(|effect| match effect {
            Effect::Engine(Command::Generate(request)) => Some(request.id),
            _ => None,
        })
        .collect();
    for ((request, text), number) in ids.iter().zip(ANSWERS).zip(1..) {
        let request = *request;
        let timings = Timings {
            prompt_n: 1,
            cache_n: 40,
            ttft_ms: 300.0,
            predicted_n: 20 * number,
            predicted_ms: 2000.0,
            predicted_per_second: 9.5,
            recent_per_second: 8.1,
            ..Timings::default()
        };
        let event = match number {
            4 => EngineEvent::Prefill {
                request,
                done: 24,
                total: 41,
                reused: 0,
                timings: Timings::default(),
            },
            _ => EngineEvent::Tokens {
                request,
                text: text.into(),
                ids: vec![1; 20],
                context_used: 60,
                timings,
            },
        };
        update(&mut state, Event::Engine(event));
        if number < 3 {
            let finished = EngineEvent::Finished {
                request,
                reason: StopReason::EndOfTurn,
                context_used: 60,
                timings,
            };
            update(&mut state, Event::Engine(finished));
        }
    }
    state
}

#[test]
fn choosing() {
    snapshots("compare_choosing", &SIZES, |size| {
        let mut state = ready(size);
        state.composer.set("Why is the sky blue?");
        press(
            &mut state,
            &["alt+c", "down", "down", "space", "down", "space", "space"],
        );
        state
    });
}

#[test]
fn what_fits_is_told_before() {
    snapshots("compare_room", &[(80, 24)], |size| {
        let mut state = ready(size);
        if let Some((_, context)) = &mut state.model.running {
            context.n_seq_max = 1;
        }
        state.composer.set("Why is the sky blue?");
        let mut asked = press(&mut state, &["alt+c", "down", "space", "space", "space"]);
        while let Some(Effect::Engine(Command::Foresee { id, .. })) = asked.pop() {
            let error = EngineError {
                kind: ErrorKind::NoMemory,
                what: "a context".into(),
                why: "a cache of 812 MiB is needed and 500 MiB are free".into(),
                hint: String::new(),
            };
            let outcome = Err(error);
            asked = update(
                &mut state,
                Event::Engine(EngineEvent::Foreseen { id, outcome }),
            );
        }
        state
    });
}

#[test]
fn reading() {
    snapshots("compare_columns", &SIZES, columns);
}

#[test]
fn words_that_differ_are_marked() {
    let mut state = columns((120, 40));
    press(&mut state, &["d"]);
    let (buffer, _) = crate::draw(
        &state,
        &llmdeck::theme::Theme::default(),
        &mut llmdeck::ui::TranscriptCache::default(),
    );
    let changed = llmdeck::theme::Theme::default().style(llmdeck::theme::Role::Changed);
    let mut marked = String::new();
    for y in buffer.area.rows().skip(10) {
        for position in y.positions() {
            let cell = &buffer[position];
            if Some(cell.fg) == changed.fg {
                marked.push_str(cell.symbol());
            }
        }
    }
    assert!(
        marked.contains("looks") && marked.contains("far"),
        "{marked}"
    );
    assert!(!marked.contains("scatters"), "{marked}");
}

/// What is on the screen; what was seen goes back to the state, as in the program.
fn look(state: &mut State) -> String {
    let (width, height) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut seen = None;
    let frame = terminal
        .draw(|frame| {
            let cache = &mut ui::TranscriptCache::default();
            seen = ui::draw(frame, state, &Theme::default(), cache);
        })
        .unwrap();
    let text = crate::text(frame.buffer);
    update(state, seen.expect("columns"));
    text
}

/// Two columns with more text than the screen has rows, and more parameters than it has room for.
fn long(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.composer.set(
        "/compare greedy,creative:top-p=0.5:typical=0.5:repeat-penalty=1.2:repeat-last-n=9:\
         presence-penalty=0.3:frequency-penalty=0.2 Why?",
    );
    for effect in press(&mut state, &["enter"]) {
        let Effect::Engine(Command::Generate(request)) = effect else {
            continue;
        };
        let text: Vec<String> = (1..=60).map(|number| format!("line {number}")).collect();
        let tokens = EngineEvent::Tokens {
            request: request.id,
            text: text.join("\n\n"),
            ids: vec![1; 20],
            context_used: 60,
            timings: Timings::default(),
        };
        update(&mut state, Event::Engine(tokens));
    }
    look(&mut state);
    state
}

#[test]
fn keys_past_the_ends_are_not_remembered() {
    let mut state = long((80, 24));
    for (from, there, back) in [("G", "pgup", "pgdn"), ("g", "pgdn", "pgup")] {
        press(&mut state, &[from]);
        look(&mut state);
        for _ in 0..20 {
            press(&mut state, &[there]);
            look(&mut state);
        }
        let end = look(&mut state);
        press(&mut state, &[back]);
        assert_ne!(look(&mut state), end, "{there} and back");
    }
}

#[test]
fn parameters_that_find_no_place_above_the_text_are_scrolled_with_it() {
    let mut state = long((80, 24));
    let end = look(&mut state);
    assert!(
        end.contains("line 60") && end.contains("more above the text"),
        "{end}"
    );
    assert!(!end.contains("frequency-penalty"), "{end}");
    press(&mut state, &["g"]);
    let top = look(&mut state);
    for shown in ["frequency-penalty 0.2", "typical 0.5", "line 1"] {
        assert!(top.contains(shown), "{shown}: {top}");
    }
    let high = look(&mut long((80, 60)));
    assert!(high.contains("frequency-penalty 0.2"), "{high}");
    assert!(!high.contains("more above the text"), "{high}");
}

#[test]
fn a_line_is_typed_below() {
    snapshots("compare_vary", &[(80, 24)], |size| {
        let mut state = columns(size);
        press(&mut state, &["right", "e"]);
        update(&mut state, Event::Paste(":tmp=2".into()));
        press(&mut state, &["enter"]);
        state
    });
}

/// The last line of the screen.
fn hints(state: &State) -> String {
    screen(state).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_keys_that_matter_fit_into_80_columns() {
    let mut state = columns((80, 24));
    let running = hints(&state);
    for key in ["x stop", "u keep", "a add", "Esc stop all", "? help"] {
        assert!(running.contains(key), "{key}: {running}");
    }
    press(&mut state, &["esc"]);
    let ids: Vec<RequestId> = {
        let run = state.compare.run.as_ref().expect("a comparison");
        run.answers.iter().map(|answer| answer.request).collect()
    };
    for request in ids {
        let finished = EngineEvent::Finished {
            request,
            reason: StopReason::Cancelled,
            context_used: 60,
            timings: Timings::default(),
        };
        update(&mut state, Event::Engine(finished));
    }
    let done = hints(&state);
    for key in [
        "e vary", "a add", "s save", "o write", "n new", "Esc back", "? help",
    ] {
        assert!(done.contains(key), "{key}: {done}");
    }
    if let Some(run) = &mut state.compare.run {
        run.names = llmdeck::app::Names::Hidden;
    }
    let hidden = hints(&state);
    for key in ["Enter vote", "Space mark, or its digit", "? help"] {
        assert!(hidden.contains(key), "{key}: {hidden}");
    }
    let choosing = hints(&ready_to_choose((80, 24)));
    for key in ["Enter compare", "e edit", "b hide names", "? help"] {
        assert!(choosing.contains(key), "{key}: {choosing}");
    }
}

fn ready_to_choose(size: (u16, u16)) -> State {
    let mut state = ready(size);
    press(&mut state, &["alt+c"]);
    state
}

#[test]
fn hidden_names() {
    snapshots("compare_hidden", &[(80, 24)], |size| {
        let mut state = ready(size);
        state.compare.names = llmdeck::app::Names::Hidden;
        state.composer.set("/compare greedy,creative Why?");
        press(&mut state, &["enter", "2"]);
        state
    });
}

#[test]
fn what_is_not_shared_and_who_waits_is_told() {
    snapshots("compare_notes", &[(80, 24)], |size| {
        let mut state = ready(size);
        if let Some((_, context)) = &mut state.model.running {
            context.sharing = PrefixSharing::Recurrent;
            context.n_seq_max = 2;
        }
        columns_of(state)
    });
}

#[test]
fn votes() {
    let ballot = |model: &str, names: &[&str], best| Ballot {
        contenders: names
            .iter()
            .map(|preset| Contender {
                model: model.into(),
                model_hash: model.into(),
                preset: (*preset).into(),
                preset_hash: (*preset).into(),
            })
            .collect(),
        best,
    };
    let names = ["greedy", "creative", "min-p"];
    let mut ballots = vec![ballot("guide", &names, vec![1]); 9];
    ballots.extend(vec![ballot("guide", &names, vec![0, 2]); 4]);
    ballots.extend(vec![ballot("other", &names[..2], vec![0]); 2]);
    snapshots("compare_votes", &[(80, 24), (200, 60)], |size| {
        let mut state = ready(size);
        press(&mut state, &["alt+c", "v"]);
        let standing = Box::new(standing(&ballots, SEED));
        update(&mut state, Event::Store(store::Event::Standing(standing)));
        state
    });
    let mut state = ready((80, 24));
    press(&mut state, &["alt+c", "v", "esc", "esc"]);
    assert_eq!(state.view, View::Deck);
}

/// Two that have the same name, two whose names differ where they are cut, and twenty more.
fn many_contenders(size: (u16, u16)) -> State {
    let row = |preset: &str, preset_hash: String| Row {
        contender: Contender {
            model: "guide".into(),
            model_hash: "9c01d27eaa".into(),
            preset: preset.into(),
            preset_hash,
        },
        ballots: 2,
        wins: 1,
        ties: 0,
        score: 0.0,
        interval: None,
        next: None,
    };
    let mut rows = vec![
        row("mine", "3fa2b1c4ff".into()),
        row("mine", "77e0d5a1ff".into()),
        row("creative:temp=1.10", "aaaa11112222".into()),
        row("creative:temp=1.19", "bbbb11112222".into()),
    ];
    rows.extend((0..20).map(|at| row(&format!("other-{at}"), format!("c{at:09}"))));
    let standing = Standing {
        ballots: 24,
        groups: vec![Group { ballots: 24, rows }],
    };
    let mut state = ready(size);
    press(&mut state, &["alt+c", "v"]);
    let standing = store::Event::Standing(Box::new(standing));
    update(&mut state, Event::Store(standing));
    state
}

fn screen(state: &State) -> String {
    crate::text(&crate::screen(state))
}

#[test]
fn contenders_that_would_look_the_same_show_their_hash() {
    let narrow = screen(&many_contenders((80, 24)));
    for shown in ["mine 3fa2b1", "guide 9c01d27e · 3fa2b1c4 mine"] {
        assert!(narrow.contains(shown), "{shown}: {narrow}");
    }
    let mut state = many_contenders((80, 60));
    let high = screen(&state);
    for shown in [
        "mine 77e0d5",
        "creative… aaaa11",
        "creative… bbbb11",
        "other-7  ",
    ] {
        assert!(high.contains(shown), "{shown}: {high}");
    }
    state.size = (200, 60);
    let wide = screen(&state);
    assert!(wide.contains("creative:temp=1.19  "), "{wide}");
}

#[test]
fn every_contender_can_be_reached() {
    let mut state = many_contenders((80, 24));
    let count = state
        .compare
        .standing
        .as_ref()
        .map_or(0, |all| all.rows().count());
    let mut seen = String::new();
    for _ in 0..count {
        seen.push_str(&screen(&state));
        press(&mut state, &["down"]);
    }
    for at in 0..20 {
        assert!(seen.contains(&format!("other-{at} ")), "{at}");
    }
    assert_eq!(state.compare.selected_row, count - 1);
    press(&mut state, &["g"]);
    assert_eq!(state.compare.selected_row, 0);
}
