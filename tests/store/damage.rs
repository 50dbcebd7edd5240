//! A damaged store is set aside, reported and salvaged.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use llmdeck::store::{DATABASE, Omission, Opened, Settings, Store, StoreError, Which};
use proptest::prelude::*;

use crate::{Place, path, reply, talk, user};

/// Some chats, with messages longer than a page, as bytes of the database and as what was said.
static FILLED: LazyLock<(Vec<u8>, Vec<Vec<String>>)> = LazyLock::new(|| {
    let place = Place::new();
    let mut store = place.open();
    let mut said = Vec::new();
    for number in 0..30 {
        let (question, answer) = (
            format!("question {number}"),
            format!("answer {number} ").repeat(1_000),
        );
        let (id, _, answered) = talk(&mut store, &question, &answer);
        let omission = Omission {
            before: answered,
            summary: (number % 2 == 0).then(|| format!("summary {number}")),
        };
        store.set_omission(id, Some(&omission)).unwrap();
        store.set_tags(id, &["kept".to_owned()]).unwrap();
        said.push(path(&store, id));
    }
    drop(store);
    (fs::read(place.path().join(DATABASE)).unwrap(), said)
});

/// A store with those chats.
fn filled() -> (Place, Vec<Vec<String>>) {
    let place = Place::new();
    fs::create_dir(place.path()).unwrap();
    fs::write(place.path().join(DATABASE), &FILLED.0).unwrap();
    (place, FILLED.1.clone())
}

fn all(store: &Store) -> Vec<Vec<String>> {
    let mut list = store.list(&Which::Kept, 1_000).unwrap();
    list.sort_by_key(|one| one.id);
    list.iter().map(|one| path(store, one.id)).collect()
}

fn salvaged(place: &Place) -> (Store, PathBuf) {
    let Opened {
        store, salvaged, ..
    } = Store::open(&place.path()).unwrap();
    (store, salvaged.expect("a salvage").aside)
}

#[test]
fn a_destroyed_beginning_loses_nothing() {
    let (place, said) = filled();
    let file = place.path().join(DATABASE);
    let mut bytes = fs::read(&file).unwrap();
    bytes[..4096].fill(0xff);
    fs::write(&file, &bytes).unwrap();
    let (mut store, aside) = salvaged(&place);
    assert_eq!(
        fs::read(aside).unwrap(),
        bytes,
        "the damaged file is kept as it was"
    );
    assert_eq!(all(&store), said);
    for chat in store.list(&Which::Kept, 99).unwrap() {
        let omission = store.omission(chat.id).unwrap().expect("salvaged");
        assert_eq!(Some(omission.before), chat.leaf);
        let number = chat.title.trim_start_matches("question ");
        let summary = Some(format!("summary {number}"));
        assert!(omission.summary.is_none() || omission.summary == summary);
    }
    assert_eq!(
        store.list(&Which::Tagged("kept".into()), 99).unwrap().len(),
        30
    );
    assert_eq!(store.search("answer", 999).unwrap().len(), 30);
    // Numbers go on where they were.
    let newest = store
        .list(&Which::Kept, 1_000)
        .unwrap()
        .iter()
        .map(|one| one.id)
        .max();
    assert!(Some(talk(&mut store, "new", "words").0) > newest);
    drop(store);
    assert_eq!(place.open().list(&Which::Kept, 999).unwrap().len(), 31);
}

#[test]
fn what_is_only_in_the_log_is_salvaged_too() {
    let (place, mut said) = filled();
    let mut store = place.open();
    let (id, asked, _) = talk(&mut store, "late", "words");
    let streamed = store.begin_reply(id, Some(asked), &reply("")).unwrap();
    store.add_piece(streamed, "half ", "").unwrap();
    store.add_piece(streamed, "said", "").unwrap();
    // A copy of the files, as they lie after the power went off.
    let copy = Place::new();
    fs::create_dir(copy.path()).unwrap();
    for name in [DATABASE, "sessions.db-wal"] {
        fs::copy(place.path().join(name), copy.path().join(name)).unwrap();
    }
    let file = copy.path().join(DATABASE);
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 100);
    bytes[..100].fill(0);
    fs::write(&file, bytes).unwrap();
    // The log has the newest first page, so SQLite may still open it: ask for the salvage itself.
    let store = match Store::open(&copy.path()).unwrap() {
        Opened {
            store,
            salvaged: Some(_),
            ..
        } => store,
        Opened { store, .. } => {
            drop(store);
            Store::salvage(&copy.path()).unwrap().store
        }
    };
    said.push(vec!["late".into(), "half said".into()]);
    assert_eq!(all(&store), said);
}

#[test]
fn messages_whose_neighbours_are_lost_stay_readable() {
    let place = Place::new();
    let mut store = place.open();
    let id = store.create(&Settings::default()).unwrap();
    let mut parent = None;
    for number in 0..200 {
        let text = format!("message {number} {}", "x".repeat(300));
        parent = Some(store.append(id, parent, &user(&text)).unwrap());
    }
    drop(store);
    let file = place.path().join(DATABASE);
    let mut bytes = fs::read(&file).unwrap();
    // A page in the middle of the messages.
    let needle = b"message 100 ";
    let at = bytes
        .windows(needle.len())
        .position(|part| part == needle)
        .unwrap();
    let page = at / 4096 * 4096;
    bytes[page..page + 4096].fill(0);
    fs::write(&file, bytes).unwrap();
    let Opened {
        store, salvaged, ..
    } = Store::salvage(&place.path()).unwrap();
    let salvaged = salvaged.expect("a salvage");
    assert!(
        salvaged.messages > 180 && salvaged.messages < 200,
        "{salvaged}"
    );
    // One path through all that is left.
    assert_eq!(path(&store, id).len(), salvaged.messages);
}

#[test]
fn damage_under_another_open_program_is_told_and_not_touched() {
    let (place, _) = filled();
    let other = place.open();
    let file = place.path().join(DATABASE);
    let mut bytes = fs::read(&file).unwrap();
    bytes[..4096].fill(0xff);
    fs::write(&file, &bytes).unwrap();
    let error = Store::open(&place.path()).map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    drop(other);
}

#[test]
fn a_sound_store_is_not_salvaged() {
    let (place, said) = filled();
    let Opened {
        store, salvaged, ..
    } = Store::salvage(&place.path()).unwrap();
    assert_eq!(salvaged, None);
    assert_eq!(all(&store), said);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_overwritten_the_store_opens_and_says_nothing_false(
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..600)), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (place, said) = filled();
        let file = place.path().join(DATABASE);
        let mut bytes = fs::read(&file).unwrap();
        for (at, with) in places {
            let at = at.index(bytes.len());
            let end = (at + with.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&with[..end - at]);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(&file, &bytes).unwrap();
        let opened = match Store::salvage(&place.path()) {
            Ok(opened) => opened,
            // The mark of whose file it is may be what was hit.
            Err(StoreError::Foreign { .. } | StoreError::TooNew { .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let known: Vec<&String> = said.iter().flatten().collect();
        let whole = all(&opened.store);
        let right = whole.iter().flatten().filter(|text| known.contains(text)).count();
        // Overwritten text may come back changed; most of it was not overwritten.
        prop_assert!(right + 12 >= whole.iter().flatten().count());
    }
}
