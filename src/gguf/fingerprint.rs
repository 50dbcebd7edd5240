//! A model file's identity, without reading all of it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::hex;

/// Bytes at the file's start: a GGUF header with most of its metadata.
const HEAD: u64 = 1024 * 1024;
/// Further pieces, spread evenly over the rest.
const PIECES: u64 = 16;
const PIECE: u64 = 64 * 1024;

/// The SHA-256 of a file's size, its first MiB and sixteen pieces of 64 KiB spread over the rest,
/// in hexadecimal. Two models differ in it wherever a file was converted, quantised or trained
/// anew; it is no proof against a forger. Reads at most 2 MiB, so that it can be had at every load.
///
/// # Errors
/// When the file cannot be read.
pub fn fingerprint(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hash = Sha256::new();
    hash.update(size.to_le_bytes());
    add(&mut file, 0, HEAD, &mut hash)?;
    let rest = size.saturating_sub(HEAD + PIECE);
    for piece in 0..PIECES {
        // The last piece ends with the file; the product needs more than 64 bits for no file.
        let at = HEAD + rest.saturating_mul(piece) / (PIECES - 1);
        add(&mut file, at, PIECE, &mut hash)?;
    }
    Ok(hex::digits(&hash.finalize()))
}

fn add(file: &mut File, at: u64, length: u64, hash: &mut Sha256) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    let mut piece = Vec::new();
    file.take(length).read_to_end(&mut piece)?;
    hash.update(&piece);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_head_and_rest_count() {
        let folder = tempfile::tempdir().unwrap();
        let of = |bytes: &[u8]| {
            let path = folder.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            fingerprint(&path).unwrap()
        };
        let large = vec![7_u8; 3 * 1024 * 1024];
        let same = of(&large);
        assert_eq!(same, of(&large));
        assert_eq!(same.len(), 64);
        assert_ne!(same, of(&large[1..]), "the size counts");
        for at in [0, 1024 * 1024, large.len() - 100] {
            let mut other = large.clone();
            other[at] ^= 1;
            assert_ne!(same, of(&other), "byte {at} counts");
        }
        assert_ne!(of(b"a"), of(b""));
        assert!(fingerprint(&folder.path().join("none")).is_err());
    }
}
