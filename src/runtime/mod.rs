//! The only place that does things: it turns what happens into events, performs effects, draws frames.
//!
//! ```text
//! Input, Signals ─┐                        ┌─► engine commands
//! engine events ──┼─► Deck::run ─ update ──┼─► clipboard, timers, path listings
//! inbox ──────────┘        │               └─► quit: stop the engine, give the terminal back
//!   samples, settings,     └─ pacer due ─► ui::draw
//!   log lines, timers
//! ```

mod deck;
mod files;
mod library;
mod machine;
mod measure;
mod paths;
mod peaks;
mod results;
mod screen;
mod settings;
mod store;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;

use crate::app::{self, Event, LogLine, Saving, State};
use crate::config::{self, Config, ConfigWatch, Folders};
use crate::engine;
use crate::hub;
use crate::keymap::Keymap;
use crate::params::{LoadParams, Overrides, Params};
use crate::telemetry::{Sample, Sampler, Sources as Sensors};
use crate::terminal::{self, Capabilities, FramePacer, Guard, Input, Signals};
use crate::theme::{self, GlyphSet, Theme};
use crate::ui::TranscriptCache;
pub use deck::{Deck, Look, Sources, Wake};
pub use files::Places;
pub use library::{Estimator, Librarian, Notes, find_models, marks};
pub use machine::machine_facts;
pub use measure::Measurer;
pub use peaks::{bandwidths, known_peaks, measure_peaks};
pub use results::{keep_profile, now, origin, remove_profile};
pub use screen::{Edited, RealScreen, Screen};
pub use store::Saver;

/// How often the sensors are read.
const SENSOR_INTERVAL: Duration = Duration::from_millis(500);
/// How long a sensor that hangs in a driver is waited for at the end.
const SENSOR_END: Duration = Duration::from_millis(500);
/// Samples, log lines, timers and answers that may wait.
const INBOX: usize = 1024;

/// Everything the deck is started with.
pub struct Startup {
    pub folders: Folders,
    pub config: Config,
    /// Values of the configuration, the preset and the command line.
    pub params: Params,
    /// Values that were found to be fastest, by the path of the model.
    pub tuned: BTreeMap<PathBuf, Overrides>,
    /// Files and values of models that the user named.
    pub named: BTreeMap<String, (PathBuf, Overrides)>,
    /// A path or the name of such a model; `None` = the built-in model.
    pub model: Option<PathBuf>,
    /// The preset that `params` has.
    pub preset: Option<String>,
    pub theme: Option<String>,
    /// Whether models may be fetched.
    pub network: hub::Network,
    /// Whether chats are saved.
    pub saving: Saving,
    /// What was wrong with the user's files, to be told in the transcript.
    pub problems: Vec<String>,
    pub log: Receiver<LogLine>,
    /// Where standard error goes while the screen is ours.
    pub log_file: PathBuf,
}

/// Why the deck ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The user quit.
    Quit,
    /// A signal asked for it, or the terminal went away.
    Signal,
}

/// Runs the deck until the user quits or a signal comes.
///
/// # Errors
/// When there is no terminal, or it cannot be written to any more.
pub fn run(startup: Startup) -> io::Result<Ended> {
    // One thread: the deck waits most of the time, and every core is wanted by the engine.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(start(startup))
}

async fn start(startup: Startup) -> io::Result<Ended> {
    let Startup {
        folders,
        config,
        params,
        tuned,
        named,
        model,
        preset,
        theme,
        network,
        saving,
        problems,
        log,
        log_file,
    } = startup;
    let capabilities = Capabilities::detect();
    let signals = Signals::listen()?;
    engine::llama::set_abort_hook(terminal::restore_for_abort);
    let (guard, terminal) = Guard::enter(&log_file)?;
    let input = Input::from_terminal()?;
    let screen = RealScreen::new(
        guard,
        terminal,
        capabilities,
        folders.data_dir.join("copies"),
        input.gate(),
    );
    let (inbox, received) = channel(INBOX);

    let mut state = State::new(screen.size()?);
    // What models that are not here yet are judged by.
    let asked = params.load();
    state.params.values = params;
    state.params.tuned = tuned;
    state.params.named = named;
    state.params.preset = preset;
    // A state of its own for every hasher is the standard library's source of randomness.
    state.compare.chance = RandomState::new().build_hasher().finish();
    // What is wrong with them is among the problems already.
    state.presets = Arc::new(config::load_presets(&folders.presets_dir).0);
    let (personas, persona_errors) = config::load_personas(&folders.personas_dir, &[]);
    state.personas = Arc::new(personas);
    let (themes, theme_errors) = settings::themes(&folders.themes_dir, &capabilities, &config);
    let (keymap, keymap_error) = settings::keymap(&folders.keymap_file, &Keymap::default());
    let mut problems = problems;
    problems.extend(persona_errors.iter().map(ToString::to_string));
    problems.extend(theme_errors);
    problems.extend(keymap_error);
    state.keymap = Arc::new(keymap);
    let wanted = theme.unwrap_or_else(|| theme::DEFAULT_THEME.to_owned());
    let theme = themes
        .iter()
        .find(|theme| theme.name == wanted)
        .cloned()
        .unwrap_or_else(|| {
            problems.push(format!(
                "There is no theme '{wanted}'; the default is used."
            ));
            themes.first().cloned().unwrap_or_default()
        });
    state.themes = Arc::new(themes.iter().map(|theme| theme.name.clone()).collect());
    state.theme.clone_from(&theme.name);
    for problem in problems {
        app::note_problem(&mut state, problem);
    }

    // A KV cache holds what was said.
    let (engine, events) = match saving {
        Saving::On => engine::llama::start_keeping(folders.kv_dir.clone())?,
        Saving::Off | Saving::Incognito => engine::llama::start()?,
    };
    let (sampler, samples) = Sampler::start(Sensors::system(), SENSOR_INTERVAL)?;
    tokio::spawn(forward_samples(samples, inbox.clone()));
    tokio::spawn(forward_log(log, inbox.clone()));
    machine::tell(inbox.clone());
    tokio::spawn(peaks::tell(folders.state_dir.clone(), inbox.clone()));
    let watch = watch_settings(
        &folders,
        capabilities,
        &state,
        &themes,
        &config,
        inbox.clone(),
    );

    state.sessions.saving = saving;
    state.bench.n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let saver = match saving {
        Saving::On => Some(Saver::start(folders.sessions_dir.clone(), inbox.clone())?),
        Saving::Off | Saving::Incognito => None,
    };
    let mut effects = match model {
        Some(path) => app::start(&mut state, path),
        None => {
            install_guide(folders.data_dir.clone(), inbox.clone());
            vec![]
        }
    };
    effects.extend(app::look_for_left_chats(&mut state));
    let frames = config.ui.fps.map_or_else(
        || FramePacer::for_link(capabilities.link),
        |fps| FramePacer::new(fps.into()),
    );
    let look = Look {
        themes,
        theme,
        cache: TranscriptCache::default(),
        pacer: frames,
    };
    let measured = inbox.clone();
    let own = config.library.folders.clone();
    let librarian = Librarian::start(folders.clone(), &own, inbox.clone());
    let hub_inbox = inbox.clone();
    let mut deck = Deck::new(state, screen, engine, look, inbox);
    deck = deck.with_places(Places {
        home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
        exports: Some(folders.data_dir.join("exports")),
        presets: Some(folders.presets_dir.clone()),
    });
    deck = deck.with_measurer(Measurer::new(folders.data_dir.clone(), measured));
    deck = deck.with_librarian(librarian);
    deck = deck.with_hub(desk(&folders, network, asked, hub_inbox));
    if let Some(saver) = saver {
        deck = deck.with_saver(saver);
    }
    let sources = Sources {
        input,
        engine: events,
        inbox: received,
        signals: Some(signals),
    };
    let ended = deck.run(sources, effects).await;
    // The terminal is given back before the last threads are waited for.
    drop(deck);
    drop(watch);
    sampler.join(SENSOR_END);
    ended
}

/// The way to the Hub; what it tells arrives in the inbox.
fn desk(
    folders: &Folders,
    network: hub::Network,
    params: LoadParams,
    inbox: Sender<Wake>,
) -> hub::Desk {
    let places = hub::Places {
        config_dir: folders.config_dir.clone(),
        data_dir: folders.data_dir.clone(),
        models_dir: folders.models_dir.clone(),
    };
    let look = move || {
        let here = Estimator::here(&params, &[])
            .inspect_err(|error| tracing::warn!("whether models fit is not known: {error}"));
        Some(Box::new(here.ok()?) as Box<dyn hub::Judge>)
    };
    let tell = move |event| {
        // Fails only when the program ends, and nobody reads any more.
        let _ = inbox.blocking_send(Wake::Event(Event::Hub(event)));
    };
    hub::Desk::new(move || hub::Access::from_env(network), places, look, tell)
}

/// Writes the built-in model to the data folder, if it is not there yet, and asks for it.
fn install_guide(data_dir: PathBuf, inbox: Sender<Wake>) {
    tokio::task::spawn_blocking(move || {
        let event = match config::install_builtin_model(&data_dir) {
            Ok(path) => Event::Open(path),
            Err(error) => Event::Problem(format!(
                "writing the built-in model to {}: {error}; Ctrl+O loads another",
                data_dir.display()
            )),
        };
        let _ = inbox.blocking_send(Wake::Event(event));
    });
}

async fn forward_samples(mut samples: watch::Receiver<Option<Sample>>, inbox: Sender<Wake>) {
    while samples.changed().await.is_ok() {
        let sample = samples.borrow_and_update().clone();
        if let Some(sample) = sample
            && inbox
                .send(Wake::Event(Event::Sample(Box::new(sample))))
                .await
                .is_err()
        {
            return;
        }
    }
}

async fn forward_log(mut lines: Receiver<LogLine>, inbox: Sender<Wake>) {
    while let Some(line) = lines.recv().await {
        if inbox.send(Wake::Event(Event::Log(line))).await.is_err() {
            return;
        }
    }
}

/// Reads the user's files again when they change.
fn watch_settings(
    folders: &Folders,
    capabilities: Capabilities,
    state: &State,
    themes: &[Theme],
    config: &Config,
    inbox: Sender<Wake>,
) -> Option<ConfigWatch> {
    let reader = settings::Reader::new(folders.clone(), capabilities, state, themes, config);
    let reader = std::sync::Mutex::new(reader);
    let changed = move |what| {
        // A reader that panicked once is not asked again; the program goes on with what it has.
        let Ok(mut reader) = reader.lock() else {
            return;
        };
        for wake in reader.read(what) {
            if inbox.blocking_send(wake).is_err() {
                return;
            }
        }
    };
    ConfigWatch::start(folders, changed)
        .inspect_err(|error| {
            tracing::warn!("changes of the configuration are not noticed: {error}")
        })
        .ok()
}

fn glyphs(capabilities: &Capabilities, config: &Config) -> GlyphSet {
    match config.ui.ascii {
        Some(true) => GlyphSet::Ascii,
        Some(false) => GlyphSet::Unicode,
        None => capabilities.glyphs,
    }
}
