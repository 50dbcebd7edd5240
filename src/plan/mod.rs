//! What a model needs and what a machine has: pure functions of a file's facts and free bytes.
//!
//! `memory` adds up weights and cache by llama.cpp's own rules, `compute` runs its graph through
//! its allocator on sizes alone, `pins` takes out what the user sends elsewhere, and `fit` chooses
//! what was left automatic. `judge` says yes or no with reasons, `stay` which models that are in
//! memory can stay beside another, `speed` and `roofline` how fast at most, and `typical` stands in for models that are not
//! here.

mod compute;
mod fit;
mod judge;
mod memory;
mod pins;
mod roofline;
mod room;
mod speed;
mod stay;
mod typical;
mod whole;

pub use fit::{Fit, Limits, fit, never_fits};
pub use judge::{Lack, Verdict, judge};
pub use memory::{Cells, Memory, Placement, Run, Split, kv_bytes_per_token, kv_of_layer, place};
pub use pins::{Override, Pin, pins};
pub use roofline::{HOST, Peak, Reads, bytes_read, decode_ceiling, peak_of, prefill_ceiling};
pub use room::{Capacity, Part, Room, Shortage, Weights, given_shares, size};
pub use speed::{output_layer, read_per_token, tokens_per_second};
pub use stay::{Present, Stay, Taken};
pub use typical::{of_size, quants, typical};
pub use whole::whole;
