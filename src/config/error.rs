//! What is wrong with a file of the user's, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use super::paths;
use crate::params::nearest_word;

/// A position in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    /// In characters.
    pub column: usize,
}

/// A file that could not be used: `~/.config/llmdeck/config.toml line 3, column 1: unknown
/// parameter 'tempreture', did you mean 'temp'?`
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub path: PathBuf,
    /// `None` when the file as a whole is the problem: it could not be read.
    pub place: Option<Place>,
    pub problem: String,
    /// The valid word nearest to a wrong one.
    pub suggestion: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", paths::short(&self.path))?;
        if let Some(place) = self.place {
            write!(f, " line {}, column {}", place.line, place.column)?;
        }
        write!(f, ": {}", self.problem)?;
        match &self.suggestion {
            Some(word) => write!(f, ", did you mean '{word}'?"),
            None => Ok(()),
        }
    }
}

impl ConfigError {
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let problem = format!("could not be read: {error}");
        Self {
            path: path.to_owned(),
            place: None,
            problem,
            suggestion: None,
        }
    }

    /// An error of the TOML reader, with the nearest valid word where it lists the valid ones.
    pub(super) fn toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        Self {
            path: path.to_owned(),
            place: error.span().map(|span| place(text, span.start)),
            problem: error.message().replace('`', "'").replace('\n', ": "),
            suggestion: listed_alternative(error.message()),
        }
    }
}

/// Where a byte position lies.
pub(super) fn place(text: &str, position: usize) -> Place {
    let before = text.get(..position).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// serde writes "unknown field `a`, expected one of `b`, `c`": the nearest of the latter.
fn listed_alternative(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next().filter(|_| message.starts_with("unknown "))?;
    nearest_word(wrong, quoted).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a\n\u{e9}\u{e9}b\n";
        assert_eq!(place(text, 0), Place { line: 1, column: 1 });
        assert_eq!(
            place(text, text.find('b').unwrap()),
            Place { line: 2, column: 3 }
        );
        assert_eq!(place(text, 999), Place { line: 3, column: 1 });
    }
}
