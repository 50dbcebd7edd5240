//! Where the text of the reply goes while it is made.

use std::io::{self, IsTerminal, Write};

use crate::cli::sanitise::Sanitiser;

/// Standard output, for a person or for a program.
pub(super) enum Output {
    /// A terminal shows text without escape sequences.
    Terminal {
        sanitiser: Sanitiser,
        line_open: bool,
    },
    /// A pipe or a file gets every byte.
    Pipe,
    /// Nothing is shown until the reply is complete.
    Quiet,
}

impl Output {
    pub(super) fn for_text() -> Self {
        if io::stdout().is_terminal() {
            Self::Terminal {
                sanitiser: Sanitiser::default(),
                line_open: false,
            }
        } else {
            Self::Pipe
        }
    }

    /// What a model thinks is for people only.
    pub(super) fn for_thoughts() -> Self {
        if io::stderr().is_terminal() {
            Self::Terminal {
                sanitiser: Sanitiser::default(),
                line_open: false,
            }
        } else {
            Self::Quiet
        }
    }

    /// Writes a piece of the reply at once.
    ///
    /// # Errors
    /// As writing to standard output; `BrokenPipe` when nobody reads any more.
    pub(super) fn write(&mut self, out: &mut impl Write, text: &str) -> io::Result<()> {
        match self {
            Self::Terminal {
                sanitiser,
                line_open,
            } => {
                let text = sanitiser.piece(text);
                *line_open = text
                    .chars()
                    .next_back()
                    .map_or(*line_open, |last| last != '\n');
                out.write_all(text.as_bytes())?;
            }
            Self::Pipe => out.write_all(text.as_bytes())?,
            Self::Quiet => return Ok(()),
        }
        out.flush()
    }

    /// Ends the last line, so that the shell's prompt stands on its own.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Terminal {
                line_open: true, ..
            } => self.write(out, "\n"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mut output: Output, pieces: &[&str]) -> String {
        let mut out = Vec::new();
        for piece in pieces {
            output.write(&mut out, piece).unwrap();
        }
        output.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn terminal() -> Output {
        Output::Terminal {
            sanitiser: Sanitiser::default(),
            line_open: false,
        }
    }

    #[test]
    fn a_terminal_gets_clean_text_and_a_last_newline() {
        assert_eq!(written(terminal(), &["a\x1b[", "31mb", ""]), "ab\n");
        assert_eq!(written(terminal(), &["a\n", "\x1b[0m"]), "a\n");
        assert_eq!(written(terminal(), &[]), "");
    }

    #[test]
    fn a_pipe_gets_every_byte_and_nothing_more() {
        assert_eq!(written(Output::Pipe, &["a\x1b[31m", "b"]), "a\x1b[31mb");
    }

    #[test]
    fn quiet_is_quiet() {
        assert_eq!(written(Output::Quiet, &["a"]), "");
    }
}
