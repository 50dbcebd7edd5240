//! What the runtime is asked to do.

use std::time::Duration;

use super::Timer;
use crate::engine::Command;
use crate::store;

/// One thing to do; its outcome, if any, comes back as an event.
#[derive(Clone, Debug)]
pub enum Effect {
    Engine(Command),
    /// Keep, read or change saved chats; a reply asked for later waits until a message is durable.
    Store(store::Command),
    /// Put text on the user's clipboard.
    Copy(String),
    /// List files that complete this path; answered by `Event::Paths`.
    ListPaths(String),
    /// Read the measurements kept; answered by `Event::Measurements`.
    ReadMeasurements,
    /// Ask the library; answered by `Event::Library`.
    Library(crate::library::Job),
    /// Use another theme for this session.
    UseTheme(String),
    /// Send `Event::Timer` after a while.
    After(Timer, Duration),
    /// Give the terminal back to the shell until `fg`.
    Suspend,
    /// Paint everything anew.
    Redraw,
    Quit,
}
