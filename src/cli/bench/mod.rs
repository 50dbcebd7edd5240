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
use crate::params::{Overrides, Param, Params, Source, TABLE, Value};
use crate::runtime;
use crate::tune::words;
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
    if let Some(why) = without_effect(lists, has_gpu) {
        note(why);
    }
    if let Some(values) = tuned(&params, lists) {
        let again = format!("`llmdeck tune --undo {}` takes them back", path.display());
        note(&format!(
            "values found by tuning are in force: {values}; {again}"
        ));
    }
    let store = (!args.no_history).then(|| bench::history::file(&prepared.folders.data_dir));
    let results = Results::new(args, &plan, has_gpu, store);
    let drive = Drive::new(path, plan, args.repetitions, !args.no_warmup, 1);
    let mut run = Run {
        drive,
        origin,
        results,
        progress: args.progress,
        failed: Vec::new(),
        told: 0,
        measured: 0,
    };
    with_engine(async |engine| run.drive(engine).await)??;
    run.end()
}

/// Values in force that a search found, as one types them; what the lists vary is not among them.
fn tuned(params: &Params, lists: &[(Param, Vec<Value>)]) -> Option<String> {
    let found = TABLE.iter().map(|spec| spec.param).filter(|param| {
        let varies = lists.iter().any(|(varied, _)| varied == param);
        params.source(*param) == Source::Tuned && !varies
    });
    let found: Overrides = found.map(|param| (param, params.get(param))).collect();
    (!found.is_empty()).then(|| words::values(&found))
}

/// Why rows will differ in a parameter's value only, if they will.
fn without_effect(lists: &[(Param, Vec<Value>)], has_gpu: bool) -> Option<&'static str> {
    let layers = lists.iter().find(|(param, _)| *param == Param::NGpuLayers);
    let differ = layers.is_some_and(|(_, values)| values.iter().any(|value| *value != values[0]));
    (differ && !has_gpu).then_some(
        "llama.cpp finds no GPU here, so n-gpu-layers has no effect: every value is measured with 0 layers on a GPU",
    )
}

/// Says something beside the results.
fn note(text: &str) {
    // Where standard error cannot be written, nobody reads along.
    let _ = writeln!(std::io::stderr(), "note: {}", sanitise::line(text));
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
    /// Tests that could not be made, by their places in the plan.
    failed: Vec<(usize, EngineError)>,
    /// How many of them standard error has been told of.
    told: usize,
    measured: usize,
}

impl Run {
    async fn drive(&mut self, engine: Engine<'_>) -> Result<(), Failure> {
        let doing = "measuring the model";
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
                self.tell_failed();
                let origin = Origin {
                    time: runtime::now(),
                    ..self.origin.clone()
                };
                self.results.add(&Record::new(&measured, origin))?;
            }
            News::Failed { index, error } => {
                self.failed.push((index, error));
                // Before anything is measured it may be one failure of all tests, said once at the end.
                if self.measured > 0 {
                    self.tell_failed();
                }
            }
        }
        Ok(())
    }

    /// Names the tests that could not be made, where that was not done before.
    fn tell_failed(&mut self) {
        for (index, error) in &self.failed[self.told..] {
            self.say(*index, &format!("skipped: {error}"));
        }
        self.told = self.failed.len();
    }

    fn say(&self, index: usize, what: &str) {
        let plan = self.drive.plan();
        let name = plan
            .get(index)
            .map_or_else(String::new, |one| bench::test_name(one.test));
        note(&format!("test {}/{} {name}: {what}", index + 1, plan.len()));
    }

    /// Ends the output. What made every test fail is the failure of them all.
    fn end(mut self) -> Result<ExitCode, Failure> {
        self.results.end()?;
        let cancelled = self.drive.is_cancelled();
        if !cancelled
            && self.measured == 0
            && let Some(error) = of_all(&self.failed)
        {
            return Err(error.clone().into());
        }
        self.tell_failed();
        Ok(match self.failed.first() {
            _ if cancelled => ExitCode::Interrupted,
            Some((_, error)) => error.kind.into(),
            None => ExitCode::Ok,
        })
    }
}

/// The error of all tests, if there is one and it is the same.
fn of_all(failed: &[(usize, EngineError)]) -> Option<&EngineError> {
    let (_, first) = failed.first()?;
    failed
        .iter()
        .all(|(_, error)| error == first)
        .then_some(first)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_on_gpus_have_an_effect_only_where_there_is_one() {
        let layers = |counts: &[i64]| {
            let values = counts.iter().copied().map(Value::Int);
            [(Param::NGpuLayers, values.collect())]
        };
        assert!(without_effect(&layers(&[0, 12, 24]), false).is_some());
        assert_eq!(without_effect(&layers(&[0, 12, 24]), true), None);
        // Nothing is compared.
        assert_eq!(without_effect(&layers(&[12]), false), None);
        assert_eq!(without_effect(&[], false), None);
    }
}
