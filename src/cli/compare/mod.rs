//! `llmdeck compare`: several presets answer each prompt at once, and what votes have shown.
//!
//! ```text
//! --presets ─► compare::columns ─┐
//! --prompt, --prompts ─► prompts ─┴► session (engine: one load, N replies a prompt) ─► Markdown or JSON lines
//! ```
//! JSON lines ─► vote ─► ballots in the store ─► standings
//! Ctrl-C ends the replies within a step and prints what there is.

mod args;
mod prompts;
mod session;
mod standings;
mod vote;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use serde::Serialize;

pub use args::{CompareAction, CompareArgs};

use super::engine::{Engine, with_engine};
use super::{ExitCode, Failure, Prepared, model, print_result, sanitise};
use crate::compare::{self, Column, Report};
use crate::config::{self, Folders};
use crate::params::Params;
use session::Session;

/// Answers the prompts in every column.
///
/// # Errors
/// When there are no columns or prompts, the model cannot be loaded, no column of a prompt could
/// be made, or results cannot be written.
pub(super) fn run(args: &CompareArgs, prepared: Prepared) -> Result<ExitCode, Failure> {
    let prompts = match (&args.prompt, &args.prompts) {
        (Some(prompt), _) => prompts::one(prompt)?,
        (None, Some(path)) => prompts::read(path)?,
        (None, None) => {
            return Err(
                Failure::new(ExitCode::Usage, "compare", "there is no prompt")
                    .hint("give --prompt TEXT, or --prompts FILE with one a line"),
            );
        }
    };
    let path = model::resolve(&prepared)?;
    let params = prepared.params_of(&path);
    let columns = columns(args, &prepared, &params)?;
    with_engine(async |engine| answer_all(engine, columns, path, &params, &prompts, args).await)?
}

async fn answer_all(
    engine: Engine<'_>,
    columns: Vec<Column>,
    path: PathBuf,
    params: &Params,
    prompts: &[String],
    args: &CompareArgs,
) -> Result<ExitCode, Failure> {
    let handle = engine.handle;
    let mut session = Session {
        send: &|command| handle.send(command),
        events: engine.events,
        interrupts: engine.interrupts,
        columns,
        last_id: 0,
    };
    let loaded = session.load(path, params).await?;
    let mut code = ExitCode::Ok;
    for (number, prompt) in (1..).zip(prompts) {
        if prompts.len() > 1 {
            // Where standard error cannot be written, nobody reads along.
            let _ = writeln!(io::stderr(), "prompt {number} of {}", prompts.len());
        }
        let answered = session.answer(prompt, &loaded).await?;
        write(&answered.report, args)?;
        if answered.is_stopped {
            return Ok(ExitCode::Interrupted);
        }
        let mut columns = answered.report.columns.iter();
        if columns.any(|column| column.error.is_some()) {
            code = ExitCode::General;
        }
    }
    Ok(code)
}

/// Prints what votes have shown, or takes votes.
///
/// # Errors
/// When the store or the file of answers cannot be read.
pub(super) fn action(action: &CompareAction, folders: &Folders) -> Result<ExitCode, Failure> {
    match action {
        CompareAction::Standings(args) => standings::run(args, folders),
        CompareAction::Vote(args) => vote::run(args, folders),
    }
}

fn columns(
    args: &CompareArgs,
    prepared: &Prepared,
    params: &Params,
) -> Result<Vec<Column>, Failure> {
    let (presets, _) = config::load_presets(&prepared.folders.presets_dir);
    let presets: Vec<_> = presets
        .into_iter()
        .map(|preset| (preset.name, preset.values))
        .collect();
    let what = "reading --presets";
    let Some(text) = &args.presets else {
        let names: Vec<&str> = presets.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::new(ExitCode::Usage, what, "no presets are given")
            .hint(format!("give some of {}", names.join(","))));
    };
    compare::columns(text, params, &presets)
        .map_err(|error| Failure::new(ExitCode::Usage, what, error))
}

fn write(report: &Report, args: &CompareArgs) -> Result<(), Failure> {
    let mut out = io::stdout();
    let text = if args.json {
        line(report)?
    } else if out.is_terminal() {
        sanitise::Sanitiser::default().piece(&report.markdown())
    } else {
        report.markdown()
    };
    print_result(writeln!(out, "{text}").and_then(|()| out.flush()))
}

fn line(report: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(report)
        .map_err(|error| Failure::new(ExitCode::Software, "writing the comparison as JSON", error))
}
