//! What every command needs: where files lie, what they say, the parameters in force.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::named::{self, NamedModels};
use super::{ExitCode, Failure, General, Tuned, chosen, model, sanitise};
use crate::config::{self, Config, Folders};
use crate::hub::Network;
use crate::library::{self, Modelfile};
use crate::params::{Overrides, Params, Source};

/// Everything read and checked before a command starts.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub folders: Folders,
    pub config: Config,
    /// What `llmdeck tune` found; not among `params` yet, because it depends on the model.
    pub tuned: Tuned,
    /// The configuration's values under the preset's under those of the command line.
    pub params: Params,
    /// The model given, or else configured; `None` = the built-in guide.
    pub model: Option<PathBuf>,
    /// As the model was given, a path or a name.
    pub given: Option<PathBuf>,
    /// The models of the models preset.
    pub models: NamedModels,
    /// The preset in force.
    pub preset: Option<String>,
    /// The theme given, or else configured.
    pub theme: Option<String>,
    /// Whether models may be fetched.
    pub network: Network,
    /// Files that could not be used, each with place and reason; their defaults are in force.
    pub problems: Vec<String>,
}

impl Prepared {
    /// The parameters with those that belong to the model in a file: what tune found for it on this
    /// machine, and what Ollama keeps beside it.
    pub(super) fn params_of(&self, model: &Path) -> Params {
        self.tuned.apply(&self.untuned_params_of(model), model)
    }

    /// As [`Self::params_of`], without what tune found: for other machines, and to search anew.
    pub(super) fn untuned_params_of(&self, model: &Path) -> Params {
        let mut params = self.params.clone();
        let name = self.given.as_deref().and_then(Path::to_str);
        if library::is_ollama_blob(model)
            && let Some(modelfile) = Modelfile::of_blob(model, name)
        {
            for note in modelfile.notes() {
                tracing::info!("{note}");
            }
            params.replace(Source::Ollama, modelfile.values);
        }
        params
    }
}

/// What a configuration that cannot be used means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnProblem {
    /// Nobody would see a warning, and a reply with other values is wrong: the command fails.
    Fail,
    /// The deck shows it and runs on the defaults.
    Collect,
}

/// Where files lie.
///
/// # Errors
/// When the system names no home folder.
pub(super) fn folders(general: &General) -> Result<Folders, Failure> {
    Folders::find(general.config.as_deref(), general.data_dir.as_deref())
        .map_err(|error| Failure::new(ExitCode::Config, "finding the folders", error))
}

/// Reads the files and puts the parameters together.
///
/// # Errors
/// When the model, preset or theme of the command line does not exist or cannot be used, or, as
/// `on_problem` says, a configured one or a file cannot be.
pub(super) fn prepare(
    general: &General,
    folders: Folders,
    parameters: Overrides,
    on_problem: OnProblem,
) -> Result<Prepared, Failure> {
    let mut problems: Vec<Failure> = Vec::new();
    let config = Config::load(&folders).unwrap_or_else(|error| {
        problems.push(chosen::of_config(&error));
        Config::default()
    });
    // What is wrong with a configured one is said where it is used.
    let configured =
        |path: &PathBuf| model::find(path, &folders, &config).unwrap_or_else(|_| path.clone());
    let mut notes = Vec::new();
    let models = NamedModels::read(general, &config, &mut notes)?;
    let given = match &general.hf_repo {
        None => general.model.as_ref().or(config.model.as_ref()),
        Some(_) => general.model.as_ref(),
    };
    let named = given.and_then(|name| models.find(name));
    let model = match (models.asked(general, &folders, &config)?, named) {
        (Some(path), _) => Some(path),
        (None, Some(named)) => {
            let find = |name: &Path| model::find(name, &folders, &config);
            Some(named::weights(named, general, find)?)
        }
        (None, None) => config.model.as_ref().map(configured),
    };
    let (presets, errors) = config::load_presets(&folders.presets_dir);
    let broken = errors.iter();
    problems.extend(broken.map(|error| chosen::of_preset(error, &folders)));
    let mut params = Params::default();
    params.replace(Source::Config, config.params.clone());
    if let Some(named) = named {
        params.replace(Source::ModelsPreset, named.values.clone());
    }
    params.replace(Source::Session, parameters);
    let mut of_configured = |what: &str, name: &str, failure: Failure| {
        problems.push(chosen::of_configured(what, name, &failure.why, &folders));
    };
    let find_preset = |name: &str| chosen::preset(name, &presets, &errors, &folders);
    let preset = match (&general.preset, &config.preset) {
        (Some(name), _) => Some(find_preset(name)?),
        (None, Some(name)) => find_preset(name)
            .map_err(|failure| of_configured("preset", name, failure))
            .ok(),
        (None, None) => None,
    };
    if let Some(preset) = preset {
        params.replace(Source::Preset, preset.values.clone());
    }
    let theme = match (&general.theme, &config.theme) {
        (Some(name), _) => Some(chosen::theme(name, &folders)?),
        (None, Some(name)) => chosen::theme(name, &folders)
            .map_err(|failure| of_configured("theme", name, failure))
            .ok(),
        (None, None) => None,
    };
    let mut of_profiles = Vec::new();
    let tuned = Tuned::read(&folders.data_dir, &mut of_profiles);
    problems.extend(of_profiles.into_iter().map(chosen::of_profile));
    if on_problem == OnProblem::Fail && !problems.is_empty() {
        return Err(problems.swap_remove(0));
    }
    let mut problems: Vec<String> = problems.into_iter().map(|failure| failure.why).collect();
    // A line of another program's file that means nothing here is no reason to fail.
    match on_problem {
        OnProblem::Collect => problems.append(&mut notes),
        OnProblem::Fail => {
            for note in &notes {
                let _ = writeln!(io::stderr(), "note: {}", sanitise::line(note));
            }
        }
    }
    Ok(Prepared {
        model,
        given: given.cloned(),
        models,
        preset: preset.map(|preset| preset.name.clone()),
        network: general.network(),
        theme,
        folders,
        config,
        tuned,
        params,
        problems,
    })
}
