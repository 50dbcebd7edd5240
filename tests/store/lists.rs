//! The list of conversations: titles, pins, tags, deleting and restoring.

use llmdeck::store::{Settings, Store, Which};

use crate::{Place, talk, user};

fn titles(store: &Store, which: &Which) -> Vec<String> {
    let list = store.list(which, 100).unwrap();
    list.into_iter().map(|one| one.title).collect()
}

#[test]
fn titles_come_from_the_first_message_or_by_hand() {
    let place = Place::new();
    let mut store = place.open();
    let (id, ..) = talk(&mut store, "\n  What is a KV cache?  \nmore", "A cache.");
    assert_eq!(titles(&store, &Which::Kept), ["What is a KV cache?"]);
    store.rename(id, " Caches ").unwrap();
    assert_eq!(titles(&store, &Which::Kept), ["Caches"]);
    assert!(store.conversation(id).unwrap().is_named);
    assert_eq!(store.search("caches", 9).unwrap().len(), 1);
    store.rename(id, "").unwrap();
    assert_eq!(titles(&store, &Which::Kept), ["What is a KV cache?"]);
    assert_eq!(store.search("caches", 9).unwrap().len(), 0);
    let long = store.create(&Settings::default()).unwrap();
    store.append(long, None, &user(&"ä".repeat(500))).unwrap();
    assert_eq!(store.conversation(long).unwrap().title.chars().count(), 120);
}

#[test]
fn pinned_ones_come_first_and_tags_choose() {
    let place = Place::new();
    let mut store = place.open();
    let (first, ..) = talk(&mut store, "first", "1");
    let (second, ..) = talk(&mut store, "second", "2");
    talk(&mut store, "third", "3");
    store.set_pinned(first, true).unwrap();
    assert_eq!(titles(&store, &Which::Kept)[0], "first");
    store.set_pinned(first, false).unwrap();
    let tags = ["work".to_owned(), " rust ".to_owned(), String::new()];
    store.set_tags(second, &tags).unwrap();
    assert_eq!(store.conversation(second).unwrap().tags, ["rust", "work"]);
    assert_eq!(titles(&store, &Which::Tagged("rust".into())), ["second"]);
    store.set_tags(second, &[]).unwrap();
    assert_eq!(titles(&store, &Which::Tagged("rust".into())), [""; 0]);
    assert_eq!(store.list(&Which::Kept, 2).unwrap().len(), 2);
}

#[test]
fn deleting_can_be_undone_until_it_is_purged() {
    let place = Place::new();
    let mut store = place.open();
    let (id, ..) = talk(&mut store, "ephemeral", "words");
    store.delete(id).unwrap();
    assert_eq!(titles(&store, &Which::Kept), [""; 0]);
    assert_eq!(titles(&store, &Which::Deleted), ["ephemeral"]);
    assert_eq!(store.search("ephemeral", 9).unwrap(), []);
    store.restore(id).unwrap();
    assert_eq!(store.search("ephemeral", 9).unwrap().len(), 2);
    store.delete(id).unwrap();
    let deleted = store.conversation(id).unwrap().deleted_ms.unwrap();
    assert_eq!(store.purge_deleted(deleted).unwrap(), 0);
    assert_eq!(store.purge_deleted(deleted + 1).unwrap(), 1);
    assert!(store.conversation(id).unwrap_err().is_missing());
    let (next, ..) = talk(&mut store, "next", "1");
    assert!(next > id, "a number is never given twice");
}

#[test]
fn what_was_purged_is_in_no_file_any_more() {
    let place = Place::new();
    let mut store = place.open();
    let secret = "xylophonesecret";
    let (id, ..) = talk(
        &mut store,
        secret,
        &format!("{secret} {}", "long ".repeat(5_000)),
    );
    talk(&mut store, "kept", "kept");
    let found = || {
        let files = std::fs::read_dir(place.path()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .filter(|bytes| {
                bytes
                    .windows(secret.len())
                    .any(|part| part == secret.as_bytes())
            })
            .count()
    };
    assert!(found() > 0);
    store.purge(id).unwrap();
    assert_eq!(found(), 0);
    drop(store);
    assert_eq!(found(), 0);
}
