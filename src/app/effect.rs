//! What the runtime is asked to do.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{Anchor, Measure, Origin, Timer};
use crate::engine::Command;
use crate::hub;
use crate::store;
use crate::store::exchange::{Archive, Format};

/// One thing to do; its outcome, if any, comes back as an event.
#[derive(Clone, Debug)]
pub enum Effect {
    Engine(Command),
    /// Keep, read or change saved chats; a reply asked for later waits until a message is durable.
    Store(store::Command),
    /// Read what Ollama keeps beside these weights, of the model of that name; answered by
    /// `Event::Modelfile`.
    ReadModelfile {
        path: PathBuf,
        called: Option<String>,
    },
    /// Ask the Hub, or fetch from it.
    Hub(hub::Command),
    /// Put text on the user's clipboard.
    Copy(String),
    /// The text of these lines of the transcript, as they are shown.
    CopyLines(RangeInclusive<Anchor>),
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
        content: Content,
    },
    /// Ask the library; answered by `Event::Library`.
    Library(crate::library::Command),
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

/// Where a file is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// As the user typed it; from the present folder on.
    Named(String),
    /// This name in the present folder, with a number where it is taken.
    Here(String),
    /// This name in the folder of exports, with a number where it is taken.
    Exports(String),
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

/// What a file is to hold.
#[derive(Clone, Debug)]
pub enum Content {
    Text(String),
    /// Written out by the runtime: it may be long.
    Chat {
        chat: Box<Archive>,
        format: Format,
    },
}
