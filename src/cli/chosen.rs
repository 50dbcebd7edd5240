//! The preset and the theme by name, and what is said of files that cannot be used.

use std::fmt;
use std::path::Path;

use super::{ExitCode, Failure};
use crate::config::{ConfigError, Folders, Preset};
use crate::params::nearest_word;
use crate::theme;

const MEND: &str = "mend the file, or name another with --config";

/// The configuration cannot be used.
pub(super) fn of_config(error: &ConfigError) -> Failure {
    let failure = unusable(error);
    if error.place.is_none() && !error.path.exists() {
        let code = ExitCode::NoInput;
        return Failure { code, ..failure }.hint("check the path that --config gives");
    }
    failure.hint(MEND)
}

/// The configuration names what cannot be used.
pub(super) fn of_configured(what: &str, name: &str, why: &str, folders: &Folders) -> Failure {
    let file = folders.config_file.display();
    unusable(format!("{file}: {what} '{name}': {why}")).hint(MEND)
}

/// The file of a preset cannot be used.
pub(super) fn of_preset(error: &ConfigError, folders: &Folders) -> Failure {
    let folder = folders.presets_dir.display();
    unusable(error).hint(format!("mend the file, or move it out of {folder}"))
}

/// A profile of `llmdeck tune` cannot be used.
pub(super) fn of_profile(why: String) -> Failure {
    unusable(why).hint("mend or delete the file; llmdeck tune makes it anew")
}

/// The preset of that name; a file of its own that cannot be used goes before one that is embedded.
///
/// # Errors
/// When it cannot be used or there is none.
pub(super) fn preset<'a>(
    name: &str,
    presets: &'a [Preset],
    errors: &[ConfigError],
    folders: &Folders,
) -> Result<&'a Preset, Failure> {
    let is_its = |error: &&ConfigError| error.path.file_stem().is_some_and(|stem| stem == name);
    if let Some(error) = errors.iter().find(is_its) {
        return Err(of_preset(error, folders));
    }
    let names: Vec<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
    let found = presets.iter().find(|preset| preset.name == name);
    found.ok_or_else(|| unknown("preset", name, &names, &folders.presets_dir))
}

/// The name of a theme, when it can be used.
///
/// # Errors
/// When it cannot or there is none.
pub(super) fn theme(name: &str, folders: &Folders) -> Result<String, Failure> {
    let (themes, errors) = theme::load_themes(Some(&folders.themes_dir));
    let file = folders.themes_dir.join(format!("{name}.toml"));
    let file = file.display().to_string();
    if let Some(error) = errors.iter().find(|error| error.contains(&file)) {
        return Err(unusable(error).hint("mend the file, or choose another theme"));
    }
    let names: Vec<&str> = themes.iter().map(|theme| theme.name.as_str()).collect();
    if !names.contains(&name) {
        return Err(unknown("theme", name, &names, &folders.themes_dir));
    }
    Ok(name.to_owned())
}

fn unusable(why: impl fmt::Display) -> Failure {
    Failure::new(ExitCode::Config, "reading the configuration", why)
}

fn unknown(what: &str, name: &str, names: &[&str], folder: &Path) -> Failure {
    let why = match nearest_word(name, names.iter().copied()) {
        Some(near) => format!("there is none of this name; did you mean '{near}'?"),
        None => format!("there is none of this name; there are {}", names.join(", ")),
    };
    Failure::new(ExitCode::Usage, format!("using the {what} '{name}'"), why)
        .hint(format!("{what}s lie in {}", folder.display()))
}
