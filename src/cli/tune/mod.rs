//! `llmdeck tune`: the load parameters with which a model runs fastest here, kept as a profile.
//!
//! ```text
//! parameters in force ─► tune::Search ◄─► engine
//!                            └─► findings: stdout; values: a profile, applied at every load
//! ```
//! Ctrl-C ends it within a step and changes nothing.

mod args;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use args::TuneArgs;

use super::bench::origin;
use super::engine::{Engine, engine_ended, with_engine};
use super::{ExitCode, Failure, Prepared, model, print, print_result, sanitise};
use crate::bench::Origin;
use crate::engine::{self, DeviceKind};
use crate::runtime;
use crate::tune::{News, Outcome, Request, Search, words};

/// Searches, and keeps what is found.
///
/// # Errors
/// When there is no model, it cannot run, or the profile cannot be written.
pub(super) fn run(args: &TuneArgs, prepared: &Prepared) -> Result<ExitCode, Failure> {
    let path = path(prepared)?;
    engine::llama::install_logging();
    let origin = origin(&path)?;
    if args.undo {
        return undo(prepared, &path, &origin);
    }
    let devices = engine::llama::devices();
    let is_gpu = |kind| matches!(kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    let mut search = Search::new(Request {
        path: path.clone(),
        // Without what an earlier search found.
        base: prepared.untuned_params_of(&path),
        goal: args.goal.into(),
        budget: args.budget,
        n_depth: args.depth,
        cache_types: args.cache_types,
        n_gpus: devices.iter().filter(|device| is_gpu(device.kind)).count(),
        n_cores: origin.machine.n_cores,
        first_id: 1,
    });
    let budget_s = args.budget.as_secs();
    let outcome = with_engine(async |engine| drive(&mut search, engine, budget_s).await)??;
    say(&words::outcome(&outcome))?;
    if outcome.cancelled {
        return Ok(ExitCode::Interrupted);
    }
    if !outcome.values.is_empty() && !args.dry_run {
        keep(args, prepared, &outcome, &path, &origin)?;
    }
    Ok(ExitCode::Ok)
}

async fn drive(search: &mut Search, engine: Engine<'_>, budget_s: u64) -> Result<Outcome, Failure> {
    let doing = "tuning the model";
    let started = Instant::now();
    let mut next = Some(search.start());
    loop {
        if let Some(command) = next.take() {
            engine
                .handle
                .send(command)
                .map_err(|_| engine_ended(doing))?;
        }
        let turn = tokio::select! {
            event = engine.events.recv() => {
                let event = event.ok_or_else(|| engine_ended(doing))?;
                search.on_event(&event, started.elapsed())
            }
            () = until(search.deadline(), started) => {
                next = search.give_up();
                continue;
            }
            Some(()) = engine.interrupts.recv() => {
                next = search.cancel();
                continue;
            }
        };
        next = turn.send;
        for news in turn.news {
            match news {
                News::Began { test, axes, given } => {
                    say(&words::began(test, axes, &given, budget_s))?
                }
                News::Found(finding) => say(&words::finding(&finding))?,
                News::Ended(outcome) => return Ok(*outcome),
                News::Failed(error) => return Err(error.into()),
            }
        }
        if search.is_over() {
            return Err(engine_ended(doing));
        }
    }
}

/// Waits for a time after the start; for ever where there is none.
async fn until(deadline: Option<Duration>, started: Instant) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline.saturating_sub(started.elapsed())).await,
        None => std::future::pending().await,
    }
}

fn path(prepared: &Prepared) -> Result<PathBuf, Failure> {
    let path = model::resolve(prepared)?;
    // In a profile a path has to mean the same everywhere; where it has no such form, it stays.
    Ok(std::path::absolute(&path).unwrap_or(path))
}

fn keep(
    args: &TuneArgs,
    prepared: &Prepared,
    outcome: &Outcome,
    path: &Path,
    origin: &Origin,
) -> Result<(), Failure> {
    let data_dir = &prepared.folders.data_dir;
    let file = runtime::keep_profile(data_dir, path, outcome, args.goal.into(), origin).map_err(
        |error| {
            Failure::new(
                ExitCode::CantCreate,
                format!("keeping the values in {}", data_dir.display()),
                error,
            )
            .hint("name a writable folder with --data-dir")
        },
    )?;
    say(&format!(
        "Kept in {}; it is used at every load of this model from now on. `llmdeck tune --undo {}` takes it back.\n",
        sanitise::line(&file.display().to_string()),
        sanitise::line(&path.display().to_string()),
    ))
}

fn undo(prepared: &Prepared, path: &Path, origin: &Origin) -> Result<ExitCode, Failure> {
    let removed = runtime::remove_profile(&prepared.folders.data_dir, origin).map_err(|error| {
        Failure::new(
            ExitCode::Io,
            format!("removing the profile of {}", path.display()),
            error,
        )
    })?;
    let name = sanitise::line(&path.display().to_string());
    print(&match removed {
        Some(file) => format!(
            "Removed {}; {name} runs with its usual values again.\n",
            sanitise::line(&file.display().to_string())
        ),
        None => format!("There is no profile of {name} on this machine.\n"),
    })
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    print_result(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}
