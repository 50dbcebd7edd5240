//! What models are called, kept where a shell finds it without looking for the models.

use serde::{Deserialize, Serialize};

use super::{Listing, Model};

/// The names of models that can be loaded, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// As Ollama, the Hub and lists of models call them.
    names: Vec<String>,
    /// Their files, where those have names of their own.
    files: Vec<String>,
}

impl Called {
    pub fn of(listing: &Listing) -> Self {
        let usable = || listing.models.iter().filter(|model| model.error.is_none());
        let names: Vec<String> = once(usable().flat_map(Model::names));
        let files = usable().flat_map(Model::file_names);
        let files = once(files.filter(|file| !names.iter().any(|name| name == file)));
        Self { names, files }
    }

    /// Those that begin with what was typed, in any case: names, or files where no name does.
    pub fn begin_with<'a>(&'a self, typed: &str) -> Vec<&'a str> {
        let among = |all: &'a [String]| -> Vec<&'a str> {
            let names = all.iter().map(String::as_str);
            names.filter(|name| begins_with(name, typed)).collect()
        };
        let names = among(&self.names);
        match names.is_empty() {
            true => among(&self.files),
            false => names,
        }
    }
}

/// Whether a name begins with what was typed, in any case.
pub(super) fn begins_with(name: &str, typed: &str) -> bool {
    let beginning = name.get(..typed.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(typed))
}

fn once<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for one in all {
        if !kept.iter().any(|other| other == one) {
            kept.push(one.to_owned());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::{Index, Source};
    use super::*;

    fn listing() -> Listing {
        let blob = format!("/o/blobs/sha256-{}", "a".repeat(64));
        let hub = "/h/snapshots/c/repo-Q4_K_M.gguf";
        let broken = Model {
            error: Some("byte 0".into()),
            ..Model::new("broken", "/m/broken.gguf", Source::Folder)
        };
        Listing {
            models: vec![
                Model::new("llama3.2:3b", blob, Source::Ollama),
                Model::new("org/repo:Q4_K_M", hub, Source::HuggingFace),
                Model::new("mine", "/m/mine.gguf", Source::Folder),
                broken,
            ],
            ..Listing::default()
        }
    }

    #[test]
    fn names_go_before_files_and_what_cannot_be_loaded_has_none() {
        let called = Called::of(&listing());
        let all = ["llama3.2:3b", "org/repo:Q4_K_M", "mine"];
        assert_eq!(called.begin_with(""), all);
        assert_eq!(called.begin_with("LLAMA"), ["llama3.2:3b"]);
        assert_eq!(called.begin_with("repo-q"), ["repo-Q4_K_M.gguf"]);
        assert_eq!(called.begin_with("mine.g"), ["mine.gguf"]);
        assert_eq!(called.begin_with("sha256"), [""; 0]);
        assert_eq!(called.begin_with("broken"), [""; 0]);
        assert_eq!(called.begin_with("größe"), [""; 0]);
    }

    #[test]
    fn the_index_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("library.json");
        assert_eq!(Index::read_called(&file), Called::default());
        let called = Called::of(&listing());
        let mut index = Index::read(&file);
        index.call(called.clone());
        index.write(&file).unwrap();
        assert_eq!(Index::read_called(&file), called);
        // An index of before had none.
        std::fs::write(&file, r#"{"version":1,"entries":{}}"#).unwrap();
        assert_eq!(Index::read_called(&file), Called::default());
    }
}
