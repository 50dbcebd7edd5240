//! The store on a thread of its own, so that the screen never waits for a disk.

mod chats;
mod worker;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use super::{Command, Event};
use worker::Worker;

/// Commands that may wait.
const QUEUE: usize = 1024;

/// The other end of the store's thread.
pub struct StoreHandle {
    way: Way,
}

enum Way {
    Thread {
        commands: SyncSender<Command>,
        /// Closed when the thread is done.
        done: Receiver<()>,
        thread: JoinHandle<()>,
    },
    /// In the caller's turn: for tests in virtual time.
    Inline(Mutex<Box<Worker>>),
}

/// The store's thread has ended, or its queue is full because the disk hangs.
#[derive(Debug, thiserror::Error)]
#[error("the chats are not saved any more: the disk does not answer")]
pub struct StoreGone;

impl StoreHandle {
    /// Starts a thread that opens the store of a folder and does what it is sent. `tell` is called
    /// on that thread.
    ///
    /// # Errors
    /// When no thread can be started. A store that cannot be opened is told as [`Event::Failed`].
    pub fn start(folder: PathBuf, tell: impl Fn(Event) + Send + 'static) -> io::Result<Self> {
        let (commands, received) = sync_channel(QUEUE);
        let (ends, done) = sync_channel(0);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                // Dropped when the thread ends, however it ends.
                let _ends: SyncSender<()> = ends;
                let mut worker = Worker::open(folder, Box::new(tell));
                while let Ok(command) = received.recv() {
                    if command == Command::Stop {
                        return;
                    }
                    worker.run(&command);
                }
            })?;
        Ok(Self {
            way: Way::Thread {
                commands,
                done,
                thread,
            },
        })
    }

    /// A store without a thread: every command is done when `send` returns. For tests.
    pub fn inline(folder: PathBuf, tell: impl Fn(Event) + Send + 'static) -> Self {
        let worker = Worker::open(folder, Box::new(tell));
        Self {
            way: Way::Inline(Mutex::new(Box::new(worker))),
        }
    }

    /// Sends a command without waiting.
    ///
    /// # Errors
    /// [`StoreGone`] when the thread has ended or its queue is full.
    pub fn send(&self, command: Command) -> Result<(), StoreGone> {
        match &self.way {
            Way::Thread { commands, .. } => commands.try_send(command).map_err(|_| StoreGone),
            Way::Inline(worker) => {
                worker.lock().map_err(|_| StoreGone)?.run(&command);
                Ok(())
            }
        }
    }

    /// Lets everything that was sent reach the disk, and ends the thread. False when that takes
    /// longer than `patience`.
    pub fn stop(self, patience: Duration) -> bool {
        let Way::Thread {
            commands,
            done,
            thread,
        } = self.way
        else {
            return true;
        };
        // A full queue ends with its sender.
        let _ = commands.try_send(Command::Stop);
        drop(commands);
        match done.recv_timeout(patience) {
            Err(RecvTimeoutError::Disconnected) => thread.join().is_ok(),
            _ => false,
        }
    }
}
