//! The view of models, and what the load prompt says beforehand.

use std::sync::Arc;

use llmdeck::app::{Event, LineEdit, Overlay, PromptOverlay, State, View, update};
use llmdeck::library::{
    About, Contents, Estimate, Kind, Known, Listing, Measured, MeasuredBy, Model, News,
    RunningThen, Senses, Source, Speaks, TensorRow, Unreadable,
};
use llmdeck::params::{Param, Value};

use super::{snapshots, states};

const GIB: u64 = 1 << 30;

fn model(name: &str, path: &str, source: Source, size_bytes: u64) -> Model {
    Model {
        size_bytes,
        ..Model::new(name, path, source)
    }
}

fn about(arch: &str, quant: &str, n_params: u64) -> About {
    About {
        kind: Kind::Model,
        problem: None,
        title: String::new(),
        arch: arch.to_owned(),
        quant: quant.to_owned(),
        n_params,
        n_ctx_train: 40_960,
        license: Some("apache-2.0".to_owned()),
        family: None,
        speaks: Speaks {
            tools: true,
            ..Speaks::default()
        },
        senses: Senses::default(),
        sampling: [].into(),
        facts: None,
    }
}

/// Three models: one that fits, one that does not, one that is damaged.
fn listing() -> Listing {
    let hub = "/home/ada/.cache/huggingface/hub/models--Qwen--Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf";
    let mut small = model(
        "Qwen/Qwen3-8B-GGUF:Q4_K_M",
        hub,
        Source::HuggingFace,
        5 * GIB,
    );
    small.about = Some(about("qwen3", "Q4_K_M", 8_190_735_360));
    let mut large = model(
        "llama3.3:70b",
        "/home/ada/.ollama/models/blobs/sha256-4f",
        Source::Ollama,
        40 * GIB,
    );
    large.about = Some(about("llama", "Q4_K_M", 70_553_706_496));
    let mut damaged = model("half.gguf", "/models/half.gguf", Source::Folder, GIB);
    damaged.error = Some("the file ends at byte 1,024, inside tensor data".to_owned());
    Listing {
        models: vec![small, damaged, large],
        unreadable: vec![Unreadable {
            path: "/mnt/models".into(),
            why: "Permission denied (os error 13)".to_owned(),
        }],
        headers_read: 3,
    }
}

/// A deck that knows them and what each would come out as.
fn known(size: (u16, u16)) -> State {
    let mut state = states::ready(size);
    let listing = listing();
    let fits = Estimate {
        fits: true,
        n_layers: 37,
        n_ctx: 16_384,
        needs: 7 * GIB,
        ceiling: Some(8.4),
        ..Estimate::default()
    };
    let short = Estimate {
        fits: false,
        n_layers: 81,
        needs: 44 * GIB,
        lacks: 29 * GIB,
        ceiling: Some(1.1),
        ..fits
    };
    let small = Known {
        estimate: Some(fits),
        measured: Some(Measured {
            per_second: 6.9,
            by: MeasuredBy::Bench,
        }),
        used: Some(1_763_683_200),
        removable: true,
        ..Known::default()
    };
    let large = Known {
        estimate: Some(short),
        favourite: true,
        ..Known::default()
    };
    let path = |at: usize| listing.models[at].path.clone();
    let known = [(path(0), small), (path(2), large)].into();
    tell(&mut state, News::Found(Arc::new(listing)));
    tell(&mut state, News::Known(known));
    state
}

fn tell(state: &mut State, news: News) {
    update(state, Event::Library(news));
}

fn press(state: &mut State, keys: &[&str]) {
    for key in keys {
        update(state, Event::Key(key.parse().unwrap()));
    }
}

#[test]
fn models() {
    snapshots("models", &[(60, 18), (80, 24), (200, 60)], |size| {
        let mut state = known(size);
        press(&mut state, &["f9", "home", "down"]);
        assert_eq!(state.view, View::Models);
        state
    });
    snapshots("models_filtered", &[(80, 24)], |size| {
        let mut state = known(size);
        press(&mut state, &["f9", "/", "q", "w", "e", "n"]);
        state
    });
    snapshots("models_named", &[(80, 24), (200, 60)], |size| {
        let mut state = known(size);
        let sets = [
            (Param::CtxSize, Value::Int(32_768)),
            (Param::Temp, Value::Float(0.2)),
        ];
        let named = (listing().models[0].path.clone(), sets.into());
        state.library.named = [("coder".to_owned(), named)].into();
        press(&mut state, &["f9", "home"]);
        tell(&mut state, News::Found(Arc::new(listing())));
        press(&mut state, &["home", "down", "down"]);
        state
    });
    snapshots("models_looked_for", &[(80, 24)], |size| {
        let mut state = states::ready(size);
        press(&mut state, &["f9"]);
        state
    });
}

#[test]
fn removing_asks_twice() {
    snapshots("models_remove", &[(80, 24)], |size| {
        let mut state = known(size);
        press(&mut state, &["f9", "home", "down", "x"]);
        state
    });
    snapshots("models_remove_for_good", &[(60, 18)], |size| {
        let mut state = known(size);
        press(&mut state, &["f9", "home", "down", "x", "x"]);
        state
    });
}

#[test]
fn details_show_the_whole_header() {
    let contents = || Contents {
        metadata: vec![
            ("general.architecture".to_owned(), "qwen3".to_owned()),
            ("qwen3.block_count".to_owned(), "36".to_owned()),
            (
                "tokenizer.ggml.tokens".to_owned(),
                "151,936 texts".to_owned(),
            ),
        ],
        tensors: (0..36)
            .map(|layer| TensorRow {
                name: format!("blk.{layer}.attn_q.weight"),
                kind: "Q4_K",
                dims: vec![4096, 4096],
                bytes: 9 << 20,
            })
            .collect(),
    };
    let shown = |size| {
        let mut state = known(size);
        press(&mut state, &["f9", "home", "down", "i"]);
        let path = listing().models[0].path.clone();
        let outcome = Ok(Arc::new(contents()));
        tell(&mut state, News::Read { path, outcome });
        state
    };
    snapshots("model_details", &[(60, 18), (80, 24), (200, 60)], shown);
    snapshots("model_details_end", &[(80, 24)], |size| {
        let mut state = shown(size);
        press(&mut state, &["end"]);
        state
    });
}

#[test]
fn the_load_prompt_says_whether_it_fits() {
    snapshots("load_fits", &[(60, 18), (80, 24)], |size| {
        let mut state = known(size);
        state.overlay = Some(Overlay::LoadModel(PromptOverlay {
            line: LineEdit::new("llama3.3:70b"),
            completions: vec!["llama3.3:70b".to_owned()],
            selected: Some(0),
            error: None,
        }));
        state
    });
}

#[test]
fn the_load_prompt_says_what_a_load_comes_out_as() {
    snapshots("load_outlook", &[(60, 18), (80, 24)], |size| {
        let mut state = known(size);
        state.overlay = Some(Overlay::LoadModel(PromptOverlay::new("qwen/qwen3-8b-gguf")));
        state
    });
}

/// The same models; a load of the second would keep the running one, and the first is held.
fn holding(size: (u16, u16)) -> State {
    let mut state = known(size);
    let listing = listing();
    let (small, large) = (&listing.models[0], &listing.models[2]);
    let estimate = |running| Known {
        estimate: Some(Estimate {
            fits: true,
            n_layers: 37,
            n_ctx: 16_384,
            needs: 7 * GIB,
            running,
            ..Estimate::default()
        }),
        ..Known::default()
    };
    let gone = RunningThen::Gone { lacks: 3 * GIB };
    let known = [
        (small.path.clone(), estimate(RunningThen::Held)),
        (large.path.clone(), estimate(gone)),
    ];
    tell(&mut state, News::Known(known.into()));
    states::hold(&mut state, small.path.to_str().unwrap(), &small.name);
    state
}

#[test]
fn a_held_model_is_marked_and_what_a_load_makes_of_it_is_said() {
    snapshots("models_held", &[(80, 24), (200, 60)], |size| {
        let mut state = holding(size);
        press(&mut state, &["f9", "home"]);
        state
    });
    snapshots("load_beside", &[(60, 18), (80, 24)], |size| {
        let mut state = holding(size);
        press(&mut state, &["ctrl+o", "down", "down"]);
        state
    });
    snapshots("load_held", &[(80, 24)], |size| {
        let mut state = holding(size);
        press(&mut state, &["ctrl+o", "down"]);
        state
    });
}
