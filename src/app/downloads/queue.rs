//! The downloads since the start: some run, the others wait their turn.

use std::path::PathBuf;

use super::sentence;
use crate::hub::{Command, ErrorKind, HubError, Leftovers, Progress, Pulled, Rate, Wanted};

/// Downloads that run at the same time; the others wait.
const AT_ONCE: usize = 2;

/// Every download since the start.
#[derive(Debug, Default)]
pub struct Queue {
    /// The oldest first.
    pub all: Vec<Download>,
    /// Index into `all`.
    pub selected: usize,
}

#[derive(Clone, Debug)]
pub struct Download {
    pub id: u64,
    pub wanted: Wanted,
    pub phase: Phase,
    pub progress: Progress,
    pub rate: Rate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    Waiting,
    Running,
    /// Told to stop, for a pause.
    Pausing,
    Paused,
    /// Told to stop for good.
    Cancelling,
    /// The model's first file.
    Done(PathBuf),
    Failed(String),
}

/// What the user is told of an end, by the name of the model.
pub(super) enum Said {
    Here(String),
    Failed(String, String),
}

impl Queue {
    pub fn chosen(&self) -> Option<&Download> {
        self.all.get(self.selected)
    }

    pub(super) fn step(&mut self, rows: isize) {
        let last = self.all.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
    }

    /// What rests already is gone on with; `None` when it waits, runs or is here.
    pub(super) fn begin(&mut self, id: u64, wanted: Wanted) -> Option<Vec<Command>> {
        let known = self.all.iter_mut().find(|known| known.wanted == wanted);
        if let Some(known) = known {
            if !matches!(known.phase, Phase::Paused | Phase::Failed(_)) {
                return None;
            }
            known.phase = Phase::Waiting;
            return Some(self.next());
        }
        self.all.push(Download {
            id,
            wanted,
            phase: Phase::Waiting,
            progress: Progress::default(),
            rate: Rate::default(),
        });
        Some(self.next())
    }

    /// Pauses what runs, goes on with what rests.
    pub(super) fn pause_or_go_on(&mut self) -> Vec<Command> {
        let Some(download) = self.all.get_mut(self.selected) else {
            return vec![];
        };
        match download.phase {
            Phase::Running => {
                download.phase = Phase::Pausing;
                vec![download.stop(Leftovers::Keep)]
            }
            Phase::Waiting => {
                download.phase = Phase::Paused;
                vec![]
            }
            Phase::Paused | Phase::Failed(_) => {
                download.phase = Phase::Waiting;
                self.next()
            }
            Phase::Pausing | Phase::Cancelling | Phase::Done(_) => vec![],
        }
    }

    /// Stops it for good and throws away what came; what is here is only taken off the list.
    pub(super) fn cancel(&mut self) -> Vec<Command> {
        let Some(download) = self.all.get_mut(self.selected) else {
            return vec![];
        };
        let stop = download.stop(Leftovers::Discard);
        match download.phase {
            Phase::Running | Phase::Pausing => {
                download.phase = Phase::Cancelling;
                vec![stop]
            }
            Phase::Cancelling => vec![],
            Phase::Done(_) => {
                let id = download.id;
                self.take_off(id);
                vec![]
            }
            Phase::Waiting | Phase::Paused | Phase::Failed(_) => {
                let id = download.id;
                self.take_off(id);
                vec![stop]
            }
        }
    }

    pub(super) fn note(&mut self, id: u64, at_ms: u64, progress: Progress) {
        if let Some(download) = self.find(id) {
            download.rate.note(at_ms, progress.here);
            download.progress = progress;
        }
    }

    /// What is to be said of it, and what goes on now.
    pub(super) fn end(
        &mut self,
        id: u64,
        outcome: Result<Pulled, HubError>,
    ) -> (Option<Said>, Vec<Command>) {
        let Some(download) = self.find(id) else {
            return (None, vec![]);
        };
        let name = download.wanted.to_string();
        let said = match outcome {
            Ok(pulled) => {
                download.phase = Phase::Done(pulled.path);
                download.progress.here = pulled.bytes;
                download.progress.total = Some(pulled.bytes);
                Some(Said::Here(name))
            }
            Err(_) if download.phase == Phase::Cancelling => {
                self.take_off(id);
                None
            }
            Err(error) if error.kind == ErrorKind::Stopped => {
                download.phase = Phase::Paused;
                None
            }
            Err(error) => {
                download.phase = Phase::Failed(sentence(&error));
                Some(Said::Failed(name, error.why))
            }
        };
        (said, self.next())
    }

    /// Lets those run that wait, as many as may.
    fn next(&mut self) -> Vec<Command> {
        let running = self.all.iter().filter(|download| download.runs()).count();
        let waiting = self
            .all
            .iter_mut()
            .filter(|download| download.phase == Phase::Waiting);
        waiting
            .take(AT_ONCE.saturating_sub(running))
            .map(|download| {
                download.phase = Phase::Running;
                download.rate = Rate::default();
                Command::Pull {
                    id: download.id,
                    wanted: download.wanted.clone(),
                }
            })
            .collect()
    }

    fn find(&mut self, id: u64) -> Option<&mut Download> {
        self.all.iter_mut().find(|download| download.id == id)
    }

    fn take_off(&mut self, id: u64) {
        self.all.retain(|download| download.id != id);
        self.selected = self.selected.min(self.all.len().saturating_sub(1));
    }
}

impl Download {
    fn runs(&self) -> bool {
        matches!(
            self.phase,
            Phase::Running | Phase::Pausing | Phase::Cancelling
        )
    }

    fn stop(&self, leftovers: Leftovers) -> Command {
        Command::Stop {
            id: self.id,
            leftovers,
        }
    }
}
