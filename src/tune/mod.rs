//! Finding the load parameters with which a model runs fastest on this machine.
//!
//! ```text
//! axes (what may be tried) ─► Search ◄─engine events─► commands
//!                               └─► Race: candidates in turn until a difference is certain
//! ```
//! [`Search`] is a state machine without a clock or a channel, as [`crate::bench::Drive`].

mod axes;
mod outcome;
mod race;
mod search;
mod trial;
pub mod words;

pub use axes::{Axes, Axis, Goal, axes};
pub use outcome::{Candidate, Finding, Outcome};
pub use race::{Arm, Fate, Race};
pub use search::{News, Request, Search, Turn};
