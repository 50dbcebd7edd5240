//! What is known of a model beside its file.

use super::{Estimate, Modelfile};
use crate::params::Overrides;

/// What the file of a model does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// What a load would come out as; `None` for a model that cannot be loaded.
    pub estimate: Option<Estimate>,
    /// How fast it decodes here.
    pub measured: Option<Measured>,
    /// When the deck loaded it last, in seconds since 1970, UTC.
    pub used: Option<u64>,
    pub favourite: bool,
    /// Whether the deck downloaded it, so that it may be removed.
    pub removable: bool,
    /// What Ollama keeps beside it; read for one model, not for a list.
    pub modelfile: Option<Modelfile>,
    /// The name of a models preset under which it is looked at, and what that sets.
    pub named: Option<(String, Overrides)>,
}

/// A speed that was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Tokens.
    pub per_second: f64,
    pub by: MeasuredBy,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasuredBy {
    /// The last measurement of decoding alone.
    Bench,
    /// The last reply that was long enough to tell.
    Reply,
}

impl MeasuredBy {
    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bench => "by llmdeck bench",
            Self::Reply => "in the last reply",
        }
    }
}
