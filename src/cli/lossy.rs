//! Paths in JSON: text always. What is not UTF-8 in them, which JSON cannot hold, becomes U+FFFD.

use std::path::{Path, PathBuf};

use serde::Serializer;

/// For `#[serde(serialize_with)]`.
pub(super) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// As [`path`], for one that may be missing.
pub(super) fn optional<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => serializer.serialize_some(&path.to_string_lossy()),
        None => serializer.serialize_none(),
    }
}
