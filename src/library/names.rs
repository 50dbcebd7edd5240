//! Finding a model by what people call it.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Called, Listing, Model, Source};
use crate::gguf::FileName;
use crate::hub::{Pick, RepoId, Wanted};
use crate::params::nearest_word;

/// Names offered where none fits.
const OFFERED: usize = 3;
/// What llama.cpp takes of a repository when no quantisation was named.
const USUAL_QUANT: &str = "Q4_K_M";

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meant<'a> {
    One(&'a Model),
    /// Models of different content have this name.
    Several(Vec<&'a Model>),
    /// No model has it; [`Listing::near`] tells what was perhaps meant.
    None,
}

impl Listing {
    /// The model of that name: as Ollama, the Hub or a list of models calls it, or a file's name,
    /// with or without `.gguf`, in any case.
    pub fn find(&self, text: &str) -> Meant<'_> {
        let wanted = text.trim();
        for tier in [is_called, is_file, is_repository] {
            let mut found: Vec<&Model> = self
                .models
                .iter()
                .filter(|model| tier(model, wanted))
                .collect();
            match found.len() {
                0 => continue,
                1 => return Meant::One(found[0]),
                _ if is_bare_repository(wanted) => {
                    found.sort_by_key(|model| !has_quant(model, USUAL_QUANT));
                    return Meant::One(found[0]);
                }
                _ => {}
            }
            // A name of its own goes before one that a copy or an older version has.
            let own = |model: &&&Model| model.name.eq_ignore_ascii_case(wanted);
            if let [one] = found.iter().filter(own).collect::<Vec<_>>().as_slice() {
                return Meant::One(one);
            }
            let usable: Vec<&Model> = found
                .iter()
                .copied()
                .filter(|m| m.error.is_none())
                .collect();
            return match usable.as_slice() {
                [one] => Meant::One(one),
                _ => Meant::Several(found),
            };
        }
        Meant::None
    }

    /// Names that may complete what was typed, best first: those that begin with it, or files that
    /// do, then those that have its letters in this order.
    pub fn complete(&self, typed: &str, most: usize) -> Vec<String> {
        let typed = typed.trim();
        let called = Called::of(self);
        let names = || {
            let usable = self.models.iter().filter(|m| m.error.is_none());
            usable.flat_map(Model::names)
        };
        let begin = called.begin_with(typed).into_iter();
        let mut found: Vec<String> = begin.map(str::to_owned).collect();
        let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, &str)> = names()
            .filter(|name| !found.iter().any(|other| other == name))
            .filter_map(|name| {
                let score = pattern.score(Utf32Str::new(name, &mut buffer), &mut matcher)?;
                Some((score, name))
            })
            .collect();
        scored.sort_by_key(|(score, name)| (std::cmp::Reverse(*score), *name));
        found.extend(scored.into_iter().map(|(_, name)| name.to_owned()));
        found.truncate(most);
        found
    }

    /// Names that were perhaps meant. Looks through all of them: not for every frame.
    pub fn near(&self, wanted: &str) -> Vec<String> {
        let wanted = wanted.trim();
        let names = || self.models.iter().flat_map(Model::names);
        let mut near: Vec<String> = Vec::new();
        near.extend(nearest_word(wanted, names()).map(str::to_owned));
        let word = wanted.rsplit('/').next().unwrap_or(wanted).to_lowercase();
        let stem = word.strip_suffix(".gguf").unwrap_or(&word);
        let stem = stem.split(':').next().unwrap_or(stem);
        if stem.chars().count() > 2 {
            near.extend(
                names()
                    .filter(|name| name.to_lowercase().contains(stem))
                    .map(str::to_owned),
            );
        }
        near.extend(self.complete(wanted, OFFERED));
        let mut seen = Vec::new();
        near.retain(|name| {
            let new = !seen.contains(name);
            seen.push(name.clone());
            new
        });
        near.truncate(OFFERED);
        near
    }
}

impl Model {
    /// Every name that the model has somewhere.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let others = self.places.iter().map(|place| place.name.as_str());
        let others = others.filter(|name| *name != self.name);
        std::iter::once(self.name.as_str()).chain(others)
    }

    /// The names of its files; Ollama's are digests, which nobody types.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        let places = self.places.iter();
        let named = places.filter(|place| place.source != Source::Ollama);
        named.filter_map(|place| place.path.file_name()?.to_str())
    }
}

fn is_called(model: &Model, wanted: &str) -> bool {
    let same = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let plain = wanted
        .strip_prefix("registry.ollama.ai/library/")
        .or_else(|| wanted.strip_prefix("registry.ollama.ai/"))
        .unwrap_or(wanted);
    let hub = on_hub(wanted).map(|(repo, pick)| Wanted::Repo { repo, pick }.to_string());
    model.names().any(|name| {
        same(name, plain)
            || hub.as_ref().is_some_and(|hub| same(name, hub))
            || name
                .strip_suffix(":latest")
                .is_some_and(|name| same(name, plain))
    }) || is_file_of_repository(model, wanted)
}

/// `org/repo/file.gguf` of a model whose name has a quantisation.
fn is_file_of_repository(model: &Model, wanted: &str) -> bool {
    let Some((repo, Pick::File(file))) = on_hub(wanted) else {
        return false;
    };
    model.places.iter().any(|place| {
        let inside = place.name.split([':', '@']).next().unwrap_or_default();
        inside.eq_ignore_ascii_case(repo.as_str()) && place.path.ends_with(file.as_str())
    })
}

fn is_file(model: &Model, wanted: &str) -> bool {
    let wanted = wanted.strip_suffix(".gguf").unwrap_or(wanted);
    model.file_names().any(|file| {
        let same = |name: &str| name.eq_ignore_ascii_case(wanted);
        let whole = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        same(whole) || same(FileName::new(file).stem)
    })
}

/// A repository without a word about its file.
fn is_repository(model: &Model, wanted: &str) -> bool {
    let Some((repo, pick)) = on_hub(wanted) else {
        return false;
    };
    model.places.iter().any(|place| {
        let Some((other, _)) = on_hub(&place.name) else {
            return false;
        };
        let same = other.as_str().eq_ignore_ascii_case(repo.as_str());
        match &pick {
            Pick::Usual => same,
            Pick::Quant(quant) => same && file_has_quant(place.path.file_name(), quant),
            Pick::File(_) => false,
        }
    })
}

fn is_bare_repository(wanted: &str) -> bool {
    on_hub(wanted).is_some_and(|(_, pick)| pick == Pick::Usual)
}

/// A name of the Hub.
fn on_hub(name: &str) -> Option<(RepoId, Pick)> {
    match Wanted::parse(name) {
        Ok(Wanted::Repo { repo, pick }) => Some((repo, pick)),
        Ok(Wanted::Url(_)) | Err(_) => None,
    }
}

fn has_quant(model: &Model, quant: &str) -> bool {
    model
        .places
        .iter()
        .any(|place| file_has_quant(place.path.file_name(), quant))
}

fn file_has_quant(file: Option<&std::ffi::OsStr>, quant: &str) -> bool {
    let found = file.and_then(|file| FileName::new(&file.to_string_lossy()).quant());
    found.is_some_and(|found| found.eq_ignore_ascii_case(quant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let models = vec![
            Model::new("llama3.2:3b", "/o/blobs/sha256-aa", Source::Ollama),
            Model::new("qwen3:latest", "/o/blobs/sha256-bb", Source::Ollama),
            Model::new(
                "org/repo-GGUF:Q8_0",
                "/h/snapshots/c/repo-Q8_0.gguf",
                Source::HuggingFace,
            ),
            Model::new(
                "org/repo-GGUF:Q4_K_M",
                "/h/snapshots/c/repo-Q4_K_M.gguf",
                Source::HuggingFace,
            ),
            Model::new("big", "/m/big-00001-of-00002.gguf", Source::Folder),
            Model::new("twin", "/m/a/twin.gguf", Source::Folder),
            Model::new("twin", "/m/b/twin.gguf", Source::Folder),
        ];
        Listing {
            models,
            ..Listing::default()
        }
    }

    #[test]
    fn models_are_found_by_the_names_people_know() {
        let listing = listing();
        for (wanted, path) in [
            ("llama3.2:3b", "/o/blobs/sha256-aa"),
            ("LLAMA3.2:3B", "/o/blobs/sha256-aa"),
            (
                "registry.ollama.ai/library/llama3.2:3b",
                "/o/blobs/sha256-aa",
            ),
            ("qwen3", "/o/blobs/sha256-bb"),
            ("org/repo-GGUF:q8_0", "/h/snapshots/c/repo-Q8_0.gguf"),
            ("hf.co/org/repo-GGUF:Q8_0", "/h/snapshots/c/repo-Q8_0.gguf"),
            ("org/repo-GGUF", "/h/snapshots/c/repo-Q4_K_M.gguf"),
            (
                "org/repo-GGUF/repo-Q8_0.gguf",
                "/h/snapshots/c/repo-Q8_0.gguf",
            ),
            ("repo-Q8_0.gguf", "/h/snapshots/c/repo-Q8_0.gguf"),
            ("repo-q8_0", "/h/snapshots/c/repo-Q8_0.gguf"),
            ("big", "/m/big-00001-of-00002.gguf"),
            ("big-00001-of-00002.gguf", "/m/big-00001-of-00002.gguf"),
        ] {
            match listing.find(wanted) {
                Meant::One(model) => assert_eq!(model.path.to_str(), Some(path), "{wanted}"),
                other => panic!("{wanted}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_there_or_not_clear_is_said() {
        let listing = listing();
        assert!(matches!(listing.find("twin"), Meant::Several(all) if all.len() == 2));
        let near = |text: &str| match listing.find(text) {
            Meant::None => listing.near(text),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(near("llama3.2:3c")[0], "llama3.2:3b");
        assert_eq!(near("llama3.2")[0], "llama3.2:3b");
        assert!(near("org/repo-GGUF:Q2_K")[0].starts_with("org/repo-GGUF:Q"));
        assert!(near("zzzz").is_empty());
    }

    #[test]
    fn what_is_typed_is_completed() {
        let listing = listing();
        assert_eq!(listing.complete("org/", 9).len(), 2);
        assert_eq!(listing.complete("qw3", 9), ["qwen3:latest"]);
        assert_eq!(listing.complete("big-0", 9), ["big-00001-of-00002.gguf"]);
        assert_eq!(listing.complete("", 3).len(), 3);
    }
}
