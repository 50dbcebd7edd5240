//! What the terminal was before we took it, and putting it back.
//!
//! [`SAVED`] is the one process-wide value of this program. A panic hook and llama.cpp's abort callback
//! run wherever things went wrong and are handed nothing of ours, so what they need lies in a static. It
//! is written once, at the first [`Guard::enter`](super::Guard::enter), and only read afterwards.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};

use rustix::termios::{self, OptionalActions, QueueSelector, Termios};

/// Alternate screen, empty; bracketed paste; no cursor until a frame shows one.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[2J\x1b[?2004h\x1b[?25l";
/// The reverse of [`ENTER`], after ending a synchronized frame that may be open.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?25h\x1b[?2004l\x1b[?1049l";
/// CAN: ends an escape sequence that was cut in the middle.
const CANCEL: &[u8] = b"\x18";

static SAVED: OnceLock<Saved> = OnceLock::new();

/// The terminal as it was found, and whether it is ours at the moment.
#[derive(Debug)]
pub(super) struct Saved {
    /// Takes the terminal's settings: stdin, or the controlling terminal where stdin is something else.
    tty: OwnedFd,
    /// Takes what is drawn: stdout.
    screen: OwnedFd,
    stderr: OwnedFd,
    settings: Termios,
    /// Shared with the output, which drops what is drawn while this is false.
    ours: Arc<AtomicBool>,
    /// The thread that draws; its panics end the program.
    owner: ThreadId,
}

/// What happens to keys that were typed and not read yet when the terminal is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// They are for whoever reads next: the shell, while we are suspended.
    Keep,
    /// They were meant for us: the rest of a paste must not become commands of the shell.
    Discard,
}

impl Saved {
    /// The saved state, read from the terminal at the first call.
    ///
    /// Fails when stdout is not a terminal, or when there is none to read keys from.
    pub(super) fn get() -> io::Result<&'static Saved> {
        if let Some(saved) = SAVED.get() {
            return Ok(saved);
        }
        let read = Self::read()?;
        let saved = SAVED.get_or_init(|| read);
        report_panics_readably(saved);
        Ok(saved)
    }

    fn read() -> io::Result<Saved> {
        let stdout = rustix::stdio::stdout();
        if !termios::isatty(stdout) {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "standard output is not a terminal: start llmdeck in a terminal, without redirecting its output",
            ));
        }
        let stdin = rustix::stdio::stdin();
        let tty = if termios::isatty(stdin) {
            duplicate(stdin)?
        } else {
            let terminal = File::options()
                .read(true)
                .write(true)
                .open("/dev/tty")
                .map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!(
                            "no terminal to read keys from: stdin is none and /dev/tty: {error}"
                        ),
                    )
                })?;
            OwnedFd::from(terminal)
        };
        Ok(Saved {
            settings: termios::tcgetattr(&tty)?,
            tty,
            screen: duplicate(stdout)?,
            stderr: duplicate(rustix::stdio::stderr())?,
            ours: Arc::default(),
            owner: thread::current().id(),
        })
    }

    /// A second descriptor of the screen, and the flag that says whether it may be drawn on.
    pub(super) fn screen(&self) -> io::Result<(File, Arc<AtomicBool>)> {
        Ok((File::from(self.screen.try_clone()?), Arc::clone(&self.ours)))
    }

    /// Where keys are read.
    pub(super) fn tty(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }

    /// Takes the terminal; stderr goes to `log` from here on.
    pub(super) fn take(&self, log: &File) -> io::Result<()> {
        self.ours.store(true, Ordering::SeqCst);
        let mut raw = self.settings.clone();
        raw.make_raw();
        termios::tcsetattr(&self.tty, OptionalActions::Now, &raw)?;
        write_all(self.screen.as_fd(), ENTER)?;
        rustix::stdio::dup2_stderr(log)?;
        Ok(())
    }

    /// Whether the terminal is ours at the moment.
    pub(super) fn is_ours(&self) -> bool {
        self.ours.load(Ordering::SeqCst)
    }

    /// Whether the terminal still has the settings that [`take`](Self::take) gave it.
    pub(super) fn is_raw(&self) -> bool {
        termios::tcgetattr(&self.tty)
            .is_ok_and(|now| !now.local_modes.contains(termios::LocalModes::ICANON))
    }

    /// Gives the terminal back, everything in reverse order; does nothing when it is not ours.
    ///
    /// Goes on when a step fails: after a hang-up nothing can be written, and the rest still counts.
    pub(super) fn restore(&self, unread: Unread) {
        if !self.ours.swap(false, Ordering::SeqCst) {
            return;
        }
        let _ = rustix::stdio::dup2_stderr(&self.stderr);
        let _ = write_all(self.screen.as_fd(), LEAVE);
        if unread == Unread::Discard {
            let _ = termios::tcflush(&self.tty, QueueSelector::IFlush);
        }
        let _ = termios::tcsetattr(&self.tty, OptionalActions::Now, &self.settings);
    }
}

/// Gives the terminal back from a process that is about to abort, then writes `message` to stderr.
///
/// For llama.cpp's abort callback and for handlers of signals: it may run on any thread, with any lock
/// held. So this takes none, allocates nothing, and only makes system calls on descriptors kept for it.
/// Without a terminal of ours it writes the message alone.
pub fn restore_for_abort(message: &str) {
    let Some(saved) = SAVED.get() else {
        write_printable(rustix::stdio::stderr(), message);
        return;
    };
    if saved.ours.swap(false, Ordering::SeqCst) {
        let _ = rustix::stdio::dup2_stderr(&saved.stderr);
        let _ = write_all(saved.screen.as_fd(), CANCEL);
        let _ = write_all(saved.screen.as_fd(), LEAVE);
        let _ = termios::tcflush(&saved.tty, QueueSelector::IFlush);
        let _ = termios::tcsetattr(&saved.tty, OptionalActions::Now, &saved.settings);
    }
    write_printable(saved.stderr.as_fd(), message);
}

/// Puts a hook before the present panic hook, so that its report lands on a terminal that shows it.
///
/// Only for the thread that draws: a panic elsewhere is reported in the log, where stderr goes while the
/// screen is ours, and whoever owns that thread deals with its end.
fn report_panics_readably(saved: &'static Saved) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == saved.owner {
            saved.restore(Unread::Discard);
        }
        report(panic);
    }));
}

fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // Not `dup`: that copy would live on in every program we start.
    fd.try_clone_to_owned()
}

/// Writes text without its control characters: a message can quote a file name.
fn write_printable(fd: BorrowedFd<'_>, text: &str) {
    for (number, part) in text
        .split(|c: char| c.is_control() && c != '\n')
        .enumerate()
    {
        if number > 0 {
            let _ = write_all(fd, b" ");
        }
        let _ = write_all(fd, part.as_bytes());
    }
    let _ = write_all(fd, b"\n");
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
