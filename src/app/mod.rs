//! The program's state and how events change it. Pure: no I/O, no clock, no drawing.
//!
//! `update(&mut State, Event) -> Vec<Effect>`; the runtime performs the effects.

mod attach;
mod bench;
mod chat;
mod chats;
mod compare;
mod composer;
mod context;
mod conversation;
mod copying;
mod downloads;
mod effect;
mod event;
mod export;
mod foresight;
mod gauges;
mod held;
pub mod help;
mod keys;
mod library;
mod log;
mod marking;
mod metrics;
mod model;
mod moving;
mod omission;
mod outline;
mod overlay;
mod params;
mod perform;
mod persona;
mod preview;
mod prompt;
mod replies;
mod retune;
mod saving;
mod scroll;
mod sessions;
mod slash;
mod speed;
mod state;
mod summary;
#[cfg(test)]
mod tests;
mod thought;
mod tokens;
mod update;
mod versions;
mod view;
mod viewport;
mod why;

/// Questions the model that comes with the program answers, to begin with.
pub const QUESTIONS: &[&str] = &[
    "What does top-k do?",
    "How do I load my own model?",
    "Why is my model slow?",
];

pub use crate::keymap::Action;
pub use attach::{AttachChoice, AttachOffer, AttachState, Attached, Origin};
pub use bench::{
    BenchState, End as MeasureEnd, Measure, News as MeasureNews, Order,
    Progress as MeasureProgress, QUESTIONS as MEASUREMENTS, Question, Run as MeasureRun, Work,
};
pub use chat::{ChatState, Editing, Entry, Notice, Reading, Reply, ReplyState};
pub use chats::ChatQuestion;
pub use compare::{
    Ahead, Answer, CompareState, Line, Message as Compared, Names, Place, Purpose, Run, Scrolling,
    ShownColumn, Stage, message as compared_message, offered as offered_columns,
};
pub use composer::Composer;
pub use context::{ContextState, Filled};
pub use copying::PickedCode;
pub use downloads::{
    Download, DownloadsState, Find, Offers, Part as DownloadsPart, Phase, Queue as DownloadQueue,
};
pub use effect::{Content, Effect, FilePlace};
pub use event::{Event, Settings, Timer};
pub use foresight::Foresight;
pub use gauges::GaugesState;
pub use held::Held;
pub use keys::context;
pub use library::{
    DetailRow, Details, LibraryState, ModelList, ModelRow, Order as ModelOrder,
    Question as RemovalQuestion, Removing, Subset,
};
pub use log::{LogLevel, LogLine, LogState};
pub use marking::{Cursor, Marking};
pub use metrics::{ENERGY_RUN, MetricsState, Window, ZOOMS_MS};
pub use model::{LoadPhase, ModelState};
pub use overlay::{Ask, ContextFullChoice, LineEdit, Overlay, PickList, PromptOverlay};
pub use params::{ParamEdit, ParamsState};
pub use perform::stop;
pub use preview::Preview;
pub use prompt::{Piece, PieceKind, PromptForm, PromptState, Shown};
pub use saving::{Left, Saving, close};
pub use sessions::{Resume, SessionsState, look_for_left_chats};
pub use slash::complete::{Candidate, Completion};
pub use slash::lines as slash_commands;
pub use speed::SpeedState;
pub use state::{Pane, State};
pub use summary::Summarising;
pub use thought::{Folding, Thought};
pub use tokens::{Later, Recorded, Shade, TokensState, Walk, made_with};
pub use update::{note_problem, start, update};
pub use view::View;
pub use viewport::{Anchor, Scroll, Viewport};
pub use why::{WhyState, facts};
