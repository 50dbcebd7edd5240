//! What the runtime is asked to do.

use std::time::Duration;

use super::{Measure, Origin, Timer};
use crate::engine::Command;
use crate::store;
use crate::store::exchange::{Archive, Format as ChatFormat};
use crate::telemetry::history::export::Format;

/// One thing to do; its outcome, if any, comes back as an event.
#[derive(Clone, Debug)]
pub enum Effect {
    Engine(Command),
    /// Keep, read or change saved chats; a reply asked for later waits until a message is durable.
    Store(store::Command),
    /// Put text on the user's clipboard.
    Copy(String),
    /// Write the chat to a new file; answered by `Event::ChatExported`.
    ExportChat {
        file: ExportFile,
        format: ChatFormat,
        chat: Box<Archive>,
    },
    /// Open the user's editor with this text; answered by `Event::Edited`.
    Edit(String),
    /// List files that complete this path; answered by `Event::Paths`.
    ListPaths(String),
    /// Read files for a message, by a path or a pattern; answered by `Event::Files`.
    ReadFiles {
        typed: String,
        origin: Origin,
    },
    /// Measure the model that runs; answered by `Event::Measure`.
    Measure(Measure),
    /// Write a new file; answered by `Event::Written`. None that is there already is replaced.
    WriteFile {
        place: FilePlace,
        text: String,
    },
    /// Ask the library; answered by `Event::Library`.
    Library(crate::library::Command),
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

/// Where a chat is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportFile {
    /// What the user typed.
    Named(String),
    /// This name in the present folder, with a number where there is such a file already.
    Default(String),
}

/// Where a file is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// As the user typed it; from the present folder on.
    Named(String),
    /// The user's preset of that name.
    Preset(String),
}

impl FilePlace {
    /// The user's preset of a name.
    ///
    /// # Errors
    /// In words, for what can be no file's name.
    pub(super) fn preset(name: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err("A preset's name has letters, digits, - and _: my-preset.".into());
        }
        Ok(Self::Preset(name.to_owned()))
    }
}
