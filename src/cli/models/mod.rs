//! `llmdeck models`: those on this machine; and those of the Hub, found, listed with what they take,
//! and brought here.

mod args;
mod files;
mod here;
mod json;
mod line;
mod pull;
mod search;
mod text;

pub use args::{ModelsArgs, ModelsCommand};

use super::{ExitCode, Failure, General};
use crate::config::{Config, Folders};
use crate::hub::{Access, Client, ErrorKind, HubError, Network, Stop};
use crate::params::Overrides;
use crate::runtime::find_models;

/// Does what was asked of models.
///
/// # Errors
/// When a name is none, the Hub does not have it or cannot be reached, or the disk refuses.
pub(super) fn run(
    args: &ModelsArgs,
    general: &General,
    folders: Folders,
    parameters: Overrides,
) -> Result<ExitCode, Failure> {
    let access = || Access::from_env(general.network());
    match &args.command {
        Some(ModelsCommand::Pull(args)) => {
            let pulled = pull::run(args, &access()?, &folders);
            // From now on its name is among those that shells complete.
            let config = Config::load(&folders).unwrap_or_default();
            find_models(&folders, &config.library.folders);
            pulled
        }
        Some(ModelsCommand::Search(args)) => search::run(args, &access()?, &folders),
        Some(ModelsCommand::Files(args)) => files::run(args, &access()?),
        here => here::run(here.as_ref(), general, folders, parameters),
    }
}

/// A way to the Hub that nobody stops but by ending the program.
fn client(access: &Access) -> Client {
    Client::new(access.clone(), Stop::default())
}

impl General {
    /// Whether the network may be used.
    pub(super) fn network(&self) -> Network {
        if self.offline {
            Network::Offline
        } else {
            Network::Allowed
        }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        let code = match error.kind {
            ErrorKind::Usage => ExitCode::Usage,
            ErrorKind::NotFound => ExitCode::NoInput,
            ErrorKind::Offline | ErrorKind::Refused | ErrorKind::Network | ErrorKind::Server => {
                ExitCode::Unavailable
            }
            ErrorKind::Data => ExitCode::Data,
            ErrorKind::NoSpace => ExitCode::CantCreate,
            ErrorKind::Disk => ExitCode::Io,
            ErrorKind::Stopped => ExitCode::Interrupted,
        };
        Self {
            code,
            what: error.what,
            why: error.why,
            hint: error.hint,
        }
    }
}
