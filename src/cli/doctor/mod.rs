//! `llmdeck doctor`: what was found on this machine, what is missing, what to do about it.

mod hints;
mod measure;
mod report;
mod sensors;
mod terminal;
mod text;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::args::DoctorArgs;
use super::named::NamedModels;
use super::setup::{self, OnProblem};
use super::{ExitCode, Failure, General, model, print};
use crate::config::{self, Config, Folders};
use crate::engine;
use crate::gguf;
use crate::library::About;
use crate::params::Overrides;
use crate::telemetry::Sources;
use report::{File, Folder, ModelReport, Report};
use terminal::Terminal;

/// Load is what happens between two readings.
const BETWEEN_READINGS: Duration = Duration::from_millis(300);

/// Prints the report.
///
/// What is wrong with the machine is in the report; a model that cannot be used gives the code it
/// would give any command.
///
/// # Errors
/// When the report cannot be written, or the model was to be measured and cannot run.
pub(super) fn run(
    args: &DoctorArgs,
    general: &General,
    folders: Folders,
    parameters: Overrides,
) -> Result<ExitCode, Failure> {
    // llama.cpp speaks on standard error unless it is told not to.
    engine::llama::install_logging();
    let (mut report, code) = examine(general, &folders);
    if args.measure {
        let prepared = setup::prepare(general, folders, parameters, OnProblem::Fail)?;
        let path = model::resolve(&prepared)?;
        let params = prepared.params_of(&path);
        let state_dir = &prepared.folders.state_dir;
        report.measured = Some(measure::measure(&path, &params, state_dir)?);
    }
    if !args.json {
        return print(&text::render(&report)).map(|_| code);
    }
    let json = serde_json::to_string_pretty(&report)
        .map_err(|error| Failure::new(ExitCode::Software, "writing the report as JSON", error))?;
    print(&format!("{json}\n")).map(|_| code)
}

/// The report, and the code that the model gives.
fn examine(general: &General, folders: &Folders) -> (Report, ExitCode) {
    let (config, files) = read_files(folders);
    // First, because it can make the folders.
    let (model, code) = examine_model(general, &config, folders);
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        llama_cpp: engine::llama::version(),
        gpu_backends: report::gpu_backends(),
        cpu_features: report::cpu_features(&engine::llama::system_info()),
        devices: engine::llama::devices()
            .into_iter()
            .map(Into::into)
            .collect(),
        folders: vec![
            Folder::read("config", &folders.config_dir),
            Folder::read("data", &folders.data_dir),
            Folder::read("models", &folders.models_dir),
            Folder::read("state", &folders.state_dir),
        ],
        files,
        model,
        terminal: Terminal::read(
            |name| std::env::var(name).ok(),
            io::stdout().is_terminal(),
            terminal_size(),
        ),
        sensors: examine_sensors(),
        measured: None,
        hints: Vec::new(),
    };
    report.hints = hints::hints(&report);
    (report, code)
}

fn read_files(folders: &Folders) -> (Config, Vec<File>) {
    let entry = |name: &str, path: &Path, error: Option<String>| File {
        name: name.to_owned(),
        path: path.to_owned(),
        exists: path.exists(),
        error,
    };
    let (config, error) = match Config::load(folders) {
        Ok(config) => (config, None),
        Err(error) => (Config::default(), Some(error.to_string())),
    };
    let mut files = vec![entry("config file", &folders.config_file, error)];
    let (_, presets) = config::load_presets(&folders.presets_dir);
    let (_, personas) = config::load_personas(&folders.personas_dir, &[]);
    for (name, errors) in [("preset", presets), ("persona", personas)] {
        let entries = errors
            .iter()
            .map(|error| entry(name, &error.path, Some(error.to_string())));
        files.extend(entries);
    }
    (config, files)
}

fn examine_model(general: &General, config: &Config, folders: &Folders) -> (ModelReport, ExitCode) {
    let is_given = general.model.is_some() || general.hf_repo.is_some();
    let (origin, general) = match &config.model {
        _ if is_given => ("given", general.clone()),
        Some(configured) => ("configured", general.of(Some(configured))),
        None => ("built-in", general.clone()),
    };
    // What is wrong with the values in a models preset is said where they are used.
    let asked = NamedModels::read(&general, config, &mut vec![])
        .and_then(|models| models.asked(&general, folders, config));
    let in_words = |failure: &Failure| match failure.hint.as_str() {
        "" => failure.why.clone(),
        hint => format!("{}; {hint}", failure.why),
    };
    let (path, error, code) = match asked {
        Ok(Some(path)) => match damage(&path) {
            None => (Some(path), None, ExitCode::Ok),
            Some(damage) => (Some(path), Some(damage), ExitCode::Data),
        },
        Ok(None) => match config::install_builtin_model(&folders.data_dir) {
            Ok(path) => (Some(path), None, ExitCode::Ok),
            Err(error) => (None, Some(error.to_string()), ExitCode::CantCreate),
        },
        Err(failure) => (
            general.model.clone(),
            Some(in_words(&failure)),
            failure.code,
        ),
    };
    let size = path
        .as_ref()
        .and_then(|path| fs::metadata(path).ok())
        .map(|facts| facts.len());
    let report = ModelReport {
        origin,
        size: size.filter(|_| error.is_none()),
        path,
        error,
    };
    (report, code)
}

/// Why what lies in a file cannot be loaded, as far as its header tells.
fn damage(path: &Path) -> Option<String> {
    match About::read(&gguf::parts(path)) {
        Ok(about) => about.problem,
        Err(error) => Some(error.to_string()),
    }
}

fn examine_sensors() -> Vec<sensors::Sensor> {
    let mut sources = Sources::system();
    sources.read(Instant::now());
    thread::sleep(BETWEEN_READINGS);
    sensors::list(&sources.read(Instant::now()))
}

fn terminal_size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some((size.ws_col, size.ws_row))
}
