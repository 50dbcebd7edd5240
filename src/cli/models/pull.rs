//! `llmdeck models pull`.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::args::PullArgs;
use super::line::{Line, Shown};
use crate::cli::{ExitCode, Failure, interrupts, print_result, sanitise};
use crate::config::Folders;
use crate::hub::{Access, Client, HubError, Plan, Pull, Pulled, Record, Stop, Wanted};
use crate::ui::text::units;

/// How often progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// Brings models here, one after another.
///
/// # Errors
/// At the first that cannot be brought.
pub(super) fn run(
    args: &PullArgs,
    access: &Access,
    folders: &Folders,
) -> Result<ExitCode, Failure> {
    // All names are read before anything is fetched.
    let wanted: Result<Vec<Wanted>, HubError> =
        args.names.iter().map(|name| Wanted::parse(name)).collect();
    let wanted = wanted?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Os, "starting a download", error))?;
    // Signals are answered on this task's thread; everything that blocks has a thread of its own.
    runtime.block_on(async {
        let stop = Stop::default();
        let stopping = stop.clone();
        let mut interrupts = interrupts::listen();
        let work = tokio::task::spawn_blocking({
            let (args, access, folders) = (args.clone(), access.clone(), folders.clone());
            move || all(&wanted, &args, &access, &folders, &stop)
        });
        let mut work = std::pin::pin!(work);
        let outcome = tokio::select! {
            outcome = &mut work => outcome,
            _ = interrupts.recv() => {
                stopping.stop();
                work.await
            }
        };
        // Nothing is left that a signal would have to end.
        drop(interrupts);
        outcome.map_err(|error| Failure::new(ExitCode::Software, "downloading", error))?
    })
}

fn all(
    wanted: &[Wanted],
    args: &PullArgs,
    access: &Access,
    folders: &Folders,
    stop: &Stop,
) -> Result<ExitCode, Failure> {
    let shown = if args.json { Shown::No } else { Shown::Yes };
    for wanted in wanted {
        let client = Client::new(access.clone(), stop.clone());
        let plan = Plan::make(&client, wanted, &folders.models_dir)?;
        if shown == Shown::Yes {
            announce(&plan);
        }
        let (name, license) = (plan.name.clone(), plan.license.clone());
        let pull = Pull::start(client, plan, Record::of(&folders.data_dir))?;
        let mut line = Line::new(shown);
        let outcome = loop {
            match pull.wait(TICK) {
                Some(outcome) => break outcome,
                None => line.show(&name, &pull.progress()),
            }
        };
        line.end();
        told(&outcome?, license.as_deref(), args)?;
    }
    Ok(ExitCode::Ok)
}

fn announce(plan: &Plan) {
    let size = plan.bytes().map_or_else(
        || "size unknown".to_owned(),
        |bytes| match plan.missing() {
            0 => format!("{}, here already", units::bytes(bytes)),
            missing if missing < bytes => format!(
                "{}, {} to fetch",
                units::bytes(bytes),
                units::bytes(missing)
            ),
            _ => units::bytes(bytes),
        },
    );
    let files: Vec<String> = plan
        .files
        .iter()
        .map(|file| sanitise::line(file.path.as_str()))
        .collect();
    let _ = writeln!(
        io::stderr(),
        "{} ({size}; license: {}): {}",
        sanitise::line(&plan.name),
        sanitise::line(plan.license.as_deref().unwrap_or("not given")),
        files.join(", ")
    );
}

/// A model that is here, for programs.
#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    path: String,
    bytes: u64,
    files_fetched: usize,
    sha256: Option<&'a str>,
    license: Option<&'a str>,
}

fn told(pulled: &Pulled, license: Option<&str>, args: &PullArgs) -> Result<(), Failure> {
    let path = pulled.path.display().to_string();
    let text = if args.json {
        let report = Report {
            name: &pulled.name,
            path,
            bytes: pulled.bytes,
            files_fetched: pulled.fetched,
            sha256: pulled.sha256.as_deref(),
            license,
        };
        serde_json::to_string(&report)
            .map_err(|error| Failure::new(ExitCode::Software, "writing JSON", error))?
    } else {
        sanitise::line(&path)
    };
    print_result(writeln!(io::stdout(), "{text}"))
}
