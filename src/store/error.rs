//! Why something could not be stored or read.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::{ConversationId, MessageId};

/// A failure of the store: what was tried, and why it failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{what}: {source}")]
    Sqlite {
        what: &'static str,
        source: rusqlite::Error,
    },
    #[error("{what} {}: {source}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "{} was written by a newer llmdeck (its schema is version {found}, this program knows {known}); it was not touched: use the newer program, or another --data-dir",
        path.display()
    )]
    TooNew {
        path: PathBuf,
        found: i64,
        known: usize,
    },
    #[error("{} is a database of another program; it was not touched: move it away, or name another --data-dir", path.display())]
    Foreign { path: PathBuf },
    #[error("{} is damaged, and another llmdeck has it open; close that one and start again, so that it can be salvaged", path.display())]
    InUse { path: PathBuf },
    #[error("there is no conversation {}", .0.0)]
    NoConversation(ConversationId),
    #[error("there is no message {}", .0.0)]
    NoMessage(MessageId),
    #[error("message {} is not part of conversation {}", message.0, conversation.0)]
    Elsewhere {
        message: MessageId,
        conversation: ConversationId,
    },
    #[error("{0}")]
    Refused(String),
}

impl StoreError {
    /// Whether the file itself is broken, so that only a salvage helps.
    pub fn is_damage(&self) -> bool {
        let Self::Sqlite { source, .. } = self else {
            return false;
        };
        matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        )
    }

    /// Whether the same may succeed later: the disk is full, another program writes or salvages.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Io { .. } | Self::InUse { .. } => true,
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(
                    ErrorCode::DiskFull
                        | ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                        | ErrorCode::OutOfMemory
                )
            ),
            _ => false,
        }
    }

    /// Whether what was asked for does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NoConversation(_) | Self::NoMessage(_))
    }

    pub(super) fn io(what: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            what,
            path: path.into(),
            source,
        }
    }
}

/// Says what was tried when SQLite refuses.
pub(super) trait Tried<T> {
    fn tried(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Tried<T> for rusqlite::Result<T> {
    fn tried(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Sqlite { what, source })
    }
}
