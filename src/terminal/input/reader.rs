//! The thread that reads the terminal.

use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::Gate;
use super::decoder::Decoder;
use crate::app::Event;

/// Bytes that are taken in before the program hears of them. What is typed in one go becomes one event,
/// and the end of a paste is found in all of it.
const MOST: usize = 64 << 10;

/// Why a wait for bytes ended.
enum Woken {
    Bytes,
    /// Nothing came in the time that the bytes so far were given.
    Silence,
    Gate,
}

/// Sends what is typed until nobody listens any more or the terminal is gone. A byte in `woken` has the
/// thread look at the gate.
///
/// The thread is never joined: it waits for a key that may never come, and ends with the process.
pub(super) fn start(
    tty: BorrowedFd<'static>,
    woken: UnixStream,
    events: mpsc::Sender<Event>,
    gate: Gate,
) -> io::Result<()> {
    let reads = move || {
        if let Err(error) = read(tty, &woken, &events, &gate) {
            tracing::error!("the terminal cannot be read any more: {error}");
            drop(events.blocking_send(Event::Terminate));
        }
    };
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(reads)
        .map(drop)
}

fn read(
    tty: BorrowedFd<'_>,
    mut woken: &UnixStream,
    events: &mpsc::Sender<Event>,
    gate: &Gate,
) -> io::Result<()> {
    let mut decoder = Decoder::default();
    let mut bytes = Vec::new();
    loop {
        gate.pass();
        match wait(tty, woken, decoder.patience())? {
            Woken::Bytes => {
                bytes.clear();
                take_available(tty, &mut bytes)?;
                decoder.feed(&bytes);
            }
            Woken::Silence => decoder.give_up(),
            Woken::Gate => drop(woken.read(&mut [0; 16])),
        }
        for event in decoder.take() {
            if events.blocking_send(event).is_err() {
                return Ok(());
            }
        }
    }
}

/// Waits for bytes; for ever where `patience` is `None`.
fn wait(tty: BorrowedFd<'_>, woken: &UnixStream, patience: Option<Duration>) -> io::Result<Woken> {
    let patience = patience.and_then(|time| Timespec::try_from(time).ok());
    let mut both = [
        PollFd::new(&tty, PollFlags::IN),
        PollFd::new(woken, PollFlags::IN),
    ];
    loop {
        match poll(&mut both, patience.as_ref()) {
            Ok(0) => return Ok(Woken::Silence),
            Ok(_) if !both[1].revents().is_empty() => return Ok(Woken::Gate),
            // A terminal that is gone or that the system cannot poll is read as well: that tells.
            Ok(_) => return Ok(Woken::Bytes),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes what the terminal has, at most about [`MOST`] bytes.
fn take_available(tty: BorrowedFd<'_>, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while bytes.len() < MOST {
        match rustix::io::read(tty, &mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut more = [PollFd::new(&tty, PollFlags::IN)];
        let at_once = Timespec::default();
        if poll(&mut more, Some(&at_once)).is_err() || more[0].revents() != PollFlags::IN {
            break;
        }
    }
    Ok(())
}
