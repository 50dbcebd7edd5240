//! Which models are shown, in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::app::LineEdit;
use crate::library::{Estimate, Known, Model};
use crate::params::Overrides;

/// The rows of the list.
#[derive(Debug, Default)]
pub struct ModelList {
    /// In the order shown.
    pub rows: Vec<ModelRow>,
    /// Index into `rows`.
    pub selected: usize,
    pub filter: LineEdit,
    /// Whether the filter is being typed.
    pub is_typing: bool,
    pub order: Order,
    pub subset: Subset,
}

/// A model under its own name, or under one that a models preset gives to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRow {
    /// Index into the models.
    pub model: usize,
    pub named: Option<String>,
}

/// Where the selection stands, whatever rows there are.
#[derive(Clone, Debug)]
pub(super) struct Stand {
    pub path: PathBuf,
    pub named: Option<String>,
}

/// By what the rows are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Favourites first, then by name.
    #[default]
    Name,
    /// The largest first.
    Size,
    /// The most first.
    Parameters,
    /// What lies on GPUs wholly first, what lacks most memory last.
    Fit,
    /// The highest ceiling first.
    Ceiling,
    /// The last one used first.
    Used,
}

/// Which models are shown before the filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subset {
    #[default]
    All,
    /// Those that fit this machine now.
    Fitting,
}

impl Order {
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Parameters => "parameters",
            Self::Fit => "fit",
            Self::Ceiling => "speed ceiling",
            Self::Used => "last used",
        }
    }

    pub(super) fn next(self) -> Self {
        match self {
            Self::Name => Self::Size,
            Self::Size => Self::Parameters,
            Self::Parameters => Self::Fit,
            Self::Fit => Self::Ceiling,
            Self::Ceiling => Self::Used,
            Self::Used => Self::Name,
        }
    }
}

impl Subset {
    pub(super) fn other(self) -> Self {
        match self {
            Self::All => Self::Fitting,
            Self::Fitting => Self::All,
        }
    }
}

impl ModelList {
    /// The row the selection stands on.
    pub(super) fn chosen(&self) -> Option<&ModelRow> {
        self.rows.get(self.selected)
    }

    pub(super) fn move_by(&mut self, rows: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
    }

    /// Makes the rows anew. The models come ordered by name, each followed by its other names; the
    /// selection goes to where it stands, if that is still shown.
    pub(super) fn arrange(
        &mut self,
        models: &[Model],
        known: &BTreeMap<PathBuf, Known>,
        named: &BTreeMap<String, (PathBuf, Overrides)>,
        stand: Option<Stand>,
    ) {
        let nothing = Known::default();
        let known = |row: &ModelRow| {
            let path = models.get(row.model).map(|model| &model.path);
            path.and_then(|path| known.get(path)).unwrap_or(&nothing)
        };
        let mut filter = Filter::new(&self.filter.text);
        let all = models.iter().enumerate();
        let mut rows: Vec<ModelRow> = all.flat_map(|(at, model)| rows(at, model, named)).collect();
        rows.retain(|row| self.subset == Subset::All || fits(known(row).estimate));
        rows.retain(|row| match &row.named {
            Some(name) => filter.matches(name),
            None => filter.lets_through(&models[row.model]),
        });
        // The sorts are stable: what is equal stays ordered by name.
        match self.order {
            Order::Name => rows.sort_by_key(|row| !known(row).favourite),
            Order::Size => rows.sort_by_key(|row| Reverse(models[row.model].size_bytes)),
            Order::Parameters => {
                rows.sort_by_key(|row| Reverse(parameters(&models[row.model])));
            }
            Order::Fit => rows.sort_by_key(|row| known(row).estimate.map_or(LAST, ease)),
            Order::Used => rows.sort_by_key(|row| Reverse(known(row).used)),
            Order::Ceiling => {
                rows.sort_by(|a, b| ceiling(known(b)).total_cmp(&ceiling(known(a))));
            }
        }
        let at = stand.and_then(|stand| {
            let is_it =
                |row: &ModelRow| models[row.model].path == stand.path && row.named == stand.named;
            rows.iter().position(is_it)
        });
        self.selected = at.unwrap_or(self.selected.min(rows.len().saturating_sub(1)));
        self.rows = rows;
    }
}

/// A model and the names that a models preset gives to its file.
fn rows(at: usize, model: &Model, named: &BTreeMap<String, (PathBuf, Overrides)>) -> Vec<ModelRow> {
    let is_its = |path: &PathBuf| model.places.iter().any(|place| place.path == *path);
    let names = named.iter().filter(|(_, (path, _))| is_its(path));
    let names = names.map(|(name, _)| Some(name.clone()));
    let all = std::iter::once(None).chain(names);
    all.map(|named| ModelRow { model: at, named }).collect()
}

fn fits(estimate: Option<Estimate>) -> bool {
    estimate.is_some_and(|estimate| estimate.fits)
}

fn parameters(model: &Model) -> u64 {
    model.about.as_ref().map_or(0, |about| about.n_params)
}

fn ceiling(known: &Known) -> f64 {
    let ceiling = known.estimate.and_then(|estimate| estimate.ceiling);
    ceiling.unwrap_or(0.0)
}

/// After everything that was judged.
const LAST: (bool, Reverse<u64>, u64) = (true, Reverse(0), u64::MAX);

/// The lower, the easier a model fits: whether it does not, thousandths of its layers on GPUs, bytes
/// that are missing.
fn ease(estimate: Estimate) -> (bool, Reverse<u64>, u64) {
    let layers = u64::from(estimate.n_layers).max(1);
    let share = u64::from(estimate.n_gpu_layers) * 1_000 / layers;
    (!estimate.fits, Reverse(share), estimate.lacks)
}

/// What was typed, matched letter by letter.
struct Filter {
    pattern: Pattern,
    matcher: Matcher,
    characters: Vec<char>,
}

impl Filter {
    fn new(text: &str) -> Self {
        Self {
            pattern: Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart),
            matcher: Matcher::new(Config::DEFAULT),
            characters: Vec::new(),
        }
    }

    /// By any of its names, its source or its architecture.
    fn lets_through(&mut self, model: &Model) -> bool {
        let arch = model.about.as_ref().map(|about| about.arch.as_str());
        let others = [Some(model.source.name()), arch].into_iter().flatten();
        model.names().chain(others).any(|text| self.matches(text))
    }

    fn matches(&mut self, text: &str) -> bool {
        let text = Utf32Str::new(text, &mut self.characters);
        self.pattern.score(text, &mut self.matcher).is_some()
    }
}
