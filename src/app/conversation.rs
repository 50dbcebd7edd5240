//! What belongs to a conversation beside its messages: system prompt, preset, and what was set on top.
//!
//! A saved chat brings its own; the deck's come back with the next new one. What would need a new
//! context or a reload stays as it is.

use super::{Effect, State, retune, saving};
use crate::params::{Cost, Overrides, Param, Source, TABLE, Value, spec};
use crate::store::Settings;

/// Puts a saved chat's settings in force.
pub(super) fn enter(state: &mut State, settings: &Settings) -> Vec<Effect> {
    if state.sessions.own.is_none() {
        state.sessions.own = Some(saving::settings(state));
    }
    apply(state, settings)
}

/// Puts the deck's own settings in force again, where those of a saved chat are.
pub(super) fn leave(state: &mut State) -> Vec<Effect> {
    match state.sessions.own.take() {
        Some(own) => apply(state, &own),
        None => vec![],
    }
}

fn apply(state: &mut State, settings: &Settings) -> Vec<Effect> {
    let mut values = Overrides::new();
    for row in TABLE.iter().filter(|row| is_free(row.param)) {
        let written = settings.params.get(row.name);
        // What today's table refuses stays as it is.
        if let Some(value) = written.and_then(|text| row.parse(text).ok()) {
            values.insert(row.param, value);
        }
    }
    if let Some(system) = &settings.system {
        values.insert(Param::System, Value::Text(system.clone()));
    }
    let preset = settings.preset.as_ref();
    let known = preset.and_then(|name| state.presets.iter().find(|one| one.name == *name));
    let preset = known.map(|preset| {
        let free = preset.values.iter().filter(|(param, _)| is_free(**param));
        let free = free.map(|(param, value)| (*param, value.clone()));
        (preset.name.clone(), free.collect::<Overrides>())
    });
    retune::change(state, |params| {
        for row in TABLE.iter().filter(|row| is_free(row.param)) {
            params.values.reset(row.param);
        }
        let name = preset.as_ref().map(|(name, _)| name.clone());
        if params.preset != name {
            let values = preset.map(|(_, values)| values).unwrap_or_default();
            params.values.replace(Source::Preset, values);
            params.preset = name;
        }
        for (param, value) in values {
            // Read for this very parameter.
            let _ = params.values.set(Source::Session, param, value);
        }
    })
}

/// Whether a change of it costs the running model nothing.
fn is_free(param: Param) -> bool {
    matches!(spec(param).cost, Cost::Free | Cost::NextReply)
}
