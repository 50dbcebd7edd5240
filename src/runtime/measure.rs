//! Measuring from the deck: takes the engine through a drive or a search beside the loop, keeps what
//! comes out.
//!
//! ```text
//! Measure ─► take ─► Drive or Search ◄─engine events─ told ─► commands
//!                          └─► news: inbox; results: history file; values: a profile
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::Wake;
use crate::app::{Event, Measure, MeasureEnd, MeasureNews, MeasureProgress, Order, Work};
use crate::bench::{self, Drive, Machine, Origin, Record, history};
use crate::config::Profile;
use crate::engine::{self, Command, EngineEvent};
use crate::gguf;
use crate::tune::{self, Outcome, Search, words};

/// What is measured, and where results are kept.
pub struct Measurer {
    data_dir: PathBuf,
    inbox: Sender<Wake>,
    running: Option<Running>,
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
            running: None,
        }
    }

    /// Does what is asked; the command that follows for the engine.
    pub(super) fn take(&mut self, order: Measure) -> Option<Command> {
        match order {
            Measure::Read => {
                self.read();
                None
            }
            Measure::Begin(order) => self.begin(*order),
            Measure::Cancel => match &mut self.running.as_mut()?.what {
                What::Bench(drive) => drive.cancel(),
                What::Tune(search, _) => search.cancel(),
            },
            Measure::Undo(path) => {
                self.tell(MeasureNews::Undone(self.undo(&path)));
                None
            }
        }
    }

    /// Takes an event of the engine; the command that follows.
    pub(super) fn told(&mut self, event: &EngineEvent) -> Option<Command> {
        let mut running = self.running.take()?;
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
                        self.keep_record(record);
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
                        tune::News::Began { test, axes } => {
                            self.tell(MeasureNews::Progress(MeasureProgress::Began { test, axes }));
                        }
                        tune::News::Found(finding) => {
                            self.tell(MeasureNews::Progress(MeasureProgress::Found(finding)));
                        }
                        tune::News::Failed(error) => {
                            end = Some(MeasureEnd::Failed(error.to_string()));
                        }
                        tune::News::Ended(outcome) => {
                            let kept =
                                self.keep_profile(&outcome, *goal, &running.origin, &running.path);
                            end = Some(MeasureEnd::Found { outcome, kept });
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
                self.running = Some(running);
            }
        }
        next
    }

    /// The command that ends a measurement which takes too long, when there is one.
    pub(super) fn late(&mut self) -> Option<Command> {
        let running = self.running.as_mut()?;
        match &mut running.what {
            What::Tune(search, _) if search.deadline()? <= running.started.elapsed() => {
                search.give_up()
            }
            _ => None,
        }
    }

    fn begin(&mut self, order: Order) -> Option<Command> {
        let path = order.running.model.path.clone();
        let origin = match origin(&path) {
            Ok(origin) => origin,
            Err(why) => {
                self.tell(MeasureNews::Over(MeasureEnd::Failed(why)));
                return None;
            }
        };
        let (what, first) = match order.work {
            Work::Bench { plan, repetitions } => {
                let drive = Drive::new(path.clone(), plan, repetitions, true, order.first_id);
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
        self.running = Some(Running {
            what,
            origin,
            path,
            started: Instant::now(),
        });
        first
    }

    /// Reads what is kept.
    fn read(&self) {
        let (path, inbox) = (history::file(&self.data_dir), self.inbox.clone());
        // Off the loop: the file may be long or far away.
        tokio::task::spawn_blocking(move || {
            let read = history::read(&path)
                .map(|history| history.records)
                .map_err(|error| format!("reading the results in {}: {error}", path.display()));
            let news = MeasureNews::History(read);
            let _ = inbox.blocking_send(Wake::Event(Event::Measure(news)));
        });
    }

    fn keep_record(&self, record: &Record) {
        let path = history::file(&self.data_dir);
        if let Err(error) = history::append(&path, record) {
            tracing::error!("keeping the result in {}: {error}", path.display());
            let why = format!(
                "keeping the result in {}: {error}; it is shown, but not kept",
                path.display()
            );
            self.send(Event::Problem(why));
        }
    }

    /// Keeps faster values; `None` where none were found.
    fn keep_profile(
        &self,
        outcome: &Outcome,
        goal: tune::Goal,
        origin: &Origin,
        path: &Path,
    ) -> Option<Result<PathBuf, String>> {
        if outcome.values.is_empty() || outcome.cancelled {
            return None;
        }
        let failure = |error: std::io::Error| {
            format!("keeping the values in {}: {error}", self.data_dir.display())
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let saved = std::fs::metadata(&path).and_then(|facts| {
            Profile {
                model: path.clone(),
                model_bytes: facts.len(),
                model_hash: origin.model_hash.clone(),
                machine: origin.machine.to_string(),
                goal: goal.name().to_owned(),
                tuned_at: now(),
                llama_cpp: origin.llama_cpp.clone(),
                gain: format!(
                    "{}, {}",
                    words::gain(outcome),
                    bench::test_name(outcome.test)
                ),
                values: outcome.values.clone(),
            }
            .save(&self.data_dir)
        });
        let values = outcome.values.clone();
        self.tell(MeasureNews::Tuned { path, values });
        Some(saved.map_err(failure))
    }

    fn undo(&self, path: &Path) -> Result<(PathBuf, String), String> {
        let origin = origin(path)?;
        let machine = origin.machine.to_string();
        let removed = Profile::remove(&self.data_dir, &origin.model_hash, &machine)
            .map_err(|error| format!("removing the profile of {}: {error}", path.display()))?;
        let how = match removed {
            Some(file) => format!("Removed {}.", file.display()),
            None => "There is no profile of this model on this machine.".to_owned(),
        };
        Ok((path.to_owned(), how))
    }

    fn wake_after(&self, time: Duration) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            let _ = inbox.send(Wake::Deadline).await;
        });
    }

    fn tell(&self, news: MeasureNews) {
        self.send(Event::Measure(news));
    }

    fn send(&self, event: Event) {
        if self.inbox.try_send(Wake::Event(event)).is_err() {
            tracing::error!("the inbox is full; news of a measurement was dropped");
        }
    }
}

fn of_drive(news: bench::News, origin: &Origin) -> MeasureProgress {
    match news {
        bench::News::Sample { index, n } => MeasureProgress::Sample { index, n },
        bench::News::Measured(measured) => {
            let origin = Origin {
                time: now(),
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

/// What a result depends on beside the test.
fn origin(path: &Path) -> Result<Origin, String> {
    Ok(Origin {
        llama_cpp: engine::llama::version(),
        model_hash: gguf::fingerprint(path)
            .map_err(|error| format!("reading the model {}: {error}", path.display()))?,
        machine: Machine::read(&engine::llama::devices()),
        time: String::new(),
    })
}

/// Now, as llama-bench writes it.
fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
