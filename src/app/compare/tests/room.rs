//! Sequences and cells for the columns.

use super::*;

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
