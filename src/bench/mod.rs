//! Measuring a model: what to measure, driving the engine through it, figures, and their history.
//!
//! ```text
//! lists and ranges ─► plan ─► Drive ◄─engine events─► commands
//!                               └─► Measured ─► Record ─► report (md, json, jsonl, csv), history
//! ```
//! [`Drive`] is a state machine without a clock or a channel, so that the command line, a screen
//! and tests drive it alike. Flags, test names and field names are llama-bench's.

mod drive;
pub mod history;
mod list;
mod machine;
mod plan;
mod prepared;
mod record;
mod report;
mod series;
pub mod stats;

pub use drive::{Drive, Measured, News, Running, Turn};
pub use list::{ListError, counts, pair, values};
pub use machine::Machine;
pub use plan::{Instance, PlanError, Tests, is_load_param, plan, test_name};
pub use prepared::{Prepared, prepare};
pub use record::{Origin, Record};
pub use report::{Format, Printer, held_up};
pub use series::{Axis, Point, Series, series};
