//! Loading models, and bringing the running one to other parameters.

use std::path::PathBuf;

use super::update::{IsError, note, notice};
use super::{Effect, LoadPhase, ParamsState, State, compare, foresight, saving};
use crate::engine::{
    self, CameFrom, Command, ContextInfo, EngineError, EngineEvent, ErrorKind, KvOutcome, LoadId,
    LoadRequest, ModelInfo,
};
use crate::library::{self, Command as LibraryCommand, Modelfile};
use crate::params::{Cost, Overrides, Param, Params, Source, TABLE, Value, spec};
use crate::units::counted;

/// Why nothing may change the model now, if so.
pub(super) fn busy(state: &State) -> Option<&'static str> {
    (state.bench.is_running()).then_some(
        "The model is being measured: nothing else changes it until that ends (F12, then Esc).",
    )
}

/// As [`load_as`], of a file that was not asked for by a name.
pub(super) fn load(state: &mut State, given: PathBuf) -> Vec<Effect> {
    load_as(state, given, None)
}

/// Loads a model in place of the running one: a file with what its Modelfile says, or a model that
/// the user named with the values that belong to the name. Of several Modelfiles for the same weights
/// `called`, as the model was asked for, tells which is meant.
pub(super) fn load_as(state: &mut State, given: PathBuf, called: Option<&str>) -> Vec<Effect> {
    if let Some(why) = busy(state) {
        return notice(state, why, IsError::Yes);
    }
    let named = &state.library.named;
    let named = given.to_str().and_then(|name| named.get(name));
    let (path, of_name) = named.cloned().unwrap_or((given, Overrides::new()));
    let params = &mut state.params;
    params.values.replace(Source::ModelsPreset, of_name);
    if library::is_ollama_blob(&path) {
        let called = called.map(str::to_owned);
        return vec![Effect::ReadModelfile { path, called }];
    }
    load_with(state, path, Overrides::new())
}

/// Takes a Modelfile in and loads the model that it is of.
pub(super) fn on_modelfile(
    state: &mut State,
    path: PathBuf,
    modelfile: Option<Modelfile>,
) -> Vec<Effect> {
    if let Some(why) = busy(state) {
        return notice(state, why, IsError::Yes);
    }
    let modelfile = modelfile.unwrap_or_default();
    for text in modelfile.notes() {
        note(state, text, IsError::No);
    }
    load_with(state, path, modelfile.values)
}

fn load_with(state: &mut State, path: PathBuf, of_modelfile: Overrides) -> Vec<Effect> {
    let tuned = state.params.tuned.get(&path).cloned();
    let values = &mut state.params.values;
    values.replace(Source::Ollama, of_modelfile);
    values.replace(Source::Tuned, tuned.unwrap_or_default());
    ask_for(state, path)
}

/// Loads the model that is held with the values that belonged to it, so that it runs again.
pub(super) fn load_held(state: &mut State, path: PathBuf, values: Params) -> Vec<Effect> {
    if let Some(why) = busy(state) {
        return notice(state, why, IsError::Yes);
    }
    state.params.values = values;
    ask_for(state, path)
}

/// Asks the engine for a model with the values in force.
fn ask_for(state: &mut State, path: PathBuf) -> Vec<Effect> {
    let id = state.next_load();
    let mut effects = cancel(state);
    let params = state.params.values.load();
    begin(state, id, Some(path.clone()));
    effects.push(Effect::Engine(Command::Load(Box::new(LoadRequest {
        id,
        path,
        params,
    }))));
    effects
}

/// Stops the load in progress, if any.
pub(super) fn cancel(state: &State) -> Vec<Effect> {
    state
        .model
        .loading
        .iter()
        .map(|phase| Effect::Engine(Command::CancelLoad(phase.id)))
        .collect()
}

/// Sets one value for this session and brings the engine along; a change of it that waited to be
/// applied is overtaken.
pub(super) fn set(state: &mut State, param: Param, value: Value) -> Vec<Effect> {
    match spec(param).check(&value) {
        Ok(()) => change(state, |params| {
            params.pending.remove(&param);
            // Just checked.
            let _ = params.values.set(Source::Session, param, value);
        }),
        Err(error) => notice(state, error.to_string(), IsError::Yes),
    }
}

/// Makes a change to the parameters and tells the engine what follows from it:
/// other sampling for the reply in progress, or a retune of the running model.
pub(super) fn change(state: &mut State, make: impl FnOnce(&mut ParamsState)) -> Vec<Effect> {
    let before = state.params.values.clone();
    make(&mut state.params);
    super::metrics::note_changes(state, &before);
    let after = &state.params.values;
    let mut effects = Vec::new();
    if let Some(request) = state.chat.running()
        && before.sampling() != after.sampling()
    {
        let sampling = Box::new(after.sampling());
        effects.push(Effect::Engine(Command::Resample { request, sampling }));
    }
    let params = after.load();
    if before.load() != params
        && let Some(why) = busy(state)
    {
        state.params.values = before;
        effects.clear();
        effects.extend(notice(state, why, IsError::Yes));
        return effects;
    }
    let model_is_there = state.model.running.is_some() || state.model.loading.is_some();
    if model_is_there && before.load() != params {
        let id = state.next_load();
        begin(state, id, None);
        effects.push(Effect::Engine(Command::Retune {
            id,
            params: Box::new(params),
        }));
    }
    if before != state.params.values {
        effects.extend(saving::configured(state));
    }
    effects
}

/// Brings the engine to the values in force, after a measurement ran it with others.
pub(super) fn again(state: &mut State) -> Vec<Effect> {
    if state.model.running.is_none() {
        return vec![];
    }
    let id = state.next_load();
    let params = Box::new(state.params.values.load());
    begin(state, id, None);
    vec![Effect::Engine(Command::Retune { id, params })]
}

/// Takes the engine's word about loads and retunes in.
pub(super) fn on_engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    match event {
        EngineEvent::Loading { id, progress } => {
            if let Some(phase) = state.model.loading.as_mut().filter(|phase| phase.id == id) {
                phase.progress = Some(progress);
            }
            vec![]
        }
        EngineEvent::Loaded {
            id,
            model,
            context,
            came_from,
            took,
        } => {
            let is_read = came_from == CameFrom::File;
            state.why.load_seconds = is_read.then_some(took.as_secs_f64());
            let name = model.name.clone();
            let mut effects = loaded(state, id, model, context);
            if !is_read {
                let said = format!("{name} runs again: it was held, nothing was read.");
                effects.extend(notice(state, said, IsError::No));
            }
            effects
        }
        EngineEvent::Retuned {
            id,
            context,
            kv,
            took,
        } => {
            let before = unmet(state);
            confirm(state, id);
            state.model.threads_given_up = 0;
            let notes = context.notes.join("; ");
            if let Some((_, running)) = &mut state.model.running {
                if running.n_gpu_layers != context.n_gpu_layers {
                    // Other processors compute it now: the rate measured before says nothing of them.
                    state.speed.prefill_rate = None;
                }
                *running = context;
            }
            for text in unmet(state) {
                if !before.contains(&text) {
                    note(state, text, IsError::No);
                }
            }
            let kept = match kv {
                KvOutcome::Untouched => "nothing had to be computed again".to_owned(),
                KvOutcome::Kept { tokens: 0 } => "nothing was cached yet".to_owned(),
                KvOutcome::Kept { tokens } => {
                    format!("{} of KV cache kept", counted(tokens, "token"))
                }
                KvOutcome::Prefill { tokens, reason } => {
                    let tokens = counted(tokens, "token");
                    format!("{tokens} to prefill again: {reason}")
                }
            };
            let separator = if notes.is_empty() { "" } else { "; " };
            notice(
                state,
                format!(
                    "Applied in {:.2} s: {kept}{separator}{notes}",
                    took.as_secs_f64()
                ),
                IsError::No,
            )
        }
        EngineEvent::LoadFailed { id, error, running } => load_failed(state, id, &error, running),
        EngineEvent::RetuneFailed { id, error, running } => {
            retune_failed(state, id, &error, running)
        }
        EngineEvent::Unloaded => {
            state.model.running = None;
            vec![]
        }
        // The newer one answers for both.
        EngineEvent::Merged { id, .. } => {
            state.model.answered(id);
            vec![]
        }
        EngineEvent::Foreseen { id, outcome } => compare::on_foreseen(state, id, &outcome)
            .unwrap_or_else(|| {
                foresight::answered(state, id, outcome);
                vec![]
            }),
        EngineEvent::Threads {
            n_threads,
            n_threads_batch,
            given_up,
        } => {
            state.model.threads_given_up = given_up;
            if let Some((_, context)) = &mut state.model.running {
                (context.n_threads, context.n_threads_batch) = (n_threads, n_threads_batch);
            }
            vec![]
        }
        _ => vec![],
    }
}

fn begin(state: &mut State, id: LoadId, path: Option<PathBuf>) {
    state.model.error = None;
    state
        .model
        .asked
        .push_back((id, state.params.values.clone()));
    state.model.loading = Some(LoadPhase {
        id,
        path,
        progress: None,
    });
}

fn confirm(state: &mut State, id: LoadId) {
    state.model.error = None;
    if let Some(values) = state.model.answered(id) {
        state.model.confirmed = values;
    }
}

/// What of the values that the engine runs with comes to nothing.
fn unmet(state: &State) -> Vec<String> {
    let asked = state.model.confirmed.load();
    let running = state.model.running.iter();
    running
        .flat_map(|(model, context)| engine::unmet(&asked, model, context))
        .collect()
}

/// Sources of values that belong to one model.
pub(super) const OF_MODEL: [Source; 3] = [Source::Ollama, Source::Tuned, Source::ModelsPreset];

/// Brings the values back that the engine runs with, unless something newer was asked for.
/// Sampling is not the engine's: it stays as it is.
fn fall_back(state: &mut State) {
    if !state.model.asked.is_empty() {
        return;
    }
    let confirmed = &state.model.confirmed;
    let values = &mut state.params.values;
    // What belongs to a model comes back with it.
    for source in OF_MODEL {
        values.take_from(source, confirmed.clone());
    }
    for param in TABLE.iter().map(|spec| spec.param) {
        if matches!(spec(param).cost, Cost::Free | Cost::NextReply)
            || values.get(param) == confirmed.get(param)
        {
            continue;
        }
        values.reset(param);
        if confirmed.source(param) == Source::Session {
            // It was in force before, so it is allowed.
            let _ = values.set(Source::Session, param, confirmed.get(param));
        }
    }
}

fn loaded(
    state: &mut State,
    id: LoadId,
    model: Box<ModelInfo>,
    context: Box<ContextInfo>,
) -> Vec<Effect> {
    confirm(state, id);
    let used = model.path.clone();
    let recommended = model.recommended.clone();
    for text in &context.notes {
        note(state, text, IsError::No);
    }
    if !model.has_chat_template {
        note(
            state,
            format!("{} brings no chat template; ChatML is used.", model.name),
            IsError::No,
        );
    }
    let before = state.model.running.as_ref();
    if before.is_some_and(|(before, _)| before.fingerprint != model.fingerprint) {
        // What the model before reached says nothing of this one.
        state.speed.begin();
    }
    state.speed.context_used = 0;
    state.speed.prefill_rate = None;
    state.model.threads_given_up = 0;
    state.model.running = Some((model, context));
    for text in unmet(state) {
        note(state, text, IsError::No);
    }
    super::metrics::note_model(state);
    state.composer.suggest(if state.model.is_guide() {
        super::QUESTIONS
    } else {
        &[]
    });
    let mut effects = change(state, |params| {
        params.values.replace(Source::Model, recommended)
    });
    effects.push(Effect::Library(LibraryCommand::Loaded(used)));
    effects.extend(super::library::memory_changed(state));
    effects
}

fn load_failed(state: &mut State, id: LoadId, error: &EngineError, running: bool) -> Vec<Effect> {
    state.model.answered(id);
    if running {
        fall_back(state);
    } else {
        state.model.running = None;
    }
    if error.kind == ErrorKind::Cancelled {
        return notice(state, "Loading was stopped.", IsError::No);
    }
    let after = match &state.model.running {
        Some((model, _)) => format!("{} is still loaded.", model.name),
        None => no_model(state),
    };
    state.model.error = Some(error.to_string());
    note(state, format!("{error}\n{after}"), IsError::Yes);
    vec![]
}

fn retune_failed(state: &mut State, id: LoadId, error: &EngineError, running: bool) -> Vec<Effect> {
    state.model.answered(id);
    if running {
        fall_back(state);
    } else {
        state.model.running = None;
    }
    let cancelled = error.kind == ErrorKind::Cancelled;
    if cancelled && running {
        return notice(
            state,
            "The change was stopped; the values before are back.",
            IsError::No,
        );
    }
    let after = if running {
        "The values that worked are back.".to_owned()
    } else {
        no_model(state)
    };
    state.model.error = Some(error.to_string()).filter(|_| !cancelled);
    note(state, format!("{error}\n{after}"), IsError::Yes);
    vec![]
}

/// Says that no model is loaded, and how to load one.
pub(super) fn no_model(state: &State) -> String {
    let key = state
        .keymap
        .hint(super::context(state), super::Action::LoadModel);
    format!(
        "No model is loaded; {} loads one.",
        key.unwrap_or_else(|| "/model FILE".into())
    )
}
