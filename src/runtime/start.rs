//! The start: the user's files make the first state and the look, actors are started, the deck runs.
//!
//! ```text
//! terminal ─► settings: themes, keymap, presets, personas ─► state ─► actors ─► Deck::run ─► ordered end
//! ```

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;

use super::{
    Actors, Deck, Ended, Estimator, Librarian, Look, Measurer, Places, RealScreen, Saver, Sources,
    Wake, machine, peaks, settings,
};
use crate::app::{self, Effect, Event, LogLine, Saving, State};
use crate::config::{self, Config, Folders};
use crate::engine;
use crate::hub;
use crate::keymap::Keymap;
use crate::params::{LoadParams, Overrides, Params};
use crate::telemetry::{Sample, Sampler, Sources as Sensors};
use crate::terminal::{self, Capabilities, FramePacer, Guard, Input, Signals};
use crate::theme;
use crate::ui::TranscriptCache;

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
    /// As it was asked for, where that was by a name.
    pub called: Option<String>,
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

/// Takes the terminal, starts everything, and ends it in order.
///
/// # Errors
/// When there is no terminal, a thread cannot be started, or the terminal cannot be written to.
pub(super) async fn start(startup: Startup) -> io::Result<Ended> {
    let capabilities = Capabilities::detect();
    let signals = Signals::listen()?;
    engine::llama::set_abort_hook(terminal::restore_for_abort)?;
    let (guard, terminal) = Guard::enter(&startup.log_file)?;
    let input = Input::from_terminal()?;
    let copies = startup.folders.data_dir.join("copies");
    let screen = RealScreen::new(guard, terminal, capabilities, copies, input.gate());
    let (inbox, received) = channel(INBOX);

    let mut state = first_state(&startup, screen.size()?);
    let look = look(&startup, capabilities, &mut state);
    let Startup {
        folders,
        config,
        model,
        called,
        network,
        saving,
        log,
        ..
    } = startup;
    let watch = settings::watch(
        &folders,
        capabilities,
        &state,
        &look.themes,
        &config,
        inbox.clone(),
    );
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
    // What the user named lies anywhere.
    let named = state.library.named.values().map(|(path, _)| path.clone());
    let own = config
        .library
        .folders
        .iter()
        .cloned()
        .chain(named)
        .collect();
    let asked = state.params.values.load();
    let actors = Actors {
        saver: match saving {
            Saving::On => Some(Saver::start(folders.sessions_dir.clone(), inbox.clone())?),
            Saving::Off | Saving::Incognito => None,
        },
        measurer: Some(Measurer::new(folders.data_dir.clone(), inbox.clone())),
        librarian: Some(Librarian::start(folders.clone(), own, inbox.clone())),
        hub: Some(desk(&folders, network, asked, inbox.clone())),
    };
    let effects = first_effects(&mut state, model, called, &folders, &inbox);
    let places = Places {
        home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
        exports: Some(folders.data_dir.join("exports")),
        presets: Some(folders.presets_dir.clone()),
    };
    let deck = Deck::new(state, screen, engine, look, inbox);
    let mut deck = deck.with_places(places).with_actors(actors);
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

/// The state before anything has happened, with what the user's files say; what is wrong with them
/// stands in the transcript.
fn first_state(startup: &Startup, size: (u16, u16)) -> State {
    let folders = &startup.folders;
    let mut state = State::new(size);
    state.params.values = startup.params.clone();
    state.params.tuned.clone_from(&startup.tuned);
    state.library.named.clone_from(&startup.named);
    state.params.preset.clone_from(&startup.preset);
    state.sessions.saving = startup.saving;
    state.bench.n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A state of its own for every hasher is the standard library's source of randomness.
    state.compare.chance = RandomState::new().build_hasher().finish();
    // What is wrong with them is among the problems already.
    state.presets = Arc::new(config::load_presets(&folders.presets_dir).0);
    let (personas, persona_errors) = config::load_personas(&folders.personas_dir, &[]);
    state.personas = Arc::new(personas);
    let (keymap, keymap_error) = settings::keymap(&folders.keymap_file, &Keymap::default());
    state.keymap = Arc::new(keymap);
    let problems = startup.problems.iter().cloned();
    let problems = problems.chain(persona_errors.iter().map(ToString::to_string));
    for problem in problems.chain(keymap_error) {
        app::note_problem(&mut state, problem);
    }
    state
}

/// Themes and the pace of frames; the state learns the names.
fn look(startup: &Startup, capabilities: Capabilities, state: &mut State) -> Look {
    let config = &startup.config;
    let (themes, errors) = settings::themes(&startup.folders.themes_dir, &capabilities, config);
    for error in errors {
        app::note_problem(state, error);
    }
    let wanted = startup.theme.as_deref().unwrap_or(theme::DEFAULT_THEME);
    let theme = themes.iter().find(|theme| theme.name == wanted).cloned();
    let theme = theme.unwrap_or_else(|| {
        let problem = format!("There is no theme '{wanted}'; the default is used.");
        app::note_problem(state, problem);
        themes.first().cloned().unwrap_or_default()
    });
    state.themes = Arc::new(themes.iter().map(|theme| theme.name.clone()).collect());
    state.theme.clone_from(&theme.name);
    Look {
        pacer: match config.ui.fps {
            Some(fps) => FramePacer::new(fps.into()),
            None => FramePacer::for_link(capabilities.link),
        },
        themes,
        theme,
        cache: TranscriptCache::default(),
    }
}

/// Loads the model that was given, or the built-in one, and looks for chats that a crash left.
fn first_effects(
    state: &mut State,
    model: Option<PathBuf>,
    called: Option<String>,
    folders: &Folders,
    inbox: &Sender<Wake>,
) -> Vec<Effect> {
    let mut effects = match model {
        Some(path) => app::start(state, path, called.as_deref()),
        None => {
            install_guide(folders.data_dir.clone(), inbox.clone());
            vec![]
        }
    };
    effects.extend(app::look_for_left_chats(state));
    effects
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
