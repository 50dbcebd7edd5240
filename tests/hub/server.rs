//! A small Hub on loopback that can misbehave: own threads, HTTP/1.1 by hand, so that it can do what
//! no library would.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// The commit that main is.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the server does with a request for a file, once; then it behaves.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Sends so many bytes of what was asked for and closes.
    Cut(usize),
    /// Sends so many bytes and says nothing more, until the client goes.
    Stall(usize),
    /// Answers 200 with all of it, whatever range was asked for.
    IgnoreRange,
    /// Answers 206 with bytes from another place.
    OtherRange,
    /// Answers 206 but with a garbled Content-Range.
    GarbledRange,
    /// Sends a wrong byte in the middle.
    Spoil,
    /// Says the file has so many bytes, and sends them.
    Size(usize),
    /// Promises what was asked for and sends more.
    TooMuch,
    /// Answers with this status and these headers.
    Status(u16, &'static str),
    /// Sends us to this address.
    Redirect(String),
    /// Sends us to where we are.
    Loop,
    /// Answers with something that is no HTTP.
    Nonsense,
    /// A page instead of the file, of the file's size.
    Page,
    /// Another tag than the listing's hash.
    OtherTag,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct Hub {
    files: Vec<(String, Vec<u8>)>,
    /// Raw JSON put among the entries of the listing.
    extra: String,
    deeds: VecDeque<Deed>,
    /// Deeds for every file request when `deeds` are done.
    always: Option<Deed>,
    requests: Vec<Request>,
    /// Requests for files whose bytes are all sent, or as many as were to be.
    sent: usize,
}

/// The server; it ends with the test's process.
#[derive(Clone)]
pub struct Server {
    pub address: String,
    hub: Arc<Mutex<Hub>>,
    changed: Arc<Condvar>,
}

/// Bytes of a GGUF file that look random and are always the same.
pub fn model(bytes: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let mut text = b"GGUF".to_vec();
    text.extend((4..bytes).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    text
}

pub fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Server {
    /// A Hub with one repository, `org/repo`, and these files.
    pub fn start(files: &[(&str, Vec<u8>)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let files = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.clone()));
        let hub = Arc::new(Mutex::new(Hub {
            files: files.collect(),
            ..Hub::default()
        }));
        let server = Self {
            address,
            hub,
            changed: Arc::default(),
        };
        let accepting = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = accepting.clone();
                thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    /// The next requests for files end so, one after another.
    pub fn will(&self, deeds: impl IntoIterator<Item = Deed>) {
        self.hub().deeds.extend(deeds);
    }

    /// Every request for a file ends so.
    pub fn always(&self, deed: Deed) {
        self.hub().always = Some(deed);
    }

    /// Adds raw JSON to the listing's entries.
    pub fn list(&self, json: &str) {
        self.hub().extra = json.to_owned();
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.hub().requests.clone()
    }

    /// The ranges that were asked for, of requests for files.
    pub fn ranges(&self) -> Vec<String> {
        let requests = self.requests();
        let files = requests
            .iter()
            .filter(|request| request.path.contains("/resolve/"));
        files
            .map(|request| request.headers.get("range").cloned().unwrap_or_default())
            .collect()
    }

    /// Waits a little for another answer to be sent; how many were so far.
    pub fn sent(&self, known: usize) -> usize {
        let waited =
            self.changed
                .wait_timeout_while(self.hub(), Duration::from_millis(20), |hub| {
                    hub.sent <= known
                });
        waited.expect("no thread panics").0.sent
    }

    fn has_sent(&self) {
        self.hub().sent += 1;
        self.changed.notify_all();
    }

    fn hub(&self) -> std::sync::MutexGuard<'_, Hub> {
        self.hub.lock().expect("no thread panics")
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        let mut stream = stream;
        while let Some(request) = read(&mut reader) {
            self.hub().requests.push(request.clone());
            let goes_on = if request.path.starts_with("/api/") {
                self.api(&request, &mut stream)
            } else {
                self.file(&request, &mut stream)
            };
            if !goes_on {
                return;
            }
        }
    }

    fn api(&self, request: &Request, out: &mut TcpStream) -> bool {
        let hub = self.hub();
        let path = request.path.as_str();
        let body = if path.starts_with("/api/models?search=") {
            r#"[{"id":"org/repo","downloads":1234567,"likes":89,"gated":false,"tags":["gguf","license:mit"]},
               {"id":"org/\u001b[31mevil","downloads":1}]"#.to_owned()
        } else if path == "/api/models/org/repo/revision/main" {
            format!(
                r#"{{"id":"org/repo","sha":"{COMMIT}","gated":false,"tags":["gguf","license:other"],"cardData":{{"license":"other","license_name":"maker-1"}},"gguf":{{"total":8030261248,"context_length":131072}}}}"#
            )
        } else if path.starts_with(&format!("/api/models/org/repo/tree/{COMMIT}")) {
            let entries: Vec<String> = hub.files.iter().map(|(name, bytes)| {
                let (oid, size) = (sha256(bytes), bytes.len());
                format!(r#"{{"type":"file","oid":"{}","size":{size},"path":"{name}","lfs":{{"oid":"{oid}","size":{size},"pointerSize":130}}}}"#, "a".repeat(40))
            }).chain((!hub.extra.is_empty()).then(|| hub.extra.clone())).collect();
            format!("[{}]", entries.join(","))
        } else {
            drop(hub);
            let head = "HTTP/1.1 401 Unauthorized\r\nX-Error-Code: RepoNotFound\r\nContent-Length: 0\r\n\r\n";
            return out.write_all(head.as_bytes()).is_ok();
        };
        drop(hub);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        out.write_all(head.as_bytes()).is_ok() && out.write_all(body.as_bytes()).is_ok()
    }

    fn file(&self, request: &Request, out: &mut TcpStream) -> bool {
        let path = request.path.split('?').next().unwrap_or_default();
        let (deed, bytes) = {
            let mut hub = self.hub();
            let found = hub
                .files
                .iter()
                .find(|(name, _)| path.ends_with(&format!("/{name}")));
            let Some(bytes) = found.map(|(_, bytes)| bytes.clone()) else {
                drop(hub);
                let head = "HTTP/1.1 404 Not Found\r\nX-Error-Code: EntryNotFound\r\nContent-Length: 0\r\n\r\n";
                return out.write_all(head.as_bytes()).is_ok();
            };
            let deed = hub.deeds.pop_front().or_else(|| hub.always.clone());
            (deed, bytes)
        };
        let range = request.headers.get("range");
        let from = range.and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .trim_end_matches('-')
                .parse::<usize>()
                .ok()
        });
        // If-Range: another version is sent whole (RFC 9110 section 13.1.5).
        let tag = format!("\"{}\"", sha256(&bytes));
        let same = request
            .headers
            .get("if-range")
            .is_none_or(|asked| *asked == tag);
        let from = from.filter(|_| same);
        let answer = Answer {
            from,
            bytes: &bytes,
            tag: &tag,
        };
        match deed {
            None => {
                let goes_on = answer.send(out, usize::MAX, |_| {});
                self.has_sent();
                goes_on
            }
            Some(Deed::Cut(count)) => {
                answer.send(out, count, |_| {});
                false
            }
            Some(Deed::Stall(count)) => {
                answer.send(out, count, |_| {});
                self.has_sent();
                // Until the client hangs up.
                let _ = std::io::Read::read(&mut &*out, &mut [0]);
                false
            }
            Some(Deed::IgnoreRange) => Answer { from: None, ..answer }.send(out, usize::MAX, |_| {}),
            Some(Deed::OtherRange) => {
                let other = from.map_or(1, |from| from / 2);
                Answer { from: Some(other), ..answer }.send(out, usize::MAX, |_| {})
            }
            Some(Deed::GarbledRange) => {
                out.write_all(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes x-y/z\r\nContent-Length: 3\r\n\r\nabc").is_ok()
            }
            Some(Deed::Spoil) => answer.send(out, usize::MAX, |body| {
                let middle = body.len() / 2;
                body[middle] ^= 1;
            }),
            Some(Deed::Size(size)) => {
                let other = model(size, 99);
                Answer { from: None, bytes: &other, tag: &tag }.send(out, usize::MAX, |_| {})
            }
            Some(Deed::TooMuch) => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let mut all = bytes.clone();
                all.extend_from_slice(b"and more");
                out.write_all(head.as_bytes()).is_ok()
                    && out.write_all(format!("{:x}\r\n", all.len()).as_bytes()).is_ok()
                    && out.write_all(&all).is_ok()
                    && out.write_all(b"\r\n0\r\n\r\n").is_ok()
            }
            Some(Deed::Status(status, headers)) => {
                let head = format!("HTTP/1.1 {status} So\r\n{headers}Content-Length: 0\r\n\r\n");
                out.write_all(head.as_bytes()).is_ok()
            }
            Some(Deed::Redirect(to)) => redirect(out, &to, &tag),
            Some(Deed::Loop) => redirect(out, &request.path, &tag),
            Some(Deed::Nonsense) => {
                let _ = out.write_all(b"220 ftp ready\r\n");
                false
            }
            Some(Deed::Page) => {
                let page = b"<html>".repeat(bytes.len() / 6 + 1);
                Answer { from: None, bytes: &page[..bytes.len()], tag: &tag }.send(out, usize::MAX, |_| {})
            }
            Some(Deed::OtherTag) => {
                let other = "f".repeat(64);
                let head = format!("HTTP/1.1 200 OK\r\nX-Linked-Etag: \"{other}\"\r\nContent-Length: {}\r\n\r\n", bytes.len());
                out.write_all(head.as_bytes()).is_ok() && out.write_all(&bytes).is_ok()
            }
        }
    }
}

struct Answer<'a> {
    from: Option<usize>,
    bytes: &'a [u8],
    tag: &'a str,
}

impl Answer<'_> {
    /// Sends the head, and at most so many bytes of the body.
    fn send(&self, out: &mut TcpStream, most: usize, spoil: impl Fn(&mut Vec<u8>)) -> bool {
        let all = self.bytes.len();
        let mut body = self.bytes[self.from.unwrap_or(0).min(all)..].to_vec();
        spoil(&mut body);
        let status = match self.from {
            Some(from) if from >= all => {
                return out
                    .write_all(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n")
                    .is_ok();
            }
            Some(from) => format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{all}",
                all - 1
            ),
            None => "200 OK".to_owned(),
        };
        let tag = self.tag;
        let head = format!(
            "HTTP/1.1 {status}\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let sent = most.min(body.len());
        out.write_all(head.as_bytes()).is_ok()
            && out.write_all(&body[..sent]).is_ok()
            && sent == body.len()
    }
}

fn redirect(out: &mut TcpStream, to: &str, tag: &str) -> bool {
    let head = format!(
        "HTTP/1.1 302 Found\r\nLocation: {to}\r\nX-Linked-Etag: {tag}\r\nContent-Length: 0\r\n\r\n"
    );
    out.write_all(head.as_bytes()).is_ok()
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let path = first.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Some(Request { path, headers });
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
}
