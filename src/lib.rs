//! llmdeck: a terminal workbench for large language models on your own hardware.
//!
//! Data flows one way: `runtime` turns keys, signals, engine events and samples into
//! [`app::Event`]s, [`app::update`] changes the [`app::State`] and returns effects, the
//! runtime performs them, and [`ui`] draws the state. `docs/ARCHITECTURE.md` is the map.

pub mod app;
pub mod attach;
pub mod bench;
pub mod chat;
pub mod cli;
pub mod compare;
pub mod config;
pub mod costs;
pub mod diagnose;
pub mod engine;
pub mod gguf;
pub mod hardware;
pub mod hex;
pub mod hub;
pub mod keymap;
pub mod library;
pub mod markdown;
pub mod params;
pub mod plan;
pub mod runtime;
pub mod store;
pub mod telemetry;
pub mod terminal;
pub mod theme;
pub mod tune;
pub mod ui;
pub mod units;
