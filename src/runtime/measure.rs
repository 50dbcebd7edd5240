//! Measuring from the deck: takes the engine through a drive or a search beside the loop, keeps what
//! comes out.
//!
//! ```text
//! Measure ─► take ─► origin ─► Drive or Search ◄─engine events─ told ─► commands
//!                                    └─► news: the loop; results: history file; values: a profile
//! ```
//! Whatever waits for a disk is done off the loop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::{Wake, results};
use crate::app::{Event, Measure, MeasureEnd, MeasureNews, MeasureProgress, Order, Work};
use crate::bench::{self, Drive, Origin, Record, history};
use crate::engine::{Command, EngineEvent};
use crate::tune::{self, Outcome, Search};

/// What is measured, and where results are kept.
pub struct Measurer {
    data_dir: PathBuf,
    inbox: Sender<Wake>,
    phase: Phase,
    /// What the loop has not heard yet.
    news: Vec<MeasureNews>,
}

enum Phase {
    Idle,
    /// The origin of the figures is being read.
    Preparing(Box<Order>),
    Running(Running),
}

/// A measurement in progress.
struct Running {
    what: What,
    origin: Origin,
    path: PathBuf,
    started: Instant,
}

enum What {
    Bench(Box<Drive>),
    Tune(Box<Search>, tune::Goal),
}

impl Measurer {
    pub fn new(data_dir: PathBuf, inbox: Sender<Wake>) -> Self {
        Self {
            data_dir,
            inbox,
            phase: Phase::Idle,
            news: Vec::new(),
        }
    }

    /// What came of the last call.
    pub(super) fn news(&mut self) -> impl Iterator<Item = MeasureNews> {
        std::mem::take(&mut self.news).into_iter()
    }

    /// Does what is asked; the command that follows for the engine.
    pub(super) fn take(&mut self, order: Measure) -> Option<Command> {
        match order {
            Measure::Read => self.read(),
            Measure::Begin(order) => self.prepare(order),
            Measure::Cancel => return self.cancel(),
            Measure::Undo(path) => self.undo(path),
        }
        None
    }

    /// Begins what was asked for, now that it is known where its figures come from; the first
    /// command. An answer about another model comes too late and is left alone.
    pub(super) fn prepared(
        &mut self,
        model: &Path,
        origin: Result<Origin, String>,
    ) -> Option<Command> {
        let asked = |order: &Order| order.running.model.path == model;
        let order = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Preparing(order) if asked(&order) => order,
            other => {
                self.phase = other;
                return None;
            }
        };
        match origin {
            Ok(origin) => self.begin(*order, origin),
            Err(why) => {
                self.tell(MeasureNews::Over(MeasureEnd::Failed(why)));
                None
            }
        }
    }

    /// Takes an event of the engine; the command that follows.
    pub(super) fn told(&mut self, event: &EngineEvent) -> Option<Command> {
        let mut running = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Running(running) => running,
            other => {
                self.phase = other;
                return None;
            }
        };
        let (next, end) = match &mut running.what {
            What::Bench(drive) => {
                let turn = drive.on_event(event);
                let news = turn.news.map(|news| of_drive(news, &running.origin));
                let over = drive.is_over().then(|| match drive.is_cancelled() {
                    true => MeasureEnd::Cancelled,
                    false => MeasureEnd::Done,
                });
                if let Some(progress) = news {
                    if let MeasureProgress::Measured(record) = &progress {
                        self.keep_record((**record).clone());
                    }
                    self.tell(MeasureNews::Progress(progress));
                }
                (turn.send, over)
            }
            What::Tune(search, goal) => {
                let turn = search.on_event(event, running.started.elapsed());
                let mut end = None;
                for news in turn.news {
                    match news {
                        tune::News::Began { test, axes, .. } => {
                            self.tell(MeasureNews::Progress(MeasureProgress::Began { test, axes }));
                        }
                        tune::News::Found(finding) => {
                            self.tell(MeasureNews::Progress(MeasureProgress::Found(finding)));
                        }
                        tune::News::Failed(error) => {
                            end = Some(MeasureEnd::Failed(error.to_string()));
                        }
                        tune::News::Ended(outcome) => {
                            self.found(outcome, *goal, &running.origin, &running.path);
                            return turn.send;
                        }
                    }
                }
                let lost = search.is_over() && end.is_none();
                let end = end.or_else(|| lost.then_some(MeasureEnd::Cancelled));
                (turn.send, end)
            }
        };
        match end {
            Some(end) => self.tell(MeasureNews::Over(end)),
            None => {
                if let What::Tune(search, _) = &running.what
                    && let Some(deadline) = search.deadline()
                {
                    self.wake_after(deadline.saturating_sub(running.started.elapsed()));
                }
                self.phase = Phase::Running(running);
            }
        }
        next
    }

    /// The command that ends a measurement which takes too long, when there is one.
    pub(super) fn late(&mut self) -> Option<Command> {
        let Phase::Running(running) = &mut self.phase else {
            return None;
        };
        match &mut running.what {
            What::Tune(search, _) if search.deadline()? <= running.started.elapsed() => {
                search.give_up()
            }
            _ => None,
        }
    }

    /// Reads where the figures come from, off the loop.
    fn prepare(&mut self, order: Box<Order>) {
        let (model, inbox) = (order.running.model.path.clone(), self.inbox.clone());
        self.phase = Phase::Preparing(order);
        tokio::task::spawn_blocking(move || {
            let origin = origin_of(&model);
            let _ = inbox.blocking_send(Wake::Origin { model, origin });
        });
    }

    fn begin(&mut self, order: Order, origin: Origin) -> Option<Command> {
        let path = order.running.model.path.clone();
        let (what, first) = match order.work {
            Work::Bench {
                plan,
                repetitions,
                first_id,
            } => {
                let drive = Drive::new(path.clone(), plan, repetitions, true, first_id);
                let mut drive = drive.on(order.running);
                let first = drive.start();
                (What::Bench(Box::new(drive)), first)
            }
            Work::Tune(request) => {
                let goal = request.goal;
                let mut search = Search::new(*request).on(order.running.model);
                let first = search.start();
                (What::Tune(Box::new(search), goal), Some(first))
            }
        };
        self.phase = Phase::Running(Running {
            what,
            origin,
            path,
            started: Instant::now(),
        });
        first
    }

    fn cancel(&mut self) -> Option<Command> {
        match &mut self.phase {
            Phase::Idle => None,
            Phase::Preparing(_) => {
                self.phase = Phase::Idle;
                self.tell(MeasureNews::Over(MeasureEnd::Cancelled));
                None
            }
            Phase::Running(running) => match &mut running.what {
                What::Bench(drive) => drive.cancel(),
                What::Tune(search, _) => search.cancel(),
            },
        }
    }

    /// Reads what is kept.
    fn read(&self) {
        let path = history::file(&self.data_dir);
        self.beside(move || {
            let read = history::read(&path)
                .map(|history| history.records)
                .map_err(|error| format!("reading the results in {}: {error}", path.display()));
            Some(Event::Measure(MeasureNews::History(read)))
        });
    }

    fn keep_record(&self, record: Record) {
        let path = history::file(&self.data_dir);
        self.beside(move || {
            let error = history::append(&path, &record).err()?;
            let why = format!(
                "keeping the result in {}: {error}; it is shown, but not kept",
                path.display()
            );
            tracing::error!("{why}");
            Some(Event::Problem(why))
        });
    }

    /// Takes faster values into use and keeps them, if any were found.
    fn found(&mut self, outcome: Box<Outcome>, goal: tune::Goal, origin: &Origin, path: &Path) {
        if outcome.values.is_empty() || outcome.cancelled {
            let kept = None;
            return self.tell(MeasureNews::Over(MeasureEnd::Found { outcome, kept }));
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.tell(MeasureNews::Tuned {
            path: path.clone(),
            values: outcome.values.clone(),
        });
        let (data_dir, origin) = (self.data_dir.clone(), origin.clone());
        self.beside(move || {
            let kept = results::keep_profile(&data_dir, &path, &outcome, goal, &origin)
                .map_err(|error| format!("keeping the values in {}: {error}", data_dir.display()));
            let kept = Some(kept);
            let end = MeasureEnd::Found { outcome, kept };
            Some(Event::Measure(MeasureNews::Over(end)))
        });
    }

    fn undo(&self, path: PathBuf) {
        let data_dir = self.data_dir.clone();
        self.beside(move || {
            let undone = origin_of(&path).and_then(|origin| {
                results::remove_profile(&data_dir, &origin)
                    .map_err(|error| format!("removing the profile of {}: {error}", path.display()))
            });
            let undone = undone.map(|removed| {
                let how = match removed {
                    Some(file) => format!("Removed {}.", file.display()),
                    None => "There is no profile of this model on this machine.".to_owned(),
                };
                (path, how)
            });
            Some(Event::Measure(MeasureNews::Undone(undone)))
        });
    }

    /// Does what waits for a disk off the loop, and tells what comes of it.
    fn beside(&self, work: impl FnOnce() -> Option<Event> + Send + 'static) {
        let inbox = self.inbox.clone();
        tokio::task::spawn_blocking(move || {
            if let Some(event) = work() {
                let _ = inbox.blocking_send(Wake::Event(event));
            }
        });
    }

    fn wake_after(&self, time: Duration) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            let _ = inbox.send(Wake::Deadline).await;
        });
    }

    fn tell(&mut self, news: MeasureNews) {
        self.news.push(news);
    }
}

fn of_drive(news: bench::News, origin: &Origin) -> MeasureProgress {
    match news {
        bench::News::Sample { index, n } => MeasureProgress::Sample { index, n },
        bench::News::Measured(measured) => {
            let origin = Origin {
                time: results::now(),
                ..origin.clone()
            };
            MeasureProgress::Measured(Box::new(Record::new(&measured, origin)))
        }
        bench::News::Failed { index, error } => MeasureProgress::Failed {
            index,
            why: error.to_string(),
        },
    }
}

fn origin_of(model: &Path) -> Result<Origin, String> {
    results::origin(model)
        .map_err(|error| format!("reading the model {}: {error}", model.display()))
}
