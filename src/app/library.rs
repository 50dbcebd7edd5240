//! The view of models, and models by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::overlay::{LineEdit, Overlay};
use super::update::{IsError, notice};
use super::{Action, Effect, State, View, retune};
use crate::keymap::Key;
use crate::library::{Estimate, Favourite, Job, Listing, Marks, Meant, Model, Told};

/// Names offered beside the paths that complete what is typed.
const OFFERED: usize = 8;

/// The models on this machine, and how they are shown.
#[derive(Debug, Default)]
pub struct LibraryState {
    /// `None` until the first scan is done.
    pub listing: Option<Arc<Listing>>,
    /// What loading would come out as, by path.
    pub estimates: BTreeMap<PathBuf, Estimate>,
    pub marks: Marks,
    /// Indices into the listing's models, in the order shown.
    pub rows: Vec<usize>,
    /// Index into `rows`.
    pub selected: usize,
    pub filter: LineEdit,
    /// Whether the filter is being typed.
    pub is_typing: bool,
    pub sort: Sort,
    pub shown: Subset,
    pub details: Option<Details>,
    /// What the next step of removing would be.
    pub removing: Option<Removing>,
    /// The newest file that was asked about, and what came back.
    pub inspected: Option<(PathBuf, Option<Result<Estimate, String>>)>,
}

/// By what the rows are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Favourites first, then by name.
    #[default]
    Name,
    Size,
    Parameters,
    /// The fastest first, by the ceiling.
    Speed,
    /// The last one used first.
    Used,
}

/// Which models are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subset {
    #[default]
    All,
    /// Those that fit this machine now.
    Fitting,
}

/// Everything a header says.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    pub path: PathBuf,
    /// `None` until it was read.
    pub rows: Option<Result<Vec<(String, String)>, String>>,
    /// Rows scrolled down.
    pub top: usize,
}

/// Removing asks twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removing {
    pub path: PathBuf,
    /// The first question was answered.
    pub is_sure: bool,
}

impl Sort {
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Parameters => "parameters",
            Self::Speed => "speed",
            Self::Used => "last used",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Name => Self::Size,
            Self::Size => Self::Parameters,
            Self::Parameters => Self::Speed,
            Self::Speed => Self::Used,
            Self::Used => Self::Name,
        }
    }
}

impl LibraryState {
    pub fn models(&self) -> &[Model] {
        self.listing.as_ref().map_or(&[], |listing| &listing.models)
    }

    /// The model the selection stands on.
    pub fn chosen(&self) -> Option<&Model> {
        self.models().get(*self.rows.get(self.selected)?)
    }

    /// What is known about loading a file, by name or path.
    pub fn outlook(&self, text: &str) -> Option<Result<Estimate, String>> {
        let path = self.path_of(text).unwrap_or_else(|| text.into());
        if let Some(model) = self.models().iter().find(|model| model.path == path)
            && let Some(error) = &model.error
        {
            return Some(Err(error.clone()));
        }
        if let Some(estimate) = self.estimates.get(&path) {
            return Some(Ok(*estimate));
        }
        let (asked, answer) = self.inspected.as_ref()?;
        answer.clone().filter(|_| *asked == path)
    }

    /// The file of the model of that name.
    fn path_of(&self, name: &str) -> Option<PathBuf> {
        match self.listing.as_ref()?.find(name) {
            Meant::One(model) => Some(model.path.clone()),
            _ => None,
        }
    }

    /// The most tokens per second that memory bandwidth allows; none where that is not known.
    fn ceiling(&self, model: &Model) -> f64 {
        let ceiling = self
            .estimates
            .get(&model.path)
            .and_then(|estimate| estimate.ceiling);
        ceiling.unwrap_or(0.0)
    }

    /// Chooses and orders the rows anew; the selection stays on its model.
    fn arrange(&mut self) {
        let chosen = self.chosen().map(|model| model.path.clone());
        let Some(listing) = self.listing.clone() else {
            return;
        };
        let pattern = Pattern::parse(
            &self.filter.text,
            CaseMatching::Ignore,
            Normalization::Smart,
        );
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut matches = |model: &Model| {
            let mut one = |text: &str| {
                let text = Utf32Str::new(text, &mut buffer);
                pattern.score(text, &mut matcher).is_some()
            };
            model.names().any(&mut one)
                || one(model.source.name())
                || model.about.as_ref().is_some_and(|about| one(&about.arch))
        };
        let fits = |model: &Model| {
            self.shown == Subset::All
                || self
                    .estimates
                    .get(&model.path)
                    .is_some_and(|estimate| estimate.fits)
        };
        let models = &listing.models;
        let mut rows: Vec<usize> = (0..models.len())
            .filter(|row| fits(&models[*row]) && matches(&models[*row]))
            .collect();
        let params = |model: &Model| model.about.as_ref().map_or(0, |about| about.n_params);
        let used = |model: &Model| self.marks.used.get(&model.path).copied().unwrap_or(0);
        let down = std::cmp::Reverse::<u64>;
        // The models come ordered by name, and the sorts are stable.
        match self.sort {
            Sort::Name => {
                rows.sort_by_key(|row| !self.marks.favourites.contains(&models[*row].path))
            }
            Sort::Size => rows.sort_by_key(|row| down(models[*row].size_bytes)),
            Sort::Parameters => rows.sort_by_key(|row| down(params(&models[*row]))),
            Sort::Used => rows.sort_by_key(|row| down(used(&models[*row]))),
            Sort::Speed => rows.sort_by(|a, b| {
                self.ceiling(&models[*b])
                    .total_cmp(&self.ceiling(&models[*a]))
            }),
        }
        let stays = rows
            .iter()
            .position(|row| Some(&models[*row].path) == chosen.as_ref());
        self.selected = stays.unwrap_or(self.selected.min(rows.len().saturating_sub(1)));
        self.rows = rows;
    }
}

/// The effects of showing the view.
pub(super) fn enter(_: &mut State) -> Vec<Effect> {
    vec![Effect::Library(Job::Judge)]
}

/// Takes news of the library in.
pub(super) fn on_told(state: &mut State, told: Told) -> Vec<Effect> {
    let library = &mut state.library;
    let effects = match told {
        Told::Found(listing) => {
            library.listing = Some(listing);
            vec![Effect::Library(Job::Judge)]
        }
        Told::Judged(estimates) => {
            library.estimates = estimates;
            vec![]
        }
        Told::Marked(marks) => {
            library.marks = marks;
            vec![]
        }
        Told::Inspected { path, outcome } => {
            if let Some((asked, answer)) = &mut library.inspected
                && *asked == path
            {
                *answer = Some(outcome);
            }
            return vec![];
        }
        Told::Details { path, rows } => {
            if let Some(details) = library
                .details
                .as_mut()
                .filter(|details| details.path == path)
            {
                details.rows = Some(rows);
            }
            return vec![];
        }
        Told::Removed(Ok(said)) => return notice(state, said, IsError::No),
        Told::Removed(Err(why)) => return notice(state, why, IsError::Yes),
    };
    state.library.arrange();
    effects
}

/// What the view makes of an action.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = isize::try_from(state.size.1 / 2).unwrap_or(1);
    let rows = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::HalfPageUp | Action::PageUp => -page,
        Action::HalfPageDown | Action::PageDown => page,
        Action::Top => isize::MIN / 2,
        Action::Bottom => isize::MAX / 2,
        _ => return other(state, action),
    };
    let library = &mut state.library;
    library.removing = None;
    match &mut library.details {
        Some(details) => {
            let last = match &details.rows {
                Some(Ok(rows)) => rows.len().saturating_sub(1),
                _ => 0,
            };
            details.top = details.top.saturating_add_signed(rows).min(last);
        }
        None => {
            let last = library.rows.len().saturating_sub(1);
            library.selected = library.selected.saturating_add_signed(rows).min(last);
        }
    }
    Some(vec![])
}

fn other(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let library = &mut state.library;
    let removing = library.removing.take();
    let path = library.chosen().map(|model| model.path.clone());
    Some(match action {
        Action::Cancel if removing.is_some() => vec![],
        Action::Cancel if library.is_typing => {
            library.is_typing = false;
            library.filter = LineEdit::default();
            library.arrange();
            vec![]
        }
        Action::Cancel if library.details.is_some() => {
            library.details = None;
            vec![]
        }
        Action::Accept if library.is_typing => {
            library.is_typing = false;
            vec![]
        }
        Action::Accept => load_chosen(state),
        Action::Filter => {
            library.is_typing = true;
            library.details = None;
            vec![]
        }
        Action::FitFilter => {
            library.shown = match library.shown {
                Subset::All => Subset::Fitting,
                Subset::Fitting => Subset::All,
            };
            library.arrange();
            vec![]
        }
        Action::SortModels => {
            library.sort = library.sort.next();
            library.arrange();
            vec![]
        }
        Action::Favourite => path.map_or(vec![], |path| {
            let mark = match library.marks.favourites.contains(&path) {
                true => Favourite::No,
                false => Favourite::Yes,
            };
            vec![Effect::Library(Job::Favourite(path, mark))]
        }),
        Action::ModelDetails => show_details(state),
        Action::RemoveModel => remove(state, removing),
        _ => return None,
    })
}

fn load_chosen(state: &mut State) -> Vec<Effect> {
    let Some(model) = state.library.chosen() else {
        return vec![];
    };
    if let Some(error) = &model.error {
        let why = format!("{} cannot be loaded: {error}", model.name);
        return notice(state, why, IsError::Yes);
    }
    let path = model.path.clone();
    state.view = View::Deck;
    retune::load(state, path)
}

fn show_details(state: &mut State) -> Vec<Effect> {
    let library = &mut state.library;
    if library.details.take().is_some() {
        return vec![];
    }
    let Some(path) = library.chosen().map(|model| model.path.clone()) else {
        return vec![];
    };
    library.details = Some(Details {
        path: path.clone(),
        rows: None,
        top: 0,
    });
    vec![Effect::Library(Job::Details(path))]
}

/// Asks twice, then removes; refuses what another tool brought.
fn remove(state: &mut State, before: Option<Removing>) -> Vec<Effect> {
    let Some(model) = state.library.chosen() else {
        return vec![];
    };
    if let Err(why) = crate::library::removable(model, &state.library.marks) {
        return notice(state, why, IsError::Yes);
    }
    let path = model.path.clone();
    match before.filter(|before| before.path == path) {
        Some(Removing { is_sure: true, .. }) => vec![Effect::Library(Job::Remove(path))],
        before => {
            state.library.removing = Some(Removing {
                path,
                is_sure: before.is_some(),
            });
            vec![]
        }
    }
}

/// Types into the filter.
pub(super) fn type_key(state: &mut State, key: Key) {
    let library = &mut state.library;
    if library.is_typing && library.filter.type_key(key) {
        library.arrange();
    }
}

/// Pastes into the filter; false where it is not being typed.
pub(super) fn paste(state: &mut State, text: &str) -> bool {
    let library = &mut state.library;
    if library.is_typing {
        library.filter.insert(text);
        library.arrange();
    }
    library.is_typing
}

/// The file that a name or a path means, or why there is none.
pub(super) fn resolve(state: &State, text: &str) -> Result<PathBuf, String> {
    let Some(listing) = &state.library.listing else {
        return Ok(text.into());
    };
    match listing.find(text) {
        Meant::One(model) => Ok(model.path.clone()),
        _ if looks_like_path(text) => Ok(text.into()),
        Meant::Several(models) => Err(format!(
            "{} models are called '{text}': give the path.",
            models.len()
        )),
        Meant::None { near } if near.is_empty() => Ok(text.into()),
        Meant::None { near } => Err(format!(
            "There is no model '{text}'; did you mean {}?",
            near.join(" or ")
        )),
    }
}

fn looks_like_path(text: &str) -> bool {
    text.starts_with(['/', '.', '~']) || Path::new(text).extension().is_some_and(|e| e == "gguf")
}

/// Names that complete what is typed, before the paths that do.
pub(super) fn offer(state: &State, typed: &str, paths: Vec<String>) -> Vec<String> {
    let names = state
        .library
        .listing
        .as_ref()
        .filter(|_| !looks_like_path(typed));
    let mut all = names.map_or(vec![], |listing| listing.complete(typed, OFFERED));
    all.extend(paths);
    all
}

/// Asks what loading the file under the selection of the prompt would come out as, where that is
/// not known.
pub(super) fn look_ahead(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::LoadModel(prompt)) = &state.overlay else {
        return vec![];
    };
    let text = prompt.chosen().unwrap_or(prompt.line.text.trim());
    let path = PathBuf::from(text);
    let is_asked = || matches!(&state.library.inspected, Some((asked, _)) if *asked == path);
    let is_file = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    if !is_file || is_asked() || state.library.outlook(text).is_some() {
        return vec![];
    }
    state.library.inspected = Some((path.clone(), None));
    vec![Effect::Library(Job::Inspect(path))]
}
