//! Words that a shell completes while they are typed.
//!
//! ```text
//! llmdeck completion SHELL ─► a script for the shell, which at every Tab asks
//! llmdeck complete-words -- WORDS ─► words (as for any command line) ─► values (models, presets …)
//! ```
//! A shell waits for the answer, and whoever types did not ask for a report: nothing is searched
//! for, and what cannot be read completes nothing.

mod values;
mod words;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Args, ValueEnum};
use clap_complete::CompletionCandidate;

use super::{ExitCode, Failure, print};

/// Prints what makes a shell complete commands, flags, and names of models and presets. Names of
/// models are those found last, by the deck or by any command that looks for one.
#[derive(Args, Clone, Copy, Debug)]
#[command(after_help = "\
Install it with a line in the shell's own file:
  ~/.bashrc                    eval \"$(llmdeck completion bash)\"
  ~/.zshrc, after compinit     eval \"$(llmdeck completion zsh)\"
  ~/.config/fish/config.fish   llmdeck completion fish | source")]
pub struct CompletionArgs {
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// A shell that can be told what completes a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// What the scripts ask.
#[derive(Args, Clone, Debug)]
pub struct CompleteWordsArgs {
    /// The command line up to the cursor, the word to be completed last
    #[arg(last = true, value_name = "WORD")]
    pub words: Vec<OsString>,
}

impl Shell {
    fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("scripts/llmdeck.bash"),
            Self::Zsh => include_str!("scripts/llmdeck.zsh"),
            Self::Fish => include_str!("scripts/llmdeck.fish"),
        }
    }
}

/// Prints the script.
///
/// # Errors
/// When it cannot be written.
pub(super) fn run(args: CompletionArgs) -> Result<ExitCode, Failure> {
    print(args.shell.script())
}

/// Prints what may take the place of the last word, a line each; after a tab, what it is.
pub(super) fn complete(args: &CompleteWordsArgs) -> ExitCode {
    let lines: String = words::complete(&args.words)
        .iter()
        .filter_map(line)
        .collect();
    // Nobody is there to be told.
    let _ = io::stdout().write_all(lines.as_bytes());
    ExitCode::Ok
}

/// `None` for what no command line can hold: names of files may have anything in them.
fn line(candidate: &CompletionCandidate) -> Option<String> {
    let value = candidate.get_value().to_str()?;
    if value.contains(char::is_control) {
        return None;
    }
    let help = candidate.get_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    Some(match help.lines().next().unwrap_or_default() {
        "" => format!("{value}\n"),
        help => format!("{value}\t{help}\n"),
    })
}
