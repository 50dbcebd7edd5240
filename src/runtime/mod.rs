//! The only place that does things: it turns what happens into events, performs effects, draws frames.
//!
//! ```text
//! Input, Signals ─┐                        ┌─► engine commands
//! engine events ──┼─► Deck::run ─ update ──┼─► clipboard, timers, path listings
//! inbox ──────────┘        │               └─► quit: stop the engine, give the terminal back
//!   samples, settings,     └─ pacer due ─► ui::draw
//!   log lines, timers
//! ```

mod deck;
mod files;
mod library;
mod machine;
mod measure;
mod paths;
mod peaks;
mod results;
mod screen;
mod settings;
mod start;
mod store;

use std::io;

pub use deck::{Actors, Deck, Look, Sources, Wake};
pub use files::Places;
pub use library::{Estimator, Librarian, Notes, find_models, marks, model_names};
pub use machine::machine_facts;
pub use measure::Measurer;
pub use peaks::{bandwidths, known_peaks, measure_peaks};
pub use results::{keep_profile, now, origin, remove_profile};
pub use screen::{Edited, RealScreen, Screen};
pub use start::Startup;
pub use store::Saver;

/// Why the deck ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The user quit.
    Quit,
    /// A signal asked for it, or the terminal went away.
    Signal,
}

/// Runs the deck until the user quits or a signal comes.
///
/// # Errors
/// When there is no terminal, or it cannot be written to any more.
pub fn run(startup: Startup) -> io::Result<Ended> {
    // One thread: the deck waits most of the time, and every core is wanted by the engine.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(start::start(startup))
}
