//! Results over time: a file of JSON lines that only grows.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::record::Record;
use super::stats::{self, Interval};

/// A line longer than this is no record.
const LONGEST: u64 = 1024 * 1024;
/// The chance that an interval does not hold the true change.
const ERROR: f64 = 0.05;

/// Where results lie in the data folder.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("bench").join("history.jsonl")
}

/// Appends a record. Writers take turns, and each line is written whole, so that records of
/// programs that run side by side do not mix; a line that an earlier crash left open is ended
/// first.
///
/// # Errors
/// When the file cannot be made or written.
pub fn append(path: &Path, record: &Record) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut line = serde_json::to_string(record).map_err(io::Error::other)?;
    line.push('\n');
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .open(path)?;
    file.lock()?;
    if is_open_ended(&mut file)? {
        line.insert(0, '\n');
    }
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

/// What a history file holds.
#[derive(Debug, Default, PartialEq)]
pub struct History {
    /// Oldest first, as they were written.
    pub records: Vec<Record>,
    /// A note for each line that was skipped, with its number and the reason.
    pub damaged: Vec<String>,
}

/// Reads the file; one that is not there is an empty one.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> io::Result<History> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let mut history = History::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(record) => history.records.push(record),
            Err(why) => history.damaged.push(format!(
                "{} line {number} is damaged and was skipped: {why}",
                path.display()
            )),
        }
    }
    Ok(history)
}

/// A record beside the one before it that differs in nothing but time, program and figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared<'a> {
    pub record: &'a Record,
    /// The factor by which its speed differs from the earlier one's, with the bounds that hold it
    /// with a chance of 95 %; `None` for the first of its kind or too few samples.
    pub change: Option<Interval>,
}

/// Records of one kind together, kinds in the order in which they first came.
pub fn compare<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Compared<'a>> {
    let mut kinds: Vec<Vec<Compared<'a>>> = Vec::new();
    for record in records {
        let kind = kinds
            .iter_mut()
            .find(|kind| kind[0].record.is_comparable(record));
        let Some(kind) = kind else {
            kinds.push(vec![Compared {
                record,
                change: None,
            }]);
            continue;
        };
        let change = kind.last().and_then(|before| change(before.record, record));
        kind.push(Compared { record, change });
    }
    kinds.into_iter().flatten().collect()
}

/// Per cent from which on a bound says nothing.
const TOO_WIDE: f64 = 900.0;

/// A change as people read it: `+3.1 % (+1.0 to +5.2)`, or that none is certain.
pub fn change_in_words(ratio: Interval) -> String {
    let Interval { low, middle, high } = ratio.map(|ratio| (ratio - 1.0) * 100.0);
    if high > TOO_WIDE {
        "none certain, too few samples".to_owned()
    } else if low <= 0.0 && high >= 0.0 {
        format!("none certain ({low:+.1} to {high:+.1} %)")
    } else {
        format!("{middle:+.1} % ({low:+.1} to {high:+.1})")
    }
}

/// Welch's interval over the logarithms of the rates: their difference is the logarithm of a ratio.
fn change(before: &Record, after: &Record) -> Option<Interval> {
    let logarithms = |record: &Record| -> Option<Vec<f64>> {
        let rates = record.samples_ts.iter();
        rates.map(|rate| (*rate > 0.0).then(|| rate.ln())).collect()
    };
    let interval = stats::welch(&logarithms(before)?, &logarithms(after)?, ERROR)?;
    Some(interval.map(f64::exp))
}

fn is_open_ended(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{pp512, record};
    use super::*;

    #[test]
    fn records_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        assert_eq!(read(&path).unwrap(), History::default());
        let records = [1, 2].map(|threads| record(&pp512(), threads, &[100, 110]));
        for record in &records {
            append(&path, record).unwrap();
        }
        let history = read(&path).unwrap();
        assert_eq!(history.records, records);
        assert_eq!(history.damaged, Vec::<String>::new());
    }

    #[test]
    fn damaged_lines_are_skipped_with_a_note_and_an_open_one_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let one = record(&pp512(), 1, &[100]);
        append(&path, &one).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(b"{}\n\n\xff\xfe\n{\"build_commit\": \"cut off");
        fs::write(&path, bytes).unwrap();
        append(&path, &one).unwrap();
        let history = read(&path).unwrap();
        assert_eq!(history.records, [one.clone(), one]);
        let notes: Vec<bool> = [2, 4, 5]
            .into_iter()
            .zip(&history.damaged)
            .map(|(line, note)| note.contains(&format!("line {line} is damaged")))
            .collect();
        assert_eq!(notes, [true; 3], "{:?}", history.damaged);
    }

    #[test]
    fn writers_side_by_side_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        std::thread::scope(|scope| {
            for threads in 1..=4 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..10 {
                        append(path, &record(&pp512(), threads, &[100, 110])).unwrap();
                    }
                });
            }
        });
        let history = read(&path).unwrap();
        assert_eq!((history.records.len(), history.damaged.len()), (40, 0));
    }

    #[test]
    fn only_what_is_alike_is_compared() {
        let records = [
            record(&pp512(), 1, &[100, 101, 102]),
            record(&pp512(), 2, &[50, 51, 52]),
            record(&pp512(), 1, &[200, 202, 204]),
            record(&pp512(), 1, &[200]),
        ];
        let compared = compare(&records);
        let threads: Vec<u32> = compared.iter().map(|one| one.record.n_threads).collect();
        assert_eq!(threads, [1, 1, 1, 2]);
        assert_eq!(compared[0].change, None);
        let change = compared[1].change.unwrap();
        assert!(change.low < 0.5 && 0.5 < change.high && change.high < 0.55);
        assert!((change.middle - 0.5).abs() < 1e-9);
        assert_eq!((compared[2].change, compared[3].change), (None, None));
    }

    #[test]
    fn a_change_is_named_only_when_it_is_certain() {
        let of = |low, middle, high| change_in_words(Interval { low, middle, high });
        assert_eq!(of(1.01, 1.031, 1.052), "+3.1 % (+1.0 to +5.2)");
        assert_eq!(of(0.9, 0.95, 1.02), "none certain (-10.0 to +2.0 %)");
        assert_eq!(of(1e-9, 1.0, 1e9), "none certain, too few samples");
        assert_eq!(of(0.5, 0.5, 0.5), "-50.0 % (-50.0 to -50.0)");
    }
}
