//! Reading little-endian values from a file of known length, within limits.

use std::io::{BufRead, ErrorKind};

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

impl<R: BufRead> Source<R> {
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
        let mut left = length;
        while left > 0 {
            let here = match self.reader.fill_buf() {
                Ok(buffer) => (buffer.len() as u64).min(left),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.cannot(what, &error)),
            };
            if here == 0 {
                return Err(self.ends(what));
            }
            self.consume(here);
            left -= here;
        }
        Ok(())
    }

    /// Passes over strings: half a million of them is what a large vocabulary has, so those that
    /// lie in the buffer whole are passed there.
    pub fn skip_strings(&mut self, count: u64, what: &str) -> Result<(), GgufError> {
        let mut left = count;
        while left > 0 {
            let mut passed = 0;
            if let Ok(buffer) = self.reader.fill_buf() {
                while left > 0 {
                    let Some((length, rest)) = buffer[passed..].split_first_chunk::<8>() else {
                        break;
                    };
                    let length = u64::from_le_bytes(*length);
                    if length > rest.len() as u64 {
                        break;
                    }
                    // No more than the buffer has.
                    passed += 8 + usize::try_from(length).unwrap_or(0);
                    left -= 1;
                }
            }
            self.room(passed as u64, what)?;
            self.consume(passed as u64);
            if left > 0 {
                let length = self.u64(what)?;
                self.skip(length, what)?;
                left -= 1;
            }
        }
        Ok(())
    }

    fn consume(&mut self, bytes: u64) {
        self.reader.consume(usize::try_from(bytes).unwrap_or(0));
        self.offset += bytes;
    }

    fn cannot(&self, what: &str, error: &std::io::Error) -> GgufError {
        GgufError::new(self.offset, format!("cannot read {what}: {error}"))
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
                _ => self.cannot(what, &error),
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
