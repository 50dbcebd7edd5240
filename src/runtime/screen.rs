//! The terminal as the deck needs it, and the two that there are: the real one and one in memory.

use std::io;
use std::path::PathBuf;

use ratatui::Frame;

use crate::terminal::{self, Capabilities, Editor, Gate, Guard, Terminal};

/// Waits for an editor, on a thread of its own; gives what it made of the text, or why nothing.
pub type Edited = Box<dyn FnOnce() -> Result<String, String> + Send>;

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
    /// Gives the terminal to the user's editor with a text, until [`Self::resume`].
    ///
    /// # Errors
    /// A sentence for the status line; the terminal is ours then.
    fn edit(&mut self, text: &str) -> Result<Edited, String>;
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
    keys: Gate,
    /// Ends the editor that has the terminal.
    editor: Option<Box<dyn Fn() + Send>>,
}

impl RealScreen {
    pub fn new(
        guard: Guard,
        terminal: Terminal,
        capabilities: Capabilities,
        copies: PathBuf,
        keys: Gate,
    ) -> Self {
        Self {
            terminal,
            guard,
            capabilities,
            copies,
            keys,
            editor: None,
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

    fn edit(&mut self, text: &str) -> Result<Edited, String> {
        self.keys.close();
        self.guard.lend();
        match Editor::start(text) {
            Ok(editor) => {
                self.editor = Some(Box::new(editor.ender()));
                Ok(Box::new(move || editor.wait()))
            }
            Err(why) => {
                let taken = self.resume();
                Err(taken.err().map_or(why, |error| error.to_string()))
            }
        }
    }

    fn resume(&mut self) -> io::Result<()> {
        self.editor = None;
        let taken = self.guard.resume(&mut self.terminal);
        self.keys.open();
        taken
    }
}

impl Drop for RealScreen {
    fn drop(&mut self) {
        // The program ends while an editor has the terminal: both let go of it.
        if let Some(end) = &self.editor {
            end();
        }
    }
}
