//! The built-in model: a small GGUF inside the binary, written to the data folder so that
//! llama.cpp can map it like any other file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::hex;

static GUIDE: &[u8] = include_bytes!("../../models/guide.gguf");

/// Makes sure that the built-in model lies in `data_dir/models/` and returns its path. The name
/// carries the start of the file's SHA-256, so that versions lie side by side; a file that differs
/// from the embedded one is written anew. Reads the whole file: not for the thread that draws.
///
/// # Errors
/// When the folder or the file cannot be made; the error names it.
pub fn install_builtin_model(data_dir: &Path) -> io::Result<PathBuf> {
    install(GUIDE, &data_dir.join("models"))
}

fn install(bytes: &[u8], folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(file_name(bytes));
    if is_intact(&path, bytes) {
        return Ok(path);
    }
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::create_dir_all(folder).and_then(|()| replace(&path, &part, bytes));
    match written {
        Ok(()) => Ok(path),
        Err(error) => {
            // What is left of a failed attempt is of no use; that it may not exist is fine.
            let _ = fs::remove_file(&part);
            Err(io::Error::new(
                error.kind(),
                format!(
                    "could not write the built-in model to {}: {error}",
                    path.display()
                ),
            ))
        }
    }
}

/// Writes beside the target, flushes to the disk and renames: nobody ever sees half a file.
fn replace(path: &Path, part: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(part, path)
}

/// Whether the file has exactly these bytes. Comparing costs less than hashing both.
fn is_intact(path: &Path, bytes: &[u8]) -> bool {
    let same_size = fs::metadata(path).is_ok_and(|metadata| metadata.len() == bytes.len() as u64);
    same_size && fs::read(path).is_ok_and(|found| found == bytes)
}

fn file_name(bytes: &[u8]) -> String {
    let start = hex::digits(&Sha256::digest(bytes)[..6]);
    format!("guide-{start}.gguf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_model_is_a_gguf_file() {
        assert_eq!(&GUIDE[..4], b"GGUF");
    }

    #[test]
    fn names_carry_the_start_of_the_hash() {
        // SHA-256 of "abc" from FIPS 180-2, appendix B.1.
        assert_eq!(file_name(b"abc"), "guide-ba7816bf8f01.gguf");
    }

    #[test]
    fn a_missing_or_damaged_file_is_written_and_an_intact_one_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("models");
        let path = install(b"weights", &folder).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"weights");

        let before = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(install(b"weights", &folder).unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);

        fs::write(&path, b"wEights").unwrap();
        install(b"weights", &folder).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"weights");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        fs::write(&blocked, b"").unwrap();
        let error = install(b"weights", &blocked).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("could not write the built-in model to"),
            "{error}"
        );
    }
}
