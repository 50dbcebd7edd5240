//! What is typed, as events of the program.
//!
//! A thread reads: crossterm blocks in the middle of a paste or of an escape sequence until its end
//! comes, which over a slow connection takes a while, and the program goes on meanwhile.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use crossterm::event::{self, KeyEvent, KeyEventKind, KeyModifiers};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;
use tokio_stream::Stream;

use crate::app::Event;
use crate::keymap::{Key, KeyCode};

/// Events wait here while the program is busy; the terminal's own queue holds back the rest.
const CAPACITY: usize = 256;

/// How long to wait for the thread to stop reading; it takes no time unless it is stuck in a paste.
const CLOSES: Duration = Duration::from_millis(500);

/// A stream of `Event::Key`, `Event::Paste` and `Event::Resize`.
///
/// When the terminal can no longer be read it yields `Event::Terminate` and ends.
#[derive(Debug)]
pub struct Input {
    events: mpsc::Receiver<Event>,
    gate: Gate,
}

/// Keeps the reading thread from the keys while another program has the terminal.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<Turn>, Condvar)>);

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
    /// Returns when the thread no longer reads. A key that it is in the middle of comes first.
    pub fn close(&self) {
        self.set(Turn::Wanted);
        // Ends the thread's wait for a key: it reports the size of the terminal instead.
        let _ = kill_process(getpid(), Signal::WINCH);
        let (turn, changed) = &*self.0;
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
        let (turn, changed) = &*self.0;
        let Ok(mut turn) = turn.lock() else { return };
        if *turn == Turn::Wanted {
            *turn = Turn::Theirs;
            changed.notify_all();
        }
        drop(changed.wait_while(turn, |turn| *turn == Turn::Theirs));
    }

    fn set(&self, to: Turn) {
        let (turn, changed) = &*self.0;
        if let Ok(mut turn) = turn.lock() {
            *turn = to;
        }
        changed.notify_all();
    }
}

impl Input {
    /// Reads the terminal from now on, until the stream is dropped; one at a time. The first event is
    /// the size of the terminal.
    pub fn from_terminal() -> io::Result<Self> {
        let (sender, input) = Self::fake();
        let gate = input.gate();
        // Makes crossterm listen for changes of the size; one that came before is in the first event.
        event::poll(Duration::ZERO)?;
        let (width, height) = crossterm::terminal::size()?;
        let _ = sender.try_send(Event::Resize { width, height });
        // Not joined: it waits for a key that may never come, and ends with the process.
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read_terminal(&sender, &gate))?;
        Ok(input)
    }

    /// An input that yields what is sent to it, for tests.
    pub fn fake() -> (mpsc::Sender<Event>, Self) {
        let (sender, events) = mpsc::channel(CAPACITY);
        let gate = Gate::default();
        (sender, Self { events, gate })
    }

    /// To keep it from reading for a while.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }
}

impl Stream for Input {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }
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

fn read_terminal(events: &mpsc::Sender<Event>, gate: &Gate) {
    loop {
        gate.pass();
        let event = match event::read() {
            Ok(event) => from_crossterm(event),
            Err(error) => {
                tracing::error!("the terminal cannot be read any more: {error}");
                drop(events.blocking_send(Event::Terminate));
                return;
            }
        };
        if let Some(event) = event
            && events.blocking_send(event).is_err()
        {
            return;
        }
    }
}

fn from_crossterm(event: event::Event) -> Option<Event> {
    match event {
        event::Event::Key(key) => key_from(key).map(Event::Key),
        event::Event::Paste(text) => Some(Event::Paste(sanitise_paste(&text))),
        event::Event::Resize(width, height) => Some(Event::Resize { width, height }),
        event::Event::FocusGained | event::Event::FocusLost | event::Event::Mouse(_) => None,
    }
}

/// `None` for releases and for keys that mean nothing here.
fn key_from(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event
        .modifiers
        .intersects(KeyModifiers::ALT | KeyModifiers::META);
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let key = |code, shift| {
        Some(Key {
            code,
            ctrl,
            alt,
            shift,
        })
    };
    match event.code {
        // The Backspace key of many terminals sends Ctrl-H.
        event::KeyCode::Char('h') if ctrl && !alt => Some(Key {
            code: KeyCode::Backspace,
            ctrl: false,
            alt,
            shift,
        }),
        event::KeyCode::Char(c) => key(KeyCode::Char(if shift { uppercase(c) } else { c }), false),
        event::KeyCode::F(number) => key(KeyCode::Function(number), shift),
        event::KeyCode::Enter => key(KeyCode::Enter, shift),
        event::KeyCode::Esc => key(KeyCode::Escape, shift),
        event::KeyCode::Backspace => key(KeyCode::Backspace, shift),
        event::KeyCode::Delete => key(KeyCode::Delete, shift),
        event::KeyCode::Insert => key(KeyCode::Insert, shift),
        event::KeyCode::Tab => key(KeyCode::Tab, shift),
        event::KeyCode::BackTab => key(KeyCode::Tab, true),
        event::KeyCode::Up => key(KeyCode::Up, shift),
        event::KeyCode::Down => key(KeyCode::Down, shift),
        event::KeyCode::Left => key(KeyCode::Left, shift),
        event::KeyCode::Right => key(KeyCode::Right, shift),
        event::KeyCode::Home => key(KeyCode::Home, shift),
        event::KeyCode::End => key(KeyCode::End, shift),
        event::KeyCode::PageUp => key(KeyCode::PageUp, shift),
        event::KeyCode::PageDown => key(KeyCode::PageDown, shift),
        _ => None,
    }
}

/// The capital letter, where there is one of a single character.
fn uppercase(c: char) -> char {
    let mut capitals = c.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode as Code;
    use proptest::prelude::*;
    use tokio_stream::StreamExt;

    use super::*;

    fn pressed(code: Code, modifiers: KeyModifiers) -> Option<Key> {
        key_from(KeyEvent::new(code, modifiers))
    }

    const PLAIN: Key = Key {
        code: KeyCode::Enter,
        ctrl: false,
        alt: false,
        shift: false,
    };

    #[test]
    fn keys_are_converted() {
        let none = KeyModifiers::NONE;
        for (code, modifiers, expected) in [
            (Code::Enter, none, PLAIN),
            (Code::Enter, KeyModifiers::ALT, Key { alt: true, ..PLAIN }),
            (
                Code::Char('x'),
                none,
                Key {
                    code: KeyCode::Char('x'),
                    ..PLAIN
                },
            ),
            (
                Code::Char('c'),
                KeyModifiers::CONTROL,
                Key {
                    code: KeyCode::Char('c'),
                    ctrl: true,
                    ..PLAIN
                },
            ),
            (
                Code::F(5),
                none,
                Key {
                    code: KeyCode::Function(5),
                    ..PLAIN
                },
            ),
            (
                Code::Up,
                KeyModifiers::SHIFT,
                Key {
                    code: KeyCode::Up,
                    shift: true,
                    ..PLAIN
                },
            ),
            (
                Code::BackTab,
                KeyModifiers::SHIFT,
                Key {
                    code: KeyCode::Tab,
                    shift: true,
                    ..PLAIN
                },
            ),
            (
                Code::Char('h'),
                KeyModifiers::CONTROL,
                Key {
                    code: KeyCode::Backspace,
                    ..PLAIN
                },
            ),
        ] {
            assert_eq!(
                pressed(code, modifiers),
                Some(expected),
                "{code:?} {modifiers:?}"
            );
        }
        assert_eq!(pressed(Code::CapsLock, none), None);
    }

    #[test]
    fn shift_is_in_the_character() {
        let capital = Key {
            code: KeyCode::Char('A'),
            ..PLAIN
        };
        assert_eq!(pressed(Code::Char('A'), KeyModifiers::SHIFT), Some(capital));
        assert_eq!(pressed(Code::Char('a'), KeyModifiers::SHIFT), Some(capital));
        assert_eq!(
            pressed(Code::Char('ß'), KeyModifiers::SHIFT),
            Some(Key {
                code: KeyCode::Char('ß'),
                ..PLAIN
            })
        );
    }

    #[test]
    fn releases_are_left_out_and_repeats_are_not() {
        let event = |kind| KeyEvent::new_with_kind(Code::Down, KeyModifiers::NONE, kind);
        assert_eq!(key_from(event(KeyEventKind::Release)), None);
        assert!(key_from(event(KeyEventKind::Repeat)).is_some());
    }

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
        sender.send(Event::Key(PLAIN)).await.unwrap();
        sender.send(Event::Paste("text".to_owned())).await.unwrap();
        drop(sender);
        assert!(matches!(input.next().await, Some(Event::Key(PLAIN))));
        assert!(matches!(input.next().await, Some(Event::Paste(text)) if text == "text"));
        assert!(input.next().await.is_none());
    }
}
