//! A deck on a screen in memory.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use llmdeck::app::{self, Event, Saving, State};
use llmdeck::config;
use llmdeck::engine::fake::{self, Script};
use llmdeck::keymap::Key;
use llmdeck::runtime::{self, Edited, Look, Measurer, Saver, Screen, Sources, Wake};
use llmdeck::store::StoreHandle;
use llmdeck::terminal::{FramePacer, Input};
use llmdeck::theme;
use llmdeck::ui::TranscriptCache;
use ratatui::backend::TestBackend;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Virtual time after which a text that has not appeared is missing.
const PATIENCE: Duration = Duration::from_secs(120);

/// The deck under test.
pub struct Deck {
    keys: mpsc::Sender<Event>,
    shared: Shared,
    task: JoinHandle<State>,
}

#[derive(Clone, Default)]
struct Shared {
    screen: Arc<Mutex<String>>,
    frames: Arc<AtomicUsize>,
    suspended: Arc<AtomicUsize>,
}

impl Deck {
    /// Starts a deck of that size on the fake engine and lets it load a model named guide.
    pub async fn start(size: (u16, u16), script: Script) -> Self {
        Self::start_with(size, script, Saving::Off, None)
    }

    /// The same deck with its chats saved in that folder.
    pub async fn start_saving(script: Script, folder: &Path) -> Self {
        Self::start_with((120, 40), script, Saving::On, Some(folder))
    }

    /// A deck that measures, with its model's file and its results in that folder.
    pub async fn start_measuring(script: Script, folder: &Path) -> Self {
        std::fs::write(folder.join("guide.gguf"), "a model").expect("a folder to write to");
        Self::start_on((120, 40), script, Saving::Off, None, Some(folder))
    }

    pub fn start_with(
        size: (u16, u16),
        script: Script,
        saving: Saving,
        folder: Option<&Path>,
    ) -> Self {
        Self::start_on(size, script, saving, folder, None)
    }

    fn start_on(
        size: (u16, u16),
        script: Script,
        saving: Saving,
        folder: Option<&Path>,
        measured: Option<&Path>,
    ) -> Self {
        let shared = Shared::default();
        let terminal = ratatui::Terminal::new(TestBackend::new(size.0, size.1)).expect("in memory");
        let screen = MemoryScreen {
            terminal,
            shared: shared.clone(),
        };
        let (keys, input) = Input::fake();
        let (inbox, received) = mpsc::channel(64);
        let (engine, events) = fake::start(script);
        let mut state = State::new(size);
        state.presets = Arc::new(config::load_presets(std::path::Path::new("no such folder")).0);
        let themes = theme::load_themes(None).0;
        state.personas =
            Arc::new(config::load_personas(std::path::Path::new("no such folder"), &[]).0);
        let look = Look {
            theme: themes[0].clone(),
            themes,
            cache: TranscriptCache::default(),
            pacer: FramePacer::new(60),
        };
        let models = measured.unwrap_or(Path::new("/models"));
        let mut effects = app::start(&mut state, models.join("guide.gguf"), None);
        state.sessions.saving = saving;
        effects.extend(app::look_for_left_chats(&mut state));
        // In the deck's own turn: a thread would live in real time and the deck in virtual time.
        let saver = folder.map(|folder| {
            let inbox = inbox.clone();
            let tell = move |event| {
                let wake = Wake::Event(Event::Store(event));
                assert!(inbox.try_send(wake).is_ok(), "the inbox has room");
            };
            Saver::new(StoreHandle::inline(folder.to_owned(), tell))
        });
        let measurer = measured.map(|folder| Measurer::new(folder.to_owned(), inbox.clone()));
        let task = tokio::spawn(async move {
            let actors = runtime::Actors {
                saver,
                measurer,
                ..runtime::Actors::default()
            };
            let deck = runtime::Deck::new(state, screen, engine, look, inbox);
            let mut deck = deck.with_actors(actors);
            let sources = Sources {
                input,
                engine: events,
                inbox: received,
                signals: None,
            };
            deck.run(sources, effects)
                .await
                .expect("a screen in memory");
            deck.state
        });
        Self { keys, shared, task }
    }

    /// Presses one key, named as in keymap files.
    pub async fn press(&mut self, name: &str) {
        self.keys
            .send(Event::Key(key(name)))
            .await
            .expect("the deck runs");
        // Lets the deck take it and draw.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    pub async fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            let key = if character == ' ' {
                key("space")
            } else {
                key(&character.to_string())
            };
            self.keys
                .send(Event::Key(key))
                .await
                .expect("the deck runs");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Pastes a text.
    pub async fn paste(&mut self, text: &str) {
        let event = Event::Paste(text.to_owned());
        self.keys.send(event).await.expect("the deck runs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Tells the deck of something that no key does.
    pub async fn tell(&mut self, event: Event) {
        self.keys.send(event).await.expect("the deck runs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Types a message and sends it.
    pub async fn say(&mut self, text: &str) {
        self.type_text(text).await;
        self.press("enter").await;
    }

    /// Waits until the text is on the screen.
    pub async fn see(&mut self, text: &str) {
        self.see_times(text, 1).await;
    }

    pub async fn see_times(&mut self, text: &str, times: usize) {
        self.wait(text, |screen| screen.matches(text).count() >= times)
            .await;
    }

    /// Waits until the text is not on the screen.
    pub async fn dont_see(&mut self, text: &str) {
        self.wait(text, |screen| !screen.contains(text)).await;
    }

    async fn wait(&mut self, text: &str, holds: impl Fn(&str) -> bool) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !holds(&self.screen()) {
            assert!(
                tokio::time::Instant::now() < until,
                "waited for '{text}' on\n{}",
                self.screen()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn screen(&self) -> String {
        self.shared
            .screen
            .lock()
            .expect("no test panics while drawing")
            .clone()
    }

    pub fn frames(&self) -> usize {
        self.shared.frames.load(Ordering::SeqCst)
    }

    pub fn suspended(&self) -> usize {
        self.shared.suspended.load(Ordering::SeqCst)
    }

    pub fn runs(&self) -> bool {
        !self.task.is_finished()
    }

    /// Waits for the deck to end by itself.
    pub async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it ends")
            .expect("without a panic");
    }

    /// Ends the deck in mid-sentence, as `kill -9` does.
    pub async fn die(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|ended| ended.is_cancelled()));
    }

    pub async fn quit(mut self) {
        self.press("ctrl+q").await;
        self.ended().await;
    }

    /// Quits and hands the last state out.
    pub async fn state_after_quit(mut self) -> State {
        self.press("ctrl+q").await;
        self.task.await.expect("without a panic")
    }
}

/// The key of that name.
pub fn key(name: &str) -> Key {
    name.parse().expect(name)
}

struct MemoryScreen {
    terminal: ratatui::Terminal<TestBackend>,
    shared: Shared,
}

impl Screen for MemoryScreen {
    fn draw(&mut self, paint: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(paint).expect("in memory");
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        let rows: Vec<String> = buffer
            .content
            .chunks(width)
            .map(|row| row.iter().map(|cell| cell.symbol()).collect())
            .collect();
        *self
            .shared
            .screen
            .lock()
            .expect("no test panics while drawing") = rows.join("\n");
        self.shared.frames.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn repaint(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn copy(&mut self, text: &str) -> Result<String, String> {
        Ok(format!("copied {} characters", text.chars().count()))
    }

    async fn suspend(&mut self) -> io::Result<()> {
        self.shared.suspended.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn edit(&mut self, text: &str) -> Result<Edited, String> {
        let text = format!("{text}, edited");
        Ok(Box::new(move || Ok(text)))
    }

    fn resume(&mut self) -> io::Result<()> {
        Ok(())
    }
}
