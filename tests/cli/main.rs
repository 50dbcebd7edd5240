//! The program from outside: arguments, standard streams, files and exit codes of the real binary,
//! with the built-in model and folders of its own.

mod bench;
mod compare;
mod completion;
mod doctor;
mod errors;
mod fit;
#[path = "../hub/server.rs"]
#[expect(dead_code, reason = "the tests of downloads misbehave more")]
mod hub_server;
mod library;
mod metrics;
mod models;
mod prompt;
mod replay;
mod run;
mod sessions;
mod streams;
mod tune;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The built-in model's file.
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/guide.gguf");

/// A machine of its own for one test: no configuration, no data.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file with this text.
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The program, with nothing of the surroundings but the search path.
    fn command(&self, args: &[&str]) -> Command {
        self.other_command(env!("CARGO_BIN_EXE_llmdeck"), args)
    }

    /// Another program with the same surroundings.
    fn other_command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("LLMDECK_CONFIG", self.config())
            .env("LLMDECK_DATA_DIR", self.path("data"))
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The test's own configuration, or one that keeps to a thread, because tests run side by side.
    fn config(&self) -> PathBuf {
        let path = self.path("config.toml");
        if path.exists() {
            path
        } else {
            self.file("config.toml", "[params]\nthreads = 1\n")
        }
    }

    /// Runs to the end.
    fn run(&self, args: &[&str]) -> Done {
        Done::from(self.command(args).output().unwrap())
    }

    /// Runs to the end with text on standard input.
    fn run_with_input(&self, args: &[&str], input: &str) -> Done {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        Done::from(child.wait_with_output().unwrap())
    }
}

/// How a run ended and what it wrote.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    /// Standard output of a run without a complaint.
    fn good(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (Some(0), ""),
            "{}",
            self.stdout
        );
        self.stdout
    }

    /// The one JSON object of a run without a complaint.
    fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.good()).unwrap()
    }

    /// Standard error of a failed run, which writes nothing else.
    fn failed(self, code: i32) -> String {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (Some(code), ""),
            "{}",
            self.stderr
        );
        self.stderr
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
