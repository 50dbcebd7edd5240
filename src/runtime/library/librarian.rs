//! The library while the deck runs: looks once, again when a folder changes, and answers questions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecursiveMode, Watcher};
use tokio::sync::mpsc::Sender;

use super::{Estimator, find_models, places};
use crate::app::Event;
use crate::config::Folders;
use crate::gguf::{Header, Value};
use crate::library::{self, About, Favourite, Job, Listing, Marks, Told};
use crate::params::LoadParams;
use crate::plan::size;
use crate::runtime::{Wake, known_bandwidth};

/// A change is over when nothing happened for this long.
const QUIET: Duration = Duration::from_millis(500);

/// Answers for the deck; each question on a thread of its own, because disks take their time.
pub struct Librarian {
    shared: Arc<Shared>,
}

struct Shared {
    folders: Folders,
    own: Vec<PathBuf>,
    inbox: Sender<Wake>,
    listing: Mutex<Arc<Listing>>,
}

impl Librarian {
    /// Looks for models on a thread of its own, now and whenever a folder changes.
    pub fn start(folders: Folders, own: Vec<PathBuf>, inbox: Sender<Wake>) -> Self {
        let shared = Arc::new(Shared {
            folders,
            own,
            inbox,
            listing: Mutex::default(),
        });
        let watcher = Arc::clone(&shared);
        // It ends with the program: it holds nothing that would have to be put in order.
        let started = thread::Builder::new()
            .name("library".to_owned())
            .spawn(move || watcher.watch());
        if let Err(error) = started {
            tracing::error!("models are not looked for: {error}");
        }
        Self { shared }
    }

    /// Does a job; what comes of it comes as an event.
    pub(in crate::runtime) fn ask(&self, job: Job, params: LoadParams) {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.perform(job, &params));
    }
}

impl Shared {
    fn tell(&self, told: Told) {
        // The deck is gone only when the program ends.
        let _ = self.inbox.blocking_send(Wake::Event(Event::Library(told)));
    }

    fn listing(&self) -> Arc<Listing> {
        let listing = self
            .listing
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        Arc::clone(&listing)
    }

    fn look(&self) {
        let listing = Arc::new(find_models(&self.folders, &self.own));
        for place in &listing.unreadable {
            tracing::warn!(
                "{} could not be looked through: {}",
                place.path.display(),
                place.why
            );
        }
        {
            let mut last = self
                .listing
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            let same = last.models == listing.models && last.unreadable == listing.unreadable;
            if same && !listing.models.is_empty() {
                return;
            }
            *last = Arc::clone(&listing);
        }
        self.tell(Told::Found(listing));
    }

    /// Looks now, and again when something changed.
    fn watch(&self) {
        self.tell(Told::Marked(super::marks(&self.folders)));
        let (changed, changes) = channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| may_matter(&event)) {
                let _ = changed.send(());
            }
        });
        let mut watcher = match watcher {
            Ok(watcher) => watcher,
            Err(error) => {
                tracing::warn!("changes of the models are not noticed: {error}");
                return self.look();
            }
        };
        for place in places(&self.folders, &self.own) {
            if !place.folder.is_dir() {
                continue;
            }
            if let Err(error) = watcher.watch(&place.folder, RecursiveMode::Recursive) {
                let folder = place.folder.display();
                tracing::warn!("changes in {folder} are not noticed: {error}");
            }
        }
        self.look();
        while wait_for_quiet(&changes) {
            self.look();
        }
    }

    fn perform(&self, job: Job, params: &LoadParams) {
        match job {
            Job::Judge => self.judge(params),
            Job::Inspect(path) => {
                let outcome = self.inspect(&path, params);
                self.tell(Told::Inspected { path, outcome });
            }
            Job::Details(path) => {
                let rows = details(&path);
                self.tell(Told::Details { path, rows });
            }
            Job::Favourite(path, mark) => self.mark(|marks| match mark {
                Favourite::Yes => {
                    marks.favourites.insert(path);
                }
                Favourite::No => {
                    marks.favourites.remove(&path);
                }
            }),
            Job::Used(path) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.map_or(0, |time| time.as_secs());
                self.mark(|marks| {
                    marks.used.insert(path, now);
                });
            }
            Job::Remove(path) => {
                let listing = self.listing();
                let model = listing.models.iter().find(|model| model.path == path);
                let outcome = match model {
                    Some(model) => {
                        let marks = super::marks(&self.folders);
                        let removed =
                            library::remove(model, &listing, &marks, &self.folders.data_dir);
                        removed.map(|freed| {
                            format!("Removed {}; {} are free again.", model.name, size(freed))
                        })
                    }
                    None => Err(format!("{} is gone already", path.display())),
                };
                self.tell(Told::Removed(outcome));
                self.tell(Told::Marked(super::marks(&self.folders)));
                self.look();
            }
        }
    }

    fn judge(&self, params: &LoadParams) {
        let Ok(estimator) = Estimator::here(params, known_bandwidth(&self.folders.state_dir))
        else {
            // What is wrong with the parameters is said when they are used.
            return;
        };
        let listing = self.listing();
        let judged = listing
            .models
            .iter()
            .filter(|model| model.error.is_none())
            .filter_map(|model| Some((model.path.clone(), estimator.model(model)?)));
        let judged: BTreeMap<_, _> = judged.collect();
        self.tell(Told::Judged(judged));
    }

    fn inspect(&self, path: &Path, params: &LoadParams) -> Result<library::Estimate, String> {
        let bandwidth = known_bandwidth(&self.folders.state_dir);
        let estimator = Estimator::here(params, bandwidth).map_err(|error| error.to_string())?;
        let files = crate::gguf::parts(path);
        let about = About::read(&files).map_err(|error| error.to_string())?;
        match (about.facts, about.problem) {
            (Some(facts), _) => Ok(estimator.facts(&facts)),
            (None, Some(problem)) => Err(problem),
            (None, None) => Err("this is a part of a model, not a model".to_owned()),
        }
    }

    fn mark(&self, make: impl FnOnce(&mut Marks)) {
        match Marks::change(&self.folders.data_dir, make) {
            Ok(marks) => self.tell(Told::Marked(marks)),
            Err(error) => tracing::warn!("the marks of models were not written: {error}"),
        }
    }
}

/// Whether models may have come or gone: reading does not, and a file that grows is told when it is
/// closed.
fn may_matter(event: &notify::Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_)) => false,
        _ => true,
    }
}

/// Waits for a change and until it is over; false when none will come any more.
fn wait_for_quiet(changes: &Receiver<()>) -> bool {
    if changes.recv().is_err() {
        return false;
    }
    loop {
        match changes.recv_timeout(QUIET) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// The metadata and the tensors of a file.
fn details(path: &Path) -> Result<Vec<(String, String)>, String> {
    let header = Header::survey(path).map_err(|error| error.to_string())?;
    let metadata = header
        .metadata
        .iter()
        .map(|(key, entry)| (key.clone(), written(&entry.value)));
    let tensors = header.tensors.iter().map(|tensor| {
        let dims: Vec<_> = tensor.dims.iter().map(u64::to_string).collect();
        let about = format!(
            "{} [{}] {}",
            tensor.kind.name,
            dims.join(", "),
            size(tensor.bytes)
        );
        (tensor.name.clone(), about)
    });
    Ok(metadata.chain(tensors).collect())
}

/// A value in a line; long texts are cut, long arrays counted.
fn written(value: &Value) -> String {
    const LONGEST: usize = 400;
    match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(on) => on.to_string(),
        Value::Text(text) => text.chars().take(LONGEST).collect(),
        Value::Array(array) if array.integers.is_empty() || array.len > 64 => {
            format!("{} items", array.len)
        }
        Value::Array(array) => format!("{:?}", array.integers),
    }
}
