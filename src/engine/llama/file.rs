//! A model's files, looked at before llama.cpp does: it ends the process on some damage.

use std::fs;
use std::path::{Path, PathBuf};

use crate::engine::{EngineError, ErrorKind};
use crate::gguf::{self, Header};
use crate::plan;

/// Checks a model as far as possible without llama.cpp and gives the facts of the whole of it, all
/// its files together.
///
/// # Errors
/// [`ErrorKind::NoInput`] or [`ErrorKind::BadData`], naming the file that is wrong.
pub(crate) fn validate(path: &Path) -> Result<gguf::Facts, EngineError> {
    let first = bytes(path)?;
    let header = Header::read(path).map_err(|error| damaged(path, &error))?;
    let facts = header.facts();
    if facts.tensor_bytes == 0 && facts.shard.is_none() {
        return Err(failure(
            path,
            ErrorKind::BadData,
            "it holds a vocabulary and no weights",
            "load a chat or instruct model",
        ));
    }
    let mut total = first;
    for part in split_parts(path).iter().filter(|part| *part != path) {
        total += bytes(part)?;
        Header::read_part(part).map_err(|error| damaged(part, &error))?;
    }
    Ok(plan::whole(facts, total))
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

/// The length of an ordinary file. Asked before it is opened, because opening a pipe waits.
fn bytes(path: &Path) -> Result<u64, EngineError> {
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
    Ok(about.len())
}

fn damaged(path: &Path, error: &gguf::GgufError) -> EngineError {
    let hint = "the file is damaged, cut short by a download, or no chat model";
    failure(path, ErrorKind::BadData, error.to_string(), hint)
}

/// The parts of a model: `name-00001-of-00003.gguf` stands for three files.
fn split_parts(path: &Path) -> Vec<PathBuf> {
    let alone = || vec![path.to_owned()];
    let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
        return alone();
    };
    let Some((rest, count)) = stem.rsplit_once("-of-") else {
        return alone();
    };
    let Some((prefix, number)) = rest.rsplit_once('-') else {
        return alone();
    };
    match (number.parse::<u32>(), count.parse::<u32>()) {
        (Ok(_), Ok(total)) if number.len() == 5 && count.len() == 5 && total <= 1000 => (1..=total)
            .map(|part| path.with_file_name(format!("{prefix}-{part:05}-of-{count}.gguf")))
            .collect(),
        _ => alone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_model_is_all_its_parts() {
        let parts = split_parts(Path::new("/m/a-00002-of-00003.gguf"));
        assert_eq!(
            parts,
            [
                "/m/a-00001-of-00003.gguf",
                "/m/a-00002-of-00003.gguf",
                "/m/a-00003-of-00003.gguf"
            ]
            .map(PathBuf::from)
        );
        assert_eq!(
            split_parts(Path::new("/m/best-of-three.gguf")),
            [PathBuf::from("/m/best-of-three.gguf")]
        );
    }

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
