//! The model that answers a comparison: all its columns are of one.

use super::Run;
use crate::app::{LoadPhase, Reply, ReplyState, State, retune};
use crate::engine::ModelInfo;

/// Which model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answering {
    pub name: String,
    /// `gguf::fingerprint` of its file; empty where that is not known.
    pub fingerprint: String,
}

impl Answering {
    fn of(model: &ModelInfo) -> Self {
        Self {
            name: model.name.clone(),
            fingerprint: model.fingerprint.clone(),
        }
    }
}

/// The model that runs.
fn running(state: &State) -> Option<Answering> {
    let running = state.model.running.as_ref();
    running.map(|(model, _)| Answering::of(model))
}

/// Remembers the model with the first word that it says. Not when the columns are sent: another
/// may still be loading then.
pub(super) fn learn(state: &mut State) {
    let running = running(state);
    if let Some(run) = &mut state.compare.run
        && run.model.is_none()
        && run.has_begun()
    {
        run.model = running;
    }
}

/// Why no column can be added to the comparison or answer again: the model that answered it does
/// not run.
pub(super) fn cannot_go_on(state: &State) -> Option<String> {
    let answered = state.compare.run.as_ref()?.model.as_ref()?;
    let is_swapped = |phase: &LoadPhase| phase.path.is_some();
    if state.model.loading.as_ref().is_some_and(is_swapped) {
        return Some("A model is being loaded; a moment.".into());
    }
    match running(state) {
        None => Some(retune::no_model(state)),
        Some(now) if now == *answered => None,
        Some(now) => Some(format!(
            "{} answered here, and {} runs now: load the first again, or begin a new comparison.",
            told(answered, &now),
            told(&now, answered),
        )),
    }
}

/// A model's name; with its fingerprint where another has the same name.
fn told(model: &Answering, other: &Answering) -> String {
    match model.fingerprint.get(..8) {
        Some(short) if model.name == other.name => format!("{} ({short})", model.name),
        _ => model.name.clone(),
    }
}

/// Whether the model that runs made this reply.
pub(super) fn has_made(state: &State, reply: &Reply) -> bool {
    let recorded = state.tokens.replies.get(&reply.request);
    let made_with = recorded.map_or("", |recorded| recorded.kept.origin.fingerprint.as_str());
    running(state).is_some_and(|now| now.name == reply.model && now.fingerprint == made_with)
}

impl Run {
    fn has_begun(&self) -> bool {
        let sent = |state: &ReplyState| *state == ReplyState::Sent;
        self.answers
            .iter()
            .any(|answer| answer.seed.is_some() || !sent(&answer.state))
    }
}
