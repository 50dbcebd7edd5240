//! The last hour on one time axis, in memory that does not grow.
//!
//! A ring of moments, the figures of each series beside it (NaN = no reading), and marks where
//! something was changed. 7,200 moments of 51 series take 1.5 MB; a series that never had a value
//! takes none.

pub mod export;
mod series;

use std::collections::VecDeque;

pub use series::{GpuSeries, MOST_GPUS, Series, Work};

use super::{Moment, Sample};

/// How far back it goes, in milliseconds.
pub const SPAN_MS: u64 = 60 * 60 * 1000;
/// Moments kept: two a second.
const MOST: usize = 7200;
/// Moments that are nearer than this are one: the newer counts.
const SAME_MS: u64 = 250;
/// A reading holds until the next one, but not for longer than this.
const HOLDS_MS: u64 = 1500;
/// Marks kept, and bytes of text each.
const MOST_MARKS: usize = 512;
const MARK_BYTES: usize = 120;

/// The last hour.
#[derive(Clone, Debug)]
pub struct History {
    /// When each moment was, in the order of the ring.
    at: Vec<u64>,
    columns: Vec<Option<Box<[f32]>>>,
    /// The oldest moment.
    first: usize,
    /// Milliseconds since 1970 at which the sensors were started, by the latest sample.
    unix_start: i64,
    marks: VecDeque<Mark>,
}

/// Something that happened and may explain what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Milliseconds since the sensors were started.
    pub at_ms: u64,
    pub kind: MarkKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// A parameter was changed.
    Parameter,
    /// A model was loaded.
    Model,
    /// A reply began.
    Reply,
}

impl MarkKind {
    /// The name in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Model => "model",
            Self::Reply => "reply",
        }
    }

    /// The letter on the time axis.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Parameter => "P",
            Self::Model => "M",
            Self::Reply => "R",
        }
    }
}

/// A figure over a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    pub least: f32,
    pub mean: f32,
    pub most: f32,
}

impl Default for History {
    fn default() -> Self {
        Self {
            at: Vec::new(),
            columns: vec![None; Series::COUNT],
            first: 0,
            unix_start: 0,
            marks: VecDeque::new(),
        }
    }
}

impl History {
    /// Keeps a sample and what the model did. One that is older than the newest is left out.
    pub fn record(&mut self, sample: &Sample, work: &Work) {
        let Moment { ms, unix_ms } = sample.at;
        let row = match self.latest_ms() {
            Some(latest) if ms < latest => return,
            Some(latest) if ms - latest < SAME_MS => self.row(self.at.len() - 1),
            _ => self.next_row(ms),
        };
        let since_start = i64::try_from(ms).unwrap_or(i64::MAX);
        self.unix_start = unix_ms.saturating_sub(since_start);
        for series in Series::all() {
            let Some(index) = series.index() else {
                continue;
            };
            let value = series.of(sample, work);
            let column = &mut self.columns[index];
            match (value, column) {
                (Some(value), Some(column)) => column[row] = value,
                (Some(value), empty) => {
                    let mut column = vec![f32::NAN; MOST].into_boxed_slice();
                    column[row] = value;
                    *empty = Some(column);
                }
                (None, Some(column)) => column[row] = f32::NAN,
                (None, None) => {}
            }
        }
    }

    /// Notes that something happened after the latest sample.
    pub fn mark(&mut self, kind: MarkKind, text: &str) {
        if self.marks.len() == MOST_MARKS {
            self.marks.pop_front();
        }
        let end = text.floor_char_boundary(MARK_BYTES);
        self.marks.push_back(Mark {
            at_ms: self.latest_ms().unwrap_or(0),
            kind,
            text: text[..end].to_owned(),
        });
    }

    /// When the latest sample was taken, in milliseconds since the sensors were started.
    pub fn latest_ms(&self) -> Option<u64> {
        let newest = self.at.len().checked_sub(1)?;
        Some(self.at[self.row(newest)])
    }

    /// When the oldest one was that is not more than an hour older.
    pub fn oldest_ms(&self) -> Option<u64> {
        let limit = self.latest_ms()?.saturating_sub(SPAN_MS);
        let oldest = self.position(limit);
        (oldest < self.at.len()).then(|| self.at[self.row(oldest)])
    }

    /// Milliseconds since 1970, UTC, of a time on the axis.
    pub fn unix_ms(&self, at_ms: u64) -> i64 {
        self.unix_start
            .saturating_add(i64::try_from(at_ms).unwrap_or(i64::MAX))
    }

    /// Whether there was ever a value.
    pub fn has(&self, series: Series) -> bool {
        self.column(series).is_some()
    }

    /// The figures of equal stretches of `from..to` (milliseconds), as many as `columns`. A stretch
    /// shorter than the time between two samples has the one before, as long as that holds.
    pub fn stretches(
        &self,
        series: Series,
        from: u64,
        to: u64,
        columns: usize,
    ) -> Vec<Option<Stretch>> {
        let Some(column) = self.column(series) else {
            return vec![None; columns];
        };
        let oldest = self.oldest_ms().unwrap_or(0);
        let length = to.saturating_sub(from);
        let edge = |index: usize| {
            from.saturating_add(
                u64::try_from(u128::from(length) * index as u128 / columns as u128)
                    .unwrap_or(length),
            )
        };
        let mut at = self.position(from.max(oldest));
        let mut stretches = Vec::with_capacity(columns);
        for index in 0..columns {
            let (begin, end) = (edge(index), edge(index + 1));
            let mut sum = Sum::default();
            while at < self.at.len() && self.at[self.row(at)] < end {
                sum.add(column[self.row(at)]);
                at += 1;
            }
            let held = at.checked_sub(1).map(|before| self.row(before));
            let held = held.filter(|row| {
                sum.samples == 0
                    && begin < end
                    && self.at[*row] >= oldest
                    && begin.saturating_sub(self.at[*row]) < HOLDS_MS
            });
            if let Some(row) = held {
                sum.add(column[row]);
            }
            stretches.push(sum.stretch());
        }
        stretches
    }

    /// The figure at a time: the latest reading not after it, while it holds.
    pub fn value(&self, series: Series, at_ms: u64) -> Option<f32> {
        let column = self.column(series)?;
        let before = self.position(at_ms.saturating_add(1)).checked_sub(1)?;
        let row = self.row(before);
        let holds = at_ms.saturating_sub(self.at[row]) < HOLDS_MS;
        Some(column[row]).filter(|value| holds && value.is_finite())
    }

    /// What happened from one time to before another, oldest first.
    pub fn marks(&self, from: u64, to: u64) -> impl Iterator<Item = &Mark> {
        self.marks
            .iter()
            .filter(move |mark| (from..to).contains(&mark.at_ms))
    }

    /// The times of all samples of the last hour, oldest first.
    pub fn moments(&self) -> impl Iterator<Item = u64> {
        let oldest = self
            .oldest_ms()
            .map_or(self.at.len(), |ms| self.position(ms));
        (oldest..self.at.len()).map(|position| self.at[self.row(position)])
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let columns = self.columns.iter().flatten();
        let figures: usize = columns.map(|column| size_of_val(&**column)).sum();
        let marks: usize = self.marks.iter().map(|mark| mark.text.capacity()).sum();
        figures
            + self.at.capacity() * size_of::<u64>()
            + self.marks.capacity() * size_of::<Mark>()
            + marks
            + self.columns.capacity() * size_of::<Option<Box<[f32]>>>()
    }

    fn column(&self, series: Series) -> Option<&[f32]> {
        self.columns[series.index()?].as_deref()
    }

    /// Where the moment at that position, counted from the oldest, lies in the ring.
    fn row(&self, position: usize) -> usize {
        (self.first + position) % MOST
    }

    /// The first position at or after a time.
    fn position(&self, at_ms: u64) -> usize {
        let (mut low, mut high) = (0, self.at.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.at[self.row(middle)] < at_ms {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn next_row(&mut self, at_ms: u64) -> usize {
        if self.at.len() < MOST {
            if self.at.capacity() == 0 {
                self.at.reserve_exact(MOST);
            }
            self.at.push(at_ms);
            return self.at.len() - 1;
        }
        let row = self.first;
        self.at[row] = at_ms;
        self.first = (row + 1) % MOST;
        row
    }
}

#[derive(Default)]
struct Sum {
    samples: usize,
    values: usize,
    sum: f64,
    least: f32,
    most: f32,
}

impl Sum {
    fn add(&mut self, value: f32) {
        self.samples += 1;
        if !value.is_finite() {
            return;
        }
        if self.values == 0 {
            (self.least, self.most) = (value, value);
        }
        self.values += 1;
        self.sum += f64::from(value);
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }

    fn stretch(&self) -> Option<Stretch> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a mean of f32 values"
        )]
        let mean = (self.sum / self.values as f64) as f32;
        (self.values > 0).then(|| Stretch {
            least: self.least,
            // Rounding must not carry it out of its range.
            mean: mean.clamp(self.least, self.most),
            most: self.most,
        })
    }
}

#[cfg(test)]
mod tests;
