//! What the Hub says about repositories: its answers are JSON of strangers, read with bounds.

use serde::Deserialize;

use super::cache::is_commit;
use super::client::{Client, escaped};
use super::{ErrorKind, FilePath, HubError, RepoId};

/// Pages of a listing that are read, of up to a thousand files each.
const MOST_PAGES: usize = 20;
/// Characters of words that are kept.
const MOST_WORDS: usize = 100;

/// A repository and its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    pub id: RepoId,
    /// The commit that main is now.
    pub commit: String,
    pub files: Vec<RepoFile>,
    /// Files whose names cannot be those of files here.
    pub refused: usize,
    /// Parameters of the model, as the Hub read them from a GGUF file.
    pub n_params: Option<u64>,
    /// Tokens the model was trained for.
    pub n_ctx_train: Option<u32>,
    /// As the Hub names it: `apache-2.0`, `other (its own name)`; `None` = not given.
    pub license: Option<String>,
    /// Whether its makers ask for an agreement.
    pub gated: bool,
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoFile {
    pub path: FilePath,
    /// Bytes.
    pub size: u64,
    /// What its bytes are known by: the SHA-256 of a large file, the Git hash of a small one.
    pub hash: String,
}

impl RepoFile {
    /// The SHA-256 of its bytes; `None` where the Hub has none.
    pub fn sha256(&self) -> Option<&str> {
        (self.hash.len() == 64).then_some(self.hash.as_str())
    }
}

/// A repository that a search found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    pub repo: String,
    pub downloads: u64,
    pub likes: u64,
    pub license: Option<String>,
    pub gated: bool,
}

impl Client {
    /// A repository with all its files.
    ///
    /// # Errors
    /// When there is none, it may not be read, or the answer is no listing.
    pub fn repo(&self, id: &RepoId) -> Result<Repo, HubError> {
        let endpoint = &self.access.endpoint;
        let (text, _) = self.text(&format!("{endpoint}/api/models/{id}/revision/main"))?;
        let what = format!("listing {id}");
        let about = about(&text).ok_or_else(|| unreadable(&what))?;
        let mut repo = Repo {
            id: id.clone(),
            commit: about.sha,
            files: Vec::new(),
            refused: 0,
            n_params: about.gguf.as_ref().and_then(|gguf| gguf.total),
            n_ctx_train: about.gguf.as_ref().and_then(|gguf| gguf.context_length),
            license: license(&about.tags, about.card.as_ref()),
            gated: about.gated.is_some_and(|gated| gated.is_true()),
        };
        let mut next = Some(format!(
            "{endpoint}/api/models/{id}/tree/{}?recursive=true",
            repo.commit
        ));
        for _ in 0..MOST_PAGES {
            let Some(url) = next else { break };
            let (text, after) = self.text(&url)?;
            let entries = tree(&text).ok_or_else(|| unreadable(&what))?;
            repo.take(entries);
            next = after;
        }
        Ok(repo)
    }

    /// Repositories with GGUF models in which these words appear, the most downloaded first.
    ///
    /// # Errors
    /// When the Hub cannot be reached, or its answer is no list.
    pub fn search(&self, words: &str, limit: usize) -> Result<Vec<Found>, HubError> {
        let endpoint = &self.access.endpoint;
        let words = escaped(words).replace('/', "%2F");
        let (text, _) = self.text(&format!(
            "{endpoint}/api/models?search={words}&filter=gguf&sort=downloads&direction=-1&limit={limit}"
        ))?;
        let mut found = hits(&text).ok_or_else(|| unreadable("searching the Hub"))?;
        found.truncate(limit);
        Ok(found)
    }
}

impl Repo {
    fn take(&mut self, entries: Vec<TreeEntry>) {
        for entry in entries.into_iter().filter(|entry| entry.kind == "file") {
            let lfs = entry.lfs;
            let hash = lfs.as_ref().map_or(entry.oid, |lfs| lfs.oid.clone());
            let hash = hash.trim_start_matches("sha256:").to_lowercase();
            let size = lfs.map_or(entry.size, |lfs| lfs.size);
            let is_hash =
                matches!(hash.len(), 40 | 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            match FilePath::parse(&entry.path) {
                Ok(path) if is_hash => self.files.push(RepoFile { path, size, hash }),
                _ => self.refused += 1,
            }
        }
    }
}

fn unreadable(what: &str) -> HubError {
    HubError::new(
        ErrorKind::Server,
        what,
        "the answer is not what the Hub answers",
    )
    .hint("check HF_ENDPOINT and the proxy: something else may have answered")
}

#[derive(Deserialize)]
struct TreeEntry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

#[derive(Deserialize)]
struct About {
    sha: String,
    #[serde(default)]
    tags: Vec<String>,
    gated: Option<Gated>,
    gguf: Option<Gguf>,
    #[serde(rename = "cardData")]
    card: Option<Card>,
}

/// The head of a repository's README; people write it.
#[derive(Deserialize)]
struct Card {
    license: Option<serde_json::Value>,
    license_name: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Gguf {
    total: Option<u64>,
    context_length: Option<u32>,
}

/// `false`, `"auto"` or `"manual"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Gated {
    Flag(bool),
    Way(String),
}

impl Gated {
    fn is_true(&self) -> bool {
        !matches!(self, Self::Flag(false)) && !matches!(self, Self::Way(way) if way.is_empty())
    }
}

#[derive(Deserialize)]
struct Hit {
    id: String,
    #[serde(default)]
    downloads: u64,
    #[serde(default)]
    likes: u64,
    #[serde(default)]
    tags: Vec<String>,
    gated: Option<Gated>,
}

fn about(text: &str) -> Option<About> {
    let about: About = serde_json::from_str(text).ok()?;
    is_commit(&about.sha).then_some(about)
}

fn tree(text: &str) -> Option<Vec<TreeEntry>> {
    serde_json::from_str(text).ok()
}

fn hits(text: &str) -> Option<Vec<Found>> {
    let hits: Vec<Hit> = serde_json::from_str(text).ok()?;
    let found = hits.into_iter().filter_map(|hit| {
        let repo = RepoId::parse(&hit.id).ok()?;
        Some(Found {
            repo: repo.to_string(),
            downloads: hit.downloads,
            likes: hit.likes,
            license: license(&hit.tags, None),
            gated: hit.gated.is_some_and(|gated| gated.is_true()),
        })
    });
    Some(found.collect())
}

/// The license by its tag, or as the README gives it. One that the Hub does not know is `other`, and
/// has its name in the README alone.
fn license(tags: &[String], card: Option<&Card>) -> Option<String> {
    let written =
        |value: &'_ Option<serde_json::Value>| value.as_ref()?.as_str().map(str::to_owned);
    let tag = tags.iter().find_map(|tag| tag.strip_prefix("license:"));
    let known = tag.map(str::to_owned).or_else(|| written(&card?.license))?;
    let own = card.and_then(|card| written(&card.license_name));
    let license = match own.filter(|_| known == "other") {
        Some(own) => format!("other ({own})"),
        None => known,
    };
    let fine = |c: &char| !c.is_control();
    Some(license.chars().filter(fine).take(MOST_WORDS).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn empty() -> Repo {
        Repo {
            id: RepoId::parse("a/b").unwrap(),
            commit: String::new(),
            files: vec![],
            refused: 0,
            n_params: None,
            n_ctx_train: None,
            license: None,
            gated: false,
        }
    }

    #[test]
    fn a_listing_has_large_files_with_their_sha256_and_refuses_bad_names() {
        let hash = "ab".repeat(32);
        let git = "cd".repeat(20);
        let text = format!(
            r#"[{{"type":"directory","oid":"{git}","size":0,"path":"Q4"}},
            {{"type":"file","oid":"{git}","size":120,"path":"Q4/m.gguf","lfs":{{"oid":"{hash}","size":5000,"pointerSize":120}},"xetHash":"x"}},
            {{"type":"file","oid":"{git}","size":7,"path":"README.md"}},
            {{"type":"file","oid":"{git}","size":7,"path":"../../.bashrc"}},
            {{"type":"file","oid":"../..","size":7,"path":"m.gguf"}}]"#
        );
        let mut repo = empty();
        repo.take(tree(&text).unwrap());
        let [model, readme] = repo.files.as_slice() else {
            panic!("{:?}", repo.files)
        };
        assert_eq!(
            (model.path.as_str(), model.size, model.sha256()),
            ("Q4/m.gguf", 5000, Some(hash.as_str()))
        );
        assert_eq!((readme.size, readme.sha256()), (7, None));
        assert_eq!(repo.refused, 2);
    }

    #[test]
    fn what_is_known_of_a_repository_is_read() {
        let sha = "0".repeat(40);
        let text = format!(
            r#"{{"sha":"{sha}","gated":"manual","tags":["gguf","license:apache-2.0"],"gguf":{{"total":8030261248,"context_length":131072,"architecture":"llama"}}}}"#
        );
        let about = about(&text).unwrap();
        assert_eq!(about.gguf.unwrap().total, Some(8_030_261_248));
        assert!(about.gated.unwrap().is_true());
        assert_eq!(license(&about.tags, None).as_deref(), Some("apache-2.0"));
        assert!(super::about(r#"{"sha":"../../etc"}"#).is_none());
    }

    #[test]
    fn a_license_is_named_as_well_as_it_can_be() {
        let sha = "0".repeat(40);
        let of = |rest: &str| {
            let about = about(&format!(r#"{{"sha":"{sha}",{rest}}}"#)).unwrap();
            license(&about.tags, about.card.as_ref())
        };
        let named = r#""tags":["license:other"],"cardData":{"license":"other","license_name":"own\u001b-2"}"#;
        assert_eq!(of(named).as_deref(), Some("other (own-2)"));
        assert_eq!(
            of(r#""cardData":{"license":"mit"}"#).as_deref(),
            Some("mit")
        );
        assert_eq!(of(r#""cardData":{"license":["mit",3]}"#), None);
        assert_eq!(of(r#""tags":["gguf"],"cardData":null"#), None);
    }

    #[test]
    fn hits_with_names_that_are_none_are_left_out() {
        let text = r#"[{"id":"a/b","downloads":3,"gated":false},{"id":"../x"},{"modelId":"c/d","id":"c/d","likes":1,"gated":"auto"}]"#;
        let found = hits(text).unwrap();
        let names: Vec<(&str, bool)> = found
            .iter()
            .map(|hit| (hit.repo.as_str(), hit.gated))
            .collect();
        assert_eq!(names, [("a/b", false), ("c/d", true)]);
        assert!(hits("<html>").is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), json in "[\\[\\]{}:,\"a-z0-9]{0,60}") {
            for text in [text, json] {
                let _ = (tree(&text), about(&text), hits(&text));
            }
        }
    }
}
