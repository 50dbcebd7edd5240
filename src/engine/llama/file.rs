//! A model's files, looked at before llama.cpp does: it ends the process on some damage.

use std::fs;
use std::path::Path;

use crate::engine::{EngineError, ErrorKind};
use crate::gguf::{self, Header};

/// Checks a model as far as possible without llama.cpp and gives the facts of the whole of it, all
/// its files together.
///
/// # Errors
/// [`ErrorKind::NoInput`] or [`ErrorKind::BadData`], naming the file that is wrong.
pub fn validate(path: &Path) -> Result<gguf::Facts, EngineError> {
    check_file(path)?;
    let mut header = Header::read(path).map_err(|error| damaged(path, &error))?;
    if header.tensors.is_empty() && header.facts().shard.is_none() {
        return Err(failure(
            path,
            ErrorKind::BadData,
            "it holds a vocabulary and no weights",
            "load a chat or instruct model",
        ));
    }
    for part in gguf::parts(path).iter().filter(|part| *part != path) {
        check_file(part)?;
        header.append(Header::read_part(part).map_err(|error| damaged(part, &error))?);
    }
    Ok(header.facts())
}

/// An error about a file.
pub(crate) fn failure(
    path: &Path,
    kind: ErrorKind,
    why: impl Into<String>,
    hint: &str,
) -> EngineError {
    EngineError {
        kind,
        what: format!("loading {}", path.display()),
        why: why.into(),
        hint: hint.to_owned(),
    }
}

/// Refuses all but ordinary files. Asked before it is opened, because opening a pipe waits.
pub(super) fn check_file(path: &Path) -> Result<(), EngineError> {
    let about = fs::metadata(path).map_err(|error| {
        let hint = "check the path and its permissions";
        failure(path, ErrorKind::NoInput, error.to_string(), hint)
    })?;
    let hint = "give the path of a .gguf file";
    if !about.is_file() {
        return Err(failure(path, ErrorKind::NoInput, "it is not a file", hint));
    }
    if about.len() == 0 {
        return Err(failure(path, ErrorKind::BadData, "it is empty", hint));
    }
    Ok(())
}

pub(super) fn damaged(path: &Path, error: &gguf::GgufError) -> EngineError {
    let hint = "the file is damaged, cut short by a download, or no chat model";
    failure(path, ErrorKind::BadData, error.to_string(), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_models_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let kind = |path: &Path| validate(path).unwrap_err().kind;
        assert_eq!(kind(dir.path()), ErrorKind::NoInput);
        assert_eq!(kind(&dir.path().join("none.gguf")), ErrorKind::NoInput);
        for text in ["", "hello"] {
            let file = dir.path().join("text.gguf");
            fs::write(&file, text).unwrap();
            assert_eq!(kind(&file), ErrorKind::BadData);
        }
    }

    #[test]
    fn a_part_that_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let first = dir.path().join("guide-00001-of-00002.gguf");
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/guide.gguf");
        fs::copy(guide, &first).unwrap();
        let error = validate(&first).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoInput);
        assert!(error.what.contains("guide-00002-of-00002.gguf"), "{error}");
        fs::write(dir.path().join("guide-00002-of-00002.gguf"), "GGUF?").unwrap();
        assert_eq!(validate(&first).unwrap_err().kind, ErrorKind::BadData);
    }
}
