//! The command line: what was asked, everything prepared for it, and how it ended.
//!
//! ```text
//! argv ─► normalise (llama.cpp's spellings) ─► clap ─► setup (folders, files, parameters, log)
//!      ─► deck (no command) | run | bench | tune | compare | fit | sessions | replay | models | metrics | costs | doctor | completion
//!      ─► exit code
//! ```
//! Failures travel as [`Failure`] and are printed here, once.

mod args;
mod bench;
mod compare;
mod completion;
mod costs;
mod deck;
mod doctor;
mod engine;
mod exit;
mod extract;
mod failure;
mod fit;
mod flags;
mod input;
mod interrupts;
pub mod logging;
mod lossy;
mod metrics;
mod model;
mod models;
mod named;
mod normalise;
mod normalised;
mod prompt;
mod replay;
mod retired;
mod run;
pub mod sanitise;
mod sessions;
mod setup;
mod tip;
mod tune;
mod tuned;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::FromArgMatches;
use clap::error::ErrorKind;

pub use args::{Bare, Cli, Command, DoctorArgs, FitArgs, General, InFolders, LogLevel, RunArgs};
pub use bench::{BenchAction, BenchArgs};
pub use compare::{CompareAction, CompareArgs};
pub use completion::{CompleteWordsArgs, CompletionArgs};
pub use costs::CostsArgs;
pub use exit::ExitCode;
pub use extract::ExtractArgs;
pub use failure::Failure;
pub use metrics::MetricsArgs;
pub use models::{ModelsArgs, ModelsCommand};
pub use prompt::PromptArgs;
pub use replay::ReplayArgs;
pub use sessions::{SessionsArgs, SessionsCommand};
pub use setup::Prepared;
pub use tune::TuneArgs;
pub use tuned::Tuned;

use crate::app::Saving;
use crate::params::{Overrides, Param, Value};
use logging::Logging;
use normalise::Grammar;
use setup::OnProblem;

/// Runs the program; the first argument is its name. Every failure has been printed when it returns.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse(args).and_then(|parsed| parsed.map_or_else(Ok, dispatch)) {
        Ok(code) => code,
        Err(failure) => {
            // Where standard error cannot be written either, the exit code has to do.
            let _ = writeln!(io::stderr(), "{failure}");
            failure.code
        }
    }
}

/// A command line that asks for something to be done.
struct Asked {
    cli: Cli,
    parameters: Overrides,
    /// Where parameters take lists.
    lists: Vec<(Param, Vec<Value>)>,
}

/// Reads the command line. Help, the version and mistakes are printed by clap; then all that is
/// left is the exit code, in the inner `Err`.
fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Result<Asked, ExitCode>, Failure> {
    let args: Vec<OsString> = args.into_iter().collect();
    let usual = flags::command();
    let is_bench = Grammar::of(&usual).asks_for(&args, "bench");
    let command = if is_bench { bench::command() } else { usual };
    let normalised = Grammar::of(&command).normalise(args);
    for notice in normalised.notices {
        let _ = writeln!(io::stderr(), "note: {}", sanitise::line(&notice));
    }
    if let Some(failure) = normalised.refused {
        return Err(failure);
    }
    let version = format!(
        "{} (llama.cpp {})",
        env!("CARGO_PKG_VERSION"),
        crate::engine::llama::version()
    );
    let parsed = command
        .version(version)
        .try_get_matches_from(normalised.args)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    match parsed {
        Ok((cli, matches)) if is_bench => Ok(Ok(Asked {
            cli,
            parameters: Overrides::new(),
            lists: bench::lists(&matches),
        })),
        Ok((cli, matches)) => Ok(Ok(Asked {
            cli,
            parameters: flags::overrides(&matches)?,
            lists: Vec::new(),
        })),
        Err(error) => {
            let error = tip::add(error);
            let told = error.print();
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::Ok,
                _ => ExitCode::Usage,
            };
            print_result(told).map(|()| Err(code))
        }
    }
}

fn dispatch(asked: Asked) -> Result<ExitCode, Failure> {
    let Asked {
        cli,
        parameters,
        lists,
    } = asked;
    let command = match &cli.command {
        Some(Command::Bare(command)) => return without_folders(command),
        Some(Command::InFolders(command)) => Some(command),
        None => None,
    };
    let folders = setup::folders(&cli.general)?;
    if cli.general.print_paths {
        return print(&folders.print());
    }
    let filter = cli.general.log_filter();
    match command {
        Some(InFolders::Doctor(args)) => doctor::run(args, &cli.general, folders, parameters),
        Some(InFolders::Fit(args)) => fit::run(args, &cli.general, folders, parameters),
        Some(InFolders::Models(args)) => models::run(args, &cli.general, folders, parameters),
        Some(InFolders::Sessions(args)) => sessions::run(args, &folders),
        Some(InFolders::Metrics(args)) => metrics::run(args),
        Some(InFolders::Costs(args)) => costs::run(args, &folders),
        Some(InFolders::Run(args)) => {
            let prepared = setup::prepare(&cli.general, folders, parameters, OnProblem::Fail)?;
            let _logging = log_to_file(&prepared, &filter);
            run::run(args, prepared)
        }
        Some(InFolders::Replay(args)) => {
            let is_named = cli.general.model.is_some() || cli.general.hf_repo.is_some();
            let given = parameters.clone();
            let prepared = setup::prepare(&cli.general, folders, parameters, OnProblem::Fail)?;
            let _logging = log_to_file(&prepared, &filter);
            let given = replay::Given {
                // The configured model is not the reply's.
                model: prepared.model.clone().filter(|_| is_named),
                preset: cli.general.preset.clone(),
                parameters: given,
            };
            replay::run(args, &prepared, given)
        }
        Some(InFolders::Bench(args)) => {
            if let Some(BenchAction::History(args)) = &args.action {
                return bench::history(args, &cli.general, &folders);
            }
            let prepared = setup::prepare(&cli.general, folders, parameters, OnProblem::Fail)?;
            let _logging = log_to_file(&prepared, &filter);
            bench::run(args, &lists, &prepared)
        }
        Some(InFolders::Prompt(args)) => {
            let prepared = setup::prepare(&cli.general, folders, parameters, OnProblem::Fail)?;
            let _logging = log_to_file(&prepared, &filter);
            prompt::run(args, &prepared)
        }
        Some(InFolders::Compare(args)) => {
            if let Some(action) = &args.action {
                return compare::action(action, &folders);
            }
            let prepared = setup::prepare(&cli.general, folders, parameters, OnProblem::Fail)?;
            let _logging = log_to_file(&prepared, &filter);
            compare::run(args, prepared)
        }
        Some(InFolders::Tune(args)) => {
            let general = cli.general.of(args.file.as_ref());
            let prepared = setup::prepare(&general, folders, parameters, OnProblem::Fail)?;
            let _logging = log_to_file(&prepared, &filter);
            tune::run(args, &prepared)
        }
        None => {
            let mut prepared =
                setup::prepare(&cli.general, folders, parameters, OnProblem::Collect)?;
            let (layer, lines) = logging::pane();
            let mut logging = Logging::start(&prepared.folders.log_file, &filter, Some(layer));
            prepared.problems.append(&mut logging.problems);
            let saving = if cli.incognito {
                Saving::Incognito
            } else {
                Saving::On
            };
            deck::run(prepared, &cli.general, &logging, lines, saving)
        }
    }
}

fn without_folders(command: &Bare) -> Result<ExitCode, Failure> {
    match command {
        Bare::ExtractText(args) => extract::run(args),
        Bare::Completion(args) => completion::run(*args),
        Bare::CompleteWords(args) => Ok(completion::complete(args)),
    }
}

/// Starts the log of a command without a screen.
fn log_to_file(prepared: &Prepared, filter: &str) -> Logging {
    let logging = Logging::start(&prepared.folders.log_file, filter, None);
    for problem in &logging.problems {
        let _ = writeln!(io::stderr(), "note: {problem}");
    }
    logging
}

/// Writes a report to standard output.
fn print(text: &str) -> Result<ExitCode, Failure> {
    print_result(io::stdout().write_all(text.as_bytes())).map(|()| ExitCode::Ok)
}

/// Nobody reading any more is not a failure: `llmdeck doctor | head -1`.
fn print_result(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            ExitCode::Io,
            "writing to standard output",
            error,
        )),
        _ => Ok(()),
    }
}
