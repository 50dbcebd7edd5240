//! Models from the Hub: names, listings, choice, downloads. The only place that uses the network,
//! and only when asked to.
//!
//! ```text
//! name ─► Client (client, retry) ─► listing ─► choose ─► pull ─► fetch (range, digest) ─► cache
//! ```
//! Nothing a server says is believed: names of files are checked ([`FilePath`]), sizes and ranges
//! compared (`range`), bytes hashed (`digest`), and the token is sent to the Hub alone.
//! Everything blocks, on threads of its own; [`Stop`] ends it from outside.

mod access;
mod cache;
mod choose;
mod client;
mod desk;
mod digest;
mod error;
mod fetch;
mod first;
mod listing;
mod name;
mod progress;
mod pull;
mod range;
mod rate;
mod record;
mod retry;
mod space;
mod stop;

pub use access::{Access, Network, Patience, Token};
pub use cache::Cache;
pub use choose::{Chosen, choose, models, quant_of};
pub use client::Client;
pub use desk::{Command, Desk, Event, Judge, Leftovers, MayFit, Offer, Places, Question, Size};
pub use error::{ErrorKind, HubError};
pub use first::{First, first_models};
pub use listing::{Found, Repo, RepoFile};
pub use name::{FilePath, Pick, RepoId, Wanted};
pub use progress::{Progress, Status};
pub use pull::{Plan, Planned, Pull, Pulled};
pub use rate::Rate;
pub use record::{Downloaded, Record};
pub use space::free as free_disk;
pub use stop::Stop;
