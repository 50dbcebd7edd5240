//! The loop: one event at a time into `app::update`, effects out, a frame when one is due.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt;

use super::Ended;
use super::files::{self, Places};
use super::library::{Librarian, Situation};
use super::measure::Measurer;
use super::paths;
use super::screen::Screen;
use super::store::Saver;
use crate::app::{self, Effect, Event, Left, Measure, Pane, Settings, State, View};
use crate::attach::{self, Extractor};
use crate::bench;
use crate::engine::{Command, EngineEvent, EngineHandle};
use crate::hub;
use crate::library::Modelfile;
use crate::terminal::{FramePacer, Input, Signal, Signals};
use crate::theme::Theme;
use crate::ui::{self, TranscriptCache};

/// How long the engine may take to end.
const ENGINE_END: Duration = Duration::from_secs(5);
/// Events of each source taken in before a frame that is due is drawn.
const BATCH: usize = 256;

/// Where events come from.
pub struct Sources {
    pub input: Input,
    pub engine: Receiver<EngineEvent>,
    /// Samples, settings, log lines, timers and answers of jobs.
    pub inbox: Receiver<Wake>,
    /// `None` in tests.
    pub signals: Option<Signals>,
}

/// What arrives in the inbox.
pub enum Wake {
    Event(Event),
    /// What is measured may have taken too long.
    Deadline,
    /// Where the figures of the model to be measured come from, or why it cannot be told.
    Origin {
        model: PathBuf,
        origin: Result<bench::Origin, String>,
    },
    /// The themes were read anew.
    Themes(Vec<Theme>),
}

/// What works beside the loop, besides the engine.
#[derive(Default)]
pub struct Actors {
    /// `None` when nothing is saved.
    pub saver: Option<Saver>,
    /// `None` when nothing can be measured.
    pub measurer: Option<Measurer>,
    /// `None` when no models are looked for.
    pub librarian: Option<Librarian>,
    /// `None` where there is no Hub.
    pub hub: Option<hub::Desk>,
}

/// The deck while it runs.
pub struct Deck<S> {
    pub state: State,
    pub screen: S,
    engine: EngineHandle,
    actors: Actors,
    pacer: FramePacer,
    themes: Vec<Theme>,
    theme: Theme,
    cache: TranscriptCache,
    /// Timers and jobs answer through it.
    inbox: Sender<Wake>,
    /// Where the files go that the user asks for.
    places: Places,
    /// Who has the terminal.
    holder: Holder,
    /// Set when the loop is to end.
    ended: Option<Ended>,
}

/// Who draws on the terminal and reads its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Deck,
    Editor,
}

/// How the deck looks when it starts.
pub struct Look {
    pub themes: Vec<Theme>,
    pub theme: Theme,
    pub cache: TranscriptCache,
    pub pacer: FramePacer,
}

impl<S: Screen> Deck<S> {
    pub fn new(
        state: State,
        screen: S,
        engine: EngineHandle,
        look: Look,
        inbox: Sender<Wake>,
    ) -> Self {
        let Look {
            themes,
            theme,
            cache,
            pacer,
        } = look;
        Self {
            state,
            screen,
            engine,
            actors: Actors::default(),
            pacer,
            themes,
            theme,
            cache,
            inbox,
            places: Places::default(),
            holder: Holder::Deck,
            ended: None,
        }
    }

    /// The same deck that writes files there.
    #[must_use]
    pub fn with_places(mut self, places: Places) -> Self {
        self.places = places;
        self
    }

    /// The same deck with these at work; `state.sessions.saving` tells of a saver, too.
    #[must_use]
    pub fn with_actors(mut self, actors: Actors) -> Self {
        self.actors = actors;
        self
    }

    /// Draws the first frame, performs `effects`, then runs until the user quits or a signal ends
    /// the program, and stops the engine.
    ///
    /// # Errors
    /// When the terminal cannot be written to; the engine is stopped even so.
    pub async fn run(&mut self, mut sources: Sources, effects: Vec<Effect>) -> io::Result<Ended> {
        let ended = match self.draw() {
            Ok(()) => {
                self.perform_all(effects).await;
                self.turn(&mut sources).await
            }
            Err(error) => Err(error),
        };
        if let Some(hub) = &self.actors.hub {
            hub.stop_all();
        }
        self.close_chat(&ended).await;
        self.stop_engine(&mut sources.engine).await;
        self.stop_store().await;
        ended
    }

    async fn turn(&mut self, sources: &mut Sources) -> io::Result<Ended> {
        loop {
            if let Some(ended) = self.ended {
                return Ok(ended);
            }
            let next = tokio::select! {
                // The end and the frame come before everything that may come without a pause.
                biased;
                signal = next_signal(&mut sources.signals) => Next::Signal(signal),
                () = self.pacer.wait() => Next::Frame,
                event = sources.input.next() => Next::Event(event.unwrap_or(Event::Terminate)),
                event = sources.engine.recv() => Next::Event(event.map_or(Event::Terminate, Event::Engine)),
                wake = sources.inbox.recv() => match wake {
                    Some(wake) => Next::Wake(wake),
                    None => Next::Event(Event::Terminate),
                },
            };
            match next {
                Next::Event(event) => self.take(event).await,
                Next::Wake(wake) => self.wake(wake).await,
                // The editor answers its own Ctrl-C and Ctrl-\ and comes back from its own Ctrl-Z.
                Next::Signal(Signal::Continue | Signal::Interrupt | Signal::Quit)
                    if self.holder == Holder::Editor => {}
                Next::Signal(Signal::Continue) => self.screen.resume()?,
                Next::Signal(_) => self.take(Event::Terminate).await,
                Next::Frame => {
                    self.drain(sources).await;
                    self.draw()?;
                }
            }
        }
    }

    /// Takes in what is ready, so that one frame shows it all. Something of each source in turn and for
    /// no longer than a frame: what comes without a pause must not hold up the rest.
    async fn drain(&mut self, sources: &mut Sources) {
        let began = Instant::now();
        for _ in 0..BATCH {
            let typed = sources.input.next().now_or_never().flatten();
            let told = sources.engine.try_recv().ok().map(Event::Engine);
            let wake = sources.inbox.try_recv().ok();
            let nothing = typed.is_none() && told.is_none() && wake.is_none();
            for event in typed.into_iter().chain(told) {
                self.take(event).await;
            }
            if let Some(wake) = wake {
                self.wake(wake).await;
            }
            if nothing || began.elapsed() > self.pacer.interval() {
                return;
            }
        }
    }

    async fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::Event(event) => self.take(event).await,
            Wake::Deadline => {
                let late = self.actors.measurer.as_mut().and_then(Measurer::late);
                if let Some(command) = late {
                    self.send_to_engine(command);
                }
            }
            Wake::Origin { model, origin } => {
                let first = self
                    .actors
                    .measurer
                    .as_mut()
                    .and_then(|measurer| measurer.prepared(&model, origin));
                if let Some(command) = first {
                    self.send_to_engine(command);
                }
            }
            Wake::Themes(themes) => {
                self.themes = themes;
                let name = self.state.theme.clone();
                self.use_theme(&name);
                let names = self.themes.iter().map(|theme| theme.name.clone()).collect();
                let settings = Settings::Themes {
                    names: std::sync::Arc::new(names),
                    current: name,
                };
                self.take(Event::Settings(settings)).await;
            }
        }
    }

    async fn take(&mut self, event: Event) {
        if self.shows(&event) {
            self.pacer.request();
        }
        if matches!(event, Event::Terminate) {
            self.ended = Some(Ended::Signal);
        }
        if let Event::Edited(_) = event {
            self.take_terminal();
        }
        if let (Event::Store(event), Some(saver)) = (&event, &mut self.actors.saver) {
            for command in saver.told(event) {
                self.send_to_engine(command);
            }
        }
        if let (Event::Engine(event), Some(measurer)) = (&event, &mut self.actors.measurer)
            && let Some(command) = measurer.told(event)
        {
            self.send_to_engine(command);
        }
        let effects = app::update(&mut self.state, event);
        self.perform_all(effects).await;
    }

    /// Whether an event can change what is on the screen.
    fn shows(&self, event: &Event) -> bool {
        match event {
            Event::Log(_) => self.state.side == Some(Pane::Log),
            Event::Hub(hub::Event::Progress { .. }) => self.state.view == View::Downloads,
            // A view of time moves on even when nothing else does.
            Event::Sample(_) if self.state.view == View::Metrics => true,
            Event::Sample(sample) => {
                let latest = self.state.gauges.latest.as_ref();
                latest.is_none_or(|latest| !latest.reads_like(sample))
            }
            _ => true,
        }
    }

    async fn perform_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.perform(effect).await;
        }
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Engine(command) => self.command(command),
            Effect::Store(command) => self.save(command),
            Effect::Copy(text) => {
                let copied = self.screen.copy(&text);
                self.answer(Event::Copied(copied));
            }
            Effect::CopyLines(lines) => {
                let text = self.cache.text(&self.state.chat, lines);
                let copied = self.screen.copy(&text);
                self.answer(Event::Copied(copied));
            }
            Effect::Edit(text) => self.edit(&text),
            Effect::ListPaths(typed) => {
                let home = self.places.home.clone();
                self.beside(move || {
                    let found = paths::complete(&typed, home.as_deref());
                    Event::Paths { typed, found }
                });
            }
            Effect::ReadModelfile { path, called } => {
                let path = paths::resolve(path, self.places.home.as_deref());
                self.beside(move || {
                    let modelfile = Modelfile::of_blob(&path, called.as_deref());
                    Event::Modelfile { path, modelfile }
                });
            }
            Effect::Hub(command) => {
                if let Some(hub) = &mut self.actors.hub {
                    hub.send(command);
                }
            }
            Effect::ReadFiles { typed, origin } => self.read_files(typed, origin),
            Effect::Measure(order) => self.measure(order),
            Effect::WriteFile { place, content } => {
                let places = self.places.clone();
                self.beside(move || Event::Written(files::write(&place, &content, &places)));
            }
            Effect::Library(command) => {
                if let Some(librarian) = &self.actors.librarian {
                    librarian.ask(command, Situation::of(&self.state));
                }
            }
            Effect::UseTheme(name) => self.use_theme(&name),
            Effect::After(timer, time) => {
                let inbox = self.inbox.clone();
                tokio::spawn(async move {
                    sleep(time).await;
                    let _ = inbox.send(Wake::Event(Event::Timer(timer))).await;
                });
            }
            Effect::Suspend => {
                if let Err(error) = self.screen.suspend().await {
                    self.answer(Event::Copied(Err(format!(
                        "could not give the terminal back: {error}"
                    ))));
                }
                self.pacer.request();
            }
            Effect::Redraw => {
                if let Err(error) = self.screen.repaint() {
                    tracing::warn!("could not repaint: {error}");
                }
                self.pacer.request();
            }
            Effect::Quit => self.ended = self.ended.or(Some(Ended::Quit)),
        }
    }

    /// Opens the user's editor; the deck goes on below it and draws nothing meanwhile.
    fn edit(&mut self, text: &str) {
        let wait = match self.screen.edit(text) {
            Ok(wait) => wait,
            Err(why) => return self.answer(Event::Edited(Err(why))),
        };
        self.holder = Holder::Editor;
        let inbox = self.inbox.clone();
        // A thread of its own and not one of the runtime's, which would wait for it at the end.
        let started = std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || {
                let _ = inbox.blocking_send(Wake::Event(Event::Edited(wait())));
            });
        if let Err(error) = started {
            let why = format!("could not wait for the editor: {error}");
            self.answer(Event::Edited(Err(why)));
        }
    }

    /// The editor has ended.
    fn take_terminal(&mut self) {
        if self.holder == Holder::Editor
            && let Err(error) = self.screen.resume()
        {
            tracing::error!("the terminal could not be taken again: {error}");
        }
        self.holder = Holder::Deck;
    }

    fn read_files(&self, typed: String, origin: app::Origin) {
        let home = self.places.home.clone();
        self.beside(move || {
            let read = std::env::current_exe()
                .map_err(|error| format!("finding this program: {error}"))
                .and_then(|program| {
                    attach::read(&typed, home.as_deref(), &Extractor::new(program))
                });
            Event::Files {
                typed,
                origin,
                read,
            }
        });
    }

    /// Does work off this task that waits for files, which may be many, large or far away; its
    /// event comes back.
    fn beside(&self, work: impl FnOnce() -> Event + Send + 'static) {
        let inbox = self.inbox.clone();
        tokio::task::spawn_blocking(move || {
            let _ = inbox.blocking_send(Wake::Event(work()));
        });
    }

    fn measure(&mut self, order: Measure) {
        let Some(measurer) = &mut self.actors.measurer else {
            return;
        };
        if let Some(command) = measurer.take(order) {
            self.send_to_engine(command);
        }
    }

    fn command(&mut self, mut command: Command) {
        if let Command::Load(request) = &mut command {
            request.path = paths::resolve(
                std::mem::take(&mut request.path),
                self.places.home.as_deref(),
            );
        }
        let admitted = match &mut self.actors.saver {
            Some(saver) => saver.admit(command),
            None => Some(command),
        };
        if let Some(command) = admitted {
            self.send_to_engine(command);
        }
    }

    fn send_to_engine(&mut self, command: Command) {
        if let Err(error) = self.engine.send(command) {
            tracing::error!("{error}");
            self.answer(Event::Engine(EngineEvent::Stopped));
        }
    }

    fn save(&mut self, command: crate::store::Command) {
        if let Some(saver) = &mut self.actors.saver
            && let Err(why) = saver.send(command)
        {
            tracing::error!("{why}");
            self.answer(Event::Problem(why));
        }
    }

    /// Sends an event to ourselves.
    fn answer(&self, event: Event) {
        if self.inbox.try_send(Wake::Event(event)).is_err() {
            tracing::warn!("the inbox is full; an answer was dropped");
        }
    }

    fn use_theme(&mut self, name: &str) {
        if let Some(theme) = self.themes.iter().find(|theme| theme.name == name) {
            self.theme = theme.clone();
            self.pacer.request();
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        if self.holder == Holder::Editor {
            self.pacer.drawn();
            return Ok(());
        }
        let Self {
            state,
            screen,
            theme,
            cache,
            ..
        } = self;
        let mut seen = None;
        let mut size = state.size;
        screen.draw(|frame| {
            size = (frame.area().width, frame.area().height);
            seen = ui::draw(frame, state, theme, cache);
        })?;
        self.pacer.drawn();
        if size != self.state.size {
            let (width, height) = size;
            app::update(&mut self.state, Event::Resize { width, height });
            self.pacer.request();
        }
        if let Some(seen) = seen {
            app::update(&mut self.state, seen);
        }
        Ok(())
    }

    /// Hands over what the store does not have yet.
    async fn close_chat(&mut self, ended: &io::Result<Ended>) {
        let left = match ended {
            Ok(Ended::Quit) => Left::OnPurpose,
            Ok(Ended::Signal) | Err(_) => Left::ByForce,
        };
        let effects = app::close(&mut self.state, left);
        self.perform_all(effects).await;
    }

    /// Lets what was handed over reach the disk.
    async fn stop_store(&mut self) {
        let Some(saver) = self.actors.saver.take() else {
            return;
        };
        // Off this task: the store may be telling something, for which the inbox must be free.
        let stopped = tokio::task::spawn_blocking(|| saver.stop()).await;
        if !matches!(stopped, Ok(true)) {
            tracing::error!("the chat was not saved to its end: the disk took too long");
        }
    }

    /// Stops the engine and waits for its last event.
    async fn stop_engine(&mut self, events: &mut Receiver<EngineEvent>) {
        for effect in app::stop(&self.state) {
            if let Effect::Engine(command) = effect {
                let _ = self.engine.send(command);
            }
        }
        if self.engine.send(Command::Stop).is_err() {
            return;
        }
        let stopped = async {
            while let Some(event) = events.recv().await {
                if matches!(event, EngineEvent::Stopped) {
                    break;
                }
            }
        };
        if timeout(ENGINE_END, stopped).await.is_err() {
            tracing::warn!("the engine did not end within {} s", ENGINE_END.as_secs());
        }
    }
}

/// One turn of the loop.
enum Next {
    Event(Event),
    Wake(Wake),
    Signal(Signal),
    Frame,
}

async fn next_signal(signals: &mut Option<Signals>) -> Signal {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}
