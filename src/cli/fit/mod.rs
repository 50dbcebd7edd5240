//! `llmdeck fit`: does this model fit this machine, or another one, before anything is loaded.

mod answer;
mod machine;
mod report;
mod subject;
mod text;

use std::ffi::OsString;
use std::path::Path;

use super::args::FitArgs;
use super::normalise::Grammar;
use super::setup::{self, OnProblem};
use super::{ExitCode, Failure, General, flags, model, print};
use crate::config::Folders;
use crate::engine;
use crate::hardware::{self, Hardware};
use crate::params::{Overrides, Param, Value, spec};
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
    subject::check(args)?;
    let general = general.of(args.file.as_ref());
    let prepared = setup::prepare(&general, folders, parameters, OnProblem::Fail)?;
    let mut devices = prepared.params.load().model.devices;
    let described = machine::described(&mut devices)?;
    let is_here = args.hardware.is_empty() && described.is_empty();
    let (subject, params) = match &args.params {
        Some(size) => {
            let model = prepared.params.load().model;
            let subject = Subject::typical(args, size, &model)?;
            (subject, prepared.params.clone())
        }
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
        Machine::here(&params, &known_peaks(&prepared.folders.state_dir))?
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

/// A context of 0 stands for the model's own everywhere else; asked for here it is a mistake, but
/// not the word for the model's own, which is the same value.
fn check(parameters: &Overrides) -> Result<(), Failure> {
    let is_zero = parameters.get(&Param::CtxSize) == Some(&Value::Int(0));
    if !is_zero || !a_number_is_given(Param::CtxSize, std::env::args_os()) {
        return Ok(());
    }
    let failure = Failure::new(
        ExitCode::Usage,
        "fitting ctx-size 0",
        "a context of no tokens holds nothing",
    );
    Err(failure.hint("leave --ctx-size out for the longest that fits"))
}

/// Whether the command line has a number for the parameter, not a word.
fn a_number_is_given(param: Param, args: impl IntoIterator<Item = OsString>) -> bool {
    let command = flags::command();
    let args = Grammar::of(&command).normalise(args).args;
    let matches = command.try_get_matches_from(args).ok();
    let texts = matches
        .as_ref()
        .and_then(|matches| matches.get_raw(&flags::id(spec(param))));
    texts.into_iter().flatten().any(|text| {
        let text = text.to_string_lossy();
        text.trim().parse::<f64>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_told_from_the_number_it_stands_for() {
        let given = |text: &str| {
            let args = ["llmdeck", "fit"].into_iter().chain(text.split(' '));
            a_number_is_given(Param::CtxSize, args.map(OsString::from))
        };
        for number in ["-c 0", "--ctx-size=0", "--num_ctx 0", "m.gguf -c 0 -ngl 3"] {
            assert!(given(number), "{number}");
        }
        for word in ["-c model", "--ctx-size=model", "--depth 0", "-b 0"] {
            assert!(!given(word), "{word}");
        }
    }
}
