//! A real process in a real pseudo-terminal, read through a terminal emulator.
//!
//! Nothing here sleeps: a reader thread blocks on the terminal, and a test waits for what the screen
//! shows, at most until a deadline that only a failure reaches.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// Far more than anything takes on a slow machine that is busy otherwise.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs the program given as arguments, then says in the same terminal how that ended: whether the
/// terminal's settings are as before, and the exit code. The program's process id goes to `$PID_FILE`;
/// it keeps the pipe `$ALIVE` open as long as it runs.
///
/// After its report it stays: when the leader of a terminal ends, Linux throws away what was written and
/// not read yet.
const THEN_REPORT: &str = r#"
before=$(stty -g)
sh -c 'echo $$ >"$PID_FILE"; exec "$@" 9>"$ALIVE"' sh "$@"
code=$?
[ "$before" = "$(stty -g)" ] && echo SETTINGS-RESTORED || stty -a
echo "ENDED-$code."
exec cat >/dev/null
"#;

/// The same with job control: when the program is stopped it says so, waits for a line, and goes on.
const STOP_AND_GO_ON: &str = r#"
set -m
before=$(stty -g)
sh -c 'echo $$ >"$PID_FILE"; exec "$@" 9>"$ALIVE"' sh "$@"
[ "$before" = "$(stty -g)" ] && echo SETTINGS-RESTORED || stty -a
echo STOPPED
read -r line
fg >/dev/null
echo "ENDED-$?."
exec cat >/dev/null
"#;

/// What to run: a program, its arguments and what it finds in its environment.
#[derive(Clone, Debug)]
pub struct Program {
    argv: Vec<OsString>,
    variables: Vec<(String, OsString)>,
    columns: u16,
    rows: u16,
}

impl Program {
    /// The environment holds PATH, TERM, LANG and a HOME of its own, nothing else.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let mut program = Self {
            argv: vec![path.as_ref().to_owned()],
            variables: Vec::new(),
            columns: 100,
            rows: 30,
        };
        program = program
            .variable("TERM", "xterm-256color")
            .variable("LANG", "C.UTF-8");
        match std::env::var_os("PATH") {
            Some(path) => program.variable("PATH", path),
            None => program,
        }
    }

    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.argv.push(argument.as_ref().to_owned());
        self
    }

    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        (self.columns, self.rows) = (columns, rows);
        self
    }

    /// Starts it as the only program in its terminal.
    pub fn start(&self) -> Session {
        Session::start(self, &[])
    }

    /// Starts it under a shell that reports its end; see [`Session::wait_for_end`].
    pub fn start_in_shell(&self) -> Session {
        Session::start(self, &["sh", "-c", THEN_REPORT, "sh"])
    }

    /// Starts it under a shell with job control, which prints `STOPPED` when it is stopped and brings it
    /// back after a line of input.
    pub fn start_as_job(&self) -> Session {
        Session::start(self, &["sh", "-c", STOP_AND_GO_ON, "sh"])
    }
}

/// A program that runs in a terminal of its own; killed when this is dropped.
pub struct Session {
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    terminal: vt100::Parser,
    raw: Vec<u8>,
    ended: Receiver<()>,
    home: tempfile::TempDir,
}

impl Session {
    fn start(program: &Program, wrapper: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let argv = wrapper
            .iter()
            .map(OsString::from)
            .chain(program.argv.iter().cloned())
            .collect();
        let mut command = CommandBuilder::from_argv(argv);
        command.env_clear();
        command.cwd(home.path());
        command.env("HOME", home.path());
        command.env("PID_FILE", home.path().join("pid"));
        let alive = home.path().join("alive");
        command.env("ALIVE", &alive);
        for (name, value) in &program.variables {
            command.env(name, value);
        }

        let (end, ended) = mpsc::channel();
        if !wrapper.is_empty() {
            assert!(
                std::process::Command::new("mkfifo")
                    .arg(&alive)
                    .status()
                    .unwrap()
                    .success()
            );
            thread::spawn(move || {
                let _ = std::fs::read(alive);
                let _ = end.send(());
            });
        }
        let pair = native_pty_system()
            .openpty(pty_size(program.columns, program.rows))
            .unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = mpsc::channel();
        thread::spawn(move || read_all(reader, &sender));
        let (rows, columns) = (nonzero(program.rows), nonzero(program.columns));
        Self {
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
            child,
            output,
            terminal: vt100::Parser::new(rows, columns, 0),
            raw: Vec::new(),
            ended,
            home,
        }
    }

    /// The folder the program has as HOME and as working directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Types.
    pub fn send(&mut self, keys: impl AsRef<[u8]>) {
        self.keyboard.write_all(keys.as_ref()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Pastes, as a terminal with bracketed paste does.
    pub fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~"));
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(pty_size(columns, rows)).unwrap();
        self.terminal
            .screen_mut()
            .set_size(nonzero(rows), nonzero(columns));
    }

    /// What the terminal shows, as far as it was read.
    pub fn screen(&self) -> &vt100::Screen {
        self.terminal.screen()
    }

    /// Every byte that came from the program, as far as it was read.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Reads until the screen fulfils `condition`; `what` names it in the failure.
    pub fn wait_until(&mut self, what: &str, condition: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !condition(self.terminal.screen()) {
            let wait = deadline.saturating_duration_since(Instant::now());
            let why = match self.output.recv_timeout(wait) {
                Ok(bytes) => {
                    self.take_in(&bytes);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => "in time",
                Err(RecvTimeoutError::Disconnected) => "before the end of the program",
            };
            panic!(
                "not seen {why}: {what}\n{}",
                self.terminal.screen().contents()
            );
        }
    }

    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits for the end with `code`, which must leave the terminal as it was.
    pub fn wait_for_end(&mut self, code: i32) {
        self.wait_for(&format!("ENDED-{code}."));
        self.wait_for_report();
    }

    /// Waits for an end with any code, as the shell around the program reports it.
    pub fn wait_for_report(&mut self) {
        self.wait_for("ENDED-");
        let shown = self.screen().contents();
        assert!(
            shown.contains("SETTINGS-RESTORED"),
            "the terminal's settings differ:\n{shown}"
        );
        self.assert_screen_restored();
    }

    pub fn assert_screen_restored(&self) {
        let screen = self.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
    }

    /// Sends a signal to the program; needs the shell that noted its process id.
    pub fn signal(&self, signal: Signal) {
        let path: PathBuf = self.home().join("pid");
        let pid = std::fs::read_to_string(path)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Takes the terminal away, as a lost connection does: its session leader dies.
    pub fn hang_up(&mut self) {
        self.kill_leader();
    }

    /// Waits until the program has ended; needs the shell, and sees more than the terminal's end.
    pub fn wait_until_gone(&mut self) {
        assert!(
            self.ended.recv_timeout(DEADLINE).is_ok(),
            "the program still runs"
        );
    }

    fn kill_leader(&self) {
        if let Some(pid) = self
            .child
            .process_id()
            .and_then(|pid| Pid::from_raw(pid.cast_signed()))
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.terminal.process(bytes);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill_leader();
        let _ = self.child.wait();
    }
}

fn read_all(mut reader: impl Read, sender: &mpsc::Sender<Vec<u8>>) {
    let mut buffer = [0; 8192];
    // The end of the program shows as an end of file or as an error, depending on the system.
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        if sender.send(buffer[..count].to_vec()).is_err() {
            return;
        }
    }
}

fn pty_size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn nonzero(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}
