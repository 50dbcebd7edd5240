//! What becomes of comparisons: replies, files, votes.

use super::*;

/// What the comparison is exported as.
fn exported(state: &mut State) -> serde_json::Value {
    press(state, &["o", "ctrl+u"]);
    update(state, Event::Paste("a.json".into()));
    let effects = press(state, &["enter"]);
    let [
        Effect::WriteFile {
            content: Content::Text(text),
            ..
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn what_was_read_with_names_is_voted_on_in_another_comparison() {
    let (mut state, _) = compared("greedy,creative");
    press(&mut state, &["b"]);
    let compare = &state.compare;
    assert_eq!(
        (compare.stage, compare.names),
        (Stage::Choosing, Names::Hidden)
    );
    assert_eq!(compare.chosen, ["greedy", "creative"]);
    press(&mut state, &["enter", "right", "space", "space", "space"]);
    assert!(run(&state).marked.iter().eq([&1]), "as its digit does");
    press(&mut state, &["-"]);
    assert!(told(&state).starts_with("The names are hidden"));
}

#[test]
fn the_kept_column_is_the_reply_and_the_others_are_its_siblings() {
    let (mut state, ids) = compared("greedy,creative,min-p");
    let effects = press(&mut state, &["right", "u"]);
    assert_eq!(state.view, View::Deck);
    let reply = state.chat.last_reply().expect("the reply");
    assert_eq!(reply.text, "answer 2");
    assert_eq!(reply.state, ReplyState::Done(StopReason::EndOfTurn));
    let told: Vec<String> = stored(&effects)
        .iter()
        .map(|command| match command {
            StoreCommand::Begin {
                reply,
                text,
                parent,
                ..
            } => {
                assert_eq!(*parent, Some(NodeId(0)), "versions of one reply");
                format!("begin {} {text}", reply.0)
            }
            StoreCommand::Finish { reply, .. } => format!("finish {}", reply.0),
            other => format!("{other:?}"),
        })
        .collect();
    let column = |at: usize| {
        let id = ids[at].0;
        [
            format!("begin {id} answer {}", at + 1),
            format!("finish {id}"),
        ]
    };
    let expected = [column(0), column(2), column(1)];
    assert_eq!(told, expected.concat());
    let leaf = state.chat.tree.leaf().expect("the reply");
    assert_eq!(state.chat.tree.version(leaf), (3, 3));
    assert!(state.compare.run.is_none());
}

#[test]
fn a_column_is_kept_in_its_own_chat_only() {
    let (mut state, _) = compared("greedy,creative");
    press(&mut state, &["esc", "ctrl+n"]);
    update(&mut state, Event::Key("alt+c".parse().expect("a key")));
    assert!(
        press(&mut state, &["u"])
            .iter()
            .all(|effect| !matches!(effect, Effect::Store(_)))
    );
    assert!(
        state
            .notice
            .as_ref()
            .is_some_and(|notice| notice.text.contains("another chat"))
    );
    assert!(state.chat.entries.is_empty());
}

#[test]
fn hidden_names_are_shuffled_and_shown_after_the_vote() {
    let mut state = deck();
    state.compare.names = Names::Hidden;
    state.compare.chance = 3;
    let effects = say(&mut state, "/compare greedy,creative,min-p Why?");
    let ids: Vec<RequestId> = requests(&effects)
        .iter()
        .map(|request| request.id)
        .collect();
    press(&mut state, &["2", "enter"]);
    assert_eq!(run(&state).names, Names::Hidden, "they are still writing");
    for id in &ids {
        tokens(&mut state, *id, "x", 1, 1.0);
        finish(&mut state, *id);
    }
    press(&mut state, &["u"]);
    assert!(state.chat.last_reply().is_none(), "keeping would tell");
    press(&mut state, &["3"]);
    let effects = press(&mut state, &["enter"]);
    let [StoreCommand::Cast { prompt, ballot }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (prompt.as_str(), ballot.best.as_slice()),
        ("Why?", &[1, 2][..])
    );
    assert_eq!(ballot.contenders.len(), 3);
    assert!(
        ballot
            .contenders
            .iter()
            .all(|contender| contender.model_hash == "f")
    );
    assert_eq!(run(&state).names, Names::Shown);
    assert_ne!(
        ballot.contenders[0].preset_hash,
        ballot.contenders[1].preset_hash
    );
}

#[test]
fn a_vote_leaves_no_trace_where_nothing_is_saved() {
    let mut state = deck();
    state.sessions.saving = Saving::Incognito;
    state.compare.names = Names::Hidden;
    for request in requests(&say(&mut state, "/compare greedy,creative Why?")) {
        tokens(&mut state, request.id, "x", 1, 1.0);
        finish(&mut state, request.id);
    }
    let effects = press(&mut state, &["1", "enter"]);
    assert!(stored(&effects).is_empty());
    assert_eq!(run(&state).names, Names::Shown);
}

#[test]
fn settings_and_comparisons_become_files() {
    let (mut state, _) = compared("greedy,creative:temp=1.9");
    press(&mut state, &["right", "s"]);
    update(&mut state, Event::Paste("warm".into()));
    let effects = press(&mut state, &["enter"]);
    let [
        Effect::WriteFile {
            place,
            content: Content::Text(text),
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(place, &FilePlace::Preset("warm".into()));
    assert!(text.contains("temp = 1.9"), "{text}");
    press(&mut state, &["s"]);
    update(&mut state, Event::Paste("../warm".into()));
    assert!(press(&mut state, &["enter"]).is_empty());
    press(&mut state, &["esc"]);
    assert_eq!(exported(&mut state)["columns"][1]["text"], "answer 2");
}

#[test]
fn a_kept_column_tells_what_made_it() {
    let mut state = deck();
    let requests = requests(&say(&mut state, "/compare greedy,creative Why?"));
    for request in &requests {
        tokens(&mut state, request.id, "x", 1, 1.0);
        let made = EngineEvent::Made {
            request: request.id,
            origin: Box::new(crate::engine::Origin {
                fingerprint: "f00d".into(),
                ..crate::engine::Origin::default()
            }),
            ids: crate::engine::trace::Ids {
                prompt: vec![1, 2],
                chosen: vec![3],
            },
        };
        update(&mut state, Event::Engine(made));
        finish(&mut state, request.id);
    }
    let effects = press(&mut state, &["u"]);
    let told: Vec<RequestId> = stored(&effects)
        .into_iter()
        .filter_map(|command| match command {
            StoreCommand::Keep { reply, kept } if kept.ids.chosen == [3] => Some(*reply),
            _ => None,
        })
        .collect();
    assert_eq!(told, [requests[1].id, requests[0].id]);
    let recorded = &state.tokens.replies[&requests[0].id];
    assert_eq!(recorded.kept.origin.fingerprint, "f00d");
}

#[test]
fn a_comparison_is_of_the_model_that_answered_whichever_runs_later() {
    let (mut state, _) = compared("greedy,creative");
    if let Some(run) = &mut state.compare.run {
        run.names = Names::Hidden;
    }
    swap(&mut state);
    let effects = press(&mut state, &["1", "enter"]);
    let [StoreCommand::Cast { ballot, .. }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    let hashes = ballot.contenders.iter().map(|one| one.model_hash.as_str());
    assert!(hashes.eq(["f", "f"]), "{ballot:?}");
    let json = exported(&mut state);
    assert_eq!(
        (&json["model"], &json["model_hash"]),
        (&"m".into(), &"f".into())
    );
    if let Some((model, _)) = &mut state.model.running {
        model.name = "half".into();
    }
    press(&mut state, &["u"]);
    let reply = state.chat.last_reply().expect("the reply");
    assert_eq!(reply.model, "m");
}

#[test]
fn columns_that_failed_take_no_part_in_a_vote() {
    let mut state = deck();
    state.compare.names = Names::Hidden;
    let ids: Vec<RequestId> = requests(&say(&mut state, "/compare greedy,creative,min-p Why?"))
        .iter()
        .map(|request| request.id)
        .collect();
    fail(&mut state, ids[0]);
    for id in &ids[1..] {
        tokens(&mut state, *id, "x", 1, 1.0);
        finish(&mut state, *id);
    }
    let effects = press(&mut state, &["1", "enter"]);
    assert!(stored(&effects).is_empty(), "it has no answer");
    assert!(told(&state).contains("no answer"), "{}", told(&state));
    assert_eq!(run(&state).names, Names::Hidden);
    let effects = press(&mut state, &["1", "3", "enter"]);
    let [StoreCommand::Cast { ballot, .. }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    let of = |at: usize| run(&state).answers[at].column.name.clone();
    let voted_on = ballot.contenders.iter().map(|one| one.preset.clone());
    assert!(voted_on.eq([of(1), of(2)]), "{ballot:?}");
    assert_eq!(ballot.best, [1]);
    assert!(told(&state).contains("left out"), "{}", told(&state));
}

#[test]
fn where_one_column_answered_names_are_told_without_a_vote() {
    let mut state = deck();
    state.compare.names = Names::Hidden;
    let requests = requests(&say(&mut state, "/compare greedy,creative Why?"));
    fail(&mut state, requests[0].id);
    tokens(&mut state, requests[1].id, "x", 1, 1.0);
    finish(&mut state, requests[1].id);
    press(&mut state, &["0"]);
    assert!(
        run(&state).marked.iter().eq([&1]),
        "those that failed are not marked"
    );
    assert!(stored(&press(&mut state, &["enter"])).is_empty());
    assert_eq!(run(&state).names, Names::Shown);
}

#[test]
fn an_export_has_the_notes_of_the_screen() {
    let mut state = deck();
    if let Some((_, context)) = &mut state.model.running {
        context.sharing = crate::engine::PrefixSharing::Recurrent;
        context.n_seq_max = 2;
    }
    let effects = say(&mut state, "/compare greedy,creative,min-p Why?");
    for request in requests(&effects) {
        let prefill = EngineEvent::Prefill {
            request: request.id,
            done: 4,
            total: 4,
            reused: 0,
            timings: Timings {
                prompt_n: 4,
                ..Timings::default()
            },
        };
        update(&mut state, Event::Engine(prefill));
        tokens(&mut state, request.id, "x", 1, 1.0);
    }
    let notes = run(&state).notes.clone();
    let [sharing, room] = &notes[..] else {
        panic!("{notes:?}")
    };
    assert!(
        sharing.contains("prefills the prompt by itself"),
        "{sharing}"
    );
    assert!(room.contains("2 of 3 columns"), "{room}");
    swap(&mut state);
    let json = exported(&mut state);
    assert_eq!(
        json["notes"],
        serde_json::json!(notes),
        "of the model that answered"
    );
}

#[test]
fn while_names_are_hidden_no_column_is_added() {
    let (mut state, _) = compared("greedy,creative");
    if let Some(run) = &mut state.compare.run {
        run.names = Names::Hidden;
    }
    press(&mut state, &["a"]);
    assert_eq!(state.compare.line, None);
    assert!(
        told(&state).starts_with("The names are hidden"),
        "{}",
        told(&state)
    );
    press(&mut state, &["1", "enter", "a"]);
    assert!(state.compare.line.is_some(), "after the vote");
}
