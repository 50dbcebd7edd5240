//! The view of models, and what the load prompt says beforehand.

use std::sync::Arc;

use llmdeck::app::{Event, LineEdit, Overlay, PromptOverlay, State, View, update};
use llmdeck::library::{About, Estimate, Kind, Listing, Model, Senses, Source, Speaks, Spot, Told};

use super::{snapshots, states};

const GIB: u64 = 1 << 30;

fn model(name: &str, path: &str, source: Source, size_bytes: u64) -> Model {
    Model {
        name: name.to_owned(),
        path: path.into(),
        files: vec![path.into()],
        source,
        places: vec![Spot {
            source,
            name: name.to_owned(),
            path: path.into(),
        }],
        size_bytes,
        about: None,
        error: None,
        projectors: vec![],
        adapters: vec![],
        vision: false,
        audio: false,
        layers: None,
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
        unreadable: vec![],
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
    let path = |at: usize| listing.models[at].path.clone();
    let judged = [(path(0), fits), (path(2), short)].into();
    let favourites = [path(2)].into();
    update(&mut state, Event::Library(Told::Found(Arc::new(listing))));
    update(&mut state, Event::Library(Told::Judged(judged)));
    let marks = llmdeck::library::Marks {
        favourites,
        ..Default::default()
    };
    update(&mut state, Event::Library(Told::Marked(marks)));
    state
}

fn press(state: &mut State, keys: &[&str]) {
    for key in keys {
        update(state, Event::Key(key.parse().unwrap()));
    }
}

#[test]
fn models() {
    snapshots("models", &[(80, 24), (200, 60)], |size| {
        let mut state = known(size);
        press(&mut state, &["f9"]);
        assert_eq!(state.view, View::Models);
        state
    });
    snapshots("models_filtered", &[(80, 24)], |size| {
        let mut state = known(size);
        press(&mut state, &["f9", "/", "q", "w", "e", "n"]);
        state
    });
}

#[test]
fn the_load_prompt_says_whether_it_fits() {
    snapshots("load_fits", &[(80, 24), (200, 60)], |size| {
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
