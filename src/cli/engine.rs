//! An engine for the length of one command.

use tokio::sync::mpsc::Receiver;

use super::{ExitCode, Failure, interrupts};
use crate::engine::{self, Command, EngineEvent, EngineHandle};

/// A running engine, and the user's wishes to stop.
pub(super) struct Engine<'a> {
    pub handle: &'a EngineHandle,
    pub events: &'a mut Receiver<EngineEvent>,
    /// A message for each wish to stop.
    pub interrupts: &'a mut Receiver<()>,
}

/// Starts an engine, does the work and ends the engine, however the work went.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn with_engine<T>(work: impl AsyncFnOnce(Engine<'_>) -> T) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Os, "starting", error))?;
    let (handle, mut events) = engine::llama::start()
        .map_err(|error| Failure::new(ExitCode::Os, "starting the engine", error))?;
    let result = runtime.block_on(async {
        let mut interrupts = interrupts::listen();
        work(Engine {
            handle: &handle,
            events: &mut events,
            interrupts: &mut interrupts,
        })
        .await
    });
    // A stopped engine takes no commands, and then there is nothing to stop. The events' end has
    // to go first: the thread would wait for room to tell its last ones.
    let _ = handle.send(Command::Stop);
    drop(events);
    if !handle.join() {
        tracing::error!("the engine thread panicked");
    }
    Ok(result)
}

/// The engine ended while something was asked of it.
pub(super) fn engine_ended(doing: &str) -> Failure {
    Failure::new(
        ExitCode::Software,
        doing,
        "the engine ended before its time",
    )
    .hint("the log file says more; llmdeck --print-paths tells where it is")
}
