//! Commands in, events out.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use crate::engine::handle::Arrived;
use crate::engine::outbox::Outbox;
use crate::engine::{BenchId, Command, EngineEvent, LoadId};
use crate::params::LoadParams;

/// How often an idle engine tries again to deliver events to a slow receiver.
const RETRY: Duration = Duration::from_millis(10);
/// How long the last events are offered to a receiver that takes none.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Whether a user can stop a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Cancellable,
    /// What ran before is being brought back; only the end of the thread stops that.
    Restoring,
}

/// The next thing to do.
pub(super) enum Next {
    Command(Arrived),
    /// No command waits.
    Work,
}

pub(super) struct Mail {
    commands: Receiver<Arrived>,
    /// Commands that came during a load, in order.
    kept: VecDeque<Arrived>,
    orphaned: bool,
    pub outbox: Outbox,
}

impl Mail {
    pub(super) fn new(commands: Receiver<Arrived>, events: Sender<EngineEvent>) -> Self {
        Self {
            commands,
            kept: VecDeque::new(),
            orphaned: false,
            outbox: Outbox::new(events),
        }
    }

    /// Nobody can send commands any more.
    pub(super) fn is_orphaned(&self) -> bool {
        self.orphaned
    }

    /// The next command; waits for one when there is no other work.
    pub(super) fn next(&mut self, has_work: bool) -> Next {
        self.outbox.flush();
        if let Some(arrived) = self.kept.pop_front() {
            return Next::Command(arrived);
        }
        let received = if has_work || self.orphaned {
            self.commands
                .try_recv()
                .map_err(|error| error == TryRecvError::Disconnected)
        } else if self.outbox.is_empty() {
            self.commands.recv().map_err(|_| true)
        } else {
            self.commands
                .recv_timeout(RETRY)
                .map_err(|error| error == RecvTimeoutError::Disconnected)
        };
        match received {
            Ok(arrived) => Next::Command(arrived),
            Err(disconnected) => {
                self.orphaned |= disconnected;
                Next::Work
            }
        }
    }

    /// Reports the progress of a load and tells whether it goes on. Other commands are kept.
    pub(super) fn watch_load(
        &mut self,
        id: LoadId,
        patience: Patience,
    ) -> impl FnMut(f32) -> bool + '_ {
        let mut told = -1.0_f32;
        move |progress| {
            // A hundred steps are enough for a bar.
            if progress - told >= 0.01 || (progress >= 1.0 && told < 1.0) {
                told = progress;
                self.outbox.push(EngineEvent::Loading { id, progress });
            }
            self.outbox.flush();
            !self.is_stopped(id, patience)
        }
    }

    /// Whether a load or a retune is to stop. Other commands are kept.
    pub(super) fn is_stopped(&mut self, id: LoadId, patience: Patience) -> bool {
        self.keep_commands();
        self.kept.iter().any(|arrived| match arrived.command {
            Command::Stop => true,
            Command::CancelLoad(cancelled) => cancelled == id && patience == Patience::Cancellable,
            _ => false,
        })
    }

    /// Retunes that came one after another: the last one stands for all, and the others are
    /// answered.
    pub(super) fn newest_retune(
        &mut self,
        mut id: LoadId,
        mut params: Box<LoadParams>,
    ) -> (LoadId, Box<LoadParams>) {
        self.keep_commands();
        let changes_the_model = |arrived: &Arrived| {
            matches!(
                arrived.command,
                Command::Load(_)
                    | Command::Retune { .. }
                    | Command::CancelLoad(_)
                    | Command::Unload
                    | Command::Stop
            )
        };
        while let Some(at) = self.kept.iter().position(changes_the_model) {
            let Some(Command::Retune {
                id: newer,
                params: wanted,
            }) = self.kept.get(at).map(|next| &next.command)
            else {
                break;
            };
            self.outbox.push(EngineEvent::Merged { id, into: *newer });
            (id, params) = (*newer, wanted.clone());
            self.kept.remove(at);
        }
        (id, params)
    }

    /// Whether a measurement is to end: asked for, or nobody is there any more. Other commands
    /// are kept.
    pub(super) fn ends_bench(&mut self, id: BenchId) -> bool {
        self.keep_commands();
        self.orphaned
            || self.kept.iter().any(|arrived| match arrived.command {
                Command::Stop => true,
                Command::CancelBench(cancelled) => cancelled == id,
                _ => false,
            })
    }

    fn keep_commands(&mut self) {
        loop {
            match self.commands.try_recv() {
                Ok(arrived) => self.kept.push_back(arrived),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.orphaned = true;
                    return;
                }
            }
        }
    }

    /// Offers the last events until they are taken, nobody listens, or it takes too long.
    pub(super) fn drain(&mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        self.outbox.flush();
        while !self.outbox.is_empty() && Instant::now() < deadline {
            std::thread::sleep(RETRY);
            self.outbox.flush();
        }
    }
}
