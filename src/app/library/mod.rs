//! The models on this machine: the view of them, and models by name.
//!
//! ```text
//! Effect::Library(Command) ─► runtime's librarian ─► Event::Library(News) ─► LibraryState
//! ```

mod by_name;
mod details;
mod list;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use details::{DetailRow, Details};
pub use list::{ModelList, ModelRow, Order, Subset};

pub(super) use by_name::{ask_which, look_ahead, names, resolve};
pub(super) use view::{enter, paste, perform, resized, type_key};

use super::slash::complete;
use super::update::{IsError, notice};
use super::{Effect, Overlay, State, View, compare};
use crate::engine::Timings;
use crate::library::{Command, Known, Listing, Model, News};
use crate::params::Overrides;
use by_name::Inspected;
use list::Stand;

/// Tokens of a reply that tells how fast the model is.
const LONG_ENOUGH: u32 = 32;

/// What is known of the models on this machine, and how they are shown.
#[derive(Debug, Default)]
pub struct LibraryState {
    /// `None` until the first scan is done.
    pub listing: Option<Arc<Listing>>,
    /// By the paths of models.
    pub known: BTreeMap<PathBuf, Known>,
    /// Files and values of models that the user named in a models preset.
    pub named: BTreeMap<String, (PathBuf, Overrides)>,
    pub list: ModelList,
    /// `None` while the list is shown.
    pub details: Option<Details>,
    /// Removing that was begun.
    pub removing: Option<Removing>,
    /// The newest file that was asked about for the load prompt.
    inspected: Option<Inspected>,
}

/// Removing asks twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removing {
    pub path: PathBuf,
    /// The question that waits for an answer.
    pub question: Question,
}

/// The questions before a model is removed, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Whether,
    ForGood,
}

impl LibraryState {
    pub fn models(&self) -> &[Model] {
        self.listing.as_ref().map_or(&[], |listing| &listing.models)
    }

    /// The model the selection stands on.
    pub fn chosen(&self) -> Option<&Model> {
        self.models().get(self.list.chosen()?.model)
    }

    /// The name that a models preset gives to the model the selection stands on, and what it sets;
    /// `None` where the model stands under its own.
    pub fn chosen_name(&self) -> Option<(&str, &Overrides)> {
        let name = self.list.chosen()?.named.as_ref()?;
        let (name, (_, values)) = self.named.get_key_value(name)?;
        Some((name, values))
    }

    /// What is known of a model beside its file.
    pub fn known(&self, model: &Model) -> Option<&Known> {
        self.known.get(&model.path)
    }

    fn model(&self, path: &Path) -> Option<&Model> {
        self.models().iter().find(|model| model.path == path)
    }

    /// Chooses and orders the rows anew; the selection stays where it is.
    fn arrange(&mut self) {
        let stay = self.stands_on();
        self.arrange_on(stay);
    }

    fn arrange_on(&mut self, stay: Option<Stand>) {
        let models = self.listing.as_ref().map_or(&[][..], |list| &list.models);
        self.list.arrange(models, &self.known, &self.named, stay);
    }

    fn stands_on(&self) -> Option<Stand> {
        Some(Stand {
            path: self.chosen()?.path.clone(),
            named: self.list.chosen()?.named.clone(),
        })
    }
}

/// Remembers how fast a reply was, if it was long enough to tell and had the engine for itself.
pub(super) fn replied(state: &State, timings: &Timings) -> Vec<Effect> {
    let columns = state.compare.run.as_ref();
    let is_alone = !columns.is_some_and(compare::Run::is_running);
    let running = state.model.running.as_ref();
    let Some((model, _)) = running.filter(|_| is_alone && timings.predicted_n >= LONG_ENOUGH)
    else {
        return vec![];
    };
    vec![Effect::Library(Command::Replied {
        path: model.path.clone(),
        per_second: timings.predicted_per_second,
    })]
}

/// Other models are in memory than before, so that others fit beside them.
pub(super) fn memory_changed(state: &mut State) -> Vec<Effect> {
    state.library.inspected = None;
    match is_shown(state) {
        true => vec![Effect::Library(Command::Judge)],
        false => vec![],
    }
}

/// Whether estimates are on the screen.
fn is_shown(state: &State) -> bool {
    state.view == View::Models || matches!(state.overlay, Some(Overlay::LoadModel(_)))
}

/// Takes news of the library in.
pub(super) fn on_news(state: &mut State, news: News) -> Vec<Effect> {
    let is_shown = is_shown(state);
    let library = &mut state.library;
    match news {
        News::Found(listing) => {
            let stay = library.stands_on();
            library.listing = Some(listing);
            library.arrange_on(stay);
            // Judging takes time that nobody should give for what is not looked at.
            if is_shown {
                return vec![Effect::Library(Command::Judge)];
            }
        }
        News::Known(known) => {
            library.known = known;
            library.arrange();
            complete::judged(state);
        }
        News::Inspected { path, outcome } => {
            if let Some(inspected) = &mut library.inspected {
                inspected.answer(&path, outcome);
            }
        }
        News::Read { path, outcome } => {
            if let Some(details) = &mut library.details {
                details.answer(&path, outcome);
            }
        }
        News::Removed(Ok(said)) => return notice(state, said, IsError::No),
        News::Removed(Err(why)) => return notice(state, why, IsError::Yes),
    }
    view::clamp(state);
    vec![]
}
