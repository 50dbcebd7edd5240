//! The only place that touches stdin, stdout, stderr, signals and the terminal's settings.
//!
//! [`Guard::enter`] takes the terminal and hands out a [`Terminal`] to draw on; dropping the guard, a
//! panic, llama.cpp's abort or a signal of a fault gives the terminal back as it was. [`Input`] turns what is typed into
//! events, [`Signals`] does so for signals, [`FramePacer`] says when to draw.
//!
//! Nothing here ever asks the terminal a question: a terminal that answers none would make us wait.

mod capabilities;
mod clipboard;
mod editor;
mod frames;
mod guard;
mod input;
mod output;
mod saved;
mod signals;

pub use capabilities::{Capabilities, Link, Multiplexer};
pub use clipboard::copy;
pub use editor::Editor;
pub use frames::FramePacer;
pub use guard::Guard;
pub use input::{Gate, Input, sanitise_paste};
pub use output::{Output, Terminal};
pub use saved::restore_for_abort;
pub use signals::{Signal, Signals};
