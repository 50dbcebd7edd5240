//! The one place where events enter the state.

use std::mem::discriminant;
use std::path::PathBuf;
use std::time::Duration;

use super::overlay::Overlay;
use super::slash::complete;
use super::{Effect, Entry, Event, Notice, Settings, State, Timer};
use super::{
    attach, bench, compare, context, downloads, foresight, held, keys, library, metrics, omission,
    preview, prompt, replies, retune, saving, sessions, summary, tokens, why,
};
use crate::config::Preset;
use crate::engine::EngineEvent;

/// How long a notice stays in the status line.
const NOTICE_TIME: Duration = Duration::from_secs(6);

/// The effects of starting: the model, as it was asked for, is loaded behind the first frame.
pub fn start(state: &mut State, model: PathBuf, called: Option<&str>) -> Vec<Effect> {
    retune::load_as(state, model, called)
}

/// Changes the state by one event and says what is to be done.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let pending = state.params.pending.clone();
    let mut effects = take(state, event);
    effects.extend(foresight::follow(state, &pending));
    effects.extend(complete::follow(state));
    effects.extend(preview::follow(state));
    effects.extend(library::look_ahead(state));
    effects.extend(omission::follow(state));
    effects
}

fn take(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => by_hand(state, |state| keys::press(state, key)),
        Event::Typed(text) => by_hand(state, |state| keys::type_text(state, &text)),
        Event::Paste(text) => by_hand(state, |state| keys::paste(state, &text)),
        Event::Resize { width, height } => {
            state.size = (width, height);
            prompt::resized(state);
            library::resized(state);
            vec![]
        }
        Event::Viewport(viewport) => {
            state.chat.viewed(viewport);
            vec![]
        }
        Event::Columns(shown) => {
            compare::viewed(state, &shown);
            vec![]
        }
        Event::Engine(event) => {
            let effects = engine(state, event);
            metrics::observe(state);
            effects
        }
        Event::Store(event) => {
            compare::on_store(state, &event);
            sessions::on_store(state, event)
        }
        Event::Hub(event) => downloads::on_hub(state, event),
        Event::Modelfile { path, modelfile } => retune::on_modelfile(state, path, modelfile),
        Event::Sample(sample) => {
            let effects = metrics::take(state, &sample);
            state.gauges.take(*sample);
            why::judge(state);
            effects
        }
        Event::Peaks(peaks) => {
            state.gauges.peaks = peaks;
            vec![]
        }
        Event::Settings(settings) => take_settings(state, settings),
        Event::Log(line) => {
            state.log.push(line);
            vec![]
        }
        Event::Library(news) => library::on_news(state, news),
        Event::Paths { typed, found } => {
            let names = library::names(state, &typed);
            if let Some(Overlay::LoadModel(prompt)) = &mut state.overlay
                && prompt.line.text == typed
            {
                prompt.offer(names.into_iter().chain(found).collect());
            } else {
                complete::paths(state, &typed, names, found);
            }
            vec![]
        }
        Event::Files {
            typed,
            origin,
            read,
        } => attach::on_read(state, &typed, origin, read),
        Event::Machine(machine) => {
            state.why.machine = *machine;
            vec![]
        }
        Event::Measure(news) => bench::on_news(state, news),
        Event::Written(Ok(how)) => notice(state, how, IsError::No),
        Event::Written(Err(why)) => notice(state, why, IsError::Yes),
        Event::Copied(Ok(how)) => notice(state, how, IsError::No),
        Event::Copied(Err(why)) => notice(state, why, IsError::Yes),
        Event::Edited(Ok(text)) => {
            state.composer.set(&text);
            state.focus = super::Pane::Composer;
            vec![]
        }
        Event::Edited(Err(why)) => notice(state, why, IsError::Yes),
        Event::Timer(Timer::QuitArmed(number)) => {
            state.quit_armed.take_if(|armed| *armed == number);
            vec![]
        }
        Event::Timer(Timer::Notice(number)) => {
            if state
                .notice
                .as_ref()
                .is_some_and(|notice| notice.number == number)
            {
                state.notice = None;
            }
            vec![]
        }
        Event::Timer(Timer::SaveReply(reply)) => saving::on_timer(state, reply),
        Event::Open(path) => start(state, path, None),
        Event::Problem(why) => {
            note_problem(state, why);
            vec![]
        }
        Event::Terminate => vec![Effect::Quit],
    }
}

/// What the user does. A notice makes room for the key hints when other keys count.
fn by_hand(state: &mut State, act: impl FnOnce(&mut State) -> Vec<Effect>) -> Vec<Effect> {
    let keys = |state: &State| (state.focus, state.overlay.as_ref().map(discriminant));
    let (keys_before, notice_before) = (keys(state), state.notice.clone());
    let effects = act(state);
    if keys(state) != keys_before && state.notice == notice_before {
        state.notice = None;
    }
    effects
}

/// Puts something that went wrong into the transcript.
pub fn note_problem(state: &mut State, why: String) {
    note(state, why, IsError::Yes);
}

/// Whether a notice reports a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IsError {
    No,
    Yes,
}

/// Shows a short message for a while.
pub(super) fn notice(state: &mut State, text: impl Into<String>, is_error: IsError) -> Vec<Effect> {
    let number = state.next_id();
    state.notice = Some(Notice {
        number,
        text: text.into(),
        is_error: is_error == IsError::Yes,
    });
    vec![Effect::After(Timer::Notice(number), NOTICE_TIME)]
}

/// Puts a note into the transcript, where it stays.
pub(super) fn note(state: &mut State, text: impl Into<String>, is_error: IsError) {
    state.chat.entries.push(Entry::Note {
        text: text.into(),
        is_error: is_error == IsError::Yes,
    });
}

fn engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    if let Some(effects) = summary::on_engine(state, &event) {
        return effects;
    }
    match event {
        EngineEvent::Loading { .. }
        | EngineEvent::Loaded { .. }
        | EngineEvent::LoadFailed { .. }
        | EngineEvent::Retuned { .. }
        | EngineEvent::RetuneFailed { .. }
        | EngineEvent::Merged { .. }
        | EngineEvent::Foreseen { .. }
        | EngineEvent::Threads { .. }
        | EngineEvent::Unloaded => retune::on_engine(state, event),
        EngineEvent::Held(model) => {
            held::taken(state, *model);
            vec![]
        }
        EngineEvent::LetGo { name, why } => held::gone(state, &name, why),
        EngineEvent::Failed { request, .. } if tokens::is_later(state, request) => {
            tokens::on_engine(state, event)
        }
        EngineEvent::Queued { .. }
        | EngineEvent::Missed { .. }
        | EngineEvent::Thinking { .. }
        | EngineEvent::Prefill { .. }
        | EngineEvent::Tokens { .. }
        | EngineEvent::Finished { .. }
        | EngineEvent::Failed { .. } => {
            compare::on_engine(state, &event);
            tokens::on_drawn(state, &event);
            replies::on_engine(state, event)
        }
        EngineEvent::Making { .. } | EngineEvent::Traced { .. } | EngineEvent::Made { .. } => {
            compare::on_engine(state, &event);
            tokens::on_engine(state, event)
        }
        EngineEvent::Previewed {
            conversation,
            outcome,
        } => {
            preview::answered(state, conversation, outcome);
            vec![]
        }
        // A measurement is the runtime's; what comes of it arrives as `Event::Measure`.
        EngineEvent::BenchSample { .. }
        | EngineEvent::BenchDone { .. }
        | EngineEvent::BenchFailed { .. } => vec![],
        EngineEvent::Counted { id, sizes } => {
            attach::on_counted(state, id, &sizes);
            context::on_counted(state, id, &sizes);
            vec![]
        }
        EngineEvent::PromptShown {
            request,
            prompt: shown,
            ..
        } if compare::on_prompt(state, request, &shown) => vec![],
        EngineEvent::PromptShown {
            request,
            of,
            prompt: shown,
        } => context::on_shown(state, request, &shown).unwrap_or_else(|| {
            prompt::on_shown(state, request, of, shown);
            vec![]
        }),
        EngineEvent::Stopped => {
            (state.model.running, state.model.held) = (None, None);
            state.model.error = Some("The engine has stopped; quit and start again.".into());
            vec![]
        }
    }
}

fn take_settings(state: &mut State, settings: Settings) -> Vec<Effect> {
    match settings {
        Settings::Presets(presets) => {
            state.presets = presets;
            let name = state.params.preset.clone();
            let Some(preset) =
                name.and_then(|name| state.presets.iter().find(|preset| preset.name == name))
            else {
                return vec![];
            };
            let values = preset.values.clone();
            retune::change(state, |params| {
                params.values.replace(crate::params::Source::Preset, values)
            })
        }
        Settings::Personas(personas) => {
            state.personas = personas;
            vec![]
        }
        Settings::Themes { names, current } => {
            state.themes = names;
            state.theme = current;
            vec![]
        }
        Settings::Keymap(keymap) => {
            state.keymap = keymap;
            vec![]
        }
        Settings::Config(values) => retune::change(state, |params| {
            params.values.replace(crate::params::Source::Config, values)
        }),
        Settings::Theme(name) => {
            state.theme.clone_from(&name);
            vec![Effect::UseTheme(name)]
        }
        Settings::Preset(name) => {
            let wanted = |preset: &&Preset| Some(&preset.name) == name.as_ref();
            let values = state.presets.iter().find(wanted);
            let values = values.map(|preset| preset.values.clone());
            retune::change(state, |params| {
                params
                    .values
                    .replace(crate::params::Source::Preset, values.unwrap_or_default());
                params.preset = name;
            })
        }
        Settings::Rejected(why) => {
            note(
                state,
                format!("{why}\nThe last good version stays in force."),
                IsError::Yes,
            );
            vec![]
        }
    }
}
