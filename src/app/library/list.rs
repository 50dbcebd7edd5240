//! Which models are shown, in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::app::LineEdit;
use crate::library::{Estimate, Known, Model};

/// The rows of the list.
#[derive(Debug, Default)]
pub struct ModelList {
    /// Indices into the models, in the order shown.
    pub rows: Vec<usize>,
    /// Index into `rows`.
    pub selected: usize,
    pub filter: LineEdit,
    /// Whether the filter is being typed.
    pub is_typing: bool,
    pub order: Order,
    pub subset: Subset,
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
    /// The index of the model the selection stands on.
    pub(super) fn chosen(&self) -> Option<usize> {
        self.rows.get(self.selected).copied()
    }

    pub(super) fn move_by(&mut self, rows: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
    }

    /// Makes the rows anew. The models come ordered by name; the selection goes to the one at `stay`,
    /// if it is still shown.
    pub(super) fn arrange(
        &mut self,
        models: &[Model],
        known: &BTreeMap<PathBuf, Known>,
        stay: Option<&Path>,
    ) {
        let nothing = Known::default();
        let known = |row: usize| {
            let path = models.get(row).map(|model| &model.path);
            path.and_then(|path| known.get(path)).unwrap_or(&nothing)
        };
        let mut filter = Filter::new(&self.filter.text);
        let mut rows: Vec<usize> = models
            .iter()
            .enumerate()
            .filter(|(row, _)| self.subset == Subset::All || fits(known(*row).estimate))
            .filter(|(_, model)| filter.lets_through(model))
            .map(|(row, _)| row)
            .collect();
        // The sorts are stable: what is equal stays ordered by name.
        match self.order {
            Order::Name => rows.sort_by_key(|row| !known(*row).favourite),
            Order::Size => rows.sort_by_key(|row| Reverse(models[*row].size_bytes)),
            Order::Parameters => rows.sort_by_key(|row| Reverse(parameters(&models[*row]))),
            Order::Fit => rows.sort_by_key(|row| known(*row).estimate.map_or(LAST, ease)),
            Order::Used => rows.sort_by_key(|row| Reverse(known(*row).used)),
            Order::Ceiling => {
                rows.sort_by(|a, b| ceiling(known(*b)).total_cmp(&ceiling(known(*a))));
            }
        }
        let at = stay.and_then(|path| rows.iter().position(|row| models[*row].path == path));
        self.selected = at.unwrap_or(self.selected.min(rows.len().saturating_sub(1)));
        self.rows = rows;
    }
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
        model.names().chain(others).any(|text| {
            let text = Utf32Str::new(text, &mut self.characters);
            self.pattern.score(text, &mut self.matcher).is_some()
        })
    }
}
