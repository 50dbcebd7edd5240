//! The library while the deck runs: one thread that looks, looks again when a folder changes, and
//! answers questions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::{Estimator, Notes, find_in, marks, places};
use crate::app::{Event, State};
use crate::config::Folders;
use crate::engine::{ContextInfo, EngineError};
use crate::gguf;
use crate::library::{
    self, About, Command, Contents, Estimate, Favourite, Listing, Marks, Model, News, Place,
};
use crate::params::LoadParams;
use crate::runtime::paths::resolve;
use crate::runtime::{Wake, known_peaks};
use crate::units;

/// The first frame and the first load go before it.
const AFTER: Duration = Duration::from_millis(500);
/// Changes of this time are looked at together.
const TOGETHER: Duration = Duration::from_secs(1);

/// The way to the thread.
#[derive(Debug)]
pub struct Librarian {
    messages: Sender<Message>,
}

/// What a load would meet.
#[derive(Clone, Debug, Default)]
pub struct Situation {
    /// The parameters that it would have.
    pub params: LoadParams,
    /// The model that runs, and the one that is held beside it.
    pub running: Option<ContextInfo>,
    pub held: Option<ContextInfo>,
}

impl Situation {
    /// The deck's own.
    pub(in crate::runtime) fn of(state: &State) -> Self {
        let model = &state.model;
        let running = model.running.as_ref();
        let held = model.held.as_ref();
        Self {
            params: state.params.values.load(),
            running: running.map(|(_, context)| (**context).clone()),
            held: held.map(|held| held.model.context.clone()),
        }
    }
}

enum Message {
    Ask(Command, Box<Situation>),
    /// Models may have come or gone.
    Changed,
    Stop,
}

impl Librarian {
    /// Starts the thread, which looks through the places of this machine and the user's `own`
    /// folders; what it finds comes as events.
    pub fn start(folders: Folders, own: Vec<PathBuf>, inbox: mpsc::Sender<Wake>) -> Self {
        let at = folders.clone();
        // By the thread: settings of other tools are read for it.
        Self::start_in(folders, move || places(&at, &own), inbox)
    }

    fn start_in(
        folders: Folders,
        places: impl FnOnce() -> Vec<Place> + Send + 'static,
        inbox: mpsc::Sender<Wake>,
    ) -> Self {
        let (messages, received) = channel();
        let watcher = watcher(messages.clone());
        let actor = move || Actor {
            folders,
            places: places(),
            inbox,
            watcher,
            watched: BTreeSet::new(),
            listing: None,
            estimates: BTreeMap::new(),
            due: Some(Instant::now() + AFTER),
        };
        // It ends with the program: it holds nothing that would have to be put in order.
        let started = thread::Builder::new()
            .name("library".to_owned())
            .spawn(move || actor().run(&received));
        if let Err(error) = started {
            tracing::error!("models are not looked for: {error}");
        }
        Self { messages }
    }

    /// Asks; what comes of it comes as an event.
    pub(in crate::runtime) fn ask(&self, command: Command, situation: Situation) {
        let message = Message::Ask(command, Box::new(situation));
        // Fails only when there is no thread, which was logged.
        let _ = self.messages.send(message);
    }
}

impl Drop for Librarian {
    fn drop(&mut self) {
        // A slow disk must not hold up the end of the program: nobody waits for the thread.
        let _ = self.messages.send(Message::Stop);
    }
}

/// The thread's own.
struct Actor {
    folders: Folders,
    places: Vec<Place>,
    inbox: mpsc::Sender<Wake>,
    /// `None` where the system cannot watch folders.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// As it was told last.
    listing: Option<Arc<Listing>>,
    /// As they were judged last.
    estimates: BTreeMap<PathBuf, Estimate>,
    /// When to look next.
    due: Option<Instant>,
}

impl Actor {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let message = match self.due {
                Some(due) => messages.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(Message::Ask(command, situation)) => self.perform(command, &situation),
                Ok(Message::Changed) => {
                    self.due.get_or_insert_with(|| Instant::now() + TOGETHER);
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn perform(&mut self, command: Command, situation: &Situation) {
        match command {
            Command::Look => {
                self.look();
                self.judge(situation);
            }
            Command::Judge => self.judge(situation),
            Command::Inspect(path) => {
                let outcome = self.inspect(&path, situation);
                self.tell(News::Inspected { path, outcome });
            }
            Command::Read(files) => {
                let outcome = Contents::read(&files).map_err(|error| error.to_string());
                let path = files.into_iter().next().unwrap_or_default();
                let outcome = outcome.map(Arc::new);
                self.tell(News::Read { path, outcome });
            }
            Command::Favourite(path, Favourite::Yes) => self.mark(|marks| {
                marks.favourites.insert(path);
            }),
            Command::Favourite(path, Favourite::No) => self.mark(|marks| {
                marks.favourites.remove(&path);
            }),
            Command::Loaded(path) => self.mark(|marks| {
                marks.used.insert(path, now());
            }),
            Command::Replied { path, per_second } => self.mark(|marks| {
                marks.replied.insert(path, per_second);
            }),
            Command::Remove(path) => {
                let outcome = self.remove(&path);
                self.tell(News::Removed(outcome));
                self.look();
                self.tell_known();
            }
        }
    }

    /// Looks through the places, and tells of what is not as before.
    fn look(&mut self) {
        self.due = None;
        let listing = find_in(&self.folders, &self.places);
        let is_as_before = self.listing.as_ref().is_some_and(|last| {
            last.models == listing.models && last.unreadable == listing.unreadable
        });
        if !is_as_before {
            for place in &listing.unreadable {
                let path = place.path.display();
                tracing::warn!("{path} could not be looked through: {}", place.why);
            }
            let listing = Arc::new(listing);
            self.listing = Some(Arc::clone(&listing));
            self.tell(News::Found(listing));
        }
        self.watch();
    }

    /// Watches the places that are there and are not watched yet. What changed in them since they
    /// were looked through is seen by looking once more.
    fn watch(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        self.watched.retain(|folder| folder.is_dir());
        for place in &self.places {
            let folder = &place.folder;
            if !folder.is_dir() || !self.watched.insert(folder.clone()) {
                continue;
            }
            match watcher.watch(folder, RecursiveMode::Recursive) {
                Ok(()) => self.due = Some(Instant::now()),
                Err(error) => {
                    let folder = folder.display();
                    tracing::warn!("changes in {folder} are not noticed: {error}");
                }
            }
        }
    }

    /// What a load of each model would come out as.
    fn judge(&mut self, situation: &Situation) {
        // What is wrong with parameters is said when they are used.
        if let Ok(estimator) = self.estimator(situation) {
            let models = self.models().iter();
            let models = models.filter(|model| model.error.is_none());
            self.estimates = models
                .filter_map(|model| Some((model.path.clone(), estimator.model(model)?)))
                .collect();
        }
        self.tell_known();
    }

    fn inspect(&self, path: &Path, situation: &Situation) -> Result<Estimate, String> {
        let estimator = self
            .estimator(situation)
            .map_err(|error| error.to_string())?;
        let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
        let path = resolve(path.to_owned(), home.as_deref());
        let about = About::read(&gguf::parts(&path)).map_err(|error| error.to_string())?;
        match (about.facts, about.problem) {
            (Some(facts), _) => Ok(estimator.facts(&facts)),
            (None, Some(problem)) => Err(problem),
            (None, None) => Err("this is a part of a model, not a model".to_owned()),
        }
    }

    fn estimator(&self, situation: &Situation) -> Result<Estimator, EngineError> {
        let here = Estimator::here(&situation.params, &known_peaks(&self.folders.state_dir))?;
        Ok(here.beside(situation.running.as_ref(), situation.held.as_ref()))
    }

    fn mark(&self, make: impl FnOnce(&mut Marks)) {
        match Marks::change(&self.folders.data_dir, make) {
            Ok(_) => self.tell_known(),
            Err(error) => tracing::warn!("the marks of models were not written: {error}"),
        }
    }

    /// Returns a sentence about what was removed.
    fn remove(&self, path: &Path) -> Result<String, String> {
        let gone = || format!("{} is gone already", path.display());
        let listing = self.listing.as_deref().ok_or_else(gone)?;
        let mut models = listing.models.iter();
        let model = models.find(|model| model.path == path).ok_or_else(gone)?;
        let marks = marks(&self.folders);
        let freed = library::remove(model, listing, &marks, &self.folders.data_dir)?;
        let freed = units::bytes(freed);
        Ok(format!("Removed {}; {freed} are free again.", model.name))
    }

    fn models(&self) -> &[Model] {
        self.listing.as_ref().map_or(&[], |listing| &listing.models)
    }

    fn tell_known(&self) {
        let notes = Notes::read(&self.folders);
        let known = self.models().iter().map(|model| {
            let estimate = self.estimates.get(&model.path).copied();
            (model.path.clone(), notes.of(model, estimate))
        });
        self.tell(News::Known(known.collect()));
    }

    fn tell(&self, news: News) {
        // The deck is gone only when the program ends.
        let _ = self.inbox.blocking_send(Wake::Event(Event::Library(news)));
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |time| time.as_secs())
}

fn watcher(messages: Sender<Message>) -> Option<RecommendedWatcher> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| may_matter(&event)) {
            // The thread is gone only when the watcher is, too.
            let _ = messages.send(Message::Changed);
        }
    });
    watcher
        .inspect_err(|error| tracing::warn!("changes of models are not noticed: {error}"))
        .ok()
}

/// Whether models may have come or gone: reading does not matter, and a file that grows is told of
/// when it is closed.
fn may_matter(event: &notify::Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_)) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::library::Source;

    /// Longer than anything takes but a failure.
    const PATIENCE: Duration = Duration::from_secs(60);

    struct Library {
        folder: tempfile::TempDir,
        librarian: Librarian,
        inbox: mpsc::Receiver<Wake>,
    }

    impl Library {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let folders = Folders {
                state_dir: at("state"),
                ..Folders::find(Some(&at("config.toml")), Some(&at("data"))).unwrap()
            };
            fs::create_dir(at("models")).unwrap();
            let places = vec![
                Place {
                    source: Source::BuiltIn,
                    folder: at("data/models"),
                },
                Place {
                    source: Source::Folder,
                    folder: at("models"),
                },
            ];
            let (sender, inbox) = mpsc::channel(64);
            let librarian = Librarian::start_in(folders, || places, sender);
            Self {
                folder,
                librarian,
                inbox,
            }
        }

        fn ask(&self, command: Command) {
            self.librarian.ask(command, Situation::default());
        }

        /// Waits for news that say what is asked for.
        fn wait<T>(&mut self, says: impl Fn(News) -> Option<T>) -> T {
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until {
                let Some(Wake::Event(Event::Library(news))) = self.inbox.blocking_recv() else {
                    panic!("the librarian has ended");
                };
                if let Some(answer) = says(news) {
                    return answer;
                }
            }
            panic!("nothing came");
        }

        fn wait_for_names(&mut self, wanted: &[&str]) -> Arc<Listing> {
            self.wait(|news| match news {
                News::Found(listing) => {
                    let names: Vec<_> = listing.models.iter().map(|model| &model.name).collect();
                    (names == wanted).then_some(listing)
                }
                _ => None,
            })
        }
    }

    #[test]
    fn a_folder_that_changes_is_noticed() {
        let mut library = Library::start();
        let listing = library.wait_for_names(&["guide"]);
        let copy = library.folder.path().join("models/copy.gguf");
        let mut model = fs::read(&listing.models[0].path).unwrap();
        // Another model of the same size: the last bytes are weights.
        *model.last_mut().unwrap() ^= 1;
        fs::write(&copy, model).unwrap();
        library.wait_for_names(&["copy", "guide"]);
        fs::remove_file(&copy).unwrap();
        library.wait_for_names(&["guide"]);
    }

    #[test]
    fn models_are_judged_marked_and_read() {
        let mut library = Library::start();
        let listing = library.wait_for_names(&["guide"]);
        let path = listing.models[0].path.clone();
        let known = |library: &mut Library, holds: fn(&super::library::Known) -> bool| {
            library.wait(|news| match news {
                News::Known(known) => known.get(&path).filter(|known| holds(known)).cloned(),
                _ => None,
            })
        };
        library.ask(Command::Judge);
        let judged = known(&mut library, |known| known.estimate.is_some());
        assert!(judged.estimate.unwrap().fits && !judged.removable);
        library.ask(Command::Favourite(path.clone(), Favourite::Yes));
        library.ask(Command::Loaded(path.clone()));
        library.ask(Command::Replied {
            path: path.clone(),
            per_second: 12.5,
        });
        let marked = known(&mut library, |known| known.measured.is_some());
        assert!(marked.favourite && marked.used.is_some());
        assert_eq!(marked.estimate, judged.estimate);
        library.ask(Command::Read(vec![path.clone()]));
        let contents = library.wait(|news| match news {
            News::Read { outcome, .. } => Some(outcome.unwrap()),
            _ => None,
        });
        let arch = contents.metadata.iter();
        let mut arch = arch.filter(|(key, _)| key == "general.architecture");
        assert!(arch.next().is_some() && !contents.tensors.is_empty());
        library.ask(Command::Remove(path.clone()));
        let why = library.wait(|news| match news {
            News::Removed(outcome) => Some(outcome.unwrap_err()),
            _ => None,
        });
        assert_eq!(why, "guide comes with the program");
        assert!(path.exists());
    }
}
