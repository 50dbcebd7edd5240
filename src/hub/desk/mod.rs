//! The Hub for a program with a screen: questions and downloads go in as commands, what becomes of
//! them comes back as events. Every question and every download has a thread of its own.

mod answer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Access, Client, HubError, Plan, Progress, Pull, Pulled, Record, RepoId, Stop, Wanted};
pub use answer::{Judge, MayFit, Offer, Size};

/// How often a download tells how far it is.
const TICK: Duration = Duration::from_millis(250);

/// What is asked of the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Answered by [`Event::Answer`] with the same number.
    Ask { number: u64, question: Question },
    /// Fetch it; what came of it before is gone on with. Told by [`Event::Progress`] and ended by
    /// [`Event::Ended`].
    Pull { id: u64, wanted: Wanted },
    /// Stop a download; it ends as stopped. One that has ended may be told so for its leftovers.
    Stop { id: u64, leftovers: Leftovers },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Good first models; needs no network.
    First,
    /// Repositories in which these words appear.
    Search(String),
    /// The models of a repository.
    Models(RepoId),
}

/// What becomes of the bytes that a stopped download left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leftovers {
    #[default]
    Keep,
    Discard,
}

/// What becomes of what was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Answer {
        number: u64,
        rows: Result<Vec<Offer>, HubError>,
    },
    Progress {
        id: u64,
        /// Milliseconds since the download began.
        at_ms: u64,
        progress: Progress,
    },
    Ended {
        id: u64,
        outcome: Result<Pulled, HubError>,
    },
}

/// Where things lie.
#[derive(Clone, Debug)]
pub struct Places {
    pub config_dir: PathBuf,
    pub data_dir: PathBuf,
    /// For files from addresses of their own.
    pub models_dir: PathBuf,
}

/// The desk that takes commands.
pub struct Desk {
    shared: Arc<Shared>,
    /// Every download that was begun.
    jobs: HashMap<u64, Job>,
}

#[derive(Clone, Default)]
struct Job {
    stop: Stop,
    end: Arc<Mutex<End>>,
}

/// How a download ends, or ended.
#[derive(Default)]
struct End {
    leftovers: Leftovers,
    /// What has ended and left something.
    left: Option<Plan>,
}

struct Shared {
    access: Box<dyn Fn() -> Result<Access, HubError> + Send + Sync>,
    places: Places,
    /// Looks at the machine as it is now; `None` when it cannot be judged.
    look: Box<dyn Fn() -> Option<Box<dyn Judge>> + Send + Sync>,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl Desk {
    /// A desk that goes the way `access` says, judges what fits by `look`, and tells by `tell`. All
    /// are called on threads of its own, anew for every command.
    pub fn new(
        access: impl Fn() -> Result<Access, HubError> + Send + Sync + 'static,
        places: Places,
        look: impl Fn() -> Option<Box<dyn Judge>> + Send + Sync + 'static,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                access: Box::new(access),
                places,
                look: Box::new(look),
                tell: Box::new(tell),
            }),
            jobs: HashMap::new(),
        }
    }

    pub fn send(&mut self, command: Command) {
        match command {
            Command::Ask { number, question } => self.spawn(move |shared| {
                let rows = shared.answer(&question);
                (shared.tell)(Event::Answer { number, rows });
            }),
            Command::Pull { id, wanted } => {
                let job = Job::default();
                self.jobs.insert(id, job.clone());
                self.spawn(move |shared| {
                    let outcome = shared.pull(id, &wanted, &job);
                    (shared.tell)(Event::Ended { id, outcome });
                });
            }
            Command::Stop { id, leftovers } => {
                let Some(job) = self.jobs.get(&id) else {
                    return;
                };
                if let Some(plan) = job.stop(leftovers) {
                    self.spawn(move |_| plan.discard());
                }
            }
        }
    }

    /// Stops all downloads; what came stays.
    pub fn stop_all(&self) {
        for job in self.jobs.values() {
            job.stop.stop();
        }
    }

    fn spawn(&self, work: impl FnOnce(&Shared) + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        let spawned = thread::Builder::new()
            .name("hub".to_owned())
            .spawn(move || work(&shared));
        if let Err(error) = spawned {
            tracing::error!("no thread for the Hub could be started: {error}");
        }
    }
}

impl Job {
    /// What is to be discarded, when it has ended before.
    fn stop(&self, leftovers: Leftovers) -> Option<Plan> {
        let left = {
            let mut end = self.end();
            end.leftovers = leftovers;
            match leftovers {
                Leftovers::Keep => None,
                Leftovers::Discard => end.left.take(),
            }
        };
        self.stop.stop();
        left
    }

    /// Notes what is left, or throws it away.
    fn leave(&self, plan: Plan) {
        let mut end = self.end();
        match end.leftovers {
            Leftovers::Keep => end.left = Some(plan),
            Leftovers::Discard => plan.discard(),
        }
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn client(&self, stop: Stop) -> Result<Client, HubError> {
        Ok(Client::new((self.access)()?, stop))
    }

    fn pull(&self, id: u64, wanted: &Wanted, job: &Job) -> Result<Pulled, HubError> {
        let client = self.client(job.stop.clone())?;
        let plan = Plan::make(&client, wanted, &self.places.models_dir)?;
        let outcome = self.follow(id, client, plan.clone());
        if outcome.is_err() {
            job.leave(plan);
        }
        outcome
    }

    /// Fetches and tells how far it is.
    fn follow(&self, id: u64, client: Client, plan: Plan) -> Result<Pulled, HubError> {
        let began = Instant::now();
        let pull = Pull::start(client, plan, Record::of(&self.places.data_dir))?;
        loop {
            if let Some(outcome) = pull.wait(TICK) {
                return outcome;
            }
            (self.tell)(Event::Progress {
                id,
                at_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                progress: pull.progress(),
            });
        }
    }
}
