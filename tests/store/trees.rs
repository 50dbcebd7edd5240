//! Messages as a tree, and replies written piece by piece.

use llmdeck::engine::Timings;
use llmdeck::store::{Ending, MessageState, Omission, Settings, StoreError, ThoughtTimings};

use crate::{Place, path, reply, talk, user};

#[test]
fn what_was_said_is_there_after_opening_again() {
    let place = Place::new();
    let mut store = place.open();
    let settings = Settings {
        system: Some("Be brief.".into()),
        preset: Some("precise".into()),
        params: [("temp".to_owned(), "0.2".to_owned())].into(),
    };
    let id = store.create(&settings).unwrap();
    let mut said = user("Why is the sky blue?\0\u{feff}\n");
    said.params = settings.params.clone();
    let asked = store.append(id, None, &said).unwrap();
    drop(store);
    let store = place.open();
    let conversation = store.conversation(id).unwrap();
    assert_eq!(conversation.settings, settings);
    assert_eq!(conversation.leaf, Some(asked));
    let tree = store.tree(id).unwrap();
    let stored = &tree.messages()[0].said;
    assert_eq!(
        (&stored.content, &stored.params),
        (&said.content, &said.params)
    );
    assert!(stored.created_ms > 0);
}

#[test]
fn an_edited_message_and_another_answer_are_siblings() {
    let place = Place::new();
    let mut store = place.open();
    let (id, asked, answered) = talk(&mut store, "a?", "a!");
    let again = store.append(id, Some(asked), &reply("a, again")).unwrap();
    assert_eq!(path(&store, id), ["a?", "a, again"]);
    let edited = store.append(id, None, &user("b?")).unwrap();
    assert_eq!(path(&store, id), ["b?"]);
    let tree = store.tree(id).unwrap();
    assert_eq!(tree.children(None), [asked, edited]);
    assert_eq!(tree.children(Some(asked)), [answered, again]);
    store.choose(id, Some(answered)).unwrap();
    assert_eq!(path(&store, id), ["a?", "a!"]);
    // Undo: the path ends before the answer, which stays in the tree.
    store.choose(id, Some(asked)).unwrap();
    assert_eq!(path(&store, id), ["a?"]);
    store.choose(id, None).unwrap();
    assert_eq!(path(&store, id), [""; 0]);
    assert_eq!(store.tree(id).unwrap().messages().len(), 4);
}

#[test]
fn a_deleted_branch_comes_back_as_it_was() {
    let place = Place::new();
    let mut store = place.open();
    let (id, asked, answered) = talk(&mut store, "a?", "a!");
    let more = store.append(id, Some(answered), &user("b?")).unwrap();
    store.delete_message(more).unwrap();
    store.delete_message(answered).unwrap();
    assert_eq!(path(&store, id), ["a?"]);
    assert_eq!(store.tree(id).unwrap().messages().len(), 1);
    store.restore_messages(answered).unwrap();
    // What was deleted on its own before stays deleted, unless it was within the same millisecond.
    assert_eq!(path(&store, id)[..2], ["a?", "a!"]);
    store.restore_messages(more).unwrap();
    assert_eq!(path(&store, id), ["a?", "a!", "b?"]);
    store.delete_message(asked).unwrap();
    assert_eq!(store.conversation(id).unwrap().messages, 0);
    store.restore_messages(asked).unwrap();
    assert_eq!(store.conversation(id).unwrap().messages, 3);
}

#[test]
fn a_fork_has_the_path_and_goes_its_own_way() {
    let place = Place::new();
    let mut store = place.open();
    let (id, asked, answered) = talk(&mut store, "a?", "a!");
    store.append(id, Some(asked), &reply("other")).unwrap();
    let fork = store.fork(id, answered).unwrap();
    let leaf = store.conversation(fork).unwrap().leaf;
    store.append(fork, leaf, &user("only here")).unwrap();
    assert_eq!(path(&store, fork), ["a?", "a!", "only here"]);
    assert_eq!(path(&store, id), ["a?", "other"]);
}

#[test]
fn what_is_left_out_of_the_prompt_is_kept_and_goes_with_the_path() {
    let place = Place::new();
    let mut store = place.open();
    let (id, _, answered) = talk(&mut store, "a?", "a!");
    let next = store.append(id, Some(answered), &user("b?")).unwrap();
    let last = store.append(id, Some(next), &reply("b!")).unwrap();
    let left_out = Omission {
        before: next,
        summary: Some("a was settled".into()),
    };
    store.set_omission(id, Some(&left_out)).unwrap();
    drop(store);
    let mut store = place.open();
    assert_eq!(store.omission(id).unwrap(), Some(left_out));
    let fork = store.fork(id, last).unwrap();
    let copied = store.omission(fork).unwrap().unwrap();
    let tree = store.tree(fork).unwrap();
    assert_eq!(tree.get(copied.before).unwrap().said.content, "b?");
    assert_eq!(copied.summary.as_deref(), Some("a was settled"));
    // A copy that ends before it has nothing to leave out.
    let short = store.fork(id, answered).unwrap();
    assert_eq!(store.omission(short).unwrap(), None);
    let (other, ..) = talk(&mut store, "c?", "c!");
    assert!(store.set_omission(other, Some(&copied)).is_err());
    store.set_omission(id, None).unwrap();
    assert_eq!(store.omission(id).unwrap(), None);
}

#[test]
fn a_reply_grows_by_pieces_and_is_whole_at_the_end() {
    let place = Place::new();
    let mut store = place.open();
    let (id, _, answered) = talk(&mut store, "a?", "a!");
    let asked = store.append(id, Some(answered), &user("b?")).unwrap();
    let streamed = store.begin_reply(id, Some(asked), &reply("")).unwrap();
    store.add_piece(streamed, "one ", "hm").unwrap();
    store.add_piece(streamed, "two\0 ", "").unwrap();
    // Whoever looks meanwhile sees what there is.
    let other = place.open();
    assert_eq!(path(&other, id)[3], "one two\0 ");
    let tree = other.tree(id).unwrap();
    assert_eq!(
        tree.get(streamed).unwrap().said.state,
        MessageState::Streaming
    );
    store.add_piece(streamed, "three", "").unwrap();
    let timings = Timings {
        predicted_n: 3,
        ..Timings::default()
    };
    let thought = ThoughtTimings { tokens: 2, ms: 0.5 };
    let ending = Ending {
        state: MessageState::Complete,
        stop: "end of turn".into(),
        seed: Some(7),
        timings: Some(timings),
        thought: Some(thought),
    };
    store.finish(streamed, &ending).unwrap();
    let tree = other.tree(id).unwrap();
    let said = &tree.get(streamed).unwrap().said;
    assert_eq!(
        (said.content.as_str(), said.reasoning.as_str()),
        ("one two\0 three", "hm")
    );
    assert_eq!((said.state, said.seed), (MessageState::Complete, Some(7)));
    assert_eq!(
        (said.timings, said.stop.as_str()),
        (Some(timings), "end of turn")
    );
    assert_eq!(said.thought, Some(thought));
    // Going on adds to it.
    store.resume_reply(streamed).unwrap();
    store.add_piece(streamed, " four", "").unwrap();
    store.finish(streamed, &ending).unwrap();
    assert_eq!(path(&other, id)[3], "one two\0 three four");
    assert_eq!(other.search("four", 9).unwrap().len(), 1);
}

#[test]
fn a_reply_of_a_living_program_is_left_alone_and_that_of_a_dead_one_is_ended() {
    let place = Place::new();
    let mut store = place.open();
    let id = store.create(&Settings::default()).unwrap();
    let asked = store.append(id, None, &user("a?")).unwrap();
    let streamed = store.begin_reply(id, Some(asked), &reply("")).unwrap();
    store.add_piece(streamed, "half", "").unwrap();
    store.enter(id).unwrap();
    let state =
        |store: &llmdeck::store::Store| store.tree(id).unwrap().get(streamed).unwrap().said.state;
    let other = place.open();
    assert_eq!(state(&other), MessageState::Streaming);
    assert_eq!(other.left_open().unwrap(), []);
    // Dropped in mid-sentence: its lock is gone, as when the program is killed.
    drop(store);
    assert_eq!(state(&other), MessageState::Streaming);
    let mut next = place.open();
    assert_eq!(state(&next), MessageState::Interrupted);
    assert_eq!(path(&next, id), ["a?", "half"]);
    let left: Vec<_> = next
        .left_open()
        .unwrap()
        .iter()
        .map(|left| left.id)
        .collect();
    assert_eq!(left, [id]);
    next.leave(id).unwrap();
    assert_eq!(next.left_open().unwrap(), []);
}

#[test]
fn what_does_not_exist_is_said_to_be_missing() {
    let place = Place::new();
    let mut store = place.open();
    let (id, asked, _) = talk(&mut store, "a?", "a!");
    let (other, elsewhere, _) = talk(&mut store, "b?", "b!");
    let none = llmdeck::store::ConversationId(99);
    assert!(store.tree(none).unwrap_err().is_missing());
    assert!(store.rename(none, "x").unwrap_err().is_missing());
    assert!(
        store
            .append(none, None, &user("x"))
            .unwrap_err()
            .is_missing()
    );
    let wrong = store.append(id, Some(elsewhere), &user("x")).unwrap_err();
    assert!(matches!(wrong, StoreError::Elsewhere { .. }), "{wrong}");
    assert!(store.choose(other, Some(asked)).is_err());
    assert!(
        store
            .add_piece(llmdeck::store::MessageId(99), "x", "")
            .is_err()
    );
}

#[test]
fn measurements_and_votes_are_kept() {
    let place = Place::new();
    let mut store = place.open();
    let (_, asked, answered) = talk(&mut store, "a?", "a!");
    let run = llmdeck::store::Run {
        created_ms: 5,
        kind: "bench".into(),
        model: "guide".into(),
        params: [("threads".to_owned(), "2".to_owned())].into(),
        figures: serde_json::json!({"tg128": [8.2, 8.1]}),
    };
    let id = store.add_run(&run).unwrap();
    assert_eq!(store.runs("bench", 9).unwrap(), [(id, run)]);
    assert!(store.runs("sweep", 9).unwrap().is_empty());
    store.vote(answered, asked).unwrap();
    assert!(store.vote(asked, asked).is_err());
    let votes = store.votes().unwrap();
    assert_eq!(
        (votes.len(), votes[0].better, votes[0].worse),
        (1, answered, asked)
    );
}

#[test]
fn votes_on_settings_are_kept_and_outlive_the_chat() {
    use llmdeck::compare::{Ballot, Contender};
    let contender = |preset: &str, model_hash: &str| Contender {
        model: "guide".into(),
        model_hash: model_hash.into(),
        preset: preset.into(),
        preset_hash: preset.into(),
    };
    let place = Place::new();
    let mut store = place.open();
    let ballot = Ballot {
        contenders: vec![contender("cold", "m"), contender("hot", "m")],
        best: vec![1],
    };
    store.cast("Which?", &ballot).unwrap();
    let refused = [
        Ballot {
            best: vec![2],
            ..ballot.clone()
        },
        Ballot {
            best: vec![],
            ..ballot.clone()
        },
        Ballot {
            contenders: vec![contender("cold", "m"), contender("hot", "n")],
            ..ballot.clone()
        },
        Ballot {
            contenders: vec![contender("cold", "m")],
            best: vec![0],
        },
    ];
    for wrong in refused {
        assert!(store.cast("Which?", &wrong).is_err(), "{wrong:?}");
    }
    drop(store);
    assert_eq!(place.open().ballots().unwrap(), [ballot]);
}
