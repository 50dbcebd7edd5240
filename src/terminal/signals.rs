//! Signals as values to wait for.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

/// A signal that the program answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT from outside; in raw mode Ctrl-C is a key.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGQUIT from outside; in raw mode Ctrl-\ is a key.
    Quit,
    /// SIGHUP: the terminal or the SSH connection is gone.
    HangUp,
    /// SIGCONT: we run again after a stop.
    Continue,
}

/// Listens from its creation on; the default actions of these signals are off from then.
#[derive(Debug)]
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    quit: unix::Signal,
    hang_up: unix::Signal,
    resume: unix::Signal,
}

impl Signals {
    /// Needs a tokio runtime; fails when the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
            resume: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// The next signal. Dropping the future loses none, so it fits a `select!`.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.quit.recv() => Signal::Quit,
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.resume.recv() => Signal::Continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn signals_arrive_as_values() {
        let mut signals = Signals::listen().unwrap();
        for (number, expected) in [
            (Number::TERM, Signal::Terminate),
            (Number::QUIT, Signal::Quit),
            (Number::HUP, Signal::HangUp),
            (Number::INT, Signal::Interrupt),
            (Number::CONT, Signal::Continue),
        ] {
            kill_process(getpid(), number).unwrap();
            assert_eq!(signals.next().await, expected);
        }
    }
}
