//! How much was computed for the chats that are kept.

use super::error::Tried;
use super::{Store, StoreError};
use crate::engine::Timings;

/// What all replies of the store took together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub replies: u64,
    /// Prompt tokens, those found in a cache included.
    pub prompt_n: u64,
    /// Prompt tokens that were computed.
    pub computed_n: u64,
    pub predicted_n: u64,
    pub prompt_ms: f64,
    pub predicted_ms: f64,
    /// When the first reply began, in milliseconds since 1970, UTC; `None` = there is none.
    pub first_ms: Option<i64>,
}

impl Store {
    /// Sums the timings of all replies, those that were deleted or made again included: they were
    /// computed all the same. A reply that stands in several chats, because one was forked from
    /// the other, counts once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        const WHAT: &str = "reading what replies took";
        let mut usage = Usage::default();
        let mut rows = self
            .db
            .prepare_cached(
                "SELECT DISTINCT created_ms, model, timings FROM message
                 WHERE role = 'assistant' AND timings IS NOT NULL",
            )
            .tried(WHAT)?;
        let rows = rows
            .query_map([], |row| {
                let created: i64 = row.get(0)?;
                Ok((created, super::row::text(row, 2)?))
            })
            .tried(WHAT)?;
        for row in rows {
            let (created, json) = row.tried(WHAT)?;
            // What a damaged disk made of it is not counted.
            let Ok(timings) = serde_json::from_str::<Timings>(&json) else {
                continue;
            };
            usage.add(created, &timings);
        }
        Ok(usage)
    }
}

impl Usage {
    fn add(&mut self, created_ms: i64, timings: &Timings) {
        let times = [timings.prompt_ms, timings.predicted_ms];
        if !times.iter().all(|ms| (0.0..1e12).contains(ms)) {
            return;
        }
        let computed = u64::from(timings.prompt_n);
        self.replies += 1;
        self.prompt_n += computed + u64::from(timings.cache_n);
        self.computed_n += computed;
        self.predicted_n += u64::from(timings.predicted_n);
        self.prompt_ms += timings.prompt_ms;
        self.predicted_ms += timings.predicted_ms;
        let first = self.first_ms.unwrap_or(created_ms);
        self.first_ms = Some(first.min(created_ms));
    }
}
