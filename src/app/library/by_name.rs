//! Models by name: what a name means, what completes it, and what loading it would come out as.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::LibraryState;
use crate::app::{Effect, Overlay, PromptOverlay, State};
use crate::library::{Command, Estimate, Meant};
use crate::params::nearest_word;

/// Names offered at once.
const OFFERED: usize = 8;

/// A file that was asked about, and what came back.
#[derive(Debug)]
pub(super) struct Inspected {
    path: PathBuf,
    outcome: Option<Result<Estimate, String>>,
}

impl Inspected {
    pub(super) fn answer(&mut self, path: &Path, outcome: Result<Estimate, String>) {
        if self.path == path {
            self.outcome = Some(outcome);
        }
    }
}

impl LibraryState {
    /// What loading a model would come out as, by name or path; `None` where that is not known.
    pub fn outlook(&self, text: &str) -> Option<Result<Estimate, String>> {
        let path = self.path_of(text).unwrap_or_else(|| text.into());
        if let Some(model) = self.model(&path) {
            let estimate = || self.known(model)?.estimate.map(Ok);
            return model.error.clone().map(Err).or_else(estimate);
        }
        let inspected = self.inspected.as_ref()?;
        inspected.outcome.clone().filter(|_| inspected.path == path)
    }

    /// The file that a load by this name or path would take.
    pub fn place_named(&self, text: &str) -> PathBuf {
        match self.listing.as_ref().map(|listing| listing.find(text)) {
            Some(Meant::One(model)) => model.place_of(text).to_owned(),
            _ => text.into(),
        }
    }

    /// The file of the model of that name.
    fn path_of(&self, name: &str) -> Option<PathBuf> {
        match self.listing.as_ref()?.find(name) {
            Meant::One(model) => Some(model.path.clone()),
            _ => None,
        }
    }
}

/// The file that a name or a path means, or why there is none.
pub(in crate::app) fn resolve(state: &State, text: &str) -> Result<PathBuf, String> {
    let Some(listing) = &state.library.listing else {
        return Ok(text.into());
    };
    // The user's own names go before those of files.
    if state.library.named.contains_key(text) {
        return Ok(text.into());
    }
    match listing.find(text) {
        Meant::One(model) => Ok(model.place_of(text).to_owned()),
        _ if looks_like_path(text) => Ok(text.into()),
        Meant::Several(models) => {
            let paths: Vec<_> = models
                .iter()
                .map(|model| model.path.display().to_string())
                .collect();
            Err(format!(
                "{} models are called '{text}'; give the path: {}.",
                models.len(),
                paths.join(", ")
            ))
        }
        Meant::None => {
            let own = state.library.named.keys().map(String::as_str);
            let own = nearest_word(text, own).map(str::to_owned);
            let near: Vec<String> = own.into_iter().chain(listing.near(text)).collect();
            let hint = match near.is_empty() {
                true => "a path begins with / or ~.".to_owned(),
                false => format!("did you mean {}?", near.join(" or ")),
            };
            Err(format!(
                "No model on this machine is called '{text}'; {hint}"
            ))
        }
    }
}

fn looks_like_path(text: &str) -> bool {
    let is_gguf = |ending: &std::ffi::OsStr| ending.eq_ignore_ascii_case("gguf");
    text.starts_with(['/', '.', '~']) || Path::new(text).extension().is_some_and(is_gguf)
}

/// Opens the prompt for a model to load. Where none are known by name it begins in the folder of the
/// model that runs.
pub(in crate::app) fn ask_which(state: &mut State) -> Vec<Effect> {
    let names = names(state, "");
    let typed = match names.is_empty() {
        true => state.model.folder().unwrap_or_default(),
        false => String::new(),
    };
    let mut prompt = PromptOverlay::new(typed.as_str());
    prompt.offer(names);
    state.overlay = Some(Overlay::LoadModel(prompt));
    vec![Effect::ListPaths(typed), Effect::Library(Command::Judge)]
}

/// Names that complete what is typed; none of what is typed as a path. Before anything is typed, that
/// of the model that is held, and those of the models used last.
pub(in crate::app) fn names(state: &State, typed: &str) -> Vec<String> {
    let library = &state.library;
    if typed.is_empty() {
        let held = state.model.held.as_ref().map(|held| &held.model.model.path);
        let usable = library
            .models()
            .iter()
            .filter(|model| model.error.is_none());
        let mut models: Vec<_> = usable.collect();
        models.sort_by_key(|model| Reverse(library.known(model).and_then(|known| known.used)));
        let others = models.iter().filter(|model| Some(&model.path) != held);
        let others = others.map(|model| model.name.clone());
        let held = held.map(|path| match library.model(path) {
            Some(model) => model.name.clone(),
            None => path.display().to_string(),
        });
        let own = library.named.keys().cloned();
        let names = held.into_iter().chain(own).chain(others);
        return names.take(OFFERED).collect();
    }
    if typed.starts_with(['/', '.', '~']) {
        return vec![];
    }
    let own = library.named.keys().filter(|name| name.starts_with(typed));
    let listing = library.listing.as_ref();
    let others = listing.map_or(vec![], |listing| listing.complete(typed, OFFERED));
    own.cloned().chain(others).take(OFFERED).collect()
}

/// Asks what loading the file under the selection of the load prompt would come out as, where that
/// is not known.
pub(in crate::app) fn look_ahead(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::LoadModel(prompt)) = &state.overlay else {
        return vec![];
    };
    let text = prompt.chosen().unwrap_or(prompt.line.text.trim());
    let library = &state.library;
    let path = PathBuf::from(text);
    let is_asked = |inspected: &Inspected| inspected.path == path;
    if !text.to_lowercase().ends_with(".gguf")
        || library.path_of(text).is_some()
        || library.model(&path).is_some()
        || library.inspected.as_ref().is_some_and(is_asked)
    {
        return vec![];
    }
    state.library.inspected = Some(Inspected {
        path: path.clone(),
        outcome: None,
    });
    vec![Effect::Library(Command::Inspect(path))]
}
