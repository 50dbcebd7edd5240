//! The program's state and how events change it. Pure: no I/O, no clock, no drawing.
//!
//! `update(&mut State, Event) -> Vec<Effect>`; the runtime performs the effects.

mod action;
mod bench;
mod chat;
mod composer;
mod effect;
mod event;
mod foresight;
mod gauges;
pub mod help;
mod keys;
mod library;
mod log;
mod model;
mod overlay;
mod params;
mod perform;
mod replies;
mod retune;
mod saving;
mod sessions;
mod slash;
mod speed;
mod state;
#[cfg(test)]
mod tests;
mod update;
mod view;

/// Questions the model that comes with the program answers, to begin with.
pub const QUESTIONS: &[&str] = &[
    "What does top-k do?",
    "How do I load my own model?",
    "Why is my model slow?",
];

pub use action::Action;
pub use bench::BenchState;
pub use chat::{ChatState, Entry, Notice, Reply, ReplyState, Scroll, Viewport};
pub use composer::Composer;
pub use effect::Effect;
pub use event::{Event, Settings, Timer};
pub use foresight::Foresight;
pub use gauges::GaugesState;
pub use keys::context;
pub use library::{Details, LibraryState, Removing, Shown, Sort};
pub use log::{LogLevel, LogLine, LogState};
pub use model::{LoadPhase, ModelState};
pub use overlay::{ContextFullChoice, LineEdit, Overlay, PickList, PromptOverlay};
pub use params::{ParamEdit, ParamsState};
pub use perform::stop;
pub use saving::{Left, Saving, close};
pub use sessions::{Resume, SessionsState, look_for_left_chats};
pub use slash::lines as slash_commands;
pub use speed::SpeedState;
pub use state::{Pane, State};
pub use update::{note_problem, start, update};
pub use view::View;
