//! The reply while it is made: the answer to standard output, thoughts beside it.

use std::io::{self, Write};

use super::output::Output;
use crate::chat::reasoning::Parts;

/// Writes a reply as it comes. Thoughts go to standard error, and only where a person reads that: what
/// is piped on is the answer alone.
pub(super) struct Show<O, E> {
    answer: Output,
    out: O,
    thoughts: Output,
    err: E,
    /// Whether the last thing written was a thought.
    thinks: bool,
}

impl<O: Write, E: Write> Show<O, E> {
    pub(super) fn new(answer: Output, out: O, thoughts: Output, err: E) -> Self {
        Self {
            answer,
            out,
            thoughts,
            err,
            thinks: false,
        }
    }

    /// Writes new text at once.
    ///
    /// # Errors
    /// As writing to standard output.
    pub(super) fn write(&mut self, parts: &Parts) -> io::Result<()> {
        if !parts.thought.is_empty() {
            // Nobody may read it; the answer counts.
            let title = if self.thinks { "" } else { "[thinking]\n" };
            let _ = self.thoughts.write(&mut self.err, title);
            let _ = self.thoughts.write(&mut self.err, &parts.thought);
            self.thinks = true;
        }
        if parts.answer.is_empty() {
            return Ok(());
        }
        if self.thinks {
            let _ = self.thoughts.finish(&mut self.err);
            let _ = self.thoughts.write(&mut self.err, "[answer]\n");
            self.thinks = false;
        }
        self.answer.write(&mut self.out, &parts.answer)
    }

    /// Ends the last line.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let _ = self.thoughts.finish(&mut self.err);
        self.answer.finish(&mut self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sanitise::Sanitiser;

    #[test]
    fn thoughts_stand_beside_the_answer() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let terminal = Output::Terminal {
            sanitiser: Sanitiser::default(),
            line_open: false,
        };
        let mut show = Show::new(Output::Pipe, &mut out, terminal, &mut err);
        for (thought, answer) in [("h", ""), ("m", ""), ("", "Yes"), ("", ".")] {
            let parts = Parts {
                thought: thought.to_owned(),
                answer: answer.to_owned(),
            };
            show.write(&parts).unwrap();
        }
        show.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "Yes.");
        assert_eq!(
            String::from_utf8(err).unwrap(),
            "[thinking]\nhm\n[answer]\n"
        );
    }
}
