//! Which model file is meant, and whether there is one.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ExitCode, Failure, General, Prepared, sanitise};
use crate::config::{self, Config, Folders};
use crate::hub::{Access, ErrorKind, Pick, Wanted};
use crate::library::{Listing, Meant};
use crate::runtime;

/// Names shown of the models near a wrong path.
const SHOWN: usize = 4;

/// The model given or configured, or else the built-in guide, which is put in its place first.
///
/// # Errors
/// When the file is missing or a folder, or the guide cannot be written.
pub(super) fn resolve(prepared: &Prepared) -> Result<PathBuf, Failure> {
    match &prepared.model {
        // One that is configured may be a name that is known no more.
        Some(path) => find(path, &prepared.folders, &prepared.config),
        None => config::install_builtin_model(&prepared.folders.data_dir).map_err(|error| {
            Failure::new(
                ExitCode::CantCreate,
                "putting the built-in model in its place",
                error,
            )
            .hint("name a writable folder with --data-dir, or a model with --model")
        }),
    }
}

/// The file that a path or a name of a model leads to; only a name is looked up among the models of
/// this machine.
///
/// # Errors
/// When it leads to none, or to several: the message names what is near.
pub(super) fn find(given: &Path, folders: &Folders, config: &Config) -> Result<PathBuf, Failure> {
    if given.exists() {
        return check(given).map(|()| given.to_owned());
    }
    among(
        given,
        &runtime::find_models(folders, &config.library.folders),
    )
}

/// As [`find`], among models that were found already.
///
/// # Errors
/// As [`find`].
pub(super) fn among(given: &Path, listing: &Listing) -> Result<PathBuf, Failure> {
    let failure = match check(given) {
        Ok(()) => return Ok(given.to_owned()),
        Err(failure) => failure,
    };
    match given.to_str().filter(|_| !given.exists()) {
        Some(name) => named(name, listing, failure),
        None => Err(failure),
    }
}

/// The file of the model of that name; else the failure of taking it for a path, with what was
/// perhaps meant.
fn named(name: &str, listing: &Listing, failure: Failure) -> Result<PathBuf, Failure> {
    let none = |why: String| {
        let what = format!("finding the model '{}'", sanitise::line(name));
        Failure::new(ExitCode::NoInput, what, why)
    };
    match listing.find(name) {
        Meant::One(model) => Ok(model.place_of(name).to_owned()),
        Meant::Several(models) => {
            let paths: Vec<_> = models
                .iter()
                .map(|model| sanitise::line(&model.path.to_string_lossy()))
                .collect();
            let why = format!("{} models have this name", models.len());
            Err(none(why).hint(format!("give the path: {}", paths.join(", "))))
        }
        Meant::None if begins_as_path(name) => Err(failure),
        Meant::None => {
            let near = listing.near(name);
            if near.is_empty() && is_file_name(name) {
                return Err(failure);
            }
            let why = "no file and no model on this machine has this name".to_owned();
            Err(none(why).hint(instead(name, &near)))
        }
    }
}

/// Whether who wrote it thought of a place rather than a name.
fn begins_as_path(name: &str) -> bool {
    name.starts_with(['/', '.', '~', '\\'])
}

fn is_file_name(name: &str) -> bool {
    name.to_lowercase().ends_with(".gguf")
}

/// What to do about a name that no model here has.
fn instead(name: &str, near: &[String]) -> String {
    let list = "llmdeck models lists those that are here";
    if !near.is_empty() {
        let near: Vec<_> = near.iter().map(|name| sanitise::line(name)).collect();
        return format!("did you mean {}? {list}", near.join(" or "));
    }
    let name = sanitise::line(name);
    match Wanted::parse(&name) {
        Ok(_) => format!("{list}; llmdeck models pull {name} downloads it"),
        Err(_) => {
            let word = name.split(':').next().unwrap_or(&name);
            format!("{list}; llmdeck models search {word} finds others to download")
        }
    }
}

/// The model of the command line: a file, a name of one, or a model of the Hub that is here.
///
/// # Errors
/// When it is not here: nothing is fetched that was not asked for, so the message says how.
pub(super) fn asked(
    general: &General,
    folders: &Folders,
    config: &Config,
) -> Result<Option<PathBuf>, Failure> {
    if let Some(given) = &general.model {
        return find(given, folders, config).map(Some);
    }
    let Some(name) = &general.hf_repo else {
        return Ok(None);
    };
    let name = match &general.hf_file {
        Some(file) => format!("{}/{file}", name.split(':').next().unwrap_or_default()),
        None => name.clone(),
    };
    of_hub(&name, general).map(Some).map_err(|failure| {
        let near = runtime::find_models(folders, &config.library.folders).near(&name);
        match near.first() {
            Some(near) => {
                let pull = &failure.hint;
                let hint = format!(
                    "{pull}; or did you mean {}, which is here?",
                    sanitise::line(near)
                );
                failure.hint(hint)
            }
            None => failure,
        }
    })
}

/// A model of the Hub that is here.
///
/// # Errors
/// As [`asked`].
pub(super) fn of_hub(name: &str, general: &General) -> Result<PathBuf, Failure> {
    let Wanted::Repo { repo, pick } = Wanted::parse(name)? else {
        let what = format!("looking for {name}");
        return Err(Failure::new(
            ExitCode::Usage,
            what,
            "it is no repository of the Hub",
        ));
    };
    let missing = |why: &str, hint: String| {
        Failure::new(ExitCode::NoInput, format!("looking for {name}"), why).hint(hint)
    };
    let pull = format!("llmdeck models pull {name}");
    match Access::from_env(general.network())?
        .cache
        .held(&repo, &pick)
    {
        Ok(Some(path)) => Ok(path),
        Ok(None) => Err(missing("it is not on this machine", pull)),
        Err(error) if error.kind == ErrorKind::NotFound && pick != Pick::Usual => Err(missing(
            "other models of that repository are on this machine, this one is not",
            format!("{pull}, or take what is here: {}", error.hint),
        )),
        Err(error) => Err(error.into()),
    }
}

/// Whether the path leads to a file; what is in it is the engine's to judge.
///
/// # Errors
/// When it does not: the message names models that are near.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let failure = |why: String| {
        Failure::new(
            ExitCode::NoInput,
            format!("loading the model {}", path.display()),
            why,
        )
    };
    match fs::metadata(path) {
        Ok(facts) if facts.is_dir() => Err(failure("it is a folder".to_owned()).hint(
            match models_in(path) {
                Some(names) => format!("give one of the models in it: {names}"),
                None => "give a .gguf file; there is none in this folder".to_owned(),
            },
        )),
        Ok(_) => Ok(()),
        Err(error) => {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            Err(
                failure(error.to_string()).hint(match (folder.is_dir(), models_in(folder)) {
                    (true, Some(names)) => {
                        format!("check the name; in {} there is {names}", folder.display())
                    }
                    (true, None) => {
                        "check the path; without --model the built-in guide is used".to_owned()
                    }
                    (false, _) => format!(
                        "check the path; the folder {} does not exist",
                        folder.display()
                    ),
                }),
            )
        }
    }
}

/// The first model files in a folder, by name.
fn models_in(folder: &Path) -> Option<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.to_lowercase().ends_with(".gguf"))
        .collect();
    names.sort();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names.truncate(SHOWN);
    (!names.is_empty()).then(|| names.join(", ") + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn a_file_is_taken_as_it_is() {
        let folder = folder(&["a.gguf"]);
        assert_eq!(check(&folder.path().join("a.gguf")), Ok(()));
    }

    #[test]
    fn a_folder_names_the_models_in_it() {
        let folder = folder(&["b.gguf", "a.GGUF", "notes.txt"]);
        let failure = check(folder.path()).unwrap_err();
        assert_eq!(failure.code, ExitCode::NoInput);
        assert_eq!(failure.why, "it is a folder");
        assert_eq!(failure.hint, "give one of the models in it: a.GGUF, b.gguf");
    }

    #[test]
    fn a_missing_file_names_what_is_near() {
        let folder = folder(&["1.gguf", "2.gguf", "3.gguf", "4.gguf", "5.gguf"]);
        let failure = check(&folder.path().join("0.gguf")).unwrap_err();
        assert!(failure.what.ends_with("0.gguf"), "{failure}");
        assert!(
            failure
                .hint
                .ends_with("there is 1.gguf, 2.gguf, 3.gguf, 4.gguf, …"),
            "{failure}"
        );
        let failure = check(&folder.path().join("nowhere/0.gguf")).unwrap_err();
        assert!(
            failure.hint.ends_with("nowhere does not exist"),
            "{failure}"
        );
    }
}
