//! Logging: a file a day, of which five are kept, and the deck's log pane.
//!
//! Neither holds anybody up: the file is written by a thread of its own, and the pane's channel
//! drops lines while it is full and counts them. Nothing is logged to the terminal.

use std::ffi::OsStr;
use std::fmt::{Debug, Write};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Zoned;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{EnvFilter, Layer};

use super::sanitise;
use crate::app::{LogLevel, LogLine};

/// Lines that wait for the pane before further ones are dropped.
const PANE_LINES: usize = 1_000;
const FILES_KEPT: usize = 5;
/// The variable that sets the level, in the syntax of `tracing_subscriber::EnvFilter`.
pub const VARIABLE: &str = "LLMDECK_LOG";

/// The log of this process; dropping it writes what is left.
#[derive(Debug)]
pub struct Logging {
    /// The file in use, where standard error can go while the screen is the deck's.
    pub file: Option<PathBuf>,
    /// Why there is no file, or why the filter was not used.
    pub problems: Vec<String>,
    _writer: Option<WorkerGuard>,
}

/// The lines for the log pane.
#[derive(Debug)]
pub struct PaneLines {
    pub lines: mpsc::Receiver<LogLine>,
    dropped: Arc<AtomicU64>,
}

impl PaneLines {
    /// How many lines were dropped because the channel was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The channel between the log and the pane.
pub fn pane() -> (PaneLayer, PaneLines) {
    let (sender, lines) = mpsc::channel(PANE_LINES);
    let dropped = Arc::<AtomicU64>::default();
    (
        PaneLayer {
            sender,
            dropped: Arc::clone(&dropped),
        },
        PaneLines { lines, dropped },
    )
}

impl Logging {
    /// Starts logging into `path`, which leads to the file of the day. A place that cannot be
    /// written is a problem to report, not a failure. `filter` is a level, or levels by module as
    /// `llmdeck::engine=debug,info`.
    pub fn start(path: &Path, filter: &str, pane: Option<PaneLayer>) -> Self {
        let mut problems = Vec::new();
        let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
            problems.push(format!("log filter '{filter}': {error}; 'info' is used"));
            EnvFilter::new("info")
        });
        let (file, writer, guard) = match open(path) {
            Ok((file, writer, guard)) => (file, Some(writer), Some(guard)),
            Err(reason) => {
                problems.push(format!("no log file {}: {reason}", path.display()));
                (None, None, None)
            }
        };
        let file_layer = writer.map(|writer| {
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(writer)
        });
        let subscriber = tracing_subscriber::registry()
            .with(filter)
            .with(file_layer)
            .with(pane);
        if let Err(error) = tracing::subscriber::set_global_default(subscriber) {
            problems.push(format!("no log: {error}"));
        }
        Self {
            file,
            problems,
            _writer: guard,
        }
    }
}

fn open(path: &Path) -> Result<(Option<PathBuf>, NonBlocking, WorkerGuard), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (name, prefix, suffix) = (
        part(path.file_name()),
        part(path.file_stem()),
        part(path.extension()),
    );
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(&prefix)
        .filename_suffix(&suffix)
        .latest_symlink(name)
        .max_log_files(FILES_KEPT)
        .build(folder)
        .map_err(|error| error.to_string())?;
    let (writer, guard) = tracing_appender::non_blocking(appender);
    // Where the system has no links, the newest of the dated files is today's.
    let file = if path.exists() {
        Some(path.to_owned())
    } else {
        newest(folder, &prefix, &suffix)
    };
    Ok((file, writer, guard))
}

fn newest(folder: &Path, prefix: &str, suffix: &str) -> Option<PathBuf> {
    let files = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    files
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(prefix) && name.ends_with(suffix)
        })
        .max()
}

/// Sends every record to the log pane, never waiting.
#[derive(Debug)]
pub struct PaneLayer {
    sender: mpsc::Sender<LogLine>,
    dropped: Arc<AtomicU64>,
}

impl<S: Subscriber> Layer<S> for PaneLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        let metadata = event.metadata();
        let line = LogLine {
            level: level(*metadata.level()),
            time: Zoned::now().strftime("%H:%M:%S").to_string(),
            target: metadata.target().trim_start_matches("llmdeck::").to_owned(),
            message: sanitise::line(message.0.trim_end()),
        };
        if self.sender.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}

/// The text of a record: its message, then its other fields as `name=value`.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" if self.0.is_empty() => write!(self.0, "{value:?}"),
            "message" => {
                let fields = std::mem::take(&mut self.0);
                write!(self.0, "{value:?} {fields}")
            }
            name => {
                let gap = if self.0.is_empty() { "" } else { " " };
                write!(self.0, "{gap}{name}={value:?}")
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(pane: PaneLayer, work: impl FnOnce()) {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(pane), work);
    }

    #[test]
    fn records_become_lines_of_the_pane() {
        let (layer, mut pane) = pane();
        logged(layer, || {
            tracing::warn!(target: "llama.cpp", layers = 3, "out of \x1b[31mmemory\n");
            tracing::trace!(target: "llmdeck::engine::llama", answer = 42);
        });
        let line = pane.lines.try_recv().unwrap();
        assert_eq!(
            (line.level, line.target.as_str()),
            (LogLevel::Warn, "llama.cpp")
        );
        assert_eq!(line.message, "out of memory  layers=3");
        assert_eq!(line.time.len(), 8);
        let line = pane.lines.try_recv().unwrap();
        assert_eq!(
            (line.level, line.target.as_str()),
            (LogLevel::Debug, "engine::llama")
        );
        assert_eq!(line.message, "answer=42");
    }

    #[test]
    fn a_full_channel_drops_and_counts() {
        let (layer, mut pane) = pane();
        logged(layer, || {
            (0..PANE_LINES + 7).for_each(|number| tracing::info!("{number}"))
        });
        assert_eq!(pane.dropped(), 7);
        assert_eq!(pane.lines.try_recv().unwrap().message, "0");
    }

    #[test]
    fn the_file_in_use_is_known_and_few_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=7 {
            fs::write(
                folder.path().join(format!("llmdeck.2020-01-0{day}.log")),
                "old",
            )
            .unwrap();
        }
        let path = folder.path().join("llmdeck.log");
        let (file, _, _guard) = open(&path).unwrap();
        assert!(
            fs::read_to_string(file.unwrap()).unwrap().is_empty(),
            "a new file, not an old one"
        );
        let newest = newest(folder.path(), "llmdeck.2", "log").unwrap();
        assert!(!newest.to_string_lossy().contains("2020"), "{newest:?}");
        let files = fs::read_dir(folder.path())
            .unwrap()
            .flatten()
            .filter(|file| file.path() != path);
        assert!(files.count() <= FILES_KEPT);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(open(&file.join("llmdeck.log")).is_err());
    }
}
