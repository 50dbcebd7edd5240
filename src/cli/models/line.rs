//! The line of a download: how much is here, how fast it comes, when it will be done.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::sanitise;
use crate::hub::{Progress, Rate, Status};
use crate::ui::text::units;

/// How often a line that is not written over is written.
const EVERY: Duration = Duration::from_secs(10);

/// Where progress goes: one line that is written over on a terminal, a line now and then elsewhere.
pub(super) struct Line {
    began: Instant,
    rate: Rate,
    way: Way,
    last: String,
}

enum Way {
    /// Columns of the terminal.
    Over(usize),
    /// When a line is due.
    Below(Duration),
    Quiet,
}

/// Whether people read the progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Yes,
    No,
}

impl Line {
    pub(super) fn new(shown: Shown) -> Self {
        let way = match shown {
            Shown::No => Way::Quiet,
            Shown::Yes if io::stderr().is_terminal() => Way::Over(columns()),
            Shown::Yes => Way::Below(Duration::ZERO),
        };
        Self {
            began: Instant::now(),
            rate: Rate::default(),
            way,
            last: String::new(),
        }
    }

    /// Shows how far it is.
    pub(super) fn show(&mut self, name: &str, progress: &Progress) {
        let passed = self.began.elapsed();
        self.rate.note(milliseconds(passed), progress.here);
        let text = sentence(name, progress, &self.rate);
        let mut out = io::stderr().lock();
        match &mut self.way {
            Way::Over(columns) if text != self.last => {
                let fits: String = text.chars().take(columns.saturating_sub(1)).collect();
                let _ = write!(out, "\r{fits}\x1b[K").and_then(|()| out.flush());
            }
            Way::Below(due) if passed >= *due => {
                *due = passed + EVERY;
                let _ = writeln!(out, "{text}");
            }
            _ => {}
        }
        self.last = text;
    }

    /// Leaves the line as it is and goes below it.
    pub(super) fn end(&mut self) {
        if matches!(self.way, Way::Over(_)) && !self.last.is_empty() {
            let _ = writeln!(io::stderr());
        }
        self.last.clear();
    }
}

/// Columns of the terminal, or those that every terminal has.
fn columns() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stderr())
        && size.ws_col > 0
    {
        return size.ws_col.into();
    }
    80
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `org/repo:Q4_K_M  1.2 / 4.6 GiB  26 %  98.2 MiB/s  35 s left`
fn sentence(name: &str, progress: &Progress, rate: &Rate) -> String {
    let mut parts = vec![sanitise::line(name)];
    match progress.total {
        Some(total) => {
            parts.push(units::bytes_of(progress.here, total));
            let share = progress.here as f64 / total.max(1) as f64;
            // Never 100 % before it is.
            parts.push(format!("{:.0} %", (share * 100.0).floor()));
        }
        None => parts.push(units::bytes(progress.here)),
    }
    match &progress.status {
        Status::Retrying(why) => parts.push(sanitise::line(why)),
        Status::Locked => parts.push("another program downloads it: waiting".into()),
        Status::Checking => parts.push("checking the SHA-256".into()),
        Status::Queued | Status::Done => {}
        Status::Fetching => {
            if let Some(per_second) = rate.per_second() {
                parts.push(units::byte_rate(per_second));
            }
            let left = progress
                .total
                .map(|total| total.saturating_sub(progress.here));
            if let Some(ms) = left.and_then(|left| rate.time_left_ms(left)) {
                parts.push(format!("{} left", units::time_left(ms)));
            }
        }
    }
    if progress.files.1 > 1 {
        parts.push(format!(
            "{} of {} files",
            progress.files.0, progress.files.1
        ));
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        let mut rate = Rate::default();
        rate.note(0, 0);
        rate.note(1000, 100 << 20);
        let mut progress = Progress {
            here: 100 << 20,
            total: Some(1 << 30),
            files: (0, 1),
            status: Status::Fetching,
        };
        assert_eq!(
            sentence("a/b:Q4_0", &progress, &rate),
            "a/b:Q4_0  100 MiB / 1.0 GiB  9 %  100 MiB/s  10 s left"
        );
        progress.status = Status::Retrying("cut\x1b[31m; try 2 of 8 in 1 s".into());
        progress.files = (1, 3);
        progress.total = None;
        assert_eq!(
            sentence("a", &progress, &rate),
            "a  100 MiB  cut; try 2 of 8 in 1 s  1 of 3 files"
        );
    }
}
