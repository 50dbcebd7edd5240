//! Tells when the user edited a file.
//!
//! One thread owns the watcher. It watches folders, not files, because editors save by renaming;
//! it waits until a burst of events is over; and it takes up folders that are made later.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::paths::Folders;

/// A save is over when nothing happened for this long.
const QUIET: Duration = Duration::from_millis(100);
/// A burst that does not end is told after this long anyway.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Changed {
    Config,
    Presets,
    Personas,
    Themes,
    Keymap,
}

/// Watches as long as it lives.
#[derive(Debug)]
pub struct ConfigWatch {
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    FileSystem(notify::Event),
    Stop,
}

impl ConfigWatch {
    /// Watches the configuration folder and calls `changed` on a thread of its own after files
    /// were edited. Folders that do not exist are no error.
    ///
    /// # Errors
    /// When the system cannot watch files at all, for example because of its limit on watches.
    pub fn start(
        folders: &Folders,
        changed: impl Fn(Changed) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (messages, received) = channel();
        let to_thread = messages.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event {
                // The thread is gone only when the watcher is, too.
                let _ = to_thread.send(Message::FileSystem(event));
            }
        })
        .map_err(std::io::Error::other)?;
        let mut watched = Watched {
            watcher,
            places: Places::new(folders),
            folders: BTreeSet::new(),
        };
        watched.take_up();
        let thread = std::thread::Builder::new()
            .name("config-watch".to_owned())
            .spawn(move || watched.run(&received, changed))?;
        Ok(Self {
            messages,
            thread: Some(thread),
        })
    }
}

impl Drop for ConfigWatch {
    fn drop(&mut self) {
        // Fails only when the thread has ended already.
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own: the watcher, and the folders it watches now.
struct Watched {
    watcher: RecommendedWatcher,
    places: Places,
    folders: BTreeSet<PathBuf>,
}

impl Watched {
    fn run(mut self, received: &Receiver<Message>, changed: impl Fn(Changed)) {
        while let Ok(Message::FileSystem(first)) = received.recv() {
            let mut edited = BTreeSet::new();
            let mut next = Some(first);
            let started = Instant::now();
            while let Some(event) = next.take() {
                edited.extend(self.note(&event));
                next = match received.recv_timeout(QUIET) {
                    Ok(Message::FileSystem(event)) if started.elapsed() < PATIENCE => Some(event),
                    Ok(Message::FileSystem(event)) => {
                        edited.extend(self.note(&event));
                        None
                    }
                    Err(RecvTimeoutError::Timeout) => None,
                    Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                };
            }
            edited.into_iter().for_each(&changed);
        }
    }

    /// What an event means; a folder that came or went is taken up or given up.
    fn note(&mut self, event: &notify::Event) -> Vec<Changed> {
        if matches!(event.kind, EventKind::Access(_)) {
            return Vec::new();
        }
        if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(_)) {
            for gone in event.paths.iter().filter(|path| !path.is_dir()) {
                self.folders.remove(gone);
            }
        }
        let mut edited: Vec<_> = event
            .paths
            .iter()
            .filter_map(|path| self.places.changed(path))
            .collect();
        edited.extend(self.take_up());
        edited
    }

    /// Watches the folders that exist and are not watched yet, and says what may have appeared in
    /// them. While the configuration folder does not exist, its parent tells of it.
    fn take_up(&mut self) -> Vec<Changed> {
        let places = &self.places;
        let mut wanted = vec![
            (
                places.config_dir.clone(),
                vec![Changed::Config, Changed::Keymap],
            ),
            (places.presets_dir.clone(), vec![Changed::Presets]),
            (places.personas_dir.clone(), vec![Changed::Personas]),
            (places.themes_dir.clone(), vec![Changed::Themes]),
        ];
        if !places.config_dir.is_dir() {
            wanted.extend(
                places
                    .config_dir
                    .parent()
                    .map(|parent| (parent.to_owned(), Vec::new())),
            );
        }
        let mut appeared = Vec::new();
        for (folder, contents) in wanted {
            let is_new = folder.is_dir() && !self.folders.contains(&folder);
            if is_new
                && self
                    .watcher
                    .watch(&folder, RecursiveMode::NonRecursive)
                    .is_ok()
            {
                self.folders.insert(folder);
                appeared.extend(contents);
            }
        }
        appeared
    }
}

/// What lies where.
struct Places {
    config_dir: PathBuf,
    config_file: PathBuf,
    keymap_file: PathBuf,
    presets_dir: PathBuf,
    personas_dir: PathBuf,
    themes_dir: PathBuf,
}

impl Places {
    /// Events carry real paths, so links in the folders' own paths are followed.
    fn new(folders: &Folders) -> Self {
        let absolute =
            std::path::absolute(&folders.config_dir).unwrap_or_else(|_| folders.config_dir.clone());
        let config_dir = absolute.canonicalize().unwrap_or(absolute);
        let beside = |path: &Path| config_dir.join(path.file_name().unwrap_or_default());
        Self {
            config_file: beside(&folders.config_file),
            keymap_file: beside(&folders.keymap_file),
            presets_dir: beside(&folders.presets_dir),
            personas_dir: beside(&folders.personas_dir),
            themes_dir: beside(&folders.themes_dir),
            config_dir,
        }
    }

    /// What a change at this path means.
    fn changed(&self, path: &Path) -> Option<Changed> {
        let is_toml = path.extension().is_some_and(|ext| ext == "toml");
        let within = |folder: &Path| path == folder || (is_toml && path.parent() == Some(folder));
        if path == self.config_file {
            Some(Changed::Config)
        } else if path == self.keymap_file {
            Some(Changed::Keymap)
        } else if within(&self.presets_dir) {
            Some(Changed::Presets)
        } else if within(&self.personas_dir) {
            Some(Changed::Personas)
        } else if within(&self.themes_dir) {
            Some(Changed::Themes)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for any machine; only reached when the watch does not work.
    const GUARD: Duration = Duration::from_secs(30);

    fn folders(dir: &Path) -> Folders {
        Folders::find(Some(&dir.join("deck/config.toml")), Some(dir)).unwrap()
    }

    /// Waits for one kind of change among others.
    fn wait_for(received: &Receiver<Changed>, wanted: Changed) {
        while received.recv_timeout(GUARD).unwrap() != wanted {}
    }

    #[test]
    fn paths_mean_what_lies_there() {
        let places = Places::new(&folders(Path::new("/x")));
        for (path, meaning) in [
            ("/x/deck/config.toml", Some(Changed::Config)),
            ("/x/deck/keymap.toml", Some(Changed::Keymap)),
            ("/x/deck/presets", Some(Changed::Presets)),
            ("/x/deck/presets/mine.toml", Some(Changed::Presets)),
            ("/x/deck/presets/.mine.toml.swp", None),
            ("/x/deck/personas/tutor.toml", Some(Changed::Personas)),
            ("/x/deck/themes/night.toml", Some(Changed::Themes)),
            ("/x/deck/other.toml", None),
            ("/x/deck/presets/deep/mine.toml", None),
        ] {
            assert_eq!(places.changed(Path::new(path)), meaning, "{path}");
        }
    }

    #[test]
    fn edits_are_told_also_in_folders_made_later() {
        let dir = tempfile::tempdir().unwrap();
        let folders = folders(dir.path());
        let (told, received) = channel();
        let watch =
            ConfigWatch::start(&folders, move |changed| told.send(changed).unwrap()).unwrap();

        std::fs::create_dir(&folders.config_dir).unwrap();
        wait_for(&received, Changed::Config);
        std::fs::write(&folders.keymap_file, "a = 1").unwrap();
        wait_for(&received, Changed::Keymap);
        std::fs::create_dir(&folders.presets_dir).unwrap();
        wait_for(&received, Changed::Presets);
        std::fs::write(folders.presets_dir.join("mine.toml"), "a = 1").unwrap();
        wait_for(&received, Changed::Presets);
        std::fs::write(folders.config_dir.join("new"), "a = 1").unwrap();
        std::fs::rename(folders.config_dir.join("new"), &folders.config_file).unwrap();
        wait_for(&received, Changed::Config);

        drop(watch);
        assert!(received.iter().all(|changed| changed != Changed::Themes));
    }
}
