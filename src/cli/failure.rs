//! A failure as the command line reports it: what was tried, why it failed, what to do, exit code.

use std::fmt;

use super::{ExitCode, sanitise};
use crate::engine::EngineError;

/// What ends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: ExitCode,
    /// What was tried: `reading the prompt from notes.txt`.
    pub what: String,
    /// Why it failed: `the file does not exist`.
    pub why: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl Failure {
    pub fn new(code: ExitCode, what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self {
            code,
            what: what.into(),
            why: why.to_string(),
            hint: String::new(),
        }
    }

    /// The same failure with a way out.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| sanitise::line(text);
        write!(
            out,
            "error: {}\n  why: {}",
            line(&self.what),
            line(&self.why)
        )?;
        if !self.hint.is_empty() {
            write!(out, "\n  try: {}", line(&self.hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self {
            code: error.kind.into(),
            what: error.what,
            why: error.why,
            hint: error.hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_what_why_and_try() {
        let failure = Failure::new(
            ExitCode::NoInput,
            "loading a\u{1b}[2Jb.gguf",
            "the file does not exist",
        )
        .hint("give another path to --model");
        insta::assert_snapshot!(failure, @"
        error: loading ab.gguf
          why: the file does not exist
          try: give another path to --model
        ");
        assert_eq!(
            Failure {
                hint: String::new(),
                ..failure
            }
            .to_string()
            .lines()
            .count(),
            2
        );
    }
}
