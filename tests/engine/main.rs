//! The real engine: llama.cpp on its own thread, with the built-in model.

mod bench;
mod forecast;
mod guide;
mod harness;
mod loading;
mod offload;
mod replies;
mod retuning;
mod sampling;
mod shelf;
mod tokens;
