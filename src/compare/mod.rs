//! Presets against each other: what a column is, where columns differ, and what votes show.
//!
//! ```text
//! "a,b,creative:temp=1.4" ─► column ─► engine (one prefill, one batch) ─► report: Markdown, JSON
//!                              └─► differ: parameters, words            ballots ─► standing
//! ```
//! Pure: no clock, no files, no screen. Chance comes from seeds that are given.

mod column;
mod differ;
mod order;
mod report;
mod room;
mod standing;
mod words;
mod written;

pub use column::{CURRENT, Column, ColumnError, FEWEST, MOST, columns, parse};
pub use differ::{Difference, differences};
pub use order::shuffled;
pub use report::{ColumnReport, Prefill, Report, stop_name};
pub use room::{Room, at_once, longest_reply, sequences_for};
pub use standing::{Ballot, Contender, FEWEST_VOTES, Gap, Group, Row, SEED, Standing, standing};
pub use words::{Word, words};
pub use written::{columns_and_message, listed};
