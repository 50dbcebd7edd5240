//! A model brought here: what is to be fetched, how far it is, and all of it shown at once in the
//! end.
//!
//! ```text
//! Wanted ─► Plan (listing, choice) ─► Pull: up to three files at a time, each
//!           lock ─► partial file ─► SHA-256 ─► on disk ─► name ─► then all: links, refs
//! ```

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::choose::choose;
use super::client::{Client, escaped};
use super::fetch::Job;
use super::progress::{FileProgress, Progress, Status};
use super::record::{Downloaded, Record};
use super::{ErrorKind, FilePath, HubError, Pick, Repo, RepoId, Wanted, name, space};
use crate::units::counted;

/// Files of a model that come at the same time.
const AT_ONCE: usize = 3;
/// How often a lock that another program holds is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// What is to be fetched, and where it will lie.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is called: `org/repo:Q4_K_M`.
    pub name: String,
    /// The model's files in order, then its projector for images.
    pub files: Vec<Planned>,
    /// As the Hub names it; `None` = not given, or not known of an address.
    pub license: Option<String>,
    place: Place,
}

/// A file of a plan.
#[derive(Clone, Debug)]
pub struct Planned {
    pub path: FilePath,
    /// Bytes; `None` when only its server knows.
    pub size: Option<u64>,
    sha256: Option<String>,
    url: String,
    /// Where its bytes will lie.
    target: PathBuf,
    partial: PathBuf,
    lock: PathBuf,
}

#[derive(Clone, Debug)]
enum Place {
    /// The Hub's cache.
    Cache {
        repo: RepoId,
        commit: String,
        hashes: Vec<String>,
    },
    /// A folder of our own.
    Folder(PathBuf),
}

/// A model that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    pub name: String,
    /// The model's first file.
    pub path: PathBuf,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files that were fetched now; the others were here.
    pub fetched: usize,
    /// The SHA-256 of the first file, where it was computed now.
    pub sha256: Option<String>,
}

/// A download that runs on threads of its own.
pub struct Pull {
    files: Vec<FileProgress>,
    total: Option<u64>,
    done: Receiver<Result<Pulled, HubError>>,
}

impl Plan {
    /// Finds out what is to be fetched. Files from addresses go to `folder`.
    ///
    /// # Errors
    /// When the Hub does not have it, or cannot be asked.
    pub fn make(client: &Client, wanted: &Wanted, folder: &Path) -> Result<Self, HubError> {
        match wanted {
            Wanted::Repo { repo, pick } => Self::of_repo(client, &client.repo(repo)?, pick),
            Wanted::Url(url) => Self::of_url(url, folder),
        }
    }

    /// The same of a repository that was listed already.
    ///
    /// # Errors
    /// When it does not have what is wanted.
    pub fn of_repo(client: &Client, repo: &Repo, pick: &Pick) -> Result<Self, HubError> {
        let cache = &client.access.cache;
        let paths: Vec<FilePath> = repo.files.iter().map(|file| file.path.clone()).collect();
        let chosen = choose(&paths, pick).map_err(|mut error| {
            error.what = format!("{} in {}", error.what, repo.id);
            if repo.refused > 0 {
                error.why = format!(
                    "{}; left out for a name that is not safe: {}",
                    error.why,
                    counted(repo.refused, "file")
                );
            }
            error
        })?;
        let indices = chosen.parts.iter().chain(&chosen.projector);
        let files = indices.clone().map(|index| {
            let file = &repo.files[*index];
            let target = cache.blob(&repo.id, &file.hash);
            let path = escaped(file.path.as_str());
            Planned {
                path: file.path.clone(),
                size: Some(file.size),
                sha256: file.sha256().map(str::to_owned),
                url: format!(
                    "{}/{}/resolve/{}/{path}",
                    client.access.endpoint, repo.id, repo.commit
                ),
                partial: with(&target, ".incomplete"),
                lock: cache.lock(&repo.id, &file.hash),
                target,
            }
        });
        let name = match chosen.quant.as_str() {
            "" => format!("{}/{}", repo.id, paths[chosen.parts[0]]),
            quant => format!("{}:{quant}", repo.id),
        };
        Ok(Self {
            name,
            files: files.collect(),
            license: repo.license.clone(),
            place: Place::Cache {
                repo: repo.id.clone(),
                commit: repo.commit.clone(),
                hashes: indices
                    .map(|index| repo.files[*index].hash.clone())
                    .collect(),
            },
        })
    }

    fn of_url(url: &str, folder: &Path) -> Result<Self, HubError> {
        let last = name::without_query(url)
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let path = FilePath::parse(last).map_err(|why| {
            HubError::new(
                ErrorKind::Usage,
                format!("reading {}", name::without_query(url)),
                why,
            )
        })?;
        let target = folder.join(path.to_path());
        Ok(Self {
            name: name::without_query(url).to_owned(),
            license: None,
            files: vec![Planned {
                size: None,
                sha256: None,
                url: url.to_owned(),
                partial: with(&target, ".incomplete"),
                lock: with(&target, ".lock"),
                target,
                path,
            }],
            place: Place::Folder(folder.to_owned()),
        })
    }

    /// Bytes of all files; `None` when a server has not said yet.
    pub fn bytes(&self) -> Option<u64> {
        let add = |sum: u64, file: &Planned| Some(sum.saturating_add(file.size?));
        self.files.iter().try_fold(0, add)
    }

    /// Bytes that are not here yet, of files whose size is known.
    pub fn missing(&self) -> u64 {
        let missing = self.files.iter().filter(|file| !file.target.exists());
        let bytes = missing.map(|file| {
            let here = fs::metadata(&file.partial).map_or(0, |facts| facts.len());
            file.size.unwrap_or_default().saturating_sub(here)
        });
        bytes.fold(0, u64::saturating_add)
    }

    /// Throws away what an unfinished download left; what another program is fetching stays.
    pub fn discard(&self) {
        for file in &self.files {
            let lock = File::options().write(true).open(&file.lock);
            if lock.as_ref().is_ok_and(|lock| lock.try_lock().is_err()) {
                continue;
            }
            for path in [&file.partial, &with(&file.partial, ".etag")] {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn root<'a>(&'a self, client: &'a Client) -> &'a Path {
        match &self.place {
            Place::Cache { .. } => client.access.cache.root(),
            Place::Folder(folder) => folder,
        }
    }
}

impl Pull {
    /// Starts to fetch. The client's [`super::Stop`] ends it; what came stays for the next time.
    ///
    /// # Errors
    /// When the disk has too little room, or no thread can be started.
    pub fn start(client: Client, plan: Plan, record: Record) -> Result<Self, HubError> {
        space::check(plan.root(&client), plan.missing())?;
        let files: Vec<FileProgress> = plan.files.iter().map(|_| FileProgress::default()).collect();
        let (tell, done) = sync_channel(1);
        let total = plan.bytes();
        let progress = files.clone();
        let spawned = thread::Builder::new()
            .name("download".to_owned())
            .spawn(move || {
                let outcome = run(&client, &plan, &record, &progress);
                // Nobody listens any more when the program ends.
                let _ = tell.send(outcome);
            });
        spawned.map_err(|error| HubError::disk("starting a download", &error))?;
        Ok(Self { files, total, done })
    }

    pub fn progress(&self) -> Progress {
        Progress::of(&self.files, self.total)
    }

    /// The outcome, if it comes within this time.
    pub fn wait(&self, time: Duration) -> Option<Result<Pulled, HubError>> {
        match self.done.recv_timeout(time) {
            Ok(outcome) => Some(outcome),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                let why = "its thread has ended";
                Some(Err(HubError::new(ErrorKind::Disk, "downloading", why)))
            }
        }
    }
}

fn run(
    client: &Client,
    plan: &Plan,
    record: &Record,
    progress: &[FileProgress],
) -> Result<Pulled, HubError> {
    let next = AtomicUsize::new(0);
    let outcome: Mutex<Result<Vec<(usize, String)>, HubError>> = Mutex::new(Ok(Vec::new()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = plan.files.get(index) else {
                return;
            };
            let fetched = bring(client, plan, file, record, &progress[index]);
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match (outcome.as_mut(), fetched) {
                (Ok(all), Ok(Some(hash))) => all.push((index, hash)),
                (Ok(_), Err(error)) => {
                    *outcome = Err(error);
                    drop(outcome);
                    client.stop.stop();
                    return;
                }
                (Ok(_), Ok(None)) => {}
                (Err(_), _) => return,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..plan.files.len().min(AT_ONCE) {
            scope.spawn(work);
        }
        work();
    });
    let fetched = outcome
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)?;
    let path = publish(client, plan)?;
    let bytes = plan
        .files
        .iter()
        .filter_map(|file| fs::metadata(&file.target).ok());
    Ok(Pulled {
        name: plan.name.clone(),
        path,
        bytes: bytes.map(|facts| facts.len()).sum(),
        fetched: fetched.len(),
        sha256: fetched
            .into_iter()
            .find(|(index, _)| *index == 0)
            .map(|(_, hash)| hash),
    })
}

/// Brings one file here; its hash when it was not here before.
fn bring(
    client: &Client,
    plan: &Plan,
    file: &Planned,
    record: &Record,
    progress: &FileProgress,
) -> Result<Option<String>, HubError> {
    let disk = |error: &std::io::Error| {
        HubError::disk(format!("writing {}", file.target.display()), error)
    };
    let is_here = || {
        let facts = fs::metadata(&file.target).ok()?;
        let whole = file.size.is_none_or(|size| size == facts.len());
        whole.then(|| {
            progress.here.set(facts.len());
            progress.set(Status::Done);
        })
    };
    if is_here().is_some() {
        return Ok(None);
    }
    let _lock = lock(client, file, progress)?;
    // Who held the lock may have brought it.
    if is_here().is_some() {
        return Ok(None);
    }
    let version = file.sha256.is_none().then(|| with(&file.partial, ".etag"));
    let job = Job {
        client,
        url: &file.url,
        name: file.path.name(),
        size: file.size,
        sha256: file.sha256.as_deref(),
        partial: &file.partial,
        version,
        progress,
    };
    let sha256 = job.run()?;
    let entry = Downloaded {
        path: file.target.clone(),
        name: plan.name.clone(),
        bytes: progress.here.get(),
        sha256: sha256.clone(),
        at_ms: Timestamp::now().as_millisecond(),
    };
    record.add(&entry).map_err(|error| disk(&error))?;
    fs::rename(&file.partial, &file.target).map_err(|error| disk(&error))?;
    sync_folder(&file.target);
    progress.set(Status::Done);
    Ok(Some(sha256))
}

/// Waits until no other program downloads the same file. The lock ends with its file's end, also
/// when the program is killed.
fn lock(client: &Client, file: &Planned, progress: &FileProgress) -> Result<File, HubError> {
    let what = || format!("locking {}", file.lock.display());
    let disk = |error: &std::io::Error| HubError::disk(what(), error);
    if let Some(folder) = file.lock.parent() {
        fs::create_dir_all(folder).map_err(|error| disk(&error))?;
    }
    let lock = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&file.lock)
        .map_err(|error| disk(&error))?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(error)) => return Err(disk(&error)),
            Err(TryLockError::WouldBlock) => progress.set(Status::Locked),
        }
        if client.stop.wait(LOCK_PAUSE) {
            return Err(HubError::stopped(what()));
        }
    }
}

/// Shows the files under their names; the model's first file comes back.
fn publish(client: &Client, plan: &Plan) -> Result<PathBuf, HubError> {
    let first = plan.files.first();
    let nothing = || HubError::new(ErrorKind::NotFound, "downloading", "the plan has no files");
    let first = first.ok_or_else(nothing)?;
    let Place::Cache {
        repo,
        commit,
        hashes,
    } = &plan.place
    else {
        return Ok(first.target.clone());
    };
    let cache = &client.access.cache;
    let files: Vec<(FilePath, String)> = plan
        .files
        .iter()
        .map(|file| file.path.clone())
        .zip(hashes.iter().cloned())
        .collect();
    cache.publish(repo, commit, &files).map_err(|error| {
        HubError::disk(format!("writing to {}", cache.root().display()), &error)
    })?;
    Ok(cache.snapshot(repo, commit, &first.path))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// A name is on disk when its folder is.
fn sync_folder(path: &Path) {
    let folder = path.parent().and_then(|folder| File::open(folder).ok());
    if let Some(folder) = folder {
        // Not every file system can; the file itself is on disk already.
        let _ = folder.sync_all();
    }
}
