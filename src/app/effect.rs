//! What the runtime is asked to do.

use std::time::Duration;

use super::{Measure, Origin, Timer};
use crate::engine::Command;
use crate::hub;
use crate::store;
use crate::telemetry::history::export::Format;

/// One thing to do; its outcome, if any, comes back as an event.
#[derive(Clone, Debug)]
pub enum Effect {
    Engine(Command),
    /// Keep, read or change saved chats; a reply asked for later waits until a message is durable.
    Store(store::Command),
    /// Ask the Hub, or fetch from it.
    Hub(hub::Command),
    /// Put text on the user's clipboard.
    Copy(String),
    /// List files that complete this path; answered by `Event::Paths`.
    ListPaths(String),
    /// Read files for a message, by a path or a pattern; answered by `Event::Files`.
    ReadFiles {
        typed: String,
        origin: Origin,
    },
    /// Measure the model that runs; answered by `Event::Measure`.
    Measure(Measure),
    /// Use another theme for this session.
    UseTheme(String),
    /// Write metrics to a new file; answered by `Event::Exported`.
    Export {
        format: Format,
        text: String,
    },
    /// Send `Event::Timer` after a while.
    After(Timer, Duration),
    /// Give the terminal back to the shell until `fg`.
    Suspend,
    /// Paint everything anew.
    Redraw,
    Quit,
}
