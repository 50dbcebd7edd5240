//! The pages of a database file and of the log beside it, read without SQLite.
//!
//! Formats: <https://www.sqlite.org/fileformat2.html>, "The Database Header" and "The Write-Ahead Log".

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// What SQLite gives a new file.
const USUAL_SIZE: usize = 4096;
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// A file's pages, with what the log has newer in place of them.
pub(super) struct Pages {
    database: File,
    log: Option<File>,
    /// Bytes of a page.
    size: usize,
    count: u32,
    /// Where in the log the newest committed version of a page lies.
    newer: HashMap<u32, u64>,
}

impl Pages {
    /// Opens both; the log may be missing or worthless.
    pub(super) fn open(database: &Path, log: &Path) -> io::Result<Self> {
        let mut database = File::open(database)?;
        let log = File::open(log).ok();
        let mut header = [0; 100];
        let read = read_up_to(&mut database, &mut header)?;
        let in_header = (read == header.len())
            .then(|| page_size(u32::from(u16::from_be_bytes([header[16], header[17]]))))
            .flatten();
        let mut log = log.and_then(|file| Log::read(file).ok().flatten());
        let size = in_header
            .or(log.as_ref().map(|log| log.size))
            .unwrap_or(USUAL_SIZE);
        // A log of other pages is not this file's.
        log = log.filter(|log| log.size == size);
        let length = database.metadata()?.len();
        let in_file = u32::try_from(length.div_ceil(size as u64)).unwrap_or(u32::MAX);
        let in_log = log
            .as_ref()
            .and_then(|log| log.newer.keys().max().copied())
            .unwrap_or(0);
        let (log, newer) = log.map_or((None, HashMap::new()), |log| (Some(log.file), log.newer));
        Ok(Self {
            database,
            log,
            size,
            count: in_file.max(in_log),
            newer,
        })
    }

    /// Bytes of a page.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Pages are numbered from 1 to this.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// A page; what the disk does not give back is zeros.
    pub(super) fn get(&mut self, number: u32) -> Vec<u8> {
        let mut page = vec![0; self.size];
        let (file, offset) = match (self.newer.get(&number), &mut self.log) {
            (Some(offset), Some(log)) => (log, *offset),
            _ => {
                let offset = u64::from(number.saturating_sub(1)) * self.size as u64;
                (&mut self.database, offset)
            }
        };
        let read = file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| read_up_to(file, &mut page));
        if read.is_err() {
            page.fill(0);
        }
        page
    }
}

/// What is committed in a log.
struct Log {
    file: File,
    size: usize,
    newer: HashMap<u32, u64>,
}

impl Log {
    /// Reads frames as long as their checksums agree. `None` = not a log.
    fn read(mut file: File) -> io::Result<Option<Self>> {
        let mut header = [0; WAL_HEADER];
        if read_up_to(&mut file, &mut header)? < WAL_HEADER {
            return Ok(None);
        }
        let big = match word(&header, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return Ok(None),
        };
        let Some(size) = page_size(word(&header, 8)) else {
            return Ok(None);
        };
        let mut sum = checksum([0, 0], &header[..24], big);
        if sum != [word(&header, 24), word(&header, 28)] {
            return Ok(None);
        }
        let (mut newer, mut open) = (HashMap::new(), Vec::new());
        let mut frame = vec![0; FRAME_HEADER + size];
        let mut offset = WAL_HEADER as u64;
        while read_up_to(&mut file, &mut frame)? == frame.len() {
            sum = checksum(sum, &frame[..8], big);
            sum = checksum(sum, &frame[FRAME_HEADER..], big);
            let salts = frame[8..16] == header[16..24];
            if !salts || sum != [word(&frame, 16), word(&frame, 20)] {
                break;
            }
            open.push((word(&frame, 0), offset + FRAME_HEADER as u64));
            // The size of the database marks the last frame of a transaction.
            if word(&frame, 4) > 0 {
                newer.extend(open.drain(..));
            }
            offset += frame.len() as u64;
        }
        Ok(Some(Self { file, size, newer }))
    }
}

/// Two running sums over pairs of 32-bit words.
fn checksum(mut sum: [u32; 2], bytes: &[u8], big: bool) -> [u32; 2] {
    for pair in bytes.chunks_exact(8) {
        let number = |at: usize| {
            let four = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if big {
                u32::from_be_bytes(four)
            } else {
                u32::from_le_bytes(four)
            }
        };
        sum[0] = sum[0].wrapping_add(number(0)).wrapping_add(sum[1]);
        sum[1] = sum[1].wrapping_add(number(4)).wrapping_add(sum[0]);
    }
    sum
}

fn page_size(written: u32) -> Option<usize> {
    let size = if written == 1 { 65_536 } else { written };
    (size.is_power_of_two() && (512..=65_536).contains(&size)).then_some(size as usize)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
