//! Files as parts of a message: what is text is read, of PDF and HTML the text is taken.
//!
//! Pure but for reading. A message carries its files at its end, in fences, so that whatever
//! handles messages (prompt, store, search, export) handles them too; [`split`] finds them again.
//! PDF and HTML are read by a process of its own ([`Extractor`]): such files may be made to harm.

mod decode;
mod extract;
mod files;
mod message;

pub use extract::{Extractor, Kind, extract};
pub use files::{File, looks_like_path, read};
pub use message::{first_part, join, shown, split};
