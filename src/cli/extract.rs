//! `llmdeck extract-text FILE`: the text of a PDF or a web page, for the deck that asks for it.
//!
//! It runs within bounds of memory and time, and whatever libraries print goes nowhere: standard
//! output has the text and nothing else, standard error the reason where there is none.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{ExitCode, Failure};
use crate::attach;

/// Bytes of address space.
const MEMORY: u64 = 4 << 30;
/// Seconds of processor time.
const SECONDS: u64 = 30;

#[derive(Args, Clone, Debug)]
pub struct ExtractArgs {
    pub file: PathBuf,
}

/// Prints the text of a file.
///
/// # Errors
/// When it cannot be read; standard error has the reason and nothing else.
pub(super) fn run(args: &ExtractArgs) -> Result<ExitCode, Failure> {
    let failure =
        |code, why: String| Failure::new(code, format!("reading {}", args.file.display()), why);
    for (resource, most) in [(Resource::As, MEMORY), (Resource::Cpu, SECONDS)] {
        let bounds = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        if let Err(error) = setrlimit(resource, bounds) {
            tracing::debug!("no bound for {resource:?}: {error}");
        }
    }
    let (mut out, mut errors) =
        aside().map_err(|error| failure(ExitCode::Os, error.to_string()))?;
    match attach::extract(&args.file) {
        Ok(text) => {
            // A reader that went away does not want the rest.
            let _ = out.write_all(text.as_bytes());
            Ok(ExitCode::Ok)
        }
        Err(why) => {
            let _ = write!(errors, "{why}");
            Ok(ExitCode::Data)
        }
    }
}

/// Puts nothing in the place of standard output and standard error, and gives back what was there.
fn aside() -> std::io::Result<(File, File)> {
    let out = rustix::io::dup(rustix::stdio::stdout())?;
    let errors = rustix::io::dup(rustix::stdio::stderr())?;
    let nothing = File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)?;
    Ok((File::from(out), File::from(errors)))
}
