//! What completes the values of flags and arguments: names of models, presets, themes, hardware,
//! and the words of parameters.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, ArgMatches, Command};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, PathCompleter, ValueCompleter};

use crate::cli::flags;
use crate::compare::{self, CURRENT};
use crate::config::{self, Config, Folders, ModelsPreset};
use crate::params::{Kind, Spec, TABLE};
use crate::{hardware, runtime, theme};

/// Where the names come from.
pub(super) struct Values {
    /// `None` where the system names no home folder.
    folders: Option<Folders>,
    models_preset: Option<PathBuf>,
}

/// What a value names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Models,
    ModelsOfHub,
    Preset,
    Columns,
    Theme,
    Hardware,
    Words(&'static [&'static str]),
}

impl Values {
    /// With the files that the command line names so far.
    pub(super) fn of(given: Option<&ArgMatches>) -> Self {
        let path = |id: &str| -> Option<PathBuf> {
            let path: Option<&PathBuf> = given?.try_get_one(id).ok()?;
            path.cloned()
        };
        let folders = Folders::find(path("config").as_deref(), path("data_dir").as_deref());
        Self {
            folders: folders.ok(),
            models_preset: path("models_preset"),
        }
    }

    /// The command line with what completes its values.
    pub(super) fn complete(self, command: Command) -> Command {
        add(command, &Arc::new(self))
    }

    fn candidates(&self, names: Names, typed: &str) -> Vec<CompletionCandidate> {
        match names {
            Names::Models => self.models(typed),
            Names::ModelsOfHub => {
                let mut found = self.library(typed);
                found.retain(|name| name.contains('/'));
                candidates(found)
            }
            Names::Preset => candidates(beginning(self.presets(), typed)),
            Names::Columns => self.columns(typed),
            Names::Theme => {
                let folder = self.folders.as_ref().map(|folders| &*folders.themes_dir);
                let (themes, _) = theme::load_themes(folder);
                let names = themes.into_iter().map(|theme| theme.name);
                candidates(beginning(names, typed))
            }
            Names::Hardware => {
                let folder = self.folders.as_ref().map(|folders| &*folders.config_dir);
                let known = hardware::catalogue(folder.unwrap_or(Path::new("")));
                let ids = known.unwrap_or_default().into_iter().map(|one| one.id);
                candidates(beginning(ids, typed))
            }
            Names::Words(words) => {
                let words = words.iter().map(|word| (*word).to_owned());
                candidates(beginning(words, typed))
            }
        }
    }

    /// Names of a models preset, then those of the library; paths where there is none.
    fn models(&self, typed: &str) -> Vec<CompletionCandidate> {
        let mut found = beginning(self.named(), typed);
        let library = self.library(typed);
        found.extend(library);
        if !found.is_empty() {
            return candidates(found);
        }
        let is_model = |path: &Path| {
            let ending = path.extension();
            ending.is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"))
        };
        PathCompleter::file()
            .filter(is_model)
            .complete(OsStr::new(typed))
    }

    fn library(&self, typed: &str) -> Vec<String> {
        let called = self.folders.as_ref().map(runtime::model_names);
        let called = called.unwrap_or_default();
        let names = called.begin_with(typed).into_iter();
        names.map(str::to_owned).collect()
    }

    fn named(&self) -> Vec<String> {
        let configured = || {
            let config = Config::load(self.folders.as_ref()?).ok()?;
            config.models_preset
        };
        let path = self.models_preset.clone().or_else(configured);
        let preset = path.and_then(|path| ModelsPreset::read(&path).ok());
        let models = preset.unwrap_or_default().models.into_iter();
        models.map(|model| model.name).collect()
    }

    fn presets(&self) -> Vec<String> {
        let folder = self.folders.as_ref().map(|folders| &*folders.presets_dir);
        let (presets, _) = config::load_presets(folder.unwrap_or(Path::new("")));
        presets.into_iter().map(|preset| preset.name).collect()
    }

    /// The last of columns divided by commas.
    fn columns(&self, typed: &str) -> Vec<CompletionCandidate> {
        let is_in_quotes = compare::listed(typed).is_err();
        if is_in_quotes {
            return vec![];
        }
        let at = typed.rfind(',').map_or(0, |comma| comma + 1);
        let (before, last) = typed.split_at(at);
        let names = self.presets().into_iter().chain([CURRENT.to_owned()]);
        let found = beginning(names, last).into_iter();
        candidates(found.map(|name| format!("{before}{name}")))
    }
}

/// Adds completers to a command and those below it.
fn add(command: Command, values: &Arc<Values>) -> Command {
    let command = command.mut_args(|arg| match names_of(&arg) {
        None => arg,
        Some(names) => {
            let values = Arc::clone(values);
            let complete = move |typed: &OsStr| match typed.to_str() {
                Some(typed) => values.candidates(names, typed),
                None => vec![],
            };
            arg.add(ArgValueCompleter::new(complete))
        }
    });
    command.mut_subcommands(|below| add(below, values))
}

/// What the value of an argument names, by its name.
fn names_of(arg: &Arg) -> Option<Names> {
    let value = arg.get_value_names().and_then(<[_]>::first);
    if value.is_some_and(|value| value == "MODEL") {
        return Some(Names::Models);
    }
    match arg.get_id().as_str() {
        "hf_repo" => Some(Names::ModelsOfHub),
        "preset" => Some(Names::Preset),
        "presets" => Some(Names::Columns),
        "theme" => Some(Names::Theme),
        "hardware" => Some(Names::Hardware),
        id => {
            let spec = TABLE.iter().find(|spec| flags::id(spec) == id);
            spec.and_then(words_of).map(Names::Words)
        }
    }
}

fn words_of(spec: &Spec) -> Option<&'static [&'static str]> {
    match spec.kind {
        Kind::Choice(choices) => Some(choices),
        Kind::Bool => Some(&["on", "off"]),
        Kind::Int { .. } | Kind::Float { .. } | Kind::Text { .. } => None,
    }
}

fn beginning(names: impl IntoIterator<Item = String>, typed: &str) -> Vec<String> {
    let names = names.into_iter();
    names.filter(|name| name.starts_with(typed)).collect()
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let names = names.into_iter();
    names.map(CompletionCandidate::new).collect()
}
