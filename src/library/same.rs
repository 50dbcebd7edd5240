//! Which files have the same content, without reading them whole.
//!
//! Files of one size are compared by a few pieces, and those that agree in them by
//! `gguf::fingerprint`; a name that is a SHA-256 decides at once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::hex;

/// Bytes at the start, and of the pieces further on.
const HEAD: u64 = 32 << 10;
const PIECE: u64 = 4 << 10;
/// Where the pieces begin, in sixteenths of the file.
const PIECES: [u64; 3] = [5, 11, 15];

/// The SHA-256 that a blob of Ollama or of the Hub's cache has as its name.
pub(super) fn named_hash(real: &Path) -> Option<String> {
    let name = real.file_name()?.to_str()?;
    let folder = real.parent()?.file_name()?;
    let hex = name
        .strip_prefix("sha256-")
        .or_else(|| name.strip_prefix("sha256:"))
        .unwrap_or(name);
    let is_hash = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    (folder == "blobs" && is_hash).then(|| hex.to_ascii_lowercase())
}

/// A hash of a few pieces of a file: files that differ in it differ.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn sample(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hash = Sha256::new();
    let mut buffer = Vec::new();
    let starts = PIECES.map(|sixteenths| size / 16 * sixteenths);
    for (at, length) in [(0, HEAD)].into_iter().chain(starts.map(|at| (at, PIECE))) {
        file.seek(SeekFrom::Start(at))?;
        buffer.clear();
        (&mut file).take(length).read_to_end(&mut buffer)?;
        hash.update(&buffer);
    }
    Ok(hex::digits(&hash.finalize()[..16]))
}

/// A file without the links to it; itself where it cannot be found.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_named_by_their_hash() {
        let hex = "0123456789abcdef".repeat(4);
        for name in [hex.clone(), format!("sha256-{hex}")] {
            let path = PathBuf::from(format!("/x/blobs/{name}"));
            assert_eq!(named_hash(&path), Some(hex.clone()));
        }
        assert_eq!(named_hash(Path::new(&format!("/x/{hex}"))), None);
        assert_eq!(named_hash(Path::new("/x/blobs/model.gguf")), None);
    }

    #[test]
    fn samples_tell_files_apart() {
        let folder = tempfile::tempdir().unwrap();
        let of = |bytes: &[u8]| {
            let path = folder.path().join("x");
            std::fs::write(&path, bytes).unwrap();
            sample(&path).unwrap()
        };
        let bytes = vec![1; 200_000];
        assert_eq!(of(&bytes), of(&bytes));
        for at in [0, 200_000 / 16 * 5, 200_000 / 16 * 15] {
            let mut other = bytes.clone();
            other[at] = 2;
            assert_ne!(of(&bytes), of(&other), "{at}");
        }
        assert!(sample(&folder.path().join("none")).is_err());
    }
}
