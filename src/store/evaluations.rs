//! Measurements, and which of two replies people liked better.

use rusqlite::params;

use super::error::Tried;
use super::open::now_ms;
use super::row::{from_json, to_json};
use super::{MessageId, Snapshot, Store, StoreError};

/// A measurement in the store; never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// One measurement of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Milliseconds since 1970, UTC; 0 = now, when it is stored.
    pub created_ms: i64,
    /// What was measured: `bench`, `sweep` …
    pub kind: String,
    pub model: String,
    /// The values it ran with.
    pub params: Snapshot,
    /// What came out, as that kind of run defines it.
    pub figures: serde_json::Value,
}

/// Somebody liked one reply better than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    pub created_ms: i64,
    pub better: MessageId,
    pub worse: MessageId,
}

impl Store {
    /// Keeps a measurement.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_run(&mut self, run: &Run) -> Result<RunId, StoreError> {
        let created = if run.created_ms == 0 {
            now_ms()
        } else {
            run.created_ms
        };
        let figures = run.figures.to_string();
        let params = to_json(&run.params);
        self.db
            .execute(
                "INSERT INTO run (created_ms, kind, model, params, figures) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![created, run.kind, run.model, params, figures],
            )
            .tried("keeping a measurement")?;
        Ok(RunId(self.db.last_insert_rowid()))
    }

    /// The measurements of a kind, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn runs(&self, kind: &str, limit: usize) -> Result<Vec<(RunId, Run)>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.db
            .prepare_cached(
                "SELECT id, created_ms, kind, model, params, figures FROM run WHERE kind = ?1
                 ORDER BY id DESC LIMIT ?2",
            )
            .and_then(|mut runs| {
                runs.query_map(params![kind, limit], |row| {
                    let run = Run {
                        created_ms: row.get(1)?,
                        kind: row.get(2)?,
                        model: row.get(3)?,
                        params: from_json(&row.get::<_, String>(4)?),
                        figures: from_json(&row.get::<_, String>(5)?),
                    };
                    Ok((RunId(row.get(0)?), run))
                })?
                .collect()
            })
            .tried("reading the measurements")
    }

    /// Keeps that somebody liked one reply better than another.
    ///
    /// # Errors
    /// When there are no such messages, or it cannot be written.
    pub fn vote(&mut self, better: MessageId, worse: MessageId) -> Result<(), StoreError> {
        if better == worse {
            return Err(StoreError::Refused(
                "a reply cannot be better than itself".to_owned(),
            ));
        }
        self.db
            .execute(
                "INSERT INTO vote (created_ms, better, worse) VALUES (?1, ?2, ?3)",
                params![now_ms(), better.0, worse.0],
            )
            .map(|_| ())
            .tried("keeping a vote")
    }

    /// Every vote, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn votes(&self) -> Result<Vec<Vote>, StoreError> {
        self.db
            .prepare_cached("SELECT created_ms, better, worse FROM vote ORDER BY id")
            .and_then(|mut votes| {
                votes
                    .query_map([], |row| {
                        Ok(Vote {
                            created_ms: row.get(0)?,
                            better: MessageId(row.get(1)?),
                            worse: MessageId(row.get(2)?),
                        })
                    })?
                    .collect()
            })
            .tried("reading the votes")
    }
}
