//! Votes on answers to one prompt, by settings and not by message: they outlive the chats.

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::error::Tried;
use super::open::now_ms;
use super::{Store, StoreError};
use crate::compare::{Ballot, Contender};
use crate::hex;

impl Store {
    /// Keeps a vote. Of the prompt only a hash is kept. All contenders ran on one model.
    ///
    /// # Errors
    /// For a vote without two contenders or without a best one, and when it cannot be written.
    pub fn cast(&mut self, prompt: &str, ballot: &Ballot) -> Result<(), StoreError> {
        let refused = |why: &str| Err(StoreError::Refused(why.to_owned()));
        let Some(first) = ballot.contenders.first() else {
            return refused("a vote without answers says nothing");
        };
        let others = &ballot.contenders[1..];
        if others.is_empty()
            || others
                .iter()
                .any(|other| other.model_hash != first.model_hash)
        {
            return refused("a vote is between several answers of one model");
        }
        let count = ballot.contenders.len();
        if ballot.best.is_empty() || ballot.best.iter().any(|at| *at >= count) {
            return refused("a vote names the best of its answers");
        }
        let pairs: Vec<[&str; 2]> = ballot
            .contenders
            .iter()
            .map(|contender| [contender.preset.as_str(), contender.preset_hash.as_str()])
            .collect();
        self.db
            .execute(
                "INSERT INTO ballot (created_ms, prompt, model, model_hash, contenders, best)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    now_ms(),
                    hash(prompt),
                    first.model,
                    first.model_hash,
                    serde_json::json!(pairs).to_string(),
                    serde_json::json!(ballot.best).to_string(),
                ],
            )
            .map(|_| ())
            .tried("keeping a vote")
    }

    /// Whether there is a vote on answers of these to this prompt, in whatever order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_voted(&self, prompt: &str, contenders: &[Contender]) -> Result<bool, StoreError> {
        let sql = "SELECT model, model_hash, contenders, best FROM ballot WHERE prompt = ?1";
        let rows: Vec<[String; 4]> = self
            .db
            .prepare_cached(sql)
            .and_then(|mut ballots| ballots.query_map([hash(prompt)], columns)?.collect())
            .tried("reading the votes")?;
        let hashes = |contenders: &[Contender]| {
            let hash = |one: &Contender| (one.model_hash.clone(), one.preset_hash.clone());
            let mut hashes: Vec<_> = contenders.iter().map(hash).collect();
            hashes.sort();
            hashes
        };
        let wanted = hashes(contenders);
        let mut ballots = rows.iter().filter_map(read);
        Ok(ballots.any(|ballot| hashes(&ballot.contenders) == wanted))
    }

    /// Every vote, oldest first; one that cannot be read is left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ballots(&self) -> Result<Vec<Ballot>, StoreError> {
        let rows: Vec<[String; 4]> = self
            .db
            .prepare_cached("SELECT model, model_hash, contenders, best FROM ballot ORDER BY id")
            .and_then(|mut ballots| ballots.query_map([], columns)?.collect())
            .tried("reading the votes")?;
        Ok(rows.iter().filter_map(read).collect())
    }
}

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<[String; 4]> {
    Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
}

fn read([model, model_hash, contenders, best]: &[String; 4]) -> Option<Ballot> {
    let pairs: Vec<[String; 2]> = serde_json::from_str(contenders).ok()?;
    let best: Vec<usize> = serde_json::from_str(best).ok()?;
    let contenders = pairs.into_iter().map(|[preset, preset_hash]| Contender {
        model: model.clone(),
        model_hash: model_hash.clone(),
        preset,
        preset_hash,
    });
    Some(Ballot {
        contenders: contenders.collect(),
        best,
    })
}

fn hash(prompt: &str) -> String {
    hex::digits(&Sha256::digest(prompt)[..8])
}
