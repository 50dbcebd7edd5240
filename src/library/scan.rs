//! From files to models: parts united, companions paired, copies shown once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::about::parts;
use super::index::{Entry, Stamp};
use super::walk::{Candidate, Found};
use super::{About, Index, Kind, Listing, Model, Place, Senses, Source, Spot, same};
use crate::gguf;

/// Threads that read headers: a disk gives no more to more of them.
const READERS: usize = 8;

/// Looks through the places, earlier ones giving models their names. Only headers that the index
/// does not have are read; it knows them afterwards.
pub fn scan(places: &[Place], index: &mut Index) -> Listing {
    let mut found = Found::default();
    for place in places {
        found.walk(place);
    }
    let Found {
        candidates,
        unreadable,
    } = found;
    let items = unite(candidates);
    let headers_read = learn(&items, index);
    let mut models = models(items, index);
    merge_copies(&mut models, index);
    tell_versions_apart(&mut models);
    models.sort_by_cached_key(|model| (model.name.to_lowercase(), model.path.clone()));
    Listing {
        models,
        unreadable,
        headers_read,
    }
}

/// A file, or several that are one model, with every place it was found in.
struct Item {
    candidate: Candidate,
    files: Vec<PathBuf>,
    missing: usize,
    stamp: Result<Stamp, String>,
    places: Vec<Spot>,
}

/// One file on the disk, whatever leads to it.
type Identity = (u64, u64);

/// Puts the parts of a model together, and the names of one file.
fn unite(candidates: Vec<Candidate>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut by_identity: HashMap<Identity, usize> = HashMap::new();
    for candidate in candidates {
        let spot = Spot {
            source: candidate.source.unwrap_or(Source::Folder),
            name: candidate.name.clone(),
            path: candidate.path.clone(),
        };
        let (files, missing) = match candidate.broken {
            Some(_) => (vec![], 0),
            None => parts(&candidate.path),
        };
        // A later part of a model whose first files are here belongs to them.
        if files.len() > 1 && files.first() != Some(&candidate.path) {
            continue;
        }
        let known = identity(&candidate.path).filter(|_| candidate.broken.is_none());
        if let Some(at) = known.and_then(|identity| by_identity.get(&identity)) {
            items[*at].add(candidate, spot);
            continue;
        }
        by_identity.extend(known.map(|identity| (identity, items.len())));
        items.push(Item {
            stamp: Stamp::of(&files).map_err(|error| error.to_string()),
            files,
            missing,
            places: vec![spot],
            candidate,
        });
    }
    items
}

impl Item {
    /// Another name of the same file.
    fn add(&mut self, candidate: Candidate, spot: Spot) {
        if self
            .places
            .iter()
            .all(|place| place.path != spot.path || place.name != spot.name)
        {
            self.places.push(spot);
        }
        let own = &mut self.candidate;
        own.projectors.extend(candidate.projectors);
        own.adapters.extend(candidate.adapters);
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let facts = fs::metadata(path).ok()?;
    Some((facts.dev(), facts.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    path.canonicalize().ok()?.hash(&mut hasher);
    Some((0, hasher.finish()))
}

/// Reads the headers that the index does not have; says how many.
fn learn(items: &[Item], index: &mut Index) -> usize {
    let companions: BTreeSet<&PathBuf> = items
        .iter()
        .flat_map(|item| item.candidate.projectors.iter())
        .collect();
    let whole = items.iter().filter_map(|item| {
        let stamp = item.stamp.as_ref().ok()?;
        (!item.files.is_empty()).then(|| (item.files.clone(), *stamp))
    });
    let companions = companions.into_iter().filter_map(|path| {
        let files = vec![path.clone()];
        let stamp = Stamp::of(&files).ok()?;
        Some((files, stamp))
    });
    let all: Vec<(Vec<PathBuf>, Stamp)> = whole.chain(companions).collect();
    let there: BTreeSet<&Path> = all.iter().map(|(files, _)| files[0].as_path()).collect();
    index.keep(|path| there.contains(path));
    let unknown: Vec<&(Vec<PathBuf>, Stamp)> = all
        .iter()
        .filter(|(files, stamp)| index.get(&files[0], *stamp).is_none())
        .collect();
    for (number, about) in read_all(&unknown) {
        let (files, stamp) = unknown[number];
        let entry = Entry {
            stamp: *stamp,
            about,
            sample: None,
            fingerprint: None,
        };
        index.learn(files[0].clone(), entry);
    }
    unknown.len()
}

type Read = (usize, Result<About, String>);

/// Reads headers on a few threads, each taking the next one.
fn read_all(wanted: &[&(Vec<PathBuf>, Stamp)]) -> Vec<Read> {
    let next = AtomicUsize::new(0);
    let read = Mutex::new(Vec::with_capacity(wanted.len()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((files, _)) = wanted.get(number) else {
                return;
            };
            let about = About::read(files).map_err(|error| error.to_string());
            // A reader that panicked has left the list whole: it only ever grows.
            let mut read = read.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            read.push((number, about));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let readers = cores.min(READERS).min(wanted.len());
    if readers <= 1 {
        work();
    } else {
        thread::scope(|scope| {
            for _ in 0..readers {
                scope.spawn(work);
            }
        });
    }
    read.into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A companion of the models beside it.
struct Companion {
    path: PathBuf,
    folders: Vec<PathBuf>,
    kind: Kind,
    arch: String,
    senses: Senses,
}

fn models(items: Vec<Item>, index: &Index) -> Vec<Model> {
    let mut models = Vec::new();
    let mut companions = Vec::new();
    for item in items {
        let entry = match &item.stamp {
            Ok(stamp) => item.files.first().and_then(|file| index.get(file, *stamp)),
            Err(_) => None,
        };
        let about = entry.map(|entry| &entry.about);
        if let Some(Ok(about)) = about
            && about.kind != Kind::Model
        {
            companions.push(Companion {
                path: item.candidate.path.clone(),
                folders: folders(&item.places),
                kind: about.kind,
                arch: about.arch.clone(),
                senses: about.senses,
            });
            continue;
        }
        let error = match (&item.candidate.broken, &item.stamp, about) {
            (Some(why), ..) => Some(why.clone()),
            (None, Err(why), _) | (None, Ok(_), Some(Err(why))) => Some(why.clone()),
            _ if item.missing > 0 => Some(format!(
                "missing: {} of the model's {} files",
                item.missing,
                item.missing + item.files.len()
            )),
            (None, Ok(_), Some(Ok(about))) => about.problem.clone(),
            (None, Ok(_), None) => None,
        };
        models.push(model(
            item,
            about.and_then(|about| about.as_ref().ok()),
            error,
        ));
    }
    pair(&mut models, &companions, index);
    models
}

fn model(item: Item, about: Option<&About>, error: Option<String>) -> Model {
    let Item {
        candidate,
        files,
        stamp,
        places,
        ..
    } = item;
    Model {
        name: candidate.name,
        path: candidate.path,
        source: places.first().map_or(Source::Folder, |place| place.source),
        files,
        places,
        size_bytes: stamp.map_or(0, |stamp| stamp.size),
        about: about.cloned(),
        error,
        projectors: candidate.projectors,
        adapters: candidate.adapters,
        vision: false,
        audio: false,
    }
}

fn folders(places: &[Spot]) -> Vec<PathBuf> {
    let parents = places.iter().filter_map(|place| place.path.parent());
    parents.map(Path::to_owned).collect()
}

/// Gives models what lies beside them and fits them: a projector by the width of what it gives, or
/// as the only one's; an adapter by the architecture.
fn pair(models: &mut [Model], companions: &[Companion], index: &Index) {
    let mut beside: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for folder in models.iter().flat_map(|model| folders(&model.places)) {
        *beside.entry(folder).or_default() += 1;
    }
    for model in models {
        let own = folders(&model.places);
        let about = model.about.as_ref();
        let width = about.and_then(|about| Some(about.facts.as_ref()?.n_embd));
        let arch = about.map(|about| about.arch.as_str()).unwrap_or_default();
        let near = companions.iter().filter(|companion| {
            let mut shared = companion.folders.iter();
            shared.any(|folder| own.contains(folder))
        });
        for companion in near {
            let alone = || own.iter().all(|folder| beside.get(folder) == Some(&1));
            match companion.kind {
                Kind::Projector if alone() || companion.senses.width == width => {
                    model.projectors.push(companion.path.clone());
                    model.vision |= companion.senses.vision;
                    model.audio |= companion.senses.audio;
                }
                Kind::Adapter if companion.arch == arch => {
                    model.adapters.push(companion.path.clone());
                }
                _ => {}
            }
        }
        // What the tool itself named lies elsewhere.
        for path in &model.projectors {
            let Ok(stamp) = Stamp::of(std::slice::from_ref(path)) else {
                continue;
            };
            let known = index
                .get(path, stamp)
                .and_then(|entry| entry.about.as_ref().ok());
            if let Some(about) = known {
                model.vision |= about.senses.vision;
                model.audio |= about.senses.audio;
            }
        }
        model.projectors.sort();
        model.projectors.dedup();
        model.adapters.sort();
        model.adapters.dedup();
    }
}

/// Shows models of the same content once.
fn merge_copies(models: &mut Vec<Model>, index: &mut Index) {
    let mut sizes: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (number, model) in models.iter().enumerate() {
        if !model.files.is_empty() && model.about.is_some() {
            sizes.entry(model.size_bytes).or_default().push(number);
        }
    }
    let mut merged: BTreeMap<usize, usize> = BTreeMap::new();
    for alike in sizes.into_values().filter(|alike| alike.len() > 1) {
        for group in split(alike, |number| sample(&models[number], index)) {
            let hashes: Vec<_> = group
                .iter()
                .map(|number| named_hash(&models[*number]))
                .collect();
            let all_named = hashes.iter().all(Option::is_some);
            let same = match all_named {
                true => split(group, |number| named_hash(&models[number])),
                false => split(group, |number| fingerprint(&models[number], index)),
            };
            for group in same {
                merged.extend(group[1..].iter().map(|copy| (*copy, group[0])));
            }
        }
    }
    for (copy, first) in &merged {
        let copy = models[*copy].clone();
        let first = &mut models[*first];
        first.places.extend(copy.places);
        first.projectors.extend(copy.projectors);
        first.adapters.extend(copy.adapters);
        first.vision |= copy.vision;
        first.audio |= copy.audio;
    }
    let mut number = 0;
    models.retain(|_| {
        number += 1;
        !merged.contains_key(&(number - 1))
    });
}

/// Groups of at least two that have the same key, in their order; who has none is in no group.
fn split(numbers: Vec<usize>, mut key: impl FnMut(usize) -> Option<String>) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for number in numbers {
        if let Some(key) = key(number) {
            groups.entry(key).or_default().push(number);
        }
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

fn named_hash(model: &Model) -> Option<String> {
    same::named_hash(&same::real(model.files.first()?))
}

fn sample(model: &Model, index: &mut Index) -> Option<String> {
    let path = model.files.first()?;
    remembered(index, path, |entry| &mut entry.sample, same::sample)
}

fn fingerprint(model: &Model, index: &mut Index) -> Option<String> {
    let path = model.files.first()?;
    remembered(
        index,
        path,
        |entry| &mut entry.fingerprint,
        gguf::fingerprint,
    )
}

fn remembered(
    index: &mut Index,
    path: &Path,
    field: fn(&mut Entry) -> &mut Option<String>,
    make: impl Fn(&Path) -> std::io::Result<String>,
) -> Option<String> {
    index.remember(path, |entry| field(entry), || make(path).ok())
}

/// Versions of one file in the Hub's cache have one name; those that `main` no longer names get
/// their commit behind it.
fn tell_versions_apart(models: &mut [Model]) {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for model in models.iter() {
        *names.entry(model.name.clone()).or_default() += 1;
    }
    for model in models {
        if names.get(&model.name).is_none_or(|count| *count < 2) {
            continue;
        }
        if let Some(commit) = old_commit(&model.path) {
            model.name = format!("{}@{commit}", model.name);
        }
    }
}

/// The commit of a snapshot that is not the newest.
fn old_commit(path: &Path) -> Option<String> {
    let snapshots = path
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "snapshots"))?;
    let commit = path.strip_prefix(snapshots).ok()?.iter().next()?.to_str()?;
    let main = fs::read_to_string(snapshots.parent()?.join("refs/main")).ok()?;
    (main.trim() != commit).then(|| commit.chars().take(7).collect())
}
