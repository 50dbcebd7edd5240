//! Conversations on disk: one SQLite file in a folder that only the user can read.
//!
//! ```text
//! Store (synchronous, owns the connection) ── conversations, messages, search, evaluations
//!   ▲                                         exchange: Markdown, JSON, other programs' exports
//!   └── StoreHandle: one thread, commands in, events out; what the deck talks to
//! ```
//!
//! What holds:
//!
//! - A call that returned `Ok` has reached the disk (WAL, `synchronous=FULL`): neither `kill -9` nor
//!   a power cut takes it back. A streaming reply is handed over in pieces, so the loss is what was
//!   not handed over yet.
//! - Several programs may have the store open. Writing takes turns; who streams a reply holds a lock
//!   that dies with it, so the replies of the dead are told from those still being written.
//! - Nothing is overwritten: an edited message and an answer made again are siblings of the old one.
//! - Deleted is what can be restored, until it is purged; then its bytes are zeroed.
//! - A damaged file is set aside, never deleted, and salvaged page by page.

mod actor;
mod ballots;
mod command;
mod conversations;
mod error;
mod evaluations;
pub mod exchange;
mod files;
mod messages;
mod omissions;
mod open;
mod row;
mod salvage;
mod schema;
mod search;
mod traces;
mod tree;
mod types;
mod usage;
mod writer;

pub use actor::{StoreGone, StoreHandle};
pub use command::{Command, Event};
pub use conversations::Which;
pub use error::StoreError;
pub use evaluations::{Run, RunId, Vote};
pub use files::DATABASE;
pub use omissions::Omission;
pub use open::{Opened, Store};
pub use salvage::Salvaged;
pub use schema::VERSION;
pub use traces::{Kept, Marks};
pub use tree::Tree;
pub use types::{
    Conversation, ConversationId, Ending, Hit, Message, MessageId, MessageState, Said, Settings,
    Snapshot, ThoughtTimings,
};
pub use usage::Usage;
