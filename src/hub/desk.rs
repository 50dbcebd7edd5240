//! The Hub for a program with a screen: questions and downloads go in as commands, what becomes of
//! them comes back as events. Every question and every download has a thread of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{
    Access, Client, ErrorKind, FilePath, HubError, Network, Pick, Plan, Progress, Pull, Pulled,
    Record, Repo, RepoId, Stop, Wanted, first_models, models,
};

/// How often a download tells how far it is.
const TICK: Duration = Duration::from_millis(250);
/// Repositories that a search shows.
const FOUND: usize = 50;

/// What is asked of the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Answered by [`Event::Answer`] with the same number.
    Ask { number: u64, question: Question },
    /// Fetch it; what came of it before is gone on with. Told by [`Event::Progress`] and ended by
    /// [`Event::Ended`].
    Pull { id: u64, wanted: Wanted },
    /// Stop a download; it ends as stopped.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
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

/// A line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    Repo {
        repo: RepoId,
        downloads: u64,
        license: String,
        gated: bool,
    },
    Model {
        wanted: Wanted,
        /// Bytes; estimated for the list of first models.
        bytes: u64,
        is_estimate: bool,
        /// Whether it fits this machine, by an estimate; `None` where nothing can be said.
        fits: Option<bool>,
        about: String,
    },
}

/// What can be said of models before they are here.
pub trait Judge {
    /// Bytes of a model of so many parameters in a quantisation.
    fn bytes(&self, n_params: u64, quant: &str) -> Option<u64>;
    /// Whether files of so many bytes fit.
    fn fits(&self, n_params: Option<u64>, bytes: u64) -> Option<bool>;
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
    /// Of the downloads that were begun.
    stops: HashMap<u64, (Stop, Arc<std::sync::Mutex<Leftovers>>)>,
}

struct Shared {
    network: Network,
    places: Places,
    /// Looks at the machine as it is now.
    judge: Box<dyn Fn() -> Box<dyn Judge> + Send + Sync>,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl Desk {
    /// A desk that tells by `tell`, which is called on threads of its own.
    pub fn new(
        network: Network,
        places: Places,
        judge: impl Fn() -> Box<dyn Judge> + Send + Sync + 'static,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                network,
                places,
                judge: Box::new(judge),
                tell: Box::new(tell),
            }),
            stops: HashMap::new(),
        }
    }

    pub fn send(&mut self, command: Command) {
        match command {
            Command::Ask { number, question } => self.spawn(move |shared| {
                let rows = shared.answer(&question);
                (shared.tell)(Event::Answer { number, rows });
            }),
            Command::Pull { id, wanted } => {
                let stop = Stop::default();
                let leftovers = Arc::new(std::sync::Mutex::new(Leftovers::Keep));
                self.stops
                    .insert(id, (stop.clone(), Arc::clone(&leftovers)));
                self.spawn(move |shared| {
                    let (plan, outcome) = shared.pull(id, &wanted, stop);
                    let discards = leftovers
                        .lock()
                        .is_ok_and(|leftovers| *leftovers == Leftovers::Discard);
                    if let (Some(plan), Err(_), true) = (plan, &outcome, discards) {
                        plan.discard();
                    }
                    (shared.tell)(Event::Ended { id, outcome });
                });
            }
            Command::Stop { id, leftovers } => {
                if let Some((stop, wish)) = self.stops.get(&id) {
                    if let Ok(mut wish) = wish.lock() {
                        *wish = leftovers;
                    }
                    stop.stop();
                }
            }
        }
    }

    /// Stops all downloads; what came stays.
    pub fn stop_all(&self) {
        for (stop, _) in self.stops.values() {
            stop.stop();
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

impl Shared {
    fn client(&self, stop: Stop) -> Result<Client, HubError> {
        Ok(Client::new(Access::from_env(self.network)?, stop))
    }

    fn answer(&self, question: &Question) -> Result<Vec<Offer>, HubError> {
        let client = || self.client(Stop::default());
        match question {
            Question::First => self.first(&self.places.config_dir),
            Question::Search(words) => {
                let found = client()?.search(words, FOUND)?;
                let offers = found.into_iter().filter_map(|one| {
                    Some(Offer::Repo {
                        repo: RepoId::parse(&one.repo).ok()?,
                        downloads: one.downloads,
                        license: one.license.unwrap_or_default(),
                        gated: one.gated,
                    })
                });
                Ok(offers.collect())
            }
            Question::Models(repo) => Ok(self.models(&client()?.repo(repo)?)),
        }
    }

    fn first(&self, config_dir: &Path) -> Result<Vec<Offer>, HubError> {
        let judge = (self.judge)();
        let offers = first_models(config_dir)?.into_iter().filter_map(|one| {
            let bytes = judge.bytes(one.n_params, &one.quant)?;
            Some(Offer::Model {
                wanted: one.wanted(),
                bytes,
                is_estimate: true,
                fits: judge.fits(Some(one.n_params), bytes),
                about: one.about,
            })
        });
        Ok(offers.collect())
    }

    fn models(&self, repo: &Repo) -> Vec<Offer> {
        let judge = (self.judge)();
        let paths: Vec<FilePath> = repo.files.iter().map(|file| file.path.clone()).collect();
        let offers = models(&paths).into_iter().filter_map(|model| {
            let size = |index: &usize| repo.files[*index].size;
            let bytes = model.parts.iter().map(size).fold(0, u64::saturating_add);
            let first = paths[*model.parts.first()?].clone();
            let mut about = first.to_string();
            if model.parts.len() > 1 {
                about += &format!(" and {} more parts", model.parts.len() - 1);
            }
            if model.projector.is_some() {
                about += ", with its projector for images";
            }
            Some(Offer::Model {
                wanted: Wanted::Repo {
                    repo: repo.id.clone(),
                    pick: Pick::File(first),
                },
                bytes,
                is_estimate: false,
                fits: judge.fits(repo.n_params, bytes),
                about,
            })
        });
        offers.collect()
    }

    fn pull(
        &self,
        id: u64,
        wanted: &Wanted,
        stop: Stop,
    ) -> (Option<Plan>, Result<Pulled, HubError>) {
        let planned = self.client(stop).and_then(|client| {
            let plan = Plan::make(&client, wanted, &self.places.models_dir)?;
            Ok((client, plan))
        });
        let (client, plan) = match planned {
            Ok(planned) => planned,
            Err(error) => return (None, Err(error)),
        };
        let record = Record::of(&self.places.data_dir);
        let began = Instant::now();
        let pull = match Pull::start(client, plan.clone(), record) {
            Ok(pull) => pull,
            Err(error) => return (Some(plan), Err(error)),
        };
        loop {
            if let Some(outcome) = pull.wait(TICK) {
                return (Some(plan), outcome);
            }
            let at_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let progress = pull.progress();
            (self.tell)(Event::Progress {
                id,
                at_ms,
                progress,
            });
        }
    }
}

/// Whether a download ended because it was stopped.
pub fn was_stopped(error: &HubError) -> bool {
    error.kind == ErrorKind::Stopped
}
