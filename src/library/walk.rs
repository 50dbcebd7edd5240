//! Looking through a folder for model files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Place, Source, ollama};
use crate::gguf::FileName;
use crate::hub::RepoId;

/// Folders deeper than this hold no models.
const DEPTH: usize = 12;
/// Files that are not there whole: what tools put before or behind a name while they download.
const PARTIAL_STARTS: [&str; 3] = ["incomplete-", "downloading_", "."];
/// Beside a file of aria2 that is not there whole.
const ARIA2: &str = "aria2";

/// A file that may be a model, or a name of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Candidate {
    /// As it was found, links not followed.
    pub path: PathBuf,
    pub source: Option<Source>,
    /// What people call it.
    pub name: String,
    /// Parts that the tool says belong to it.
    pub projectors: Vec<PathBuf>,
    pub adapters: Vec<PathBuf>,
    /// Why there is no such file although the tool says so.
    pub broken: Option<String>,
}

/// A place that could not be looked through, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub path: PathBuf,
    pub why: String,
}

/// What was found in places.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub candidates: Vec<Candidate>,
    pub unreadable: Vec<Unreadable>,
}

impl Found {
    /// Looks through a place, a folder or a single model; one that does not exist is empty.
    pub fn walk(&mut self, place: &Place) {
        match fs::metadata(&place.folder) {
            Ok(facts) if facts.is_dir() => {}
            Ok(_) if is_model(&place.folder) => return self.single(place),
            Ok(_) => return self.report(&place.folder, "it is no folder and no GGUF file"),
            Err(error) if is_absent(&error) => {
                // A folder that the user named is expected.
                if place.source == Source::Folder {
                    self.report(&place.folder, "it does not exist");
                }
                return;
            }
            Err(error) => return self.report(&place.folder, error),
        }
        if place.folder.join("manifests").is_dir() {
            return ollama::walk(self, &place.folder);
        }
        self.tree(place);
    }

    pub(super) fn report(&mut self, path: &Path, why: impl ToString) {
        let why = why.to_string();
        let path = path.to_owned();
        self.unreadable.push(Unreadable { path, why });
    }

    /// A model that is named by its path; it may lie in a folder that was looked through.
    fn single(&mut self, place: &Place) {
        let path = &place.folder;
        if self.candidates.iter().all(|known| known.path != *path) {
            self.candidates.push(Candidate {
                name: name(place, path, &[]),
                path: path.clone(),
                source: Some(place.source),
                ..Candidate::default()
            });
        }
    }

    fn tree(&mut self, place: &Place) {
        let legacy = legacy_names(&place.folder);
        let walk = WalkDir::new(&place.folder)
            .follow_links(true)
            .max_depth(DEPTH)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| !(entry.file_type().is_dir() && is_storage(entry.path())));
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.trouble(&error);
                    continue;
                }
            };
            let path = entry.path();
            if entry.file_type().is_file() && is_model(path) {
                self.candidates.push(Candidate {
                    name: name(place, path, &legacy),
                    path: path.to_owned(),
                    source: Some(source(place, path)),
                    ..Candidate::default()
                });
            } else if place.source == Source::Jan && path.ends_with("model.yml") {
                self.candidates.extend(jan(place, path));
            }
        }
    }

    fn trouble(&mut self, error: &walkdir::Error) {
        let Some(path) = error.path() else { return };
        // A loop of links hides nothing: what it leads to is found where it lies.
        let Some(cause) = error.io_error() else {
            return;
        };
        if is_absent(cause) {
            // A link that leads nowhere is a model that is gone; other links are not ours.
            if is_model(path) {
                self.report(path, "the link leads nowhere");
            }
            return;
        }
        self.report(path, cause);
    }
}

pub(super) fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Folders that hold what other folders have under names: of the Hub's cache and of versions.
fn is_storage(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let in_repository = || {
        let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
        parent.to_string_lossy().starts_with("models--")
    };
    match &*name {
        ".git" | ".locks" | ".no_exist" => true,
        "blobs" | "refs" => in_repository(),
        _ => false,
    }
}

/// A whole GGUF file by its name.
fn is_model(path: &Path) -> bool {
    let ends = |ending: &str| {
        path.extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(ending))
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_partial = || {
        PARTIAL_STARTS.iter().any(|start| name.starts_with(start))
            || path.with_file_name(format!("{name}.{ARIA2}")).exists()
    };
    ends("gguf") && !is_partial()
}

/// What people call a file in this place.
fn name(place: &Place, path: &Path, legacy: &[Legacy]) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let inner = path.strip_prefix(&place.folder).unwrap_or(path);
    let parts: Vec<_> = inner.iter().map(|part| part.to_string_lossy()).collect();
    if let Some(repo) = parts.iter().find_map(|part| RepoId::of_cache_folder(part)) {
        return in_repository(repo.as_str(), &file);
    }
    match (place.source, parts.as_slice()) {
        (Source::BuiltIn, _) if is_guide(path) => "guide".to_owned(),
        (Source::LmStudio, [org, repo, _]) => in_repository(&format!("{org}/{repo}"), &file),
        (Source::LlamaCpp, [flat]) => legacy
            .iter()
            .find_map(|legacy| legacy.name(flat))
            .unwrap_or_else(|| stem(&file)),
        (Source::Jan, [folders @ .., file]) if file.eq_ignore_ascii_case("model.gguf") => {
            folders.join("/")
        }
        _ => stem(&file),
    }
}

/// The folder of the program's own model may have others, too.
fn source(place: &Place, path: &Path) -> Source {
    match place.source {
        Source::BuiltIn if !is_guide(path) => Source::Folder,
        source => source,
    }
}

/// The built-in model's file carries its hash.
fn is_guide(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("guide-")
}

/// `org/repo:Q4_K_M`; where the file's name tells no quantisation, with the file.
fn in_repository(repo: &str, file: &str) -> String {
    match FileName::new(file).quant() {
        Some(quant) if !is_projector_name(file) => format!("{repo}:{quant}"),
        _ => format!("{repo}/{file}"),
    }
}

fn is_projector_name(file: &str) -> bool {
    file.to_lowercase().contains("mmproj")
}

/// A file's name without `.gguf` and the number of its part.
pub(super) fn stem(file: &str) -> String {
    FileName::new(file).stem.to_owned()
}

/// How llama.cpp's older cache calls the files of a repository.
struct Legacy {
    /// `user_repo_`
    prefix: String,
    repo: String,
}

impl Legacy {
    fn name(&self, file: &str) -> Option<String> {
        let rest = file.strip_prefix(&self.prefix)?;
        Some(in_repository(&self.repo, rest))
    }
}

/// The repositories that `manifest=user=repo=tag.json` files name.
fn legacy_names(folder: &Path) -> Vec<Legacy> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut all: Vec<Legacy> = names
        .filter_map(|name| {
            let name = name.to_str()?.strip_prefix("manifest=")?.to_owned();
            let mut parts = name.split('=');
            let (user, repo) = (parts.next()?, parts.next()?);
            let name = RepoId::parse(&format!("{user}/{repo}")).ok()?;
            let prefix = format!("{user}_{repo}_");
            Some(Legacy {
                prefix,
                repo: name.as_str().to_owned(),
            })
        })
        .collect();
    // The longest first, or `a_b_` would take the files of `a_b_c_`.
    all.sort_by_key(|legacy| std::cmp::Reverse(legacy.prefix.len()));
    all
}

/// A model of Jan: its description may point to a file elsewhere.
fn jan(place: &Place, description: &Path) -> Option<Candidate> {
    let text = fs::read_to_string(description).ok()?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        let value = line.strip_prefix(':')?.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    let folder = description.parent()?;
    let resolve = |path: String| {
        let path = PathBuf::from(path);
        // Relative paths begin at the data folder, which has these places in it.
        let data = place.folder.ancestors().nth(2).unwrap_or(folder);
        [data.join(&path), folder.join(&path)]
            .into_iter()
            .find(|file| file.is_file())
    };
    let path = resolve(value("model_path")?)?;
    let inner = folder.strip_prefix(&place.folder).unwrap_or(folder);
    Some(Candidate {
        path,
        source: Some(Source::Jan),
        name: inner.to_string_lossy().into_owned(),
        projectors: value("mmproj_path").and_then(resolve).into_iter().collect(),
        ..Candidate::default()
    })
}
