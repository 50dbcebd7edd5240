//! Names on the Hub, as people write them, and paths of files as a stranger's server writes them.

use std::fmt;
use std::path::PathBuf;

use super::{ErrorKind, HubError};

/// A repository: `org/name`. Letters, digits and `_`, and `.` and `-` between them, as the Hub has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoId(String);

/// What of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pick {
    /// The first of Q4_K_M, Q8_0 and any other, as llama.cpp chooses.
    Usual,
    /// The model of this quantisation: `Q5_K_M`, `UD-Q4_K_XL`.
    Quant(String),
    /// This file.
    File(FilePath),
}

/// What is to be brought here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    Repo {
        repo: RepoId,
        pick: Pick,
    },
    /// A GGUF file at an address of its own.
    Url(String),
}

/// A path in a repository that is safe as a path below a folder: relative, with `/`, and without
/// `..`, empty parts, backslashes and control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

/// Bytes of a path and of its parts, as file systems have them.
const LONGEST_PATH: usize = 1024;
const LONGEST_PART: usize = 255;
/// Hosts that are the Hub's own: an address of a repository there is a name.
const HUB_HOSTS: [&str; 4] = [
    "https://huggingface.co/",
    "https://hf.co/",
    "huggingface.co/",
    "hf.co/",
];

impl RepoId {
    /// # Errors
    /// When it is no name of a repository.
    pub fn parse(text: &str) -> Result<Self, HubError> {
        let mut special = true;
        let mut slashes = 0;
        for character in text.chars() {
            match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => special = false,
                '/' | '.' | '-' if !special => {
                    slashes += usize::from(character == '/');
                    special = character != '-';
                }
                _ => {
                    slashes = 0;
                    break;
                }
            }
        }
        let ends_well = !text.ends_with(['.', '-', '/']);
        if slashes == 1 && ends_well && text.len() <= 200 && !text.contains("--") {
            return Ok(Self(text.to_owned()));
        }
        Err(HubError::new(
            ErrorKind::Usage,
            format!("reading the name '{text}'"),
            "it is no repository of the Hub",
        )
        .hint("names are org/repo, org/repo:Q4_K_M or org/repo/file.gguf"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of the repository in the Hub's cache: `models--org--repo`.
    pub fn cache_folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }

    /// The repository that has this folder in the Hub's cache.
    pub fn of_cache_folder(folder: &str) -> Option<Self> {
        let (org, name) = folder.strip_prefix("models--")?.split_once("--")?;
        Self::parse(&format!("{org}/{name}")).ok()
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Wanted {
    /// Reads `org/repo`, `org/repo:Q4_K_M`, `org/repo/file.gguf`, the same with `hf.co/` or the
    /// Hub's address before it, or an https address of a file.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, HubError> {
        let text = text.trim();
        let on_hub = HUB_HOSTS.iter().find_map(|host| text.strip_prefix(host));
        if on_hub.is_none() && text.contains("://") {
            return url(text);
        }
        let name = on_hub.unwrap_or(text);
        let name = name.split(['?', '#']).next().unwrap_or_default();
        let (name, quant) = match name.split_once(':') {
            Some((name, quant)) => (name, Some(quant)),
            None => (name, None),
        };
        let mut parts = name.trim_end_matches('/').splitn(3, '/');
        let head: Vec<&str> = parts.by_ref().take(2).collect();
        let repo = RepoId::parse(&head.join("/"))?;
        let rest = parts.next().map(|rest| without_revision(rest, on_hub));
        let wrong = |why: &str| {
            HubError::new(ErrorKind::Usage, format!("reading the name '{text}'"), why)
                .hint("names are org/repo, org/repo:Q4_K_M or org/repo/file.gguf")
        };
        let pick = match (rest, quant) {
            (None | Some(""), None) => Pick::Usual,
            (None | Some(""), Some(quant)) if is_quant(quant) => Pick::Quant(quant.to_owned()),
            (Some(path), None) if path.to_lowercase().ends_with(".gguf") => {
                let path = FilePath::parse(path).map_err(|why| wrong(&why))?;
                Pick::File(path)
            }
            (Some(_), None) => return Err(wrong("the file is no .gguf")),
            _ => return Err(wrong("what follows the ':' is no quantisation")),
        };
        Ok(Self::Repo { repo, pick })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repo { repo, pick } => match pick {
                Pick::Usual => write!(f, "{repo}"),
                Pick::Quant(quant) => write!(f, "{repo}:{quant}"),
                Pick::File(path) => write!(f, "{repo}/{path}"),
            },
            Self::Url(url) => f.write_str(without_query(url)),
        }
    }
}

/// An address without what follows `?`: that may be a key.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether an address leads to this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    matches!(host, "127.0.0.1" | "localhost" | "::1")
}

fn url(text: &str) -> Result<Wanted, HubError> {
    let wrong = |why: &str| {
        let what = format!("reading the address '{}'", without_query(text));
        HubError::new(ErrorKind::Usage, what, why)
            .hint("give an https address of a .gguf file, or a name on the Hub: org/repo:Q4_K_M")
    };
    let plain = text.starts_with("http://") && is_loopback(text);
    if !text.starts_with("https://") && !plain {
        return Err(wrong("models come over https only"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong("it has a space or a control character in it"));
    }
    if !without_query(text).to_lowercase().ends_with(".gguf") {
        return Err(wrong("the address does not end in .gguf"));
    }
    Ok(Wanted::Url(text.to_owned()))
}

/// `blob/main/a.gguf` and `resolve/main/a.gguf` are how the Hub's pages write `a.gguf`.
fn without_revision<'a>(rest: &'a str, on_hub: Option<&str>) -> &'a str {
    if on_hub.is_none() {
        return rest;
    }
    ["blob/main/", "resolve/main/", "tree/main/", "tree/main"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix))
        .unwrap_or(rest)
}

fn is_quant(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty() && text.len() <= 64 && text.chars().all(fine)
}

impl FilePath {
    /// # Errors
    /// In words, when it is not safe.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
        let wrong = |why: &str| Err(format!("the file name '{shown}' {why}"));
        if text.len() > LONGEST_PATH {
            return wrong("is too long");
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return wrong("has a control character or a backslash in it");
        }
        if text.starts_with('/') || text.get(1..2) == Some(":") {
            return wrong("is absolute");
        }
        for part in text.split('/') {
            if matches!(part, "" | "." | "..") {
                return wrong("leads out of its folder");
            }
            if part.len() > LONGEST_PART {
                return wrong("is too long");
            }
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder it lies in; empty at the top.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    pub(super) fn to_path(&self) -> PathBuf {
        self.0.split('/').collect()
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repo(text: &str, pick: Pick) -> Wanted {
        Wanted::Repo {
            repo: RepoId::parse(text).unwrap(),
            pick,
        }
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        let file = |path: &str| Pick::File(FilePath::parse(path).unwrap());
        for (text, wanted) in [
            ("a/b", repo("a/b", Pick::Usual)),
            (" hf.co/a/b ", repo("a/b", Pick::Usual)),
            ("a/b:Q5_K_M", repo("a/b", Pick::Quant("Q5_K_M".into()))),
            (
                "a/b-1.5:UD-Q4_K_XL",
                repo("a/b-1.5", Pick::Quant("UD-Q4_K_XL".into())),
            ),
            ("a/b/c.gguf", repo("a/b", file("c.gguf"))),
            (
                "a/b/Q8/c-00001-of-00002.GGUF",
                repo("a/b", file("Q8/c-00001-of-00002.GGUF")),
            ),
            ("https://huggingface.co/a/b/", repo("a/b", Pick::Usual)),
            (
                "https://huggingface.co/a/b/tree/main",
                repo("a/b", Pick::Usual),
            ),
            (
                "https://huggingface.co/a/b/blob/main/c.gguf",
                repo("a/b", file("c.gguf")),
            ),
            (
                "https://huggingface.co/a/b/resolve/main/d/c.gguf?download=true",
                repo("a/b", file("d/c.gguf")),
            ),
            (
                "https://x.org/c.gguf?key=1",
                Wanted::Url("https://x.org/c.gguf?key=1".into()),
            ),
            (
                "http://127.0.0.1:80/c.gguf",
                Wanted::Url("http://127.0.0.1:80/c.gguf".into()),
            ),
        ] {
            assert_eq!(Wanted::parse(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "a",
            "/a/b",
            "a//b",
            "a/b/../../c.gguf",
            "a/b/c.bin",
            "a/b:",
            "a/b:Q 4",
            "a/.b",
            "a/b.",
            "a/b--c",
            "-a/b",
            "../b",
            "a/..",
            "http://x.org/c.gguf",
            "ftp://x.org/c.gguf",
            "https://x.org/c.zip",
            "https://x.org/a b.gguf",
            "a/b/c.gguf:Q4_0",
            "http://127.0.0.1.evil.org/c.gguf",
        ] {
            assert!(Wanted::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn folders_of_the_cache_are_repositories() {
        let repo = RepoId::parse("org/my-repo").unwrap();
        assert_eq!(repo.cache_folder(), "models--org--my-repo");
        assert_eq!(RepoId::of_cache_folder("models--org--my-repo"), Some(repo));
        for other in ["datasets--org--x", "models--x", "models--..--x", "blobs"] {
            assert_eq!(RepoId::of_cache_folder(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_in_an_address_is_not_shown() {
        let wanted = Wanted::parse("https://x.org/c.gguf?sig=secret").unwrap();
        assert_eq!(wanted.to_string(), "https://x.org/c.gguf");
        let error = Wanted::parse("https://x.org/c.zip?sig=secret").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn unsafe_paths_are_refused() {
        for path in [
            "",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            "a\\b",
            "a\nb",
            "a\u{1b}[2J",
            "C:/a",
        ] {
            assert!(FilePath::parse(path).is_err(), "{path:?}");
        }
        assert!(FilePath::parse(&"a".repeat(300)).is_err());
        assert!(FilePath::parse("Q4/model..x.gguf").is_ok());
    }

    proptest! {
        #[test]
        fn a_path_stays_below_its_folder(text in "[a./\\\\:\u{7}]{0,12}") {
            if let Ok(path) = FilePath::parse(&text) {
                let joined = std::path::Path::new("/base").join(path.to_path());
                prop_assert!(joined.starts_with("/base"));
                prop_assert!(joined.components().all(|part| !matches!(part, std::path::Component::ParentDir)));
                prop_assert!(joined.components().count() > 2);
            }
        }

        #[test]
        fn nothing_panics(text in any::<String>()) {
            let _ = Wanted::parse(&text);
            let _ = FilePath::parse(&text);
        }
    }
}
