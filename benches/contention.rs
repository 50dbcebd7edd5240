//! Decode and prefill beside processes that want the cores too: the engine as the deck runs it,
//! against plain `llama-cpp-2` loops with llama.cpp's defaults, each in a process of its own, in turn.
//!
//! `LLMDECK_BENCH_MODEL=FILE cargo bench --bench contention -- [--other PROGRAM] [--rounds N] [--only
//! WORD]`. The loop of this build waits with ggml's own threads. PROGRAM is this bench from another build, whose
//! loop is measured as well; with llama.cpp's default, OpenMP, it comes from
//!
//! ```sh
//! cargo bench --bench contention --no-run --features llama-cpp-2/openmp --target-dir target-openmp
//! ```

#[path = "shared/loops.rs"]
mod loops;
mod shared;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use clap::Parser;
use llmdeck::engine::Command;
use llmdeck::params::Params;
use loops::{Bare, N_CTX, N_PREDICT, Speed, through_engine};
use shared::{median, ratio};

#[derive(Parser)]
struct Options {
    /// This bench from another build.
    #[arg(long)]
    other: Option<PathBuf>,
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Only beside those whose name has that in it: nobody, same, another, four.
    #[arg(long, default_value = "")]
    only: String,
    /// What Cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
    /// Keeps a core busy until it is killed.
    #[arg(long, hide = true)]
    burn: Option<Session>,
    /// Runs the plain loop once for each line read, a number of prompt tokens.
    #[arg(long, hide = true)]
    bare: bool,
}

/// Linux shares the cores between sessions first and then between the threads of each (autogroups),
/// so that it matters whose neighbour a process is.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Session {
    /// The one of the program that is measured: another job of the same shell.
    Same,
    /// One of its own: another login, another pane of tmux, a service.
    Own,
}

/// Who else wants the cores.
const NEIGHBOURS: [(&str, usize, Session); 4] = [
    ("nobody", 0, Session::Same),
    ("one busy process of the same session", 1, Session::Same),
    ("one busy process of another session", 1, Session::Own),
    ("four busy processes of the same session", 4, Session::Same),
];

fn main() {
    let options = Options::parse();
    match options.burn {
        Some(session) => burn(session),
        None if options.bare => serve(),
        None => measure(&options),
    }
}

fn measure(options: &Options) {
    let path = shared::model();
    let (engine, mut events) = llmdeck::engine::llama::start().expect("a thread");
    let mut params = Params::default().load();
    params.context.n_ctx = N_CTX;
    shared::load(&engine, &mut events, &path, params);
    let this = std::env::current_exe().expect("this program");
    let mut loops: Vec<Loop> = std::iter::once(&this)
        .chain(&options.other)
        .map(|program| Loop::start(program))
        .collect();

    let mut id = 0;
    let mut reply = || {
        id += 1;
        through_engine(&engine, &mut events, id)
    };
    reply();
    // The first one also prefills what the template puts before the first word.
    let n_prompt = reply().prompt_n as usize;
    for bare in &mut loops {
        bare.reply(n_prompt);
    }
    println!(
        "{}: {n_prompt} prompt tokens, {N_PREDICT} generated, {} rounds in turn; medians, and means \
         of ratios with 95 % intervals",
        path.display(),
        options.rounds
    );
    for (neighbours, count, session) in NEIGHBOURS {
        if !neighbours.contains(&options.only) {
            continue;
        }
        let busy: Vec<Busy> = (0..count).map(|_| Busy::start(&this, session)).collect();
        // The engine needs a moment to notice them, as it does in use.
        reply();
        let mut ours = Vec::new();
        let mut theirs: Vec<Vec<Speed>> = loops.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.rounds {
            ours.push(Speed::from(&reply()));
            for (bare, speeds) in loops.iter_mut().zip(&mut theirs) {
                speeds.push(bare.reply(n_prompt));
            }
        }
        drop(busy);
        println!("\nbeside {neighbours}");
        println!("| tokens per second | engine | bare loop | ratio | other build's | ratio |");
        println!("| --- | --- | --- | --- | --- | --- |");
        row("prefill", &ours, &theirs, |speed| speed.prefill);
        row("decode", &ours, &theirs, |speed| speed.decode);
    }
    let _ = engine.send(Command::Stop);
    engine.join();
}

fn row(name: &str, ours: &[Speed], theirs: &[Vec<Speed>], figure: impl Fn(&Speed) -> f64 + Copy) {
    print!("| {name} | {:.1} |", median(ours.iter().map(figure)));
    for speeds in theirs {
        let ratios = ours.iter().zip(speeds);
        print!(
            " {:.1} | {} |",
            median(speeds.iter().map(figure)),
            ratio(ratios.map(|(ours, theirs)| figure(ours) / figure(theirs)))
        );
    }
    println!();
}

/// A process with a plain loop.
struct Loop {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Loop {
    fn start(program: &Path) -> Self {
        let mut process = std::process::Command::new(program)
            .arg("--bare")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // llama.cpp's log.
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        Self {
            requests: process.stdin.take().expect("its input"),
            answers: BufReader::new(process.stdout.take().expect("its output")),
            process,
        }
    }

    fn reply(&mut self, n_prompt: usize) -> Speed {
        writeln!(self.requests, "{n_prompt}").expect("the loop");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the loop");
        let (prefill, decode) = answer.trim().split_once(' ').expect("two figures");
        let figure = |text: &str| text.parse().expect("a figure");
        Speed {
            prefill: figure(prefill),
            decode: figure(decode),
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve() {
    let bare = Bare::load(&shared::model(), shared::threads());
    for line in std::io::stdin().lines() {
        let n_prompt = line.expect("a line").parse().expect("a number");
        let Speed { prefill, decode } = bare.reply(n_prompt);
        println!("{prefill} {decode}");
    }
}

/// Another process that keeps a core busy until this is dropped.
struct Busy(Child);

impl Busy {
    fn start(program: &Path, session: Session) -> Self {
        let session = match session {
            Session::Same => "same",
            Session::Own => "own",
        };
        Self(
            std::process::Command::new(program)
                .args(["--burn", session])
                .stdin(Stdio::piped())
                .spawn()
                .expect("a process"),
        )
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn burn(session: Session) -> ! {
    // Ends with the one who started it, however that ends.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    if let Session::Own = session {
        rustix::process::setsid().expect("a session");
    }
    let mut number = 1_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(3));
    }
}
