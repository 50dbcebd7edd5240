//! One KV cache in one file: `<key>-<hash of its tokens>.kv`.
//!
//! ```text
//! magic 8 | tokens u64 | token i32 each | state u64 | state | SHA-256 of all before, 32
//! ```
//! Numbers are little-endian. A file is written beside its place and renamed, so a name stands for
//! a whole file; the hash tells when the disk lost some of it.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::hex;

const MAGIC: [u8; 8] = *b"llmdeck\x01";
const HASH: usize = 32;
const SUFFIX: &str = ".kv";
const UNFINISHED: &str = ".part";
/// No context of llama.cpp is longer, in tokens.
const MOST_TOKENS: u64 = 1 << 24;
/// Free space to leave on the disk, in bytes.
const SPARE: u64 = 1 << 30;

/// Bytes that a file of these would have.
pub(super) fn size(tokens: &[i32], state: &[u8]) -> u64 {
    (MAGIC.len() + 8 + 4 * tokens.len() + 8 + state.len() + HASH) as u64
}

/// The files of that key with their tokens, the one used longest ago first. What an
/// interrupted write left is removed.
pub(super) fn list(folder: &Path, key: &str) -> Vec<(PathBuf, Vec<i32>)> {
    remove_unfinished(folder);
    let mut files: Vec<(SystemTime, PathBuf, Vec<i32>)> = files(folder)
        .into_iter()
        .filter(|(path, ..)| name(path).strip_prefix(key).is_some_and(|rest| rest.starts_with('-')))
        .filter_map(|(path, _, used)| match read_tokens(&path) {
            Ok((_, tokens)) => Some((used, path, tokens)),
            Err(error) => {
                tracing::warn!(%error, file = %path.display(), "a kept KV cache is damaged and was removed");
                remove(&path);
                None
            }
        })
        .collect();
    files.sort_by_key(|(used, ..)| *used);
    files
        .into_iter()
        .map(|(_, path, tokens)| (path, tokens))
        .collect()
}

/// The state of a file that was listed with these tokens.
///
/// # Errors
/// When the file cannot be read, is not whole, or has changed since.
pub(super) fn read(path: &Path, tokens: &[i32]) -> io::Result<Vec<u8>> {
    let (mut reader, found) = read_tokens(path)?;
    let length = reader.number()?;
    let all = reader.inner.get_ref().metadata()?.len();
    if found != tokens || length > all {
        return Err(damaged("it is not what it was"));
    }
    let mut state = vec![0; usize::try_from(length).map_err(|_| damaged("it is too long"))?];
    reader.take(&mut state)?;
    let (hash, mut stored) = (reader.hash.finalize(), [0; HASH]);
    reader.inner.read_exact(&mut stored)?;
    if hash.as_slice() != stored {
        return Err(damaged("its hash is another"));
    }
    Ok(state)
}

/// Writes a file, unless the disk would be left too full.
///
/// # Errors
/// When the folder cannot be made or written.
pub(super) fn write(folder: &Path, key: &str, tokens: &[i32], state: &[u8]) -> io::Result<PathBuf> {
    make_private(folder)?;
    if free(folder).is_some_and(|free| free < size(tokens, state).saturating_add(SPARE)) {
        return Err(io::Error::other("the disk is nearly full"));
    }
    let mut text = Vec::with_capacity(4 * tokens.len());
    for token in tokens {
        text.extend_from_slice(&token.to_le_bytes());
    }
    let name = hex::digits(&Sha256::digest(&text)[..8]);
    let place = folder.join(format!("{key}-{name}{SUFFIX}"));
    let beside = place.with_extension(format!("{}{UNFINISHED}", std::process::id()));
    let written = (|| {
        let mut writer = Hashed {
            inner: BufWriter::new(create_private(&beside)?),
            hash: Sha256::new(),
        };
        writer.put(&MAGIC)?;
        writer.put(&(tokens.len() as u64).to_le_bytes())?;
        writer.put(&text)?;
        writer.put(&(state.len() as u64).to_le_bytes())?;
        writer.put(state)?;
        writer.inner.write_all(&writer.hash.finalize())?;
        writer.inner.flush()?;
        fs::rename(&beside, &place)
    })();
    if written.is_err() {
        remove(&beside);
    }
    written.map(|()| place)
}

/// Notes that a file was of use.
pub(super) fn touch(path: &Path, now: SystemTime) {
    let noted = File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(now));
    if let Err(error) = noted {
        tracing::debug!(%error, file = %path.display(), "the time of use was not noted");
    }
}

/// Removes files of any model, the one used longest ago first, until the rest takes at most that
/// many bytes.
pub(super) fn shrink(folder: &Path, limit: u64) {
    let mut files = files(folder);
    files.sort_by_key(|(_, _, used)| *used);
    let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (path, size, _) in files {
        if bytes <= limit {
            return;
        }
        remove(&path);
        bytes -= size;
    }
}

pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, file = %path.display(), "a kept KV cache was not removed");
    }
}

/// Plain files of the folder with their sizes and times of use.
fn files(folder: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let file = |entry: fs::DirEntry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Some((entry.path(), about.len(), used)).filter(|(path, ..)| name(path).ends_with(SUFFIX))
    };
    entries.filter_map(|entry| file(entry.ok()?)).collect()
}

/// Another program may be writing one, but not for an hour.
fn remove_unfinished(folder: &Path) {
    const LONG_AGO: std::time::Duration = std::time::Duration::from_secs(3600);
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let age = entry
            .metadata()
            .ok()
            .and_then(|about| about.modified().ok()?.elapsed().ok());
        if name(&path).ends_with(UNFINISHED) && age.is_some_and(|age| age > LONG_AGO) {
            remove(&path);
        }
    }
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("")
}

/// Reads or writes and hashes what passes.
struct Hashed<T> {
    inner: T,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl Hashed<BufReader<File>> {
    fn take(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.take(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

fn read_tokens(path: &Path) -> io::Result<(Hashed<BufReader<File>>, Vec<i32>)> {
    let mut reader = Hashed {
        inner: BufReader::new(File::open(path)?),
        hash: Sha256::new(),
    };
    let mut magic = [0; 8];
    reader.take(&mut magic)?;
    let count = reader.number()?;
    let all = reader.inner.get_ref().metadata()?.len();
    if magic != MAGIC || count > MOST_TOKENS || count * 4 > all {
        return Err(damaged("it does not begin like one"));
    }
    let mut bytes = vec![0; usize::try_from(count * 4).map_err(|_| damaged("it is too long"))?];
    reader.take(&mut bytes)?;
    let (tokens, _) = bytes.as_chunks::<4>();
    let tokens = tokens
        .iter()
        .map(|token| i32::from_le_bytes(*token))
        .collect();
    Ok((reader, tokens))
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Free bytes of the disk that the folder is on; `None` where the system does not say.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(folder).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limit_is_kept_and_the_newest_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..4_u64 {
            write(folder.path(), "a", &[number as i32; 10], &[0; 100]).expect("the disk");
        }
        let one = size(&[0; 10], &[0; 100]);
        for (at, (path, ..)) in list(folder.path(), "a").into_iter().enumerate() {
            touch(
                &path,
                SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at as u64 + 1),
            );
        }
        let newest: Vec<PathBuf> = list(folder.path(), "a")
            .into_iter()
            .map(|(path, ..)| path)
            .skip(2)
            .collect();
        shrink(folder.path(), 2 * one);
        let left: Vec<PathBuf> = list(folder.path(), "a")
            .into_iter()
            .map(|(path, ..)| path)
            .collect();
        assert_eq!(left, newest);
        shrink(folder.path(), 0);
        assert!(list(folder.path(), "a").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("kv");
        write(&folder, "a", &[1], &[2]).expect("the disk");
        let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&list(&folder, "a")[0].0), 0o600);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tokens in prop::collection::vec(any::<i32>(), 0..200), state in prop::collection::vec(any::<u8>(), 0..2000)) {
            let folder = tempfile::tempdir().expect("a folder");
            write(folder.path(), "key", &tokens, &state).expect("the disk");
            let listed = list(folder.path(), "key");
            prop_assert_eq!(&listed[0].1, &tokens);
            prop_assert_eq!(listed[0].0.metadata().expect("it is there").len(), size(&tokens, &state));
            prop_assert_eq!(read(&listed[0].0, &tokens).expect("whole"), state);
        }

        #[test]
        fn a_changed_or_cut_file_is_never_believed(at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<bool>()) {
            let folder = tempfile::tempdir().expect("a folder");
            let tokens: Vec<i32> = (0..20).collect();
            write(folder.path(), "key", &tokens, &[9; 50]).expect("the disk");
            let path = list(folder.path(), "key")[0].0.clone();
            let mut bytes = fs::read(&path).expect("the file");
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            fs::write(&path, bytes).expect("the file");
            for (path, listed) in list(folder.path(), "key") {
                prop_assert!(read(&path, &listed).is_err());
            }
        }
    }
}
