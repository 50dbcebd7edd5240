//! The models that are on this machine already, whichever tool brought them.
//!
//! ```text
//! places ─► walk, ollama ─► candidates ─► index (or the header) ─► scan ─► Listing ─► names
//! ```
//!
//! `places` says where tools keep models, from an environment that is given; `walk` and `ollama`
//! find the files there; `index` remembers what their headers say (`about`), so that only new and
//! changed ones are read; `scan` unites parts, pairs and duplicates; `names` finds a model by what
//! people call it, and `called` are those names for who asks without looking. Files of other tools
//! are only ever read.
//!
//! Beside its file, a model is [`Known`] by what a load would come out as and by what the deck
//! remembers (`marks`); `sheet` says all of it in words. [`Command`] and [`News`] are what a deck
//! that runs asks and hears.

mod about;
mod called;
mod command;
mod contents;
mod estimate;
mod family;
mod index;
mod known;
mod marks;
mod model;
mod modelfile;
mod names;
mod ollama;
mod places;
mod remove;
mod same;
mod scan;
mod sheet;
mod source;
#[cfg(test)]
mod tests;
mod walk;

pub use about::{About, Kind, Senses};
pub use called::Called;
pub use command::{Command, Favourite, News};
pub use contents::{Contents, TensorRow};
pub use estimate::{Beside, Estimate, RunningThen};
pub use family::{Family, Speaks};
pub use index::Index;
pub use known::{Known, Measured, MeasuredBy};
pub use marks::Marks;
pub use model::{Listing, Model, Spot};
pub use modelfile::{Modelfile, is_ollama_blob};
pub use names::Meant;
pub use places::{Environment, Os, Place, moved, places};
pub use remove::{only_a_name, removable, remove, why_kept};
pub use scan::scan;
pub use sheet::{abilities, date, sheet};
pub use source::Source;
pub use walk::Unreadable;
