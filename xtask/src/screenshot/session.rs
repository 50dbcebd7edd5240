//! A program in a pseudo-terminal of its own, and what it shows.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

/// Longer than any reply of the built-in model takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the program sends at the end of every frame.
const FRAME_END: &[u8] = b"\x1b[?2026l";

pub struct Session {
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    terminal: vt100::Parser,
    /// The last bytes that were read.
    tail: Vec<u8>,
}

impl Session {
    /// Starts `program` with `home` as HOME and an environment of its own.
    pub fn start(program: &Path, home: &Path, columns: u16, rows: u16) -> Result<Self, String> {
        let failed = |what: &str, error: &dyn std::fmt::Display| format!("cannot {what}: {error}");
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .map_err(|error| failed("open a pseudo-terminal", &error))?;
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
            ("LANG", "C.UTF-8"),
        ] {
            command.env(name, value);
        }
        command.env("HOME", home);
        command.cwd(home);
        let start = format!("start {}", program.display());
        let child = pair
            .slave
            .spawn_command(command)
            .map_err(|error| failed(&start, &error))?;
        let mut reader = pair
            .master
            .try_clone_reader()
            .map_err(|error| failed("read the terminal", &error))?;
        let keyboard = pair
            .master
            .take_writer()
            .map_err(|error| failed("write to the terminal", &error))?;
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count| NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN);
        Ok(Self {
            keyboard,
            child,
            output,
            terminal: vt100::Parser::new(cells(rows), cells(columns), 0),
            tail: Vec::new(),
        })
    }

    pub fn send(&mut self, keys: &str) -> Result<(), String> {
        self.keyboard
            .write_all(keys.as_bytes())
            .and_then(|()| self.keyboard.flush())
            .map_err(|error| format!("cannot type into the program: {error}"))
    }

    /// Reads until the screen shows `text` in a complete frame; the error holds what it shows instead.
    pub fn wait_for(&mut self, text: &str) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !(self.tail == FRAME_END && self.screen().contents().contains(text)) {
            let Ok(bytes) = self
                .output
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            else {
                return Err(format!(
                    "the screen never showed {text:?}:\n{}",
                    self.screen().contents()
                ));
            };
            self.terminal.process(&bytes);
            self.tail.extend_from_slice(&bytes);
            let surplus = self.tail.len().saturating_sub(FRAME_END.len());
            self.tail.drain(..surplus);
        }
        Ok(())
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.terminal.screen()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
