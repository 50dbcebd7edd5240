//! Reading little-endian values from a file of known length, within limits.

use std::io::{ErrorKind, Read};

use super::GgufError;

/// A header longer than this is not believed; that of a 260,000-token vocabulary takes 12 MiB.
const MAX_HEADER: u64 = 256 << 20;
/// What a header may take in memory.
const MAX_MEMORY: u64 = 64 << 20;

/// A reader that counts what it read and what was allocated for it.
pub struct Source<R> {
    reader: R,
    offset: u64,
    file_len: u64,
    memory: u64,
}

impl<R: Read> Source<R> {
    pub fn new(reader: R, file_len: u64) -> Self {
        Self {
            reader,
            offset: 0,
            file_len,
            memory: MAX_MEMORY,
        }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the file after those read.
    pub fn left(&self) -> u64 {
        self.file_len.saturating_sub(self.offset)
    }

    pub fn u8(&mut self, what: &str) -> Result<u8, GgufError> {
        self.bytes(what).map(|[byte]| byte)
    }

    pub fn u32(&mut self, what: &str) -> Result<u32, GgufError> {
        self.bytes(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &str) -> Result<u64, GgufError> {
        self.bytes(what).map(u64::from_le_bytes)
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self, what: &str) -> Result<[u8; N], GgufError> {
        let mut buffer = [0; N];
        self.room(N as u64, what)?;
        self.fill(&mut buffer, what)?;
        Ok(buffer)
    }

    /// A string: its length as a `u64`, then its bytes. `most` bounds the length.
    pub fn string(&mut self, most: u64, what: &str) -> Result<Vec<u8>, GgufError> {
        let start = self.offset;
        let length = self.u64(what)?;
        if length > most {
            return Err(GgufError::new(
                start,
                format!("{what} claims {length} bytes, more than the {most} it may have"),
            ));
        }
        self.room(length, what)?;
        self.reserve(length, what)?;
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(0)];
        self.fill(&mut buffer, what)?;
        Ok(buffer)
    }

    /// Passes over bytes.
    pub fn skip(&mut self, length: u64, what: &str) -> Result<(), GgufError> {
        self.room(length, what)?;
        let mut buffer = [0; 4096];
        let mut left = length;
        while left > 0 {
            let now = left.min(buffer.len() as u64);
            self.fill(&mut buffer[..usize::try_from(now).unwrap_or(0)], what)?;
            left -= now;
        }
        Ok(())
    }

    /// Takes from the memory that the header may use.
    pub fn reserve(&mut self, bytes: u64, what: &str) -> Result<(), GgufError> {
        self.memory = self.memory.checked_sub(bytes).ok_or_else(|| {
            GgufError::new(
                self.offset,
                format!(
                    "{what} does not fit into the {} MiB a header may take",
                    MAX_MEMORY >> 20
                ),
            )
        })?;
        Ok(())
    }

    /// Gives back what was only needed for a moment.
    pub fn release(&mut self, bytes: u64) {
        self.memory = self.memory.saturating_add(bytes).min(MAX_MEMORY);
    }

    /// Fails unless that many bytes follow.
    pub fn room(&self, length: u64, what: &str) -> Result<(), GgufError> {
        if length > self.left() {
            return Err(self.ends(what));
        }
        if self.offset.saturating_add(length) > MAX_HEADER {
            let reason = format!(
                "{what} lies beyond the {} MiB a header may have",
                MAX_HEADER >> 20
            );
            return Err(GgufError::new(self.offset, reason));
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8], what: &str) -> Result<(), GgufError> {
        self.reader
            .read_exact(buffer)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => self.ends(what),
                _ => GgufError::new(self.offset, format!("cannot read {what}: {error}")),
            })?;
        self.offset += buffer.len() as u64;
        Ok(())
    }

    fn ends(&self, what: &str) -> GgufError {
        let reason = format!(
            "the file ends at byte {}, inside its header ({what}): the download may be incomplete",
            self.file_len
        );
        GgufError::new(self.offset, reason)
    }
}
