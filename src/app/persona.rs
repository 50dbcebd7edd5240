//! Personas: a system prompt with a preset, taken on by name.

use super::overlay::{Overlay, PickList};
use super::update::{IsError, notice};
use super::{Effect, State, params, retune};
use crate::config::Persona;
use crate::params::{Param, Source, Value};

/// The word that takes a persona off.
const OFF: &str = "off";

impl State {
    /// The persona whose system prompt and preset are in force.
    pub fn persona(&self) -> Option<&Persona> {
        let system = self.params.values.get(Param::System);
        let Value::Text(system) = system else {
            return None;
        };
        let preset = self.params.preset.as_ref();
        self.personas.iter().find(|persona| {
            persona.system == system
                && persona
                    .preset
                    .as_ref()
                    .is_none_or(|one| Some(one) == preset)
        })
    }
}

/// Opens the list of personas.
pub(super) fn show_list(state: &mut State) -> Vec<Effect> {
    let mut items: Vec<_> = state
        .personas
        .iter()
        .map(|one| (one.name.clone(), one.name.clone(), one.description.clone()))
        .collect();
    items.push((
        OFF.to_owned(),
        OFF.to_owned(),
        "no system prompt".to_owned(),
    ));
    let current = state.persona().map(|persona| persona.name.clone());
    let at = items
        .iter()
        .position(|(name, ..)| Some(name) == current.as_ref());
    state.overlay = Some(Overlay::Personas(PickList::new(items).with_selected(at)));
    vec![]
}

/// Puts a persona's system prompt, preset and values in force; `off` takes the system prompt away.
///
/// # Errors
/// When there is none of that name: a sentence that names those there are.
pub(super) fn take_on(state: &mut State, name: &str) -> Result<Vec<Effect>, String> {
    if name == OFF {
        let mut effects = give(state, Param::System, Value::Text(String::new()));
        effects.extend(notice(
            state,
            "No system prompt from the next reply on.",
            IsError::No,
        ));
        return Ok(effects);
    }
    let Some(persona) = state.personas.iter().find(|one| one.name == name).cloned() else {
        let names: Vec<_> = state.personas.iter().map(|one| one.name.as_str()).collect();
        return Err(format!(
            "There is no persona '{name}'; there are {}.",
            names.join(", ")
        ));
    };
    let mut effects = match &persona.preset {
        Some(preset) => params::use_preset(state, preset)
            .map_err(|why| format!("The persona '{name}' cannot be used: {why}"))?,
        None => vec![],
    };
    let mut values = persona.values;
    values.insert(Param::System, Value::Text(persona.system));
    effects.extend(retune::change(state, |params| {
        for (param, value) in values {
            // Read for this very parameter.
            let _ = params.values.set(Source::Session, param, value);
        }
    }));
    let with = persona.preset.map(|preset| format!(", preset {preset}"));
    let said = format!(
        "Persona {name}{} from the next reply on.",
        with.unwrap_or_default()
    );
    effects.extend(notice(state, said, IsError::No));
    Ok(effects)
}

fn give(state: &mut State, param: Param, value: Value) -> Vec<Effect> {
    retune::change(state, |params| {
        // A value of the parameter's own kind.
        let _ = params.values.set(Source::Session, param, value);
    })
}
