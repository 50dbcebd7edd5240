//! `llmdeck metrics`: the sensors of this machine over time, without a screen.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use super::{ExitCode, Failure};
use crate::telemetry::Sources;
use crate::telemetry::history::export::{self, Format, Range};
use crate::telemetry::history::{History, Work};

/// How often the sensors are read.
const INTERVAL: Duration = Duration::from_millis(500);

/// One row a step, each figure the mean of the step; `-` where nothing was read. Runs until Ctrl-C
/// or for the seconds given.
#[derive(Args, Clone, Debug)]
pub struct MetricsArgs {
    /// Ends after so many seconds, 1 to 3600
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: Option<u64>,
    /// Seconds between rows, 1 to 600
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub every: u64,
    /// Print every sample as CSV when the seconds are over
    #[arg(long, requires = "seconds", conflicts_with = "json")]
    pub csv: bool,
    /// Print every sample as one JSON object when the seconds are over
    #[arg(long, requires = "seconds")]
    pub json: bool,
}

/// Reads and prints.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn run(args: &MetricsArgs) -> Result<ExitCode, Failure> {
    let mut sources = Sources::system();
    let mut history = History::default();
    let started = Instant::now();
    let mut read = |history: &mut History| {
        history.record(&sources.read(Instant::now()), &Work::default());
    };
    // Rates are known from the second reading on: the first row would lack them.
    read(&mut history);
    let whole = match (args.csv, args.json) {
        (true, _) => Some(Format::Csv),
        (_, true) => Some(Format::Json),
        _ => None,
    };
    let mut head = None;
    let step = Duration::from_secs(args.every);
    for row in 1_u32.. {
        let until = started + step * row;
        let end = args
            .seconds
            .map(|seconds| started + Duration::from_secs(seconds));
        let until = end.map_or(until, |end| until.min(end));
        let from = history.latest_ms().map_or(0, |latest| latest + 1);
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            thread::sleep(left.min(INTERVAL));
            read(&mut history);
        }
        if whole.is_none() {
            let to = history.latest_ms().map_or(from, |latest| latest + 1);
            if print_row(&history, Range { from, to }, &mut head)? == Reader::Gone {
                break;
            }
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }
    if let Some(format) = whole {
        let all = Range {
            from: 0,
            to: u64::MAX,
        };
        write(&export::write(&history, all, format))?;
    }
    Ok(ExitCode::Ok)
}

/// One row of the table, its head before the first one and whenever a column comes along.
fn print_row(
    history: &History,
    range: Range,
    head: &mut Option<String>,
) -> Result<Reader, Failure> {
    let table = export::text(history, range, 1);
    let (names, row) = table.split_once('\n').unwrap_or((&table, ""));
    if head.as_deref() != Some(names) {
        write(&format!("{names}\n"))?;
        *head = Some(names.to_owned());
    }
    write(row)
}

/// Whether anybody reads on: `llmdeck metrics | head` ends with `head`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

fn write(text: &str) -> Result<Reader, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::new(
            ExitCode::Io,
            "writing to standard output",
            error,
        )),
    }
}
