//! What is typed, as events of the program.
//!
//! A thread of its own reads the bytes and makes keys of them: the terminal's queue is short, and what
//! is typed while the program is busy must not be lost. crossterm's reader is not used: it leaves bytes
//! unread until the next key when more of them come than it reads at once, and an answer that it does
//! not know (`CSI ? … $ y`) swallows every key after it.

mod decoder;
mod reader;
mod sequences;

use std::io;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_stream::Stream;

use super::saved::Saved;
use crate::app::Event;

/// Events wait here while the program is busy; the terminal's own queue holds back the rest.
const CAPACITY: usize = 256;

/// How long to wait for the thread to stop reading; it takes no time unless nobody takes its events.
const CLOSES: Duration = Duration::from_millis(500);

/// A stream of `Event::Key`, `Event::Typed`, `Event::Paste` and `Event::Resize`.
///
/// When the terminal can no longer be read it yields `Event::Terminate` and ends.
#[derive(Debug)]
pub struct Input {
    events: mpsc::Receiver<Event>,
    /// Taken from the channel before its turn.
    ahead: Option<Event>,
    /// `None` in tests.
    resized: Option<unix::Signal>,
    gate: Gate,
}

/// Keeps the reading thread from the keys while another program has the terminal.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    turn: Arc<(Mutex<Turn>, Condvar)>,
    /// Ends the thread's wait for a key; `None` where no thread reads.
    waker: Option<Arc<UnixStream>>,
}

/// Whose turn it is to read keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Ours,
    /// Another program wants them; the thread may still read.
    Wanted,
    Theirs,
}

impl Gate {
    /// Returns when the thread no longer reads. Keys that it has read already come first.
    pub fn close(&self) {
        self.set(Turn::Wanted);
        let Some(mut waker) = self.waker.as_deref() else {
            return;
        };
        let _ = io::Write::write(&mut waker, &[0]);
        let (turn, changed) = &*self.turn;
        if let Ok(turn) = turn.lock() {
            let _ = changed.wait_timeout_while(turn, CLOSES, |turn| *turn == Turn::Wanted);
        }
    }

    /// The keys are ours again.
    pub fn open(&self) {
        self.set(Turn::Ours);
    }

    /// Waits while the keys are another program's.
    fn pass(&self) {
        let (turn, changed) = &*self.turn;
        let Ok(mut turn) = turn.lock() else { return };
        if *turn == Turn::Wanted {
            *turn = Turn::Theirs;
            changed.notify_all();
        }
        drop(changed.wait_while(turn, |turn| *turn == Turn::Theirs));
    }

    fn set(&self, to: Turn) {
        let (turn, changed) = &*self.turn;
        if let Ok(mut turn) = turn.lock() {
            *turn = to;
        }
        changed.notify_all();
    }
}

impl Input {
    /// Reads the terminal from now on, until the stream is dropped; one at a time. The first event is
    /// the size of the terminal. Needs a tokio runtime.
    pub fn from_terminal() -> io::Result<Self> {
        let (sender, mut input) = Self::fake();
        let (waker, woken) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        input.gate.waker = Some(Arc::new(waker));
        input.resized = Some(signal(SignalKind::window_change())?);
        input.ahead = Some(size()?);
        reader::start(Saved::get()?.tty(), woken, sender, input.gate.clone())?;
        Ok(input)
    }

    /// An input that yields what is sent to it, for tests.
    pub fn fake() -> (mpsc::Sender<Event>, Self) {
        let (sender, events) = mpsc::channel(CAPACITY);
        let input = Self {
            events,
            ahead: None,
            resized: None,
            gate: Gate::default(),
        };
        (sender, input)
    }

    /// To keep it from reading for a while.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Puts together what was typed in several runs while the program was busy.
    fn joined(&mut self, first: Event) -> Event {
        let Event::Typed(mut text) = first else {
            return first;
        };
        while let Ok(event) = self.events.try_recv() {
            match event {
                Event::Typed(more) => text.push_str(&more),
                other => {
                    self.ahead = Some(other);
                    break;
                }
            }
        }
        Event::Typed(text)
    }
}

impl Stream for Input {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(event) = self.ahead.take() {
            return Poll::Ready(Some(event));
        }
        if let Some(resized) = &mut self.resized
            && resized.poll_recv(context).is_ready()
            && let Ok(size) = size()
        {
            return Poll::Ready(Some(size));
        }
        self.events
            .poll_recv(context)
            .map(|event| event.map(|event| self.joined(event)))
    }
}

fn size() -> io::Result<Event> {
    let (width, height) = crossterm::terminal::size()?;
    Ok(Event::Resize { width, height })
}

/// Pasted text with line ends as LF and without control characters other than LF and tab.
///
/// Terminals send CR for a line end in a paste; escape sequences in pasted text must never reach the
/// screen or the model.
pub fn sanitise_paste(text: &str) -> String {
    let mut clean = text.replace("\r\n", "\n").replace('\r', "\n");
    clean.retain(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_stream::StreamExt;

    use super::*;
    use crate::keymap::{Key, KeyCode};

    const ENTER: Key = Key::plain(KeyCode::Enter);

    #[test]
    fn a_paste_keeps_lines_and_tabs_only() {
        assert_eq!(
            sanitise_paste("a\r\nb\rc\td\u{1b}[31m\u{7}\u{9b}e"),
            "a\nb\nc\td[31me"
        );
    }

    proptest! {
        #[test]
        fn a_clean_paste_stays_and_nothing_else_is_left(text in any::<String>()) {
            let clean = sanitise_paste(&text);
            prop_assert!(clean.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            prop_assert_eq!(sanitise_paste(&clean), clean);
        }
    }

    #[tokio::test]
    async fn the_fake_yields_in_order_and_ends() {
        let (sender, mut input) = Input::fake();
        sender.send(Event::Key(ENTER)).await.unwrap();
        sender.send(Event::Paste("text".to_owned())).await.unwrap();
        drop(sender);
        assert!(matches!(input.next().await, Some(Event::Key(ENTER))));
        assert!(matches!(input.next().await, Some(Event::Paste(text)) if text == "text"));
        assert!(input.next().await.is_none());
    }

    #[tokio::test]
    async fn what_was_typed_meanwhile_comes_in_one_piece() {
        let (sender, mut input) = Input::fake();
        for text in ["one ", "two ", "three"] {
            sender.send(Event::Typed(text.to_owned())).await.unwrap();
        }
        sender.send(Event::Key(ENTER)).await.unwrap();
        sender.send(Event::Typed("four".to_owned())).await.unwrap();
        assert!(matches!(input.next().await, Some(Event::Typed(text)) if text == "one two three"));
        assert!(matches!(input.next().await, Some(Event::Key(ENTER))));
        assert!(matches!(input.next().await, Some(Event::Typed(text)) if text == "four"));
    }
}
