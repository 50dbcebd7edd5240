//! Why something with the Hub, or a download, did not work.

/// What was tried, why it failed and what to do; the kind decides the exit code and what happens next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct HubError {
    pub kind: ErrorKind,
    pub what: String,
    pub why: String,
    /// May be empty.
    pub hint: String,
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A name that cannot be one.
    Usage,
    /// The network is not to be used.
    Offline,
    /// No such repository, file or quantisation.
    NotFound,
    /// The server wants a token, or an agreement to be accepted.
    Refused,
    /// The server was not reached, or broke off too often.
    Network,
    /// The server answers with something that cannot be used.
    Server,
    /// What came is not what was announced.
    Data,
    /// The disk has too little room.
    NoSpace,
    /// A file cannot be read or written.
    Disk,
    /// It was stopped from outside.
    Stopped,
}

impl HubError {
    pub fn new(kind: ErrorKind, what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self {
            kind,
            what: what.into(),
            why: why.to_string(),
            hint: String::new(),
        }
    }

    /// The same failure with a way out.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// It was stopped from outside.
    pub(super) fn stopped(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Stopped, what, "it was stopped")
            .hint("the same again goes on where it stopped")
    }

    pub(super) fn disk(what: impl Into<String>, error: &std::io::Error) -> Self {
        let kind = if error.kind() == std::io::ErrorKind::StorageFull {
            ErrorKind::NoSpace
        } else {
            ErrorKind::Disk
        };
        Self::new(kind, what, error)
    }
}
