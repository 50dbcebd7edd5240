//! The other end of the engine thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Instant;

use super::Command;

/// Sends commands to an engine; dropping it does not stop the engine, [`Command::Stop`] does.
pub struct EngineHandle {
    pub(super) commands: Commands,
    /// Raised with every command that must be noticed inside a decode step.
    pub(super) interrupts: Arc<AtomicU64>,
    pub(super) thread: Option<JoinHandle<()>>,
}

/// Where the commands go. Nothing bounds how many wait: they are small and come from a person, and
/// an engine that is busy for long must not look like one that has stopped.
pub(super) enum Commands {
    /// The thread that owns llama.cpp.
    Thread(Sender<Arrived>),
    /// The task of the fake engine, which lives in tokio's virtual time.
    Task(tokio::sync::mpsc::UnboundedSender<Command>),
}

/// A command and when it was given: what it waits for counts, too.
#[derive(Debug)]
pub(super) struct Arrived {
    pub command: Command,
    pub at: Instant,
}

/// The engine thread has ended.
#[derive(Debug, thiserror::Error)]
#[error("the engine does not take commands any more")]
pub struct EngineStopped;

impl EngineHandle {
    /// Sends a command without waiting.
    ///
    /// # Errors
    /// [`EngineStopped`] when the thread has ended.
    pub fn send(&self, command: Command) -> Result<(), EngineStopped> {
        // A preview computes at once when nothing else does; it must not interrupt itself.
        let urgent = !matches!(
            command,
            Command::Generate(_)
                | Command::Resample { .. }
                | Command::Count { .. }
                | Command::Preview(_)
                | Command::ShowPrompt(_)
        );
        match &self.commands {
            Commands::Thread(commands) => {
                let at = Instant::now();
                commands
                    .send(Arrived { command, at })
                    .map_err(|_| EngineStopped)?;
            }
            Commands::Task(commands) => commands.send(command).map_err(|_| EngineStopped)?,
        }
        if urgent {
            self.interrupts.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    /// Waits for the thread to end after [`Command::Stop`]; true when it ended without panicking.
    pub fn join(mut self) -> bool {
        self.thread
            .take()
            .is_none_or(|thread| thread.join().is_ok())
    }
}
