//! What the pending changes would do, asked of the engine whenever they change.

use super::{Effect, State};
use crate::engine::{Command, EngineError, Forecast, LoadId};
use crate::params::Overrides;

/// The engine's word about the changes that are pending.
#[derive(Clone, Debug, PartialEq)]
pub struct Foresight {
    pub id: LoadId,
    /// `None` until it has answered; an error says why the changes would be refused.
    pub outcome: Option<Result<Box<Forecast>, EngineError>>,
}

/// Asks again when other changes are pending than `before`.
pub(super) fn follow(state: &mut State, before: &Overrides) -> Vec<Effect> {
    if state.params.pending == *before {
        return vec![];
    }
    state.params.foresight = None;
    if state.params.pending.is_empty() || state.model.running.is_none() {
        return vec![];
    }
    let id = state.next_load();
    let params = state.params.values.with(&state.params.pending).load();
    state.params.foresight = Some(Foresight { id, outcome: None });
    vec![Effect::Engine(Command::Foresee {
        id,
        params: Box::new(params),
    })]
}

/// Takes the answer in, unless something newer was asked.
pub(super) fn answered(state: &mut State, id: LoadId, outcome: Result<Box<Forecast>, EngineError>) {
    if let Some(foresight) = state
        .params
        .foresight
        .as_mut()
        .filter(|asked| asked.id == id)
    {
        foresight.outcome = Some(outcome);
    }
}
