//! `plan` against llama.cpp: what it says a model takes, and what llama.cpp reports after a load.

#[path = "../../xtask/src/fixture/mod.rs"]
#[allow(dead_code, reason = "shared with xtask")]
mod fixture;
#[path = "../engine/harness.rs"]
#[allow(dead_code, reason = "shared with the engine's tests")]
mod harness;

mod compare;
mod offload;
mod shapes;
