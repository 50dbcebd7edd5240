//! The whole program in a pseudo-terminal: first frame, keys while decoding, bytes to the terminal,
//! speed with the screen against without, memory against a bare llama.cpp loop.
//!
//! `cargo bench --bench deck` measures the built-in model; `LLMDECK_BENCH_MODEL=FILE` another.
//! Every figure comes from outside the process, from what arrives at the terminal and when, but for
//! the tokens per second, which are the engine's own in both cases.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const BINARY: &str = env!("CARGO_BIN_EXE_llmdeck");
const N_CTX: u32 = 1024;
const WIDTH: u16 = 200;
const HEIGHT: u16 = 60;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    let model = std::env::var_os("LLMDECK_BENCH_MODEL")
        .map_or_else(|| PathBuf::from("models/guide.gguf"), PathBuf::from);
    // The program starts in another folder.
    let model = std::fs::canonicalize(model).expect("the model");
    if std::env::args().any(|argument| argument == "--bare") {
        return bare_memory(&model);
    }
    let data = std::env::temp_dir().join(format!("llmdeck-bench-{}", std::process::id()));
    std::fs::create_dir_all(&data).expect("a folder for the bench");
    println!("{}, {WIDTH}x{HEIGHT}", model.display());
    let bench = Bench {
        model,
        data: data.clone(),
    };
    bench.first_frame();
    bench.streaming_and_idle();
    bench.keys_while_decoding();
    bench.screen_against_headless();
    let _ = std::fs::remove_dir_all(data);
}

struct Bench {
    model: PathBuf,
    data: PathBuf,
}

impl Bench {
    fn open(&self, more: &[&str]) -> Session {
        let mut arguments = vec![
            "--data-dir".to_owned(),
            self.data.display().to_string(),
            "--config".to_owned(),
            self.config(),
            "-m".to_owned(),
            self.model.display().to_string(),
            "-c".to_owned(),
            N_CTX.to_string(),
            "--temp".to_owned(),
            "0".to_owned(),
            "--ignore-eos".to_owned(),
        ];
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        Session::start(&arguments)
    }

    /// An empty configuration of the bench's own, so that the user's does not count.
    fn config(&self) -> String {
        let file = self.data.join("config.toml");
        if !file.exists() {
            std::fs::write(&file, "").expect("the bench's folder");
        }
        file.display().to_string()
    }

    fn first_frame(&self) {
        let times = (0..11).map(|_| {
            let mut session = self.open(&[]);
            session.until("the first frame", |screen| screen.contains("llmdeck"));
            let time = session.started.elapsed();
            session.quit();
            milliseconds(time)
        });
        report("first frame after start, ms", times.collect());
    }

    fn streaming_and_idle(&self) {
        let mut session = self.open(&["-n", "200"]);
        session.until("the model", |screen| {
            screen.contains("Ask") || !screen.contains("loading")
        });
        session.settle(Duration::from_secs(3));
        let before = session.bytes;
        session.settle(Duration::from_secs(10));
        println!(
            "idle, bytes a second: {:.0}",
            (session.bytes - before) as f64 / 10.0
        );
        session.ask("tell me about memory");
        session.until("the first token", is_decoding);
        let (before, began) = (session.bytes, Instant::now());
        session.until("the end", |screen| {
            screen.contains("stopped after 200 tokens")
        });
        let (bytes, seconds) = (session.bytes - before, began.elapsed().as_secs_f64());
        println!(
            "streaming, bytes a second: {:.0} at {:.1} tokens per second; {:.0} at 30",
            bytes as f64 / seconds,
            200.0 / seconds,
            bytes as f64 / 200.0 * 30.0
        );
        let ours = resident(session.child.process_id().expect("it runs"));
        let theirs = self.bare_resident();
        println!(
            "memory, MiB: deck {:.1}, bare loop {:.1}, beyond it {:.1}",
            ours,
            theirs,
            ours - theirs
        );
        session.quit();
    }

    fn keys_while_decoding(&self) {
        let mut session = self.open(&["-n", "-1", "--context-shift"]);
        session.ask("go on");
        session.until("the first token", is_decoding);
        session.settle(Duration::from_secs(1));
        let mut times = Vec::new();
        let mut typed = String::new();
        for number in 0..100u8 {
            let character = char::from(b'a' + number % 26);
            typed.push(character);
            let began = Instant::now();
            session.send(&character.to_string());
            let wanted: String = typed.clone();
            session.until("the key", |screen| {
                screen.replace(['\n', ' '], "").contains(&wanted) || screen.contains(&wanted)
            });
            times.push(milliseconds(began.elapsed()));
            if typed.len() == 26 {
                // ctrl+u empties the line.
                session.send("\u{15}");
                typed.clear();
                session.until("an empty line", |screen| !screen.contains(&wanted));
            }
        }
        report("key to screen while decoding, ms", times);
        session.quit();
    }

    fn screen_against_headless(&self) {
        let mut ratios = Vec::new();
        for _ in 0..5 {
            let with = self.rate_with_screen();
            let without = self.rate_headless();
            ratios.push(with / without);
        }
        report("decode with the screen over headless, ratio", ratios);
    }

    fn rate_with_screen(&self) -> f64 {
        let mut session = self.open(&["-n", "200"]);
        session.ask("tell me about memory");
        session.until("the end", |screen| {
            screen.contains("stopped after 200 tokens")
        });
        let screen = session.screen();
        session.quit();
        // `decode  24.9 tok/s · 23.9 on average`, or the first alone where there is no room.
        let line = screen
            .lines()
            .find(|line| line.contains("tok/s") && line.contains("decode"))
            .and_then(|line| line.split_once("decode"));
        let shown = line.expect("the speed pane").1;
        let shown = shown
            .split_once("on average")
            .map_or(shown, |(average, _)| average);
        let words: Vec<&str> = shown
            .split_whitespace()
            .take_while(|word| *word != "│")
            .collect();
        let mut numbers = words
            .iter()
            .filter_map(|word| word.replace(',', "").parse().ok());
        numbers.next_back().expect("a rate")
    }

    fn rate_headless(&self) -> f64 {
        let output = Command::new(BINARY)
            .args([
                "run",
                "--json",
                "-n",
                "200",
                "--temp",
                "0",
                "--ignore-eos",
                "-p",
                "tell me about memory",
            ])
            .args(["-c", &N_CTX.to_string(), "--data-dir"])
            .arg(&self.data)
            .arg("--config")
            .arg(self.config())
            .arg("-m")
            .arg(&self.model)
            .stdin(Stdio::null())
            .output()
            .expect("the program");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
        json["timings"]["predicted_per_second"]
            .as_f64()
            .expect("a rate")
    }

    fn bare_resident(&self) -> f64 {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .arg("--bare")
            .env("LLMDECK_BENCH_MODEL", &self.model)
            .stderr(Stdio::null())
            .output()
            .expect("this program");
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .rev()
            .find_map(|line| line.trim().parse().ok())
            .expect("a figure")
    }
}

/// Loads and decodes with llama-cpp-2 alone and prints the resident memory in MiB.
fn bare_memory(model: &std::path::Path) {
    let backend = LlamaBackend::init().expect("the backend");
    let model = LlamaModel::load_from_file(&backend, model, &LlamaModelParams::default())
        .expect("the model");
    let params = LlamaContextParams::default()
        .with_n_ctx(std::num::NonZeroU32::new(N_CTX))
        .with_n_threads(1)
        .with_n_seq_max(4)
        .with_kv_unified(true);
    let mut context = model.new_context(&backend, params).expect("a context");
    let mut batch = LlamaBatch::new(512, 1);
    for position in 0..256 {
        batch.clear();
        batch
            .add(LlamaToken(300), position, &[0], true)
            .expect("room");
        context.decode(&mut batch).expect("decode");
    }
    println!("{}", resident(std::process::id()));
}

/// Resident memory of a process, in MiB.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok())
        .unwrap_or(f64::NAN)
        / 1024.0
}

/// Whether the speed pane shows how fast tokens come.
fn is_decoding(screen: &str) -> bool {
    let mut lines = screen.lines();
    lines.any(|line| line.contains("decode") && line.contains("tok/s"))
}

fn cells(count: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(count).unwrap_or(std::num::NonZeroU16::MIN)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn report(what: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
    println!(
        "{what}: median {:.3}, 99 of 100 {:.3}, most {:.3}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// The program in a pseudo-terminal.
struct Session {
    started: Instant,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    bytes: usize,
    // Held, because the terminal hangs up when it is dropped.
    _terminal: Box<dyn MasterPty + Send>,
}

impl Session {
    fn start(arguments: &[String]) -> Self {
        let size = PtySize {
            rows: HEIGHT,
            cols: WIDTH,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(BINARY);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        // As over SSH, which is how the deck is meant to be used.
        command.env("SSH_CONNECTION", "bench");
        let mut reader = pair.master.try_clone_reader().expect("the terminal");
        let keys = pair.master.take_writer().expect("the terminal");
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).expect("the program");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(cells(HEIGHT), cells(WIDTH), 0);
        Self {
            started,
            child,
            keys,
            output,
            parser,
            bytes: 0,
            _terminal: pair.master,
        }
    }

    fn send(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("the terminal");
        self.keys.flush().expect("the terminal");
    }

    /// Sends a message once the composer is there: before that the terminal still turns the end of
    /// the line into a line break.
    fn ask(&mut self, message: &str) {
        self.until("the model", |screen| {
            screen.contains("Write a message") && screen.contains("ready")
        });
        self.send(message);
        self.until("the message", |screen| screen.contains(message));
        self.send("\r");
    }

    fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(&self.screen()) {
            let left = until.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("waited for {what} on\n{}", self.screen()),
            }
        }
    }

    /// Takes in what comes for a while.
    fn settle(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            match self
                .output
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.parser.process(bytes);
    }

    fn quit(mut self) {
        self.send("\u{11}");
        let _ = self.child.wait();
    }
}
