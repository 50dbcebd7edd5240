//! The store's files: who may read them, which versions are opened, who else may have them open.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use llmdeck::store::{DATABASE, Omission, Store, StoreError, VERSION, Which};
use rusqlite::Connection;

use crate::{Place, path, talk};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn nobody_else_can_read_any_of_it() {
    let place = Place::new();
    let mut store = place.open();
    let (id, ..) = talk(&mut store, "private", "text");
    store.enter(id).unwrap();
    assert_eq!(mode(&place.path()), 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(place.path()).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        files += 1;
    }
    // Database, -wal, -shm and two locks.
    assert_eq!(files, 5);
    drop(store);
    for loose in [place.path(), place.path().join(DATABASE)] {
        std::fs::set_permissions(&loose, PermissionsExt::from_mode(0o755)).unwrap();
    }
    drop(place.open());
    assert_eq!(mode(&place.path()), 0o700);
    assert_eq!(mode(&place.path().join(DATABASE)), 0o600);
}

#[test]
fn a_store_of_every_older_version_is_opened_with_all_it_has() {
    for version in 1..VERSION {
        let place = Place::new();
        std::fs::create_dir(place.path()).unwrap();
        let file = format!(
            "{}/tests/store/fixtures/v{version}.sql",
            env!("CARGO_MANIFEST_DIR")
        );
        let sql = std::fs::read_to_string(&file).expect(&file);
        let db = Connection::open(place.path().join(DATABASE)).unwrap();
        db.execute_batch(&sql).unwrap();
        drop(db);
        let mut store = place.open();
        let list = store.list(&Which::Kept, 9).unwrap();
        assert_eq!(list.len(), 2, "v{version}");
        assert_eq!(list[0].title, "Caches");
        assert_eq!(
            (list[0].tags.as_slice(), list[0].pinned),
            (["rust".to_owned()].as_slice(), true)
        );
        let id = list[0].id;
        assert_eq!(
            path(&store, id),
            ["What is a KV cache?", "It keeps keys and values."]
        );
        assert_eq!(store.search("keys", 9).unwrap().len(), 1);
        // Its program died in the middle of a reply.
        assert_eq!(store.left_open().unwrap().len(), 1);
        assert_eq!(path(&store, list[1].id), ["And now?", "half a reply"]);
        let (new, asked, _) = talk(&mut store, "new", "words");
        let omission = Omission {
            before: asked,
            summary: None,
        };
        store.set_omission(new, Some(&omission)).unwrap();
        assert_eq!(store.omission(id).unwrap(), None);
        store
            .add_run(&llmdeck::store::Run {
                created_ms: 1,
                kind: "bench".into(),
                model: "m".into(),
                params: Default::default(),
                figures: serde_json::json!(1),
            })
            .unwrap();
    }
}

#[test]
fn what_is_newer_or_not_ours_is_refused_and_not_touched() {
    let refused = |prepare: &dyn Fn(&Connection)| {
        let place = Place::new();
        drop(place.open());
        let file = place.path().join(DATABASE);
        let db = Connection::open(&file).unwrap();
        prepare(&db);
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        drop(db);
        let before = std::fs::read(&file).unwrap();
        let error = Store::open(&place.path()).map(|_| ()).unwrap_err();
        assert_eq!(std::fs::read(&file).unwrap(), before);
        error
    };
    let error = refused(&|db| db.pragma_update(None, "user_version", 99).unwrap());
    assert!(
        matches!(error, StoreError::TooNew { found: 99, .. }),
        "{error}"
    );
    let error = refused(&|db| db.pragma_update(None, "application_id", 5).unwrap());
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn two_stores_write_side_by_side() {
    let place = Place::new();
    let count = 40;
    let ids: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|number| {
                let mut store = place.open();
                scope.spawn(move || -> Vec<_> {
                    (0..count)
                        .map(|index| talk(&mut store, &format!("w{number} q{index}"), "a").0)
                        .collect()
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    let store = place.open();
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 2 * count);
    assert_eq!(store.list(&Which::Kept, 1_000).unwrap().len(), 2 * count);
    for id in ids {
        assert_eq!(store.tree(id).unwrap().messages().len(), 2);
    }
}
