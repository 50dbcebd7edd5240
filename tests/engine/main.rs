//! The real engine: llama.cpp on its own thread, with the built-in model.

#[path = "../../xtask/src/fixture/mod.rs"]
#[allow(dead_code, reason = "shared with xtask")]
mod fixture;

mod bench;
mod branches;
mod columns;
mod forecast;
mod guide;
mod harness;
mod held;
mod loading;
mod missed;
mod offload;
mod replies;
mod retuning;
mod sampling;
mod shelf;
mod tokens;
