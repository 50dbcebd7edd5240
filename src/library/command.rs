//! What the library is asked while the deck runs, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Contents, Estimate, Known, Listing};

/// A question or an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Look through the places again; then as [`Command::Judge`]. What has changed is told by
    /// [`News::Found`].
    Look,
    /// What would loading each model come out as? Answered by [`News::Known`].
    Judge,
    /// The same of one file that may lie anywhere. Answered by [`News::Inspected`].
    Inspect(PathBuf),
    /// Everything that the headers of these files say, the first one's first. Answered by
    /// [`News::Read`].
    Read(Vec<PathBuf>),
    Favourite(PathBuf, Favourite),
    /// A model was loaded. Answered by [`News::Known`], as the next three are.
    Loaded(PathBuf),
    /// A reply of the model was decoded at so many tokens per second.
    Replied {
        path: PathBuf,
        per_second: f64,
    },
    /// Remove a model that was downloaded. Answered by [`News::Removed`].
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
pub enum News {
    /// What is on the machine now.
    Found(Arc<Listing>),
    /// By the paths of models.
    Known(BTreeMap<PathBuf, Known>),
    Inspected {
        path: PathBuf,
        outcome: Result<Estimate, String>,
    },
    /// `path` is the first of the files that were read.
    Read {
        path: PathBuf,
        outcome: Result<Arc<Contents>, String>,
    },
    /// A sentence for the user.
    Removed(Result<String, String>),
}
