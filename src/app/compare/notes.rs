//! What has to be known about a comparison beside its figures.

use super::Run;
use crate::app::State;
use crate::engine::{ContextInfo, EngineEvent};

/// Takes down what the model and the context that answer mean for the columns. Another model that
/// runs later does not change it.
pub(super) fn learn(state: &mut State, event: &EngineEvent) {
    // With each token there is nothing new to tell.
    if matches!(event, EngineEvent::Tokens { .. }) {
        return;
    }
    let Some((model, context)) = &state.model.running else {
        return;
    };
    if let Some(run) = &mut state.compare.run
        && run
            .model
            .as_ref()
            .is_some_and(|answering| answering.is(model))
    {
        run.notes = run.notes_in(context);
    }
}

impl Run {
    fn notes_in(&self, context: &ContextInfo) -> Vec<String> {
        let sharing = context
            .sharing
            .why_not()
            .map(|why| format!("every column prefills the prompt by itself: {why}"));
        let room = self.room(context).filter(|room| !room.is_enough());
        let room = room.map(|room| room.to_string());
        sharing.into_iter().chain(room).collect()
    }
}
