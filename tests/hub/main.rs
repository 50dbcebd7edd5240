//! Downloads from a Hub on loopback that misbehaves: whatever it does, the outcome is a whole file
//! or a clear error, never a wrong file.

mod desk;
mod pulls;
mod refusals;
#[expect(dead_code, reason = "the tests of the program wait for what was sent")]
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use llmdeck::hub::{
    Access, Cache, Client, HubError, Network, Patience, Plan, Pull, Pulled, Record, Stop, Token,
    Wanted,
};
use server::{Server, model};
use tempfile::TempDir;

/// Bytes of the model: more than fits into the socket's buffers.
const BYTES: usize = 3_000_000;

/// A machine with a cache of its own, and a Hub.
struct Place {
    folder: TempDir,
    server: Server,
    access: Access,
}

impl Place {
    fn new() -> Self {
        Self::with(&[("m-Q4_K_M.gguf", model(BYTES, 1))])
    }

    fn with(files: &[(&str, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(files);
        let access = Access {
            endpoint: server.address.clone(),
            token: Token::new("hf_secret"),
            network: Network::Allowed,
            cache: Cache::at(folder.path().join("hub")),
            // Pauses are short; a busy machine is no stall.
            patience: Patience {
                connect: Duration::from_secs(5),
                stall: Duration::from_secs(60),
                first_pause: Duration::from_millis(1),
                longest_pause: Duration::from_millis(2),
                longest_retry_after: Duration::from_secs(1),
                tries: 4,
            },
        };
        Self {
            folder,
            server,
            access,
        }
    }

    /// Takes silence for a stall after this time.
    fn stalling_after(mut self, time: Duration) -> Self {
        self.access.patience.stall = time;
        self
    }

    fn client(&self) -> Client {
        Client::new(self.access.clone(), Stop::default())
    }

    fn plan(&self, name: &str) -> Result<Plan, HubError> {
        Plan::make(&self.client(), &Wanted::parse(name)?, &self.models())
    }

    fn pull(&self, name: &str) -> Result<Pulled, HubError> {
        let plan = self.plan(name)?;
        let pull = Pull::start(self.client(), plan, self.record())?;
        pull.wait(Duration::from_secs(120)).expect("an outcome")
    }

    fn record(&self) -> Record {
        Record::of(&self.folder.path().join("data"))
    }

    fn models(&self) -> PathBuf {
        self.folder.path().join("models")
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("hub/models--org--repo")
    }

    /// The partial file of these bytes.
    fn partial(&self, bytes: &[u8]) -> PathBuf {
        self.repo()
            .join("blobs")
            .join(format!("{}.incomplete", server::sha256(bytes)))
    }

    /// Every name that the cache offers.
    fn offered(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.repo().join("snapshots"), &mut found);
        found
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
