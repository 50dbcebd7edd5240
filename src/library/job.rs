//! What the library is asked while the deck runs, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Estimate, Listing, Marks};

/// A question or an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// What would loading each model come out as? Answered by [`Told::Judged`].
    Judge,
    /// The same of one file that may lie anywhere. Answered by [`Told::Inspected`].
    Inspect(PathBuf),
    /// Everything the header says. Answered by [`Told::Details`].
    Details(PathBuf),
    /// Mark or unmark a model.
    Favourite(PathBuf, Favourite),
    /// A model was loaded.
    Used(PathBuf),
    /// Remove a model that was downloaded. Answered by [`Told::Removed`].
    Remove(PathBuf),
}

/// Whether a model is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Favourite {
    Yes,
    No,
}

/// News of the library.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// What is on the machine now.
    Found(Arc<Listing>),
    /// By the paths of models, those that can be loaded.
    Judged(BTreeMap<PathBuf, Estimate>),
    Marked(Marks),
    Inspected {
        path: PathBuf,
        outcome: Result<Estimate, String>,
    },
    Details {
        path: PathBuf,
        /// Names with their values: metadata first, then tensors.
        rows: Result<Vec<(String, String)>, String>,
    },
    /// A sentence for the user.
    Removed(Result<String, String>),
}
