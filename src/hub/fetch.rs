//! One file: from an address to a checked file on disk, through cuts, stalls and lies.
//!
//! The bytes go to a partial file whose length says where to go on; only when all are here, checked
//! and on disk does it get its name. A partial file that turns out wrong is thrown away once, and
//! the file is fetched from its beginning.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ureq::Body;

use super::client::{Client, Failed, etag, header, reaching};
use super::digest::Follower;
use super::progress::{FileProgress, Status};
use super::range::{Head, Start, Wrong};
use super::retry::Backoff;
use super::{ErrorKind, HubError};

/// Bytes written at once.
const BUFFER: usize = 256 * 1024;
/// What every GGUF file begins with.
const MAGIC: [u8; 4] = *b"GGUF";

/// What is to be fetched, and where to.
pub(super) struct Job<'a> {
    pub client: &'a Client,
    pub url: &'a str,
    /// What it is called in messages.
    pub name: &'a str,
    /// Bytes, where they were announced.
    pub size: Option<u64>,
    /// The SHA-256 that it must have, where one was announced.
    pub sha256: Option<&'a str>,
    pub partial: &'a Path,
    /// A file that keeps what tells one version of the address's content from another; needed where
    /// no hash does.
    pub version: Option<PathBuf>,
    pub progress: &'a FileProgress,
}

/// The file while it is being written.
struct Target {
    file: File,
    follower: Follower,
    /// Bytes that are here.
    at: u64,
    /// Whether they came in more than one piece.
    resumed: bool,
    /// Bytes that there will be.
    size: Option<u64>,
}

impl Job<'_> {
    /// Fetches what is missing and checks all of it. The SHA-256 comes back; the partial file stays
    /// for its owner to name.
    ///
    /// # Errors
    /// When the server refuses, lies, or fails too often, or the disk does.
    pub(super) fn run(&self) -> Result<String, HubError> {
        let mut target = self.open()?;
        let mut backoff = Backoff::new(self.client.access.patience);
        let mut chances = 1;
        loop {
            self.fetch(&mut target, &mut backoff)?;
            self.progress.set(Status::Checking);
            let resumed = target.resumed;
            let error = match self.check(target) {
                Ok(hash) => return Ok(hash),
                Err(error) => error,
            };
            if error.kind == ErrorKind::Data {
                fs::remove_file(self.partial).map_err(|error| self.disk(&error))?;
            }
            // Perhaps only what was there before is wrong, or does not belong to the rest.
            if error.kind != ErrorKind::Data || !resumed || chances == 0 {
                return Err(error);
            }
            chances -= 1;
            target = self.open()?;
        }
    }

    fn open(&self) -> Result<Target, HubError> {
        let folder = self.partial.parent().unwrap_or(Path::new("."));
        let disk = |error| self.disk(&error);
        fs::create_dir_all(folder).map_err(disk)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.partial)
            .map_err(disk)?;
        let at = file.seek(SeekFrom::End(0)).map_err(disk)?;
        let follower =
            Follower::start(self.partial, self.progress.checked.clone()).map_err(disk)?;
        let mut target = Target {
            file,
            follower,
            at,
            resumed: at > 0,
            size: self.size,
        };
        let too_long = self.size.is_some_and(|size| at > size);
        let unknown = self.sha256.is_none() && self.seen_version().is_none();
        if at > 0 && (too_long || unknown) {
            self.empty(&mut target)?;
        }
        target.follower.wrote(target.at);
        self.progress.here.set(target.at);
        Ok(target)
    }

    /// Tries until all bytes are here.
    fn fetch(&self, target: &mut Target, backoff: &mut Backoff) -> Result<(), HubError> {
        let mut failure: Option<HubError> = None;
        while failure.is_some() || target.size.is_none_or(|size| target.at < size) {
            self.progress.set(match &failure {
                Some(error) => Status::Retrying(error.why.clone()),
                None => Status::Fetching,
            });
            let before = target.at;
            let (error, asked) = match self.attempt(target) {
                Ok(()) => return Ok(()),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Again(error, asked)) => (error, asked),
            };
            tracing::info!("{}: {error}", self.name);
            if target.at > before {
                backoff.progressed();
            }
            let Some(pause) = backoff.next(asked) else {
                return Err(error);
            };
            let (tried, most) = backoff.count();
            let why = format!(
                "{}; try {} of {most} in {:.0} s",
                error.why,
                tried + 1,
                pause.as_secs_f64()
            );
            self.progress.set(Status::Retrying(why));
            if self.client.stop.wait(pause) {
                return Err(HubError::stopped(self.what()));
            }
            failure = Some(error);
        }
        Ok(())
    }

    /// One try: asks for what is missing and writes what comes.
    fn attempt(&self, target: &mut Target) -> Result<(), Failed> {
        let mut headers = vec![("Accept-Encoding", "identity".to_owned())];
        if target.at > 0 {
            headers.push(("Range", format!("bytes={}-", target.at)));
            if let Some(version) = self.seen_version() {
                headers.push(("If-Range", version));
            }
        }
        let answer = self.client.get(self.url, &headers)?;
        self.same_as_announced(answer.linked_etag.as_deref())
            .map_err(Failed::Final)?;
        let (start, size) = match Head::of(&answer).start(target.at, self.size) {
            Ok(start) => start,
            Err(wrong) => return Err(self.wrong(target, wrong)),
        };
        if start == Start::Anew && target.at > 0 {
            self.empty(target).map_err(Failed::Final)?;
        }
        target.resumed = target.at > 0;
        target.size = size;
        self.progress.size.set(size.unwrap_or_default());
        self.keep_version(header(&answer.headers, "etag"))
            .map_err(Failed::Final)?;
        self.progress.set(Status::Fetching);
        self.copy(answer.body, target)
    }

    fn copy(&self, body: Body, target: &mut Target) -> Result<(), Failed> {
        let mut body = body.into_reader();
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(self.client.failed(self.url, error.into())),
            };
            let at = target.at + read as u64;
            if let Some(size) = target.size.filter(|size| at > *size) {
                let why = format!("more bytes come than the {size} that were announced");
                return Err(Failed::Final(HubError::new(
                    ErrorKind::Data,
                    self.what(),
                    why,
                )));
            }
            let written = target.file.write_all(&buffer[..read]);
            written.map_err(|error| Failed::Final(self.disk(&error)))?;
            target.at = at;
            target.follower.wrote(at);
            self.progress.here.set(at);
            if self.client.stop.is_stopped() {
                return Err(Failed::Final(HubError::stopped(self.what())));
            }
        }
        match target.size {
            Some(size) if target.at < size => {
                let why = format!("the connection ended after {} of {size} bytes", target.at);
                let error = HubError::new(ErrorKind::Network, self.what(), why);
                Err(Failed::Again(
                    error.hint("the same again goes on where it stopped"),
                    None,
                ))
            }
            _ => Ok(()),
        }
    }

    /// Throws away what is here.
    fn empty(&self, target: &mut Target) -> Result<(), HubError> {
        let emptied = target.file.set_len(0);
        let emptied = emptied.and_then(|()| target.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|error| self.disk(&error))?;
        target.at = 0;
        target.resumed = false;
        target.follower.restart();
        self.progress.here.set(0);
        Ok(())
    }

    fn wrong(&self, target: &mut Target, wrong: Wrong) -> Failed {
        match wrong {
            Wrong::Range(why) => {
                let error = HubError::new(ErrorKind::Server, self.what(), why);
                match self.empty(target) {
                    Ok(()) => Failed::Again(error, None),
                    Err(error) => Failed::Final(error),
                }
            }
            Wrong::Size { is, announced } => {
                let why = format!("it has {is} bytes, {announced} were announced");
                let error = HubError::new(ErrorKind::Data, self.what(), why);
                Failed::Final(error.hint("the file changed on the server, or something between here and there answers in its place"))
            }
            Wrong::Packed => {
                let why = "it comes packed, which was not asked for";
                Failed::Final(HubError::new(ErrorKind::Server, self.what(), why))
            }
        }
    }

    /// The Hub names the SHA-256 of a large file as its tag.
    fn same_as_announced(&self, tag: Option<&str>) -> Result<(), HubError> {
        let is_hash =
            |tag: &&str| tag.len() == 64 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (self.sha256, tag.filter(is_hash)) {
            (Some(announced), Some(tag)) if !tag.eq_ignore_ascii_case(announced) => {
                let why = "the file changed on the server since it was listed";
                Err(HubError::new(ErrorKind::Data, self.what(), why).hint("try again"))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, target: Target) -> Result<String, HubError> {
        let Target { file, follower, .. } = target;
        let hash = follower.finish().map_err(|error| self.disk(&error))?;
        if let Some(announced) = self
            .sha256
            .filter(|announced| !announced.eq_ignore_ascii_case(&hash))
        {
            let why = format!("its SHA-256 is {hash}, the Hub says {announced}");
            return Err(HubError::new(ErrorKind::Data, self.what(), why).hint(
                "what came was thrown away; try again, and suspect what is between here and there",
            ));
        }
        let mut magic = [0; 4];
        let begin = File::open(self.partial).and_then(|mut file| file.read_exact(&mut magic));
        if begin.is_err() || magic != MAGIC {
            let why = "what came is no GGUF file";
            return Err(HubError::new(ErrorKind::Data, self.what(), why)
                .hint("the address may show a page instead of the file"));
        }
        file.sync_all().map_err(|error| self.disk(&error))?;
        if let Some(version) = &self.version {
            let _ = fs::remove_file(version);
        }
        Ok(hash)
    }

    /// What the version file of an earlier run says.
    fn seen_version(&self) -> Option<String> {
        let text = fs::read_to_string(self.version.as_ref()?).ok()?;
        let fine = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        fine.then_some(text)
    }

    /// Keeps the tag of what comes; a weak one tells no bytes apart (RFC 9110 section 13.1.5).
    fn keep_version(&self, tag: Option<&str>) -> Result<(), HubError> {
        let Some(path) = &self.version else {
            return Ok(());
        };
        let kept = match tag.filter(|tag| !tag.starts_with("W/") && !etag(tag).is_empty()) {
            Some(tag) => fs::write(path, tag),
            None => fs::remove_file(path).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        };
        kept.map_err(|error| self.disk(&error))
    }

    fn what(&self) -> String {
        format!("downloading {} ({})", self.name, reaching(self.url))
    }

    fn disk(&self, error: &std::io::Error) -> HubError {
        let what = format!("downloading {} to {}", self.name, self.partial.display());
        HubError::disk(what, error)
    }
}
