//! `llmdeck bench`: how fast a model runs, measured as llama-bench does, and its history.
//!
//! ```text
//! flags with lists ─► bench::plan ─► bench::Drive ◄─► engine
//!                                        └─► results: stdout, stderr, history file
//! ```
//! Ctrl-C ends it within a step; what was measured until then is printed and kept.

mod args;
mod flags;
mod history;
mod results;

use std::io::Write;
use std::path::Path;

pub use args::{BenchAction, BenchArgs};

use super::engine::{Engine, engine_ended, with_engine};
use super::{ExitCode, Failure, Prepared, model, sanitise};
use crate::bench::{self, Drive, News, Origin, Record};
use crate::engine::{self, EngineError};
use crate::params::{Param, Value};
use crate::runtime;
use results::Results;

pub(super) use flags::{command, lists};
pub(super) use history::run as history;

/// Measures the model with every combination of the lists.
///
/// # Errors
/// When there is no model or no plan, no test could be made, or results cannot be written.
pub(super) fn run(
    args: &BenchArgs,
    lists: &[(Param, Vec<Value>)],
    prepared: &Prepared,
) -> Result<ExitCode, Failure> {
    let path = model::resolve(prepared)?;
    let params = prepared.params_of(&path);
    let plan = bench::plan(&params, lists, &args.tests())
        .map_err(|error| Failure::new(ExitCode::Usage, "planning the tests", error))?;
    engine::llama::install_logging();
    let origin = origin(&path)?;
    let has_gpu = !origin.machine.gpu_info.is_empty();
    let store = (!args.no_history).then(|| bench::history::file(&prepared.folders.data_dir));
    let results = Results::new(args, &plan, has_gpu, store);
    let drive = Drive::new(path, plan, args.repetitions, !args.no_warmup, 1);
    let mut run = Run {
        drive,
        origin,
        results,
        progress: args.progress,
        failed: None,
        measured: 0,
    };
    with_engine(async |engine| run.drive(engine).await)??;
    run.end()
}

/// Where the figures of a model come from.
pub(super) fn origin(path: &Path) -> Result<Origin, Failure> {
    runtime::origin(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let doing = format!("reading the model {}", path.display());
    Failure::new(ExitCode::NoInput, doing, error)
}

/// A measurement in progress.
struct Run {
    drive: Drive,
    origin: Origin,
    results: Results,
    progress: bool,
    /// The first test that could not be made.
    failed: Option<EngineError>,
    measured: usize,
}

impl Run {
    async fn drive(&mut self, engine: Engine<'_>) -> Result<(), Failure> {
        let doing = "measuring the model";
        self.results.begin()?;
        let mut next = self.drive.start();
        while !self.drive.is_over() {
            if let Some(command) = next.take() {
                engine
                    .handle
                    .send(command)
                    .map_err(|_| engine_ended(doing))?;
            }
            tokio::select! {
                event = engine.events.recv() => {
                    let event = event.ok_or_else(|| engine_ended(doing))?;
                    let turn = self.drive.on_event(&event);
                    next = turn.send;
                    if let Some(news) = turn.news {
                        self.take(news)?;
                    }
                }
                Some(()) = engine.interrupts.recv() => next = self.drive.cancel(),
            }
        }
        Ok(())
    }

    fn take(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Sample { index, n } if self.progress => self.say(index, &format!("run {n}")),
            News::Sample { .. } => {}
            News::Measured(measured) => {
                self.measured += 1;
                let origin = Origin {
                    time: runtime::now(),
                    ..self.origin.clone()
                };
                self.results.add(&Record::new(&measured, origin))?;
            }
            News::Failed { index, error } => {
                self.say(index, &format!("skipped: {error}"));
                self.failed.get_or_insert(error);
            }
        }
        Ok(())
    }

    fn say(&self, index: usize, what: &str) {
        let plan = self.drive.plan();
        let name = plan
            .get(index)
            .map_or_else(String::new, |one| bench::test_name(one.test));
        let line = format!("test {}/{} {name}: {what}", index + 1, plan.len());
        // Where standard error cannot be written, nobody reads along.
        let _ = writeln!(std::io::stderr(), "note: {}", sanitise::line(&line));
    }

    /// Ends the output. A plan of which nothing could be measured is a failure.
    fn end(self) -> Result<ExitCode, Failure> {
        self.results.end()?;
        match self.failed {
            _ if self.drive.is_cancelled() => Ok(ExitCode::Interrupted),
            Some(error) if self.measured == 0 => Err(error.into()),
            Some(error) => Ok(error.kind.into()),
            None => Ok(ExitCode::Ok),
        }
    }
}

/// The history file in a data folder, with what is said when it cannot be used.
fn history_failure(path: &Path, code: ExitCode, error: std::io::Error) -> Failure {
    Failure::new(
        code,
        format!("keeping the results in {}", path.display()),
        error,
    )
    .hint("name a writable folder with --data-dir, or leave the history out with --no-history")
}
