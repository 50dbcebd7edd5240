//! How replies came about, kept with their messages.

use llmdeck::engine::trace::{CandidateTrace, Ids, Stage, StageTrace, TokenTrace, Trace};
use llmdeck::engine::{Batches, Origin};
use llmdeck::store::{Kept, Marks, MessageId};

use super::{Place, talk};

fn kept(token: i32) -> Kept {
    Kept {
        origin: Origin {
            fingerprint: "f00d".into(),
            seed: 7,
            batches: Batches {
                prefill: vec![64, 3],
                ..Batches::default()
            },
            ..Origin::default()
        },
        ids: Ids {
            prompt: vec![1, 2, 3],
            chosen: vec![token],
        },
        trace: Trace {
            tokens: vec![TokenTrace {
                at: 0,
                token,
                rank: 1,
                entropy: 2.5,
                stages: vec![StageTrace {
                    stage: Stage::TopK,
                    kept: 40,
                    mass: 1.0,
                }],
                candidates: vec![CandidateTrace {
                    token,
                    p: 1.0,
                    after: vec![1.0],
                }],
            }],
            pieces: [(token, b"a".as_slice().into())].into(),
        },
        marks: Marks {
            by_hand: vec![0],
            computed_later: 1,
        },
    }
}

#[test]
fn it_is_there_when_the_store_is_opened_again_and_the_latest_counts() {
    let place = Place::new();
    let (asked, answered) = {
        let mut store = place.open();
        let (_, asked, answered) = talk(&mut store, "q", "a");
        store.keep_trace(answered, &kept(4)).unwrap();
        store.keep_trace(answered, &kept(5)).unwrap();
        (asked, answered)
    };
    let store = place.open();
    assert_eq!(store.trace(answered).unwrap(), Some(kept(5)));
    assert_eq!(store.trace(asked).unwrap(), None);
    let message = store.message(answered).unwrap().unwrap();
    assert_eq!(message.said.content, "a");
    assert_eq!(store.message(MessageId(99)).unwrap(), None);
}

#[test]
fn what_is_added_by_parts_follows_until_all_is_kept() {
    let place = Place::new();
    let mut store = place.open();
    let (chat, _, answered) = talk(&mut store, "q", "a");
    store.keep_trace(answered, &kept(4)).unwrap();
    for token in [5, 6] {
        let part = kept(token);
        store
            .add_trace(answered, &part.ids.chosen, &part.trace)
            .unwrap();
    }
    drop(store);
    let mut store = place.open();
    let whole = store.trace(answered).unwrap().unwrap();
    assert_eq!(whole.ids.prompt, [1, 2, 3]);
    assert_eq!(whole.ids.chosen, [4, 5, 6]);
    let traced: Vec<i32> = whole.trace.tokens.iter().map(|one| one.token).collect();
    assert_eq!(traced, [4, 5, 6]);
    assert_eq!(whole.trace.pieces.len(), 3);
    assert_eq!(store.traces(chat).unwrap(), [(answered, whole)]);

    store.keep_trace(answered, &kept(7)).unwrap();
    assert_eq!(store.trace(answered).unwrap(), Some(kept(7)));
}

#[test]
fn a_part_that_is_damaged_ends_what_is_known() {
    let place = Place::new();
    let mut store = place.open();
    let (_, _, answered) = talk(&mut store, "q", "a");
    store.keep_trace(answered, &kept(4)).unwrap();
    for token in [5, 6, 7] {
        store
            .add_trace(answered, &[token], &Default::default())
            .unwrap();
    }
    drop(store);
    let file = place.path().join(llmdeck::store::DATABASE);
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute("UPDATE trace_part SET tokens = x'ff' WHERE id = 2", [])
        .unwrap();
    drop(db);
    let known = place.open().trace(answered).unwrap().unwrap();
    assert_eq!(known.ids.chosen, [4, 5]);
}

#[test]
fn a_message_that_is_not_there_keeps_nothing() {
    let place = Place::new();
    let mut store = place.open();
    assert!(store.keep_trace(MessageId(9), &kept(4)).is_err());
    let (_, _, answered) = talk(&mut store, "q", "a");
    assert!(
        store
            .add_trace(answered, &[5], &Default::default())
            .is_err()
    );
}

#[test]
fn what_was_kept_before_there_were_marks_has_none() {
    let place = Place::new();
    let mut store = place.open();
    let (_, _, answered) = talk(&mut store, "q", "a");
    store.keep_trace(answered, &kept(4)).unwrap();
    drop(store);
    let file = place.path().join(llmdeck::store::DATABASE);
    let db = rusqlite::Connection::open(file).unwrap();
    let origin = r#"{"fingerprint": "f00d", "seed": 7, "batches": {"prefill": [64, 3]}}"#;
    db.execute("UPDATE trace SET origin = ?1", [origin])
        .unwrap();
    drop(db);
    let expected = Kept {
        marks: Marks::default(),
        ..kept(4)
    };
    assert_eq!(place.open().trace(answered).unwrap(), Some(expected));
}

#[test]
fn a_format_nobody_knows_counts_as_not_kept() {
    let place = Place::new();
    let mut store = place.open();
    let (_, _, answered) = talk(&mut store, "q", "a");
    store.keep_trace(answered, &kept(4)).unwrap();
    drop(store);
    let file = place.path().join(llmdeck::store::DATABASE);
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute("UPDATE trace SET tokens = x'ff00', origin = 'no JSON'", [])
        .unwrap();
    drop(db);
    assert_eq!(place.open().trace(answered).unwrap(), None);
}
