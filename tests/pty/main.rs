//! The real program in a real pseudo-terminal.

mod deck;
mod harness;
mod harness_works;
