//! The schema's versions. `PRAGMA user_version` says which one a store has.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;
use super::error::Tried;

/// From nothing to version 1, from 1 to 2, and so on; one that was released never changes.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
];

/// The version a store has after it was opened.
pub const VERSION: usize = MIGRATIONS.len();

/// Brings a store to the newest version, all or nothing.
///
/// `Ok(Err(found))` = the store is newer than this program.
///
/// # Errors
/// When SQLite refuses.
pub(super) fn migrate(
    db: &mut Connection,
    migrations: &[&str],
) -> Result<Result<(), i64>, StoreError> {
    let version = |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get(0));
    let newest = migrations.len();
    let found: i64 = version(db).tried("reading the schema's version")?;
    if usize::try_from(found).is_ok_and(|found| found == newest) {
        return Ok(Ok(()));
    }
    let change = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .tried("changing the schema")?;
    // Somebody else may have done it while this waited.
    let found: i64 = version(&change).tried("reading the schema's version")?;
    let Ok(done) = usize::try_from(found) else {
        return Ok(Err(found));
    };
    if done > newest {
        return Ok(Err(found));
    }
    for migration in &migrations[done..] {
        change
            .execute_batch(migration)
            .tried("changing the schema")?;
    }
    change
        .pragma_update(None, "user_version", newest as i64)
        .tried("changing the schema")?;
    change.commit().tried("changing the schema")?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(db: &Connection) -> Vec<String> {
        let mut names = db
            .prepare("SELECT name FROM sqlite_master ORDER BY name")
            .unwrap();
        names
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn only_what_is_missing_is_done() {
        let mut db = Connection::open_in_memory().unwrap();
        let one = ["CREATE TABLE a (x); INSERT INTO a VALUES (1)"];
        let two = [one[0], "CREATE TABLE b (x)"];
        migrate(&mut db, &one).unwrap().unwrap();
        migrate(&mut db, &two).unwrap().unwrap();
        migrate(&mut db, &two).unwrap().unwrap();
        assert_eq!(tables(&db), ["a", "b"]);
        let rows: i64 = db
            .query_row("SELECT count(*) FROM a", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before() {
        let mut db = Connection::open_in_memory().unwrap();
        let bad = ["CREATE TABLE a (x)", "CREATE TABLE b (x); NONSENSE"];
        assert!(migrate(&mut db, &bad).is_err());
        assert_eq!(tables(&db), Vec::<String>::new());
        migrate(&mut db, &bad[..1]).unwrap().unwrap();
        assert!(migrate(&mut db, &bad).is_err());
        assert_eq!(tables(&db), ["a"]);
    }

    #[test]
    fn a_newer_store_is_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "user_version", 9).unwrap();
        assert_eq!(migrate(&mut db, MIGRATIONS).unwrap(), Err(9));
        assert_eq!(tables(&db), Vec::<String>::new());
    }
}
