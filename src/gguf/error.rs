//! Why a file was rejected.

/// Why a file was rejected: at which byte, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {reason}")]
pub struct GgufError {
    pub offset: u64,
    pub reason: String,
}

impl GgufError {
    pub(super) fn new(offset: u64, reason: impl Into<String>) -> Self {
        Self {
            offset,
            reason: reason.into(),
        }
    }
}
