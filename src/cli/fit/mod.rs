//! `llmdeck fit`: does this model fit this machine, or another one, before anything is loaded.

mod answer;
mod machine;
mod report;
mod subject;
mod text;

use std::path::Path;

use super::args::FitArgs;
use super::setup::{self, OnProblem};
use super::{ExitCode, Failure, General, model, print};
use crate::config::Folders;
use crate::engine;
use crate::hardware::{self, Hardware};
use crate::params::{Overrides, Param, Value};
use crate::runtime::known_peaks;
use machine::Machine;
use subject::Subject;

/// Prints the answer.
///
/// # Errors
/// For input that cannot be used; a model that does not fit is an answer, with exit code 1.
pub(super) fn run(
    args: &FitArgs,
    general: &General,
    folders: Folders,
    parameters: Overrides,
) -> Result<ExitCode, Failure> {
    // llama.cpp speaks on standard error unless it is told not to.
    engine::llama::install_logging();
    let known = catalogue(&folders.config_dir)?;
    if args.list_hardware {
        return print(&text::catalogue(&known));
    }
    check(&parameters)?;
    let general = general.of(args.file.as_ref());
    let prepared = setup::prepare(&general, folders, parameters, OnProblem::Fail)?;
    let mut devices = prepared.params.load().model.devices;
    let described = machine::described(&mut devices)?;
    let is_here = args.hardware.is_empty() && described.is_empty();
    let (subject, params) = match &args.params {
        Some(size) => (Subject::typical(args, size)?, prepared.params.clone()),
        None => {
            let path = model::resolve(&prepared)?;
            let params = match is_here {
                true => prepared.params_of(&path),
                // What tune found holds for this machine alone.
                false => prepared.untuned_params_of(&path),
            };
            (Subject::read(&path)?, params)
        }
    };
    let mut params = params.load();
    params.model.devices = devices;
    let machine = if is_here {
        Machine::here(&params, &known_peaks(&prepared.folders.state_dir))
    } else {
        let mut parts = described;
        for id in &args.hardware {
            parts.push(machine::known(&known, id)?);
        }
        Machine::of(&parts, &params.model)?
    };
    let report = answer::answer(&subject, &machine, &params, args.depth)?;
    let shown = if args.json {
        let json = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::new(ExitCode::Software, "writing the answer", error))?;
        format!("{json}\n")
    } else {
        text::answer(&report)
    };
    print(&shown)?;
    Ok(if report.fits {
        ExitCode::Ok
    } else {
        ExitCode::General
    })
}

fn catalogue(folder: &Path) -> Result<Vec<Hardware>, Failure> {
    hardware::catalogue(folder).map_err(|error| {
        let file = folder.join(hardware::FILE);
        let what = format!("reading {}", file.display());
        Failure::new(ExitCode::Config, what, error).hint(
            "llmdeck fit --list-hardware shows the form once the file is mended or moved away",
        )
    })
}

/// A context of 0 stands for the model's own everywhere else; asked for here it is a mistake.
fn check(parameters: &Overrides) -> Result<(), Failure> {
    if parameters.get(&Param::CtxSize) != Some(&Value::Int(0)) {
        return Ok(());
    }
    let failure = Failure::new(
        ExitCode::Usage,
        "fitting ctx-size 0",
        "a context of no tokens holds nothing",
    );
    Err(failure.hint("leave --ctx-size out for the longest that fits"))
}
