//! The terminal as the deck needs it, and the two that there are: the real one and one in memory.

use std::io;
use std::path::PathBuf;

use ratatui::Frame;

use crate::terminal::{self, Capabilities, Guard, Terminal};

/// What the deck asks of a terminal.
pub trait Screen {
    /// Draws one frame; only what changed is sent.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()>;
    /// Forgets what is shown, so that the next frame paints every cell.
    ///
    /// # Errors
    /// When the terminal's size cannot be read.
    fn repaint(&mut self) -> io::Result<()>;
    /// Puts text on the user's clipboard; says how, or why not.
    ///
    /// # Errors
    /// A sentence for the status line.
    fn copy(&mut self, text: &str) -> Result<String, String>;
    /// Gives the terminal to the shell until the job is continued.
    ///
    /// # Errors
    /// When the terminal cannot be given or taken.
    fn suspend(&mut self) -> impl Future<Output = io::Result<()>>;
    /// The program was stopped and continued from outside.
    ///
    /// # Errors
    /// When the terminal cannot be taken.
    fn resume(&mut self) -> io::Result<()>;
}

/// The terminal the program was started in.
pub struct RealScreen {
    // First, so that it is dropped first: what is pending is not written after the terminal is given back.
    terminal: Terminal,
    guard: Guard,
    capabilities: Capabilities,
    /// Where text goes that the clipboard does not take.
    copies: PathBuf,
}

impl RealScreen {
    pub fn new(
        guard: Guard,
        terminal: Terminal,
        capabilities: Capabilities,
        copies: PathBuf,
    ) -> Self {
        Self {
            terminal,
            guard,
            capabilities,
            copies,
        }
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// When the terminal does not say.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }
}

impl Screen for RealScreen {
    fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(paint)
    }

    fn repaint(&mut self) -> io::Result<()> {
        self.terminal.repaint()
    }

    fn copy(&mut self, text: &str) -> Result<String, String> {
        let mut sequence = Vec::new();
        let said = terminal::copy(text, &mut sequence, &self.capabilities, &self.copies)?;
        self.terminal
            .send(&sequence)
            .map_err(|error| format!("could not write to the terminal: {error}"))?;
        Ok(said)
    }

    async fn suspend(&mut self) -> io::Result<()> {
        self.guard.suspend(&mut self.terminal).await
    }

    fn resume(&mut self) -> io::Result<()> {
        self.guard.resume(&mut self.terminal)
    }
}
