//! The text of PDF and HTML files, taken in a process of its own.
//!
//! Such files come from anywhere, and libraries that read them may panic, hang, or take all memory
//! over a damaged one. The process has bounds for that, and the program outlives it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::decode::decode;
use super::files::LARGEST;

/// How long one file may take.
const LONGEST: Duration = Duration::from_secs(30);
/// Columns to which text of HTML is set: long, so that paragraphs stay lines.
const COLUMNS: usize = 400;
/// Bytes of a reason that are kept.
const REASON: u64 = 400;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Pdf,
    Html,
}

impl Kind {
    /// By its first bytes and its name.
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        let named = |wanted: &[&str]| {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            wanted
                .iter()
                .any(|wanted| extension.eq_ignore_ascii_case(wanted))
        };
        if bytes.starts_with(b"%PDF-") {
            Self::Pdf
        } else if named(&["html", "htm", "xhtml"]) {
            Self::Html
        } else {
            Self::Text
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Pdf => "a PDF",
            Self::Html => "a web page",
        }
    }
}

/// Starts the process that takes the text of a file.
#[derive(Clone, Debug)]
pub struct Extractor {
    program: PathBuf,
}

impl Extractor {
    /// The program is `llmdeck`, which does the work when it is asked to `extract-text`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
        }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// In words, when the file cannot be read, its text is too long, or it takes too long.
    pub(super) fn run(&self, path: &Path) -> Result<String, String> {
        let mut child = Command::new(&self.program)
            .arg("extract-text")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the reader could not be started: {error}"))?;
        let answer = answer(&mut child);
        // It has answered, or never will.
        let _ = child.kill();
        let _ = child.wait();
        answer
    }
}

fn answer(child: &mut Child) -> Result<String, String> {
    let (Some(mut out), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("the reader could not be listened to".to_owned());
    };
    let (sender, received) = mpsc::channel();
    let listen = move || {
        let mut text = Vec::new();
        let read = out.by_ref().take(LARGEST + 1).read_to_end(&mut text);
        // What is longer than that waits to be read, and the child with it.
        drop(out);
        let mut reason = String::new();
        let _ = errors.take(REASON).read_to_string(&mut reason);
        // Nobody waits any more when it took too long.
        let _ = sender.send(read.map(|_| (text, reason)));
    };
    thread::Builder::new()
        .name("extract".to_owned())
        .spawn(listen)
        .map_err(|error| error.to_string())?;
    let answer = received
        .recv_timeout(LONGEST)
        .map_err(|_| format!("reading it takes longer than {} seconds", LONGEST.as_secs()))?;
    let (text, reason) = answer.map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST {
        let most = LARGEST >> 20;
        return Err(format!(
            "its text has more than {most} MiB, the most that is read; a part of the file may do"
        ));
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match (status.success(), reason.trim()) {
        (true, _) => Ok(String::from_utf8_lossy(&text).into_owned()),
        (false, "") => Err("it cannot be read: the file may be damaged".to_owned()),
        (false, reason) => Err(format!("it cannot be read: {reason}")),
    }
}

/// The text of a file, in the process that may fail.
///
/// # Errors
/// In words.
pub fn extract(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    match Kind::of(path, &bytes) {
        Kind::Pdf => pdf_extract::extract_text_from_mem(&bytes).map_err(|error| error.to_string()),
        Kind::Html => {
            let page = decode(&bytes)?.text;
            html2text::from_read(page.as_bytes(), COLUMNS).map_err(|error| error.to_string())
        }
        Kind::Text => decode(&bytes).map(|decoded| decoded.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content_before_name() {
        assert_eq!(Kind::of(Path::new("a.txt"), b"%PDF-1.4"), Kind::Pdf);
        assert_eq!(Kind::of(Path::new("a.HTM"), b"<p>"), Kind::Html);
        assert_eq!(Kind::of(Path::new("a.rs"), b"fn"), Kind::Text);
    }

    #[test]
    fn a_web_page_becomes_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("a.html");
        let html = "<html><head><title>t</title><script>no()</script></head><body><h1>Head</h1><p>Some <b>text</b>.</p></body></html>";
        std::fs::write(&page, html).unwrap();
        let text = extract(&page).unwrap();
        assert!(text.contains("Head") && text.contains("text"), "{text}");
        assert!(!text.contains("no()"), "{text}");
    }

    #[test]
    fn a_reader_that_is_not_there_is_told() {
        let reason = Extractor::new("/no/such/program")
            .run(Path::new("/tmp/a.pdf"))
            .unwrap_err();
        assert!(reason.contains("could not be started"), "{reason}");
    }

    /// What is made of a child that does this.
    #[cfg(unix)]
    fn answer_of(script: &str) -> Result<String, String> {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let answer = answer(&mut child);
        child.wait().unwrap();
        answer
    }

    #[test]
    #[cfg(unix)]
    fn a_text_that_is_too_long_is_refused_and_holds_nobody_up() {
        let longest = format!("head -c {LARGEST} /dev/zero");
        let text = answer_of(&longest).unwrap();
        assert_eq!(text.len() as u64, LARGEST);
        let reason = answer_of("head -c 40000000 /dev/zero; echo more >&2").unwrap_err();
        assert!(reason.contains("more than 32 MiB"), "{reason}");
    }

    #[test]
    #[cfg(unix)]
    fn the_exit_code_says_whether_it_was_read() {
        let noisy = answer_of("echo 'odd font' >&2; echo text");
        assert_eq!(noisy, Ok("text\n".to_owned()));
        let failed = answer_of("echo half; echo 'no such font' >&2; exit 65");
        assert_eq!(failed, Err("it cannot be read: no such font".to_owned()));
        let silent = answer_of("exit 101").unwrap_err();
        assert!(silent.contains("may be damaged"), "{silent}");
    }
}
