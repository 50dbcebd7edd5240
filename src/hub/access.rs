//! Where the Hub is, who asks, and how long one waits: what the environment says.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::name::is_loopback;
use super::{Cache, ErrorKind, HubError};

/// The Hub itself.
const HUB: &str = "https://huggingface.co";
/// Characters of a token at most.
const LONGEST_TOKEN: usize = 512;

/// Everything that is needed to reach the Hub.
#[derive(Clone, Debug)]
pub struct Access {
    /// The Hub's address without a `/` at its end: `HF_ENDPOINT`, or the Hub itself.
    pub endpoint: String,
    pub token: Option<Token>,
    pub network: Network,
    pub cache: Cache,
    pub patience: Patience,
}

/// Whether the network may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    #[default]
    Allowed,
    Offline,
}

/// What proves to the Hub who asks. It shows itself nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// How long one waits, and how often one tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next byte.
    pub stall: Duration,
    /// Before the second try; every further pause is twice as long.
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// A longer `Retry-After` than this is not waited for.
    pub longest_retry_after: Duration,
    /// Tries in a row that bring nothing.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            longest_retry_after: Duration::from_secs(300),
            tries: 8,
        }
    }
}

impl Token {
    /// `None` when it cannot be a token: nothing that could break a header is let in.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fine = (1..=LONGEST_TOKEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fine.then(|| Self(text.to_owned()))
    }

    /// The header's value.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Access {
    /// From the variables of the Hub's own tools: `HF_ENDPOINT`, `HF_TOKEN` (or its file:
    /// `HF_TOKEN_PATH`, `$HF_HOME/token`), `HF_HUB_OFFLINE`, and the cache's (see [`Cache::find`]).
    ///
    /// # Errors
    /// When no cache can be found or the endpoint is no address.
    pub fn from_env(network: Network) -> Result<Self, HubError> {
        Self::resolve(network, |name| std::env::var_os(name))
    }

    fn resolve(
        network: Network,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, HubError> {
        let text = |name: &str| {
            let value = variable(name)?.into_string().ok()?;
            (!value.is_empty()).then_some(value)
        };
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            let what = "reading HF_ENDPOINT";
            return Err(
                HubError::new(ErrorKind::Usage, what, "it is no http address")
                    .hint("give it as https://huggingface.co"),
            );
        }
        let off = text("HF_HUB_OFFLINE").is_some_and(|value| {
            matches!(value.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")
        });
        let file = || {
            let path = variable("HF_TOKEN_PATH").map_or_else(
                || super::cache::home(&variable).map(|home| home.join("token")),
                |path| Some(PathBuf::from(path)),
            )?;
            std::fs::read_to_string(path).ok()
        };
        let token = text("HF_TOKEN")
            .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
            .or_else(file);
        Ok(Self {
            token: token.and_then(|text| Token::new(&text)),
            endpoint,
            network: if off { Network::Offline } else { network },
            cache: Cache::find(variable)?,
            patience: Patience::default(),
        })
    }

    /// Whether the token may go to this address: the Hub's own, and not in the clear.
    pub(super) fn is_trusted(&self, url: &str) -> bool {
        let Some(rest) = url.strip_prefix(&self.endpoint) else {
            return false;
        };
        let same_host = rest.is_empty() || rest.starts_with('/') || rest.starts_with('?');
        same_host && (url.starts_with("https://") || is_loopback(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(variables: &[(&str, &str)]) -> Access {
        let find = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Access::resolve(Network::Allowed, find).unwrap()
    }

    #[test]
    fn the_token_goes_to_the_hub_only_and_never_in_the_clear() {
        let home = ("HOME", "/h");
        let hub = access(&[home]);
        assert!(hub.is_trusted("https://huggingface.co/a/b"));
        for other in [
            "https://huggingface.co.evil.org/a",
            "https://cdn.example/a",
            "http://huggingface.co/a",
        ] {
            assert!(!hub.is_trusted(other), "{other}");
        }
        let mirror = access(&[home, ("HF_ENDPOINT", "http://mirror.lan/")]);
        assert_eq!(mirror.endpoint, "http://mirror.lan");
        assert!(!mirror.is_trusted("http://mirror.lan/a"));
        let own = access(&[home, ("HF_ENDPOINT", "http://127.0.0.1:9")]);
        assert!(own.is_trusted("http://127.0.0.1:9/a"));
        assert!(!own.is_trusted("http://127.0.0.1:99/a"));
    }

    #[test]
    fn tokens_come_from_the_variable_or_their_file_and_show_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hf_from_file\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let by_file = access(&[("HF_HOME", home)]);
        assert_eq!(by_file.token, Token::new("hf_from_file"));
        let by_variable = access(&[("HF_HOME", home), ("HF_TOKEN", "hf_from_env")]);
        assert_eq!(by_variable.token, Token::new("hf_from_env"));
        assert!(!format!("{by_variable:?}").contains("from_env"));
        for wrong in ["", "a b", "a\r\nX-Evil: 1", "ü"] {
            assert_eq!(Token::new(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_environment_can_forbid_the_network() {
        assert_eq!(access(&[("HOME", "/h")]).network, Network::Allowed);
        assert_eq!(
            access(&[("HOME", "/h"), ("HF_HUB_OFFLINE", "1")]).network,
            Network::Offline
        );
    }
}
