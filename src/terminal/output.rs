//! What goes to the screen: one write a frame, synchronized, counted.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};

/// A terminal that supports synchronized output shows nothing between these two; others ignore them.
const FRAME_BEGIN: &[u8] = b"\x1b[?2026h";
const FRAME_END: &[u8] = b"\x1b[?2026l";

/// The terminal to draw on; from [`Guard::enter`](super::Guard::enter).
#[derive(Debug)]
pub struct Terminal {
    inner: ratatui::Terminal<CrosstermBackend<Output>>,
    control: Arc<Control>,
}

impl Terminal {
    pub(super) fn new(output: Output) -> io::Result<Self> {
        let control = Arc::clone(&output.control);
        Ok(Self {
            inner: ratatui::Terminal::new(CrosstermBackend::new(output))?,
            control,
        })
    }

    /// Draws one frame and sends what differs from the last one, in a single write.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.control.in_frame.store(true, Ordering::Relaxed);
        let drawn = self.inner.draw(paint).map(drop);
        self.control.in_frame.store(false, Ordering::Relaxed);
        self.inner.backend_mut().flush()?;
        drawn
    }

    /// Forgets what the screen shows: the next frame paints every cell.
    ///
    /// By way of a resize to the present size, because ratatui's own `clear` asks for the cursor's place
    /// and waits two seconds on a terminal that does not answer.
    pub fn repaint(&mut self) -> io::Result<()> {
        let size = self.inner.size()?;
        self.inner
            .resize(Rect::from((ratatui::layout::Position::ORIGIN, size)))
    }

    /// Sends bytes that are no part of a frame, such as an OSC sequence.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.backend_mut().write_all(bytes)?;
        self.inner.backend_mut().flush()
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    /// Bytes sent to the terminal so far.
    pub fn bytes_written(&self) -> u64 {
        self.control.bytes.load(Ordering::Relaxed)
    }
}

/// What the terminal and its writer share: the writer belongs to the backend, out of reach.
#[derive(Debug, Default)]
struct Control {
    /// Between the start and the end of a frame `flush` waits: ratatui flushes several times a frame.
    in_frame: AtomicBool,
    bytes: AtomicU64,
}

/// Collects a frame and writes it at once.
///
/// While the screen is not ours it drops everything, so that nothing half drawn lands in the shell.
#[derive(Debug)]
pub struct Output<W = File> {
    screen: W,
    ours: Arc<AtomicBool>,
    control: Arc<Control>,
    pending: Vec<u8>,
    /// The last frame as it was sent. The same bytes again would change nothing: frames position
    /// absolutely, and a frame in which a cell changed differs from the one before.
    last: Vec<u8>,
    framed: bool,
}

impl<W: Write> Output<W> {
    /// Writes to `screen` as long as `ours` is true.
    pub fn new(screen: W, ours: Arc<AtomicBool>) -> Self {
        Self {
            screen,
            ours,
            control: Arc::default(),
            pending: Vec::new(),
            last: Vec::new(),
            framed: false,
        }
    }

    fn send(&mut self) -> io::Result<()> {
        self.screen.write_all(&self.pending)?;
        self.screen.flush()?;
        self.control
            .bytes
            .fetch_add(self.pending.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.is_empty() {
            self.framed = self.control.in_frame.load(Ordering::Relaxed);
            if self.framed {
                self.pending.extend_from_slice(FRAME_BEGIN);
            }
        }
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.control.in_frame.load(Ordering::Relaxed) || self.pending.is_empty() {
            return Ok(());
        }
        if self.framed {
            self.pending.extend_from_slice(FRAME_END);
        }
        let unchanged = self.framed && self.pending == self.last;
        let sent = if unchanged || !self.ours.load(Ordering::SeqCst) {
            Ok(())
        } else {
            self.send()
        };
        std::mem::swap(&mut self.last, &mut self.pending);
        self.pending.clear();
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output() -> Output<Vec<u8>> {
        Output::new(Vec::new(), Arc::new(AtomicBool::new(true)))
    }

    fn frame(output: &mut Output<Vec<u8>>, parts: &[&str]) {
        output.control.in_frame.store(true, Ordering::Relaxed);
        for part in parts {
            output.write_all(part.as_bytes()).unwrap();
            output.flush().unwrap();
        }
        output.control.in_frame.store(false, Ordering::Relaxed);
        output.flush().unwrap();
    }

    #[test]
    fn a_frame_is_one_synchronized_write() {
        let mut output = output();
        frame(&mut output, &["one", "two"]);
        assert_eq!(output.screen, b"\x1b[?2026honetwo\x1b[?2026l");
        assert_eq!(
            output.control.bytes.load(Ordering::Relaxed),
            output.screen.len() as u64
        );
    }

    #[test]
    fn an_unchanged_frame_is_not_sent_again() {
        let mut output = output();
        frame(&mut output, &["same"]);
        let once = output.screen.len();
        frame(&mut output, &["same"]);
        assert_eq!(output.screen.len(), once);
        frame(&mut output, &["other"]);
        frame(&mut output, &["same"]);
        assert_eq!(output.screen.len(), once * 3 + "other".len() - "same".len());
    }

    #[test]
    fn what_lies_between_frames_makes_the_next_frame_count() {
        let mut output = output();
        frame(&mut output, &["same"]);
        output.write_all(b"\x1b[2J").unwrap();
        output.flush().unwrap();
        frame(&mut output, &["same"]);
        let text = String::from_utf8(output.screen.clone()).unwrap();
        assert_eq!(text.matches("same").count(), 2);
        assert_eq!(text.matches("\x1b[?2026h").count(), 2);
    }

    #[test]
    fn a_screen_that_is_not_ours_gets_nothing() {
        let mut output = output();
        output.ours.store(false, Ordering::SeqCst);
        frame(&mut output, &["lost"]);
        assert!(output.screen.is_empty());
        output.ours.store(true, Ordering::SeqCst);
        output.flush().unwrap();
        assert!(output.screen.is_empty(), "nothing is kept for later");
    }
}
