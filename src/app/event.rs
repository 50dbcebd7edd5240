//! Everything that can happen.

use std::path::PathBuf;
use std::sync::Arc;

use super::{LogLine, MeasureNews, Origin, ShownColumn, Viewport};
use crate::attach::File;
use crate::config::{Persona, Preset};
use crate::diagnose::Machine;
use crate::engine::{EngineEvent, RequestId};
use crate::hub;
use crate::keymap::{Key, Keymap};
use crate::library::Modelfile;
use crate::plan::Peak;
use crate::store;
use crate::telemetry::Sample;

/// A wake-up of the program; the list is closed.
#[derive(Debug)]
pub enum Event {
    Key(Key),
    /// Characters that came faster than keys are pressed, with no other key between them.
    Typed(String),
    Paste(String),
    /// The terminal's size in cells.
    Resize {
        width: u16,
        height: u16,
    },
    /// What the last frame could show of the transcript.
    Viewport(Viewport),
    /// What the last frame showed of a comparison.
    Columns(Vec<ShownColumn>),
    Engine(EngineEvent),
    Store(store::Event),
    /// What Ollama keeps beside weights; the model is loaded with it.
    Modelfile {
        path: PathBuf,
        modelfile: Option<Modelfile>,
    },
    /// What the Hub has, and how far downloads are.
    Hub(hub::Event),
    Sample(Box<Sample>),
    /// What the devices of this machine read from their memory and compute at most, measured.
    Peaks(Vec<Peak>),
    /// What of this machine never changes while the program runs.
    Machine(Box<Machine>),
    Settings(Settings),
    Log(LogLine),
    /// Answer to `Effect::ListPaths`: the text that was completed and what fits it.
    Paths {
        typed: String,
        found: Vec<String>,
    },
    /// Answer to `Effect::ReadFiles`: the text of the files, or why there is none.
    Files {
        typed: String,
        origin: Origin,
        read: Result<Vec<File>, String>,
    },
    /// Answers to `Effect::Measure`.
    Measure(MeasureNews),
    /// Answer to `Effect::WriteFile`: where it lies now, or why it could not be written.
    Written(Result<String, String>),
    /// News of the models on this machine.
    Library(crate::library::News),
    /// Answer to `Effect::Copy`: how it was done, or why it could not be.
    Copied(Result<String, String>),
    /// Answer to `Effect::Edit`: the text as it is now, or why it is as it was.
    Edited(Result<String, String>),
    Timer(Timer),
    /// A model to load was found while starting.
    Open(PathBuf),
    /// Something went wrong outside; the sentence goes into the transcript.
    Problem(String),
    /// The program was asked to end from outside (SIGTERM, SIGHUP, SIGINT).
    Terminate,
}

/// Something the user keeps in files was read anew.
#[derive(Debug)]
pub enum Settings {
    Presets(Arc<Vec<Preset>>),
    Personas(Arc<Vec<Persona>>),
    /// The names of the themes, and the one in use.
    Themes {
        names: Arc<Vec<String>>,
        current: String,
    },
    Keymap(Arc<Keymap>),
    /// The `[params]` table of the configuration.
    Config(crate::params::Overrides),
    /// Another theme was configured; it is one of those there are.
    Theme(String),
    /// Another preset was configured, one of those there are, or none any more.
    Preset(Option<String>),
    /// A file could not be used; the last good version stays. Names file, line and reason.
    Rejected(String),
}

/// What a timer was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The second Ctrl-C after the first with this number must come before this.
    QuitArmed(u64),
    /// The notice with this number disappears.
    Notice(u64),
    /// What the reply has grown by is saved.
    SaveReply(RequestId),
}
