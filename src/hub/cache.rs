//! The Hub's cache on disk, in the layout that the Hub's own tools and llama.cpp read:
//!
//! ```text
//! models--org--repo/blobs/<sha256>              the bytes; <sha256>.incomplete while they come
//!                   snapshots/<commit>/<path>   a link to its blob
//!                   refs/main                   the commit that main was
//! .locks/models--org--repo/<sha256>.lock        held by whoever downloads it
//! ```

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::choose::choose;
use super::{ErrorKind, FilePath, HubError, Pick, RepoId};

/// Files of a snapshot that are looked at.
const MOST_FILES: usize = 10_000;

/// The cache's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// `HF_HOME`, else the usual folder of the Hub's tools.
pub(super) fn home(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some(PathBuf::from(value))
    };
    folder("HF_HOME")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("huggingface")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/huggingface")))
        .or_else(|| folder("USERPROFILE").map(|home| home.join(".cache/huggingface")))
}

impl Cache {
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The first that is set of `LLAMA_CACHE`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`,
    /// `HF_HOME/hub`, `XDG_CACHE_HOME/huggingface/hub`, `~/.cache/huggingface/hub`: llama.cpp's order
    /// (`common/hf-cache.cpp`).
    ///
    /// # Errors
    /// When none is.
    pub fn find(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let named = ["LLAMA_CACHE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let root = named
            .map(PathBuf::from)
            .or_else(|| home(&variable).map(|home| home.join("hub")));
        root.map(Self::at).ok_or_else(|| {
            let what = "finding the Hub's cache";
            HubError::new(ErrorKind::Disk, what, "there is no home folder")
                .hint("set HF_HUB_CACHE to a folder")
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where bytes of this hash lie when they are all there.
    pub fn blob(&self, repo: &RepoId, hash: &str) -> PathBuf {
        self.folder(repo).join("blobs").join(hash)
    }

    /// The lock that other tools take for the same bytes.
    pub(super) fn lock(&self, repo: &RepoId, hash: &str) -> PathBuf {
        let folder = self.root.join(".locks").join(repo.cache_folder());
        folder.join(format!("{hash}.lock"))
    }

    /// Where a file of a commit is to be found.
    pub fn snapshot(&self, repo: &RepoId, commit: &str, path: &FilePath) -> PathBuf {
        let snapshots = self.folder(repo).join("snapshots");
        snapshots.join(commit).join(path.to_path())
    }

    /// Shows files whose blobs are there under their names: links first, then the name of the
    /// commit, so that nobody sees a part of it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn publish(
        &self,
        repo: &RepoId,
        commit: &str,
        files: &[(FilePath, String)],
    ) -> io::Result<()> {
        for (path, hash) in files {
            let link = self.snapshot(repo, commit, path);
            let folder = link.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder)?;
            let up = "../".repeat(path.as_str().matches('/').count() + 2);
            let target = format!("{up}blobs/{hash}");
            show(&self.blob(repo, hash), Path::new(&target), &link)?;
        }
        let refs = self.folder(repo).join("refs");
        fs::create_dir_all(&refs)?;
        let temporary = refs.join(format!(".main.{}", own()));
        let mut file = File::create(&temporary)?;
        file.write_all(commit.as_bytes())?;
        file.sync_all()?;
        fs::rename(temporary, refs.join("main"))
    }

    /// The first file of a model that is here already; `None` when it is not.
    ///
    /// # Errors
    /// When the repository is here, but not what is asked for.
    pub fn held(&self, repo: &RepoId, pick: &Pick) -> Result<Option<PathBuf>, HubError> {
        let Some(commit) = self.commit(repo) else {
            return Ok(None);
        };
        let folder = self.folder(repo).join("snapshots").join(&commit);
        let files = walkdir::WalkDir::new(&folder)
            .max_depth(8)
            .sort_by_file_name()
            .into_iter()
            .flatten()
            .take(MOST_FILES);
        let paths: Vec<FilePath> = files
            // A link whose blob is gone is no file.
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| {
                let path = entry.path().strip_prefix(&folder).ok()?;
                FilePath::parse(path.to_str()?).ok()
            })
            .collect();
        if !paths
            .iter()
            .any(|path| path.as_str().to_lowercase().ends_with(".gguf"))
        {
            return Ok(None);
        }
        let chosen = choose(&paths, pick)?;
        let first = chosen.parts.first().map(|part| &paths[*part]);
        Ok(first.map(|path| folder.join(path.to_path())))
    }

    /// The commit that main was when something of it was downloaded last.
    fn commit(&self, repo: &RepoId) -> Option<String> {
        let text = fs::read_to_string(self.folder(repo).join("refs/main")).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    fn folder(&self, repo: &RepoId) -> PathBuf {
        self.root.join(repo.cache_folder())
    }
}

/// Whether it is the name of a commit: 40 hexadecimal digits.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A word that no other thread on this machine uses, for the names of temporary files.
fn own() -> String {
    format!("{}.{:?}", std::process::id(), std::thread::current().id())
}

/// Puts a link in its place at once, or the file itself where there are no links.
fn show(blob: &Path, target: &Path, link: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|there| there == target) {
        return Ok(());
    }
    let mut temporary = link.as_os_str().to_owned();
    temporary.push(format!(".{}.link", own()));
    let temporary = PathBuf::from(temporary);
    let _ = fs::remove_file(&temporary);
    if symlink(target, &temporary).is_ok() {
        return fs::rename(&temporary, link);
    }
    if link.exists() {
        return Ok(());
    }
    fs::hard_link(blob, link).or_else(|_| fs::rename(blob, link))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn file(path: &str) -> FilePath {
        FilePath::parse(path).unwrap()
    }

    #[test]
    fn the_cache_is_the_first_that_is_named() {
        let at = |variables: &[(&str, &str)]| {
            let find = |name: &str| {
                let found = variables.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| OsString::from(value))
            };
            Cache::find(find).map(|cache| cache.root)
        };
        let home = ("HOME", "/h");
        assert_eq!(at(&[home]).unwrap(), Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(at(&[home, ("HF_HOME", "/x")]).unwrap(), Path::new("/x/hub"));
        assert_eq!(
            at(&[("HF_HOME", "/x"), ("HF_HUB_CACHE", "/y")]).unwrap(),
            Path::new("/y")
        );
        assert_eq!(
            at(&[("LLAMA_CACHE", "/l"), ("HF_HUB_CACHE", "/y")]).unwrap(),
            Path::new("/l")
        );
        assert!(at(&[("HOME", "")]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_published_lies_where_the_hubs_tools_look() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let repo = RepoId::parse("org/repo").unwrap();
        assert_eq!(cache.held(&repo, &Pick::Usual), Ok(None));
        fs::create_dir_all(folder.path().join("models--org--repo/blobs")).unwrap();
        for hash in ["aa", "bb"] {
            fs::write(cache.blob(&repo, hash), hash).unwrap();
        }
        let files = [
            (file("m-Q8_0.gguf"), "aa".to_owned()),
            (file("q/m-Q4_K_M.gguf"), "bb".to_owned()),
        ];
        for _ in 0..2 {
            cache.publish(&repo, COMMIT, &files).unwrap();
        }
        let base = folder.path().join("models--org--repo");
        let snapshot = base.join("snapshots").join(COMMIT);
        assert_eq!(
            fs::read_link(snapshot.join("m-Q8_0.gguf")).unwrap(),
            Path::new("../../blobs/aa")
        );
        assert_eq!(
            fs::read_link(snapshot.join("q/m-Q4_K_M.gguf")).unwrap(),
            Path::new("../../../blobs/bb")
        );
        assert_eq!(
            fs::read_to_string(snapshot.join("q/m-Q4_K_M.gguf")).unwrap(),
            "bb"
        );
        assert_eq!(fs::read_to_string(base.join("refs/main")).unwrap(), COMMIT);

        assert_eq!(
            cache.held(&repo, &Pick::Usual),
            Ok(Some(snapshot.join("q/m-Q4_K_M.gguf")))
        );
        let other = cache.held(&repo, &Pick::Quant("Q6_K".into())).unwrap_err();
        assert_eq!(other.kind, ErrorKind::NotFound);
        // What is not there any more is not offered.
        fs::remove_file(base.join("blobs/bb")).unwrap();
        assert_eq!(
            cache.held(&repo, &Pick::Usual),
            Ok(Some(snapshot.join("m-Q8_0.gguf")))
        );
    }
}
