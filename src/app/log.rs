//! The log pane.

use std::collections::VecDeque;

/// Lines kept for the pane; the file has all.
const KEPT: usize = 1_000;

/// The last lines of the log.
#[derive(Clone, Debug, Default)]
pub struct LogState {
    /// At most 1,000, oldest first.
    pub lines: VecDeque<LogLine>,
    /// Lines scrolled up from the end; 0 follows.
    pub from_end: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub level: LogLevel,
    /// Local time as `12:34:56`.
    pub time: String,
    /// Module or `llama.cpp`.
    pub target: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogState {
    pub(super) fn push(&mut self, line: LogLine) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        // What was scrolled to stays in view while lines arrive.
        if self.from_end > 0 {
            self.from_end = (self.from_end + 1).min(self.lines.len() - 1);
        }
    }

    /// Scrolls towards the past by lines; negative goes towards the end.
    pub(super) fn scroll_by(&mut self, lines: isize) {
        let last = self.lines.len().saturating_sub(1);
        self.from_end = self.from_end.saturating_add_signed(lines).min(last);
    }
}
