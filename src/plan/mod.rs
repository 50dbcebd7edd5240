//! What a model needs and what a machine has: pure functions of a file's facts and free bytes.
//!
//! Right for transformers whose layers each keep keys and values of every token: dense, grouped
//! heads, mixtures of experts, compressed caches (MLA). Windows, shared and recurrent layers are
//! counted as full ones, so for them this is an upper bound that lowers what is automatic and
//! refuses nothing. Experts kept in system memory count where their layer lies.

mod fit;
mod memory;
mod room;
mod whole;

pub use fit::{Fit, Limits, fit, never_fits};
pub use memory::{Memory, Placement, Run, compute_bytes, kv_bytes, kv_bytes_per_token, place};
pub use room::{Capacity, Part, Room, Shortage, Weights};
pub use whole::whole;
