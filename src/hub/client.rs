//! Requests to the Hub: the token only where it belongs, redirects followed by hand, every answer
//! bounded, every failure told apart into "again" and "never".

use jiff::Timestamp;
use std::time::Duration;
use ureq::http::HeaderMap;
use ureq::{Agent, Body, Timeout};

use super::name::{is_loopback, without_query};
use super::retry::{Backoff, retry_after};
use super::{Access, ErrorKind, HubError, Network, Stop};

/// Redirects from one address to the next.
const MOST_REDIRECTS: usize = 10;
/// Bytes of an answer that is no file.
const MOST_TEXT: u64 = 32 * 1024 * 1024;
/// Characters of a server's own words in an error.
const MOST_WORDS: usize = 200;
/// Tries for an answer that someone waits for.
const TRIES_FOR_TEXT: u32 = 4;
/// Bytes read from the connection at once.
const BUFFER: usize = 256 * 1024;

/// A way to the Hub, for one thing to do.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) access: Access,
    pub(super) stop: Stop,
    agent: Agent,
}

/// An answer whose body has not been read.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Body,
    /// What the Hub itself said of the file, before it sent us elsewhere.
    pub linked_etag: Option<String>,
}

/// Why a try failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// Another try may do; the server may have asked for a pause.
    Again(HubError, Option<Duration>),
    Final(HubError),
}

impl From<Failed> for HubError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Again(error, _) | Failed::Final(error) => error,
        }
    }
}

impl Client {
    /// Proxies are those of the environment: `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub fn new(access: Access, stop: Stop) -> Self {
        let patience = access.patience;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(patience.connect))
            .timeout_per_read(Some(patience.stall))
            .timeout_per_write(Some(patience.stall))
            .timeout_recv_response(Some(patience.stall.saturating_mul(2)))
            .user_agent(concat!("llmdeck/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(BUFFER)
            .build();
        let agent = Agent::new_with_config(config);
        stop.ends(&agent);
        Self {
            access,
            stop,
            agent,
        }
    }

    /// The text of an answer, and the address of the next page if there is one.
    pub(super) fn text(&self, url: &str) -> Result<(String, Option<String>), HubError> {
        let mut patience = self.access.patience;
        patience.tries = patience.tries.min(TRIES_FOR_TEXT);
        let mut backoff = Backoff::new(patience);
        loop {
            let (error, asked) = match self.try_text(url) {
                Ok(text) => return Ok(text),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Again(error, asked)) => (error, asked),
            };
            let Some(pause) = backoff.next(asked) else {
                return Err(error);
            };
            if self.stop.wait(pause) {
                return Err(HubError::stopped(error.what));
            }
        }
    }

    fn try_text(&self, url: &str) -> Result<(String, Option<String>), Failed> {
        let mut answer = self.get(url, &[("Accept", "application/json".into())])?;
        let body = answer.body.with_config().limit(MOST_TEXT).read_to_string();
        let text = body.map_err(|error| self.failed(url, error))?;
        let next = header(&answer.headers, "link").and_then(next_page);
        let next = next.and_then(|next| join(url, next));
        Ok((
            text,
            next.filter(|next| next.starts_with(&self.access.endpoint)),
        ))
    }

    /// One try at an address, through redirects, up to the answer's head. Statuses that are failures
    /// come as such, but for 416.
    pub(super) fn get(&self, url: &str, headers: &[(&str, String)]) -> Result<Answer, Failed> {
        if self.access.network == Network::Offline {
            let error = HubError::new(
                ErrorKind::Offline,
                reaching(url),
                "the network is not to be used",
            );
            return Err(Failed::Final(
                error.hint("leave out --offline, and unset HF_HUB_OFFLINE"),
            ));
        }
        let mut at = url.to_owned();
        let mut linked_etag = None;
        for _ in 0..=MOST_REDIRECTS {
            if self.stop.is_stopped() {
                return Err(Failed::Final(HubError::stopped(reaching(url))));
            }
            let mut request = self.agent.get(&at);
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            let trusted = self.access.is_trusted(&at);
            if trusted && let Some(token) = &self.access.token {
                request = request.header("Authorization", token.bearer());
            }
            let answer = request.call().map_err(|error| self.failed(&at, error))?;
            let status = answer.status().as_u16();
            if trusted && linked_etag.is_none() {
                linked_etag = header(answer.headers(), "x-linked-etag").map(etag);
            }
            if (300..400).contains(&status) && status != 304 {
                at = self.redirected(&at, header(answer.headers(), "location"))?;
                continue;
            }
            let (parts, body) = answer.into_parts();
            if let Some(failed) = self.refusal(url, status, &parts.headers) {
                return Err(failed);
            }
            return Ok(Answer {
                status,
                headers: parts.headers,
                body,
                linked_etag,
            });
        }
        let why = format!("it sends us from one address to the next, {MOST_REDIRECTS} times");
        Err(Failed::Final(HubError::new(
            ErrorKind::Server,
            reaching(url),
            why,
        )))
    }

    fn redirected(&self, from: &str, location: Option<&str>) -> Result<String, Failed> {
        let wrong =
            |why: &str| Failed::Final(HubError::new(ErrorKind::Server, reaching(from), why));
        let location =
            location.ok_or_else(|| wrong("it sends us elsewhere without saying where"))?;
        let next = join(from, location).ok_or_else(|| wrong("it sends us to no http address"))?;
        let in_clear = next.starts_with("http://") && !is_loopback(&next);
        if in_clear && from.starts_with("https://") {
            return Err(wrong("it sends us to an address without encryption"));
        }
        Ok(next)
    }

    fn refusal(&self, url: &str, status: u16, headers: &HeaderMap) -> Option<Failed> {
        let code = header(headers, "x-error-code").unwrap_or_default();
        let words: String = header(headers, "x-error-message")
            .unwrap_or_default()
            .chars()
            .take(MOST_WORDS)
            .collect();
        let said = if words.is_empty() {
            String::new()
        } else {
            format!(": {words}")
        };
        let make = |kind, why: String| HubError::new(kind, reaching(url), why);
        let token = match (&self.access.token, self.access.is_trusted(url)) {
            (None, _) => "set HF_TOKEN, or log in with the Hub's own tool",
            (Some(_), true) => "check that the token in HF_TOKEN may read it",
            (Some(_), false) => "the token is sent to the Hub only, and over https",
        };
        let failed = match status {
            200..=299 | 416 => return None,
            401 if code == "RepoNotFound" => Failed::Final(
                make(
                    ErrorKind::NotFound,
                    "there is no such repository, or it is private (401)".into(),
                )
                .hint(format!("check the name; for a private one {token}")),
            ),
            401 | 403 if code == "GatedRepo" => Failed::Final(
                make(
                    ErrorKind::Refused,
                    format!("its makers ask for an agreement first ({status}){said}"),
                )
                .hint(format!("accept it on the repository's page, then {token}")),
            ),
            401 | 403 => Failed::Final(
                make(
                    ErrorKind::Refused,
                    format!("the server refuses it ({status}){said}"),
                )
                .hint(token),
            ),
            404 => {
                let why = match code {
                    "RepoNotFound" => "there is no such repository (404)",
                    "EntryNotFound" => "the repository has no such file (404)",
                    _ => "there is nothing at this address (404)",
                };
                Failed::Final(
                    make(ErrorKind::NotFound, why.into())
                        .hint("check the name; llmdeck models search WORDS finds repositories"),
                )
            }
            408 | 425 | 429 | 500..=599 => {
                let asked = header(headers, "retry-after");
                let asked = asked.and_then(|value| retry_after(value, Timestamp::now()));
                let why = match (status, asked) {
                    (429, Some(asked)) => format!(
                        "the server had too many requests and asks for {} s of patience (429)",
                        asked.as_secs()
                    ),
                    (429, None) => "the server had too many requests (429)".to_owned(),
                    _ => format!("the server fails ({status}){said}"),
                };
                Failed::Again(
                    make(ErrorKind::Server, why).hint("try again later; what is here stays"),
                    asked,
                )
            }
            _ => Failed::Final(make(
                ErrorKind::Server,
                format!("the server answers {status}{said}"),
            )),
        };
        Some(failed)
    }

    /// What an error of the transport means.
    pub(super) fn failed(&self, url: &str, error: ureq::Error) -> Failed {
        if self.stop.is_stopped() {
            return Failed::Final(HubError::stopped(reaching(url)));
        }
        let make = |kind, why: String| HubError::new(kind, reaching(url), why);
        let again = |why: String| {
            let error = make(ErrorKind::Network, why);
            Failed::Again(
                error.hint("check the connection; the same again goes on where it stopped"),
                None,
            )
        };
        match error {
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Failed::Final(make(ErrorKind::Network, error.to_string()))
            }
            ureq::Error::Io(error) => again(error.to_string()),
            ureq::Error::Timeout(Timeout::PerRead | Timeout::RecvResponse) => again(format!(
                "nothing came for {:.0} s",
                self.access.patience.stall.as_secs_f64()
            )),
            ureq::Error::Timeout(_) => again("no connection was made in time".into()),
            ureq::Error::HostNotFound => again("the host is not known".into()),
            ureq::Error::ConnectProxyFailed(why) => again(format!("the proxy refuses: {why}")),
            ureq::Error::Protocol(why) => again(format!("its answer is no HTTP: {why}")),
            ureq::Error::BodyExceedsLimit(_) => {
                Failed::Final(make(ErrorKind::Server, "its answer is too long".into()))
            }
            error => Failed::Final(make(ErrorKind::Network, error.to_string())),
        }
    }
}

/// `reaching https://host/path`, without what may be a key.
pub(super) fn reaching(url: &str) -> String {
    format!("reaching {}", without_query(url))
}

/// A header as text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// An entity tag without quotes and the mark of a weak one.
pub(super) fn etag(value: &str) -> String {
    value
        .trim()
        .trim_start_matches("W/")
        .trim_matches('"')
        .to_owned()
}

/// The address in `<https://…>; rel="next"` (RFC 8288).
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|one| {
        let (address, rest) = one.trim().strip_prefix('<')?.split_once('>')?;
        rest.contains("rel=\"next\"").then_some(address)
    })
}

/// The address that a reference means on the page `base`; `None` when it is not http.
fn join(base: &str, reference: &str) -> Option<String> {
    let fine = |c: char| !c.is_control() && !c.is_whitespace();
    if !reference.chars().all(fine) {
        return None;
    }
    if reference.starts_with("https://") || reference.starts_with("http://") {
        return Some(reference.to_owned());
    }
    let (scheme, rest) = base.split_once("://")?;
    if let Some(host) = reference.strip_prefix("//") {
        return Some(format!("{scheme}://{host}"));
    }
    let host = rest.split(['/', '?', '#']).next()?;
    if reference.starts_with('/') {
        return Some(format!("{scheme}://{host}{reference}"));
    }
    // Another scheme, such as file:, has a colon before any slash.
    if reference
        .split('/')
        .next()
        .is_some_and(|first| first.contains(':'))
    {
        return None;
    }
    let path = without_query(rest.strip_prefix(host)?);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{scheme}://{host}{folder}/{reference}"))
}

/// A path as part of an address: everything but letters, digits and `-._~/` is escaped.
pub(super) fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(byte.into());
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_are_joined() {
        let base = "https://a.org/x/y?z=1";
        for (reference, whole) in [
            ("http://b.org/c", Some("http://b.org/c")),
            ("//b.org/c", Some("https://b.org/c")),
            ("/c?d", Some("https://a.org/c?d")),
            ("c", Some("https://a.org/x/c")),
            ("file:///etc/passwd", None),
            ("javascript:x", None),
            ("/a\r\nb", None),
        ] {
            assert_eq!(join(base, reference).as_deref(), whole, "{reference}");
        }
    }

    #[test]
    fn the_next_page_is_found() {
        let link = "<https://a/1>; rel=\"prev\", <https://a/2?cursor=x>; rel=\"next\"";
        assert_eq!(next_page(link), Some("https://a/2?cursor=x"));
        assert_eq!(next_page("<https://a/1>; rel=\"prev\""), None);
        assert_eq!(next_page("nonsense"), None);
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(escaped("Q4/a b#1?ü.gguf"), "Q4/a%20b%231%3F%C3%BC.gguf");
    }

    proptest! {
        #[test]
        fn nothing_panics(a in any::<String>(), b in any::<String>()) {
            let _ = join(&a, &b);
            let _ = next_page(&a);
            prop_assert!(escaped(&a).is_ascii());
        }
    }
}
