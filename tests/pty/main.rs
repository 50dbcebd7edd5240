//! The real program in a real pseudo-terminal.

mod deck;
mod downloads;
mod harness;
mod harness_works;
#[expect(dead_code, reason = "the tests of the Hub ask for more")]
#[path = "../hub/server.rs"]
mod hub_server;
