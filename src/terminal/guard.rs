//! Holds the terminal and gives it back.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::output::{Output, Terminal};
use super::saved::{Saved, Unread};

/// How long to wait for the stop that Ctrl-Z asked for. It comes at once, or never where no shell
/// could continue us again: the system drops the signal then.
const STOP_ARRIVES: Duration = Duration::from_millis(200);

/// The terminal is ours while this lives: raw mode, alternate screen, bracketed paste, stderr in the log.
///
/// Dropping it restores everything, and so do a panic of this thread and
/// [`restore_for_abort`](super::restore_for_abort); whichever comes first does it, the others do nothing.
/// SIGKILL alone restores nothing.
#[derive(Debug)]
pub struct Guard {
    saved: &'static Saved,
    log: File,
}

impl Guard {
    /// Takes the terminal and points stderr at the file `log`, which is appended to.
    ///
    /// Call it on the thread that draws. It asks the terminal nothing, so it never waits for an answer.
    /// Fails when stdout is no terminal, when there is none to read keys from, or when the log cannot be
    /// opened; the terminal is as before then.
    pub fn enter(log: &Path) -> io::Result<(Guard, Terminal)> {
        let saved = Saved::get()?;
        let guard = Guard {
            saved,
            log: open_log(log)?,
        };
        guard.saved.take(&guard.log)?;
        let (screen, ours) = saved.screen()?;
        let terminal = Terminal::new(Output::new(screen, ours))?;
        Ok((guard, terminal))
    }

    /// Gives the terminal to the shell and stops the whole job, as Ctrl-Z does; returns when continued.
    ///
    /// Where nobody could continue us (no job control) it returns after a moment with nothing stopped.
    pub async fn suspend(&mut self, terminal: &mut Terminal) -> io::Result<()> {
        let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
        self.saved.restore(Unread::Keep);
        kill_current_process_group(Signal::TSTP)?;
        // The stop may reach this process a moment after the call above, so the way back waits for the
        // signal that ends it. Running out of time is the case without a shell.
        let _ = timeout(STOP_ARRIVES, continued.recv()).await;
        self.saved.take(&self.log)?;
        terminal.repaint()
    }

    /// Gives the terminal to a program of the user's; [`Self::resume`] takes it again.
    pub fn lend(&mut self) {
        self.saved.restore(Unread::Keep);
    }

    /// Takes the terminal again after SIGCONT: somebody outside had us stopped, and the shell may have
    /// used the terminal meanwhile.
    pub fn resume(&mut self, terminal: &mut Terminal) -> io::Result<()> {
        if !self.saved.is_ours() || !self.saved.is_raw() {
            self.saved.take(&self.log)?;
        }
        terminal.repaint()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.saved.restore(Unread::Discard);
    }
}

fn open_log(log: &Path) -> io::Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| in_words("create the folder of the log", folder, &error))?;
    }
    File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(|error| in_words("open the log", log, &error))
}

fn in_words(tried: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot {tried} {}: {error}", path.display()),
    )
}
