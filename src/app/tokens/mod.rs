//! How replies came about, and the walk through the tokens of one.

mod again;
mod later;
mod record;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Effect, Entry, State};
use crate::chat::NodeId;
use crate::engine::trace::{CandidateTrace, TokenTrace};
use crate::engine::{EngineEvent, Origin, RequestId};
use crate::store::{Kept, MessageId, Snapshot};

pub use later::Later;
pub(super) use later::{is_later, stop as stop_recording};
pub use record::Recorded;
pub(super) use record::{ends, goes_on, grew, on_drawn};
pub use walk::{Shade, Walk};
pub(super) use walk::{enter, perform};

/// What is known of how the replies on the screen came about.
#[derive(Debug, Default)]
pub struct TokensState {
    /// By the reply's number.
    pub replies: BTreeMap<RequestId, Recorded>,
    /// The values that each reply was made with, as far as they are not the defaults.
    pub(super) params: BTreeMap<RequestId, Snapshot>,
    /// Where the walk stands.
    pub walk: Option<Walk>,
    /// A reply whose tokens are being recorded after it was made.
    pub later: Option<Later>,
}

impl TokensState {
    /// The reply the walk is in.
    pub fn walked(&self) -> Option<(&Walk, &Recorded)> {
        let walk = self.walk.as_ref()?;
        let recorded = self.replies.get(&walk.reply)?;
        Some((walk, recorded))
    }

    /// The reply the walk is in, while it is recorded after it was made.
    pub fn recording(&self) -> Option<&Later> {
        let (walk, later) = (self.walk.as_ref()?, self.later.as_ref()?);
        (walk.reply == later.reply).then_some(later)
    }

    /// The token the walk stands on.
    pub fn token(&self) -> Option<&TokenTrace> {
        let (walk, recorded) = self.walked()?;
        recorded.kept.trace.tokens.get(walk.token)
    }

    /// The candidate the walk stands on.
    pub fn candidate(&self) -> Option<&CandidateTrace> {
        let walk = self.walk.as_ref()?;
        self.token()?.candidates.get(walk.candidate)
    }
}

/// A reply begins with the values in force.
pub(super) fn began(state: &mut State, reply: RequestId, params: Snapshot) {
    state.tokens.params.insert(reply, params);
}

/// A reply that was made elsewhere stands in the chat now.
pub(super) fn kept(state: &mut State, reply: RequestId, params: Snapshot, kept: Kept) {
    state.tokens.params.insert(reply, params);
    state.tokens.replies.insert(reply, Recorded::new(kept));
}

/// Takes the engine's word in.
pub(super) fn on_engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    if request_of(&event).is_some_and(|request| is_later(state, request)) {
        return later::on_engine(state, event);
    }
    record::on_engine(state, event)
}

fn request_of(event: &EngineEvent) -> Option<RequestId> {
    match event {
        EngineEvent::Making { request, .. }
        | EngineEvent::Traced { request, .. }
        | EngineEvent::Made { request, .. }
        | EngineEvent::Failed { request, .. } => Some(*request),
        _ => None,
    }
}

/// Takes what the store knows of the replies of a chat that was opened, by their numbers in it.
pub(super) fn on_traces(state: &mut State, kept: Vec<(NodeId, MessageId, Arc<Kept>)>) {
    for (node, message, kept) in kept {
        if let Some(Entry::Reply(reply)) = state.chat.message(node) {
            let mut recorded = Recorded::new(Arc::unwrap_or_clone(kept));
            recorded.message = Some(message);
            state.tokens.replies.insert(reply.request, recorded);
        }
    }
}

/// A reply was stored.
pub(super) fn on_kept(state: &mut State, reply: RequestId, message: MessageId) {
    if let Some(recorded) = state.tokens.replies.get_mut(&reply) {
        recorded.message = Some(message);
    }
}

/// What the model, the machine and the build were, for the last line of the view.
pub fn made_with(origin: &Origin) -> Vec<String> {
    let mut parts = vec![format!("seed {}", origin.seed)];
    if let Some(short) = origin.fingerprint.get(..8) {
        parts.push(format!("model {short}"));
    }
    if !origin.program.is_empty() {
        parts.push(origin.program.clone());
    }
    if !origin.devices.is_empty() {
        parts.push(origin.devices.join(", "));
    }
    parts
}

fn is_shown(state: &State, request: RequestId) -> bool {
    let mut entries = state.chat.entries.iter().rev();
    entries.any(|entry| matches!(entry, Entry::Reply(reply) if reply.request == request))
}
