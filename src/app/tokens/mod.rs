//! How replies came about, and the walk through the tokens of one.

mod again;
mod record;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::update::{IsError, notice};
use super::{Effect, Entry, State, saving};
use crate::chat::NodeId;
use crate::engine::trace::{CandidateTrace, TokenTrace, Trace};
use crate::engine::{EngineEvent, Origin, RequestId};
use crate::store::{Command, Kept, MessageId, Snapshot};

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

/// A reply is made again, token by token as it was, to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Later {
    /// The number it is made again under.
    request: RequestId,
    pub reply: RequestId,
}

impl TokensState {
    /// The reply the walk is in.
    pub fn walked(&self) -> Option<(&Walk, &Trace)> {
        let walk = self.walk.as_ref()?;
        let recorded = self.replies.get(&walk.reply)?;
        Some((walk, &recorded.kept.trace))
    }

    /// The token the walk stands on.
    pub fn token(&self) -> Option<&TokenTrace> {
        let (walk, trace) = self.walked()?;
        trace.tokens.get(walk.token)
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
    if let Some(later) = state.tokens.later
        && request_of(&event) == Some(later.request)
    {
        return on_later(state, later.reply, event);
    }
    record::on_engine(state, event)
}

/// Takes in what is told of a reply that is recorded after it was made.
fn on_later(state: &mut State, reply: RequestId, event: EngineEvent) -> Vec<Effect> {
    let Some(recorded) = state.tokens.replies.get_mut(&reply) else {
        return vec![];
    };
    match event {
        EngineEvent::Traced { trace, .. } => {
            recorded.kept.trace.append(trace);
            vec![]
        }
        EngineEvent::Made { .. } => {
            state.tokens.later = None;
            let Some(message) = recorded.message else {
                return vec![];
            };
            let kept = Arc::new(recorded.kept.clone());
            saving::store(state, Command::KeepLater { message, kept })
        }
        EngineEvent::Failed { error, .. } => {
            state.tokens.later = None;
            notice(state, error.to_string(), IsError::Yes)
        }
        _ => vec![],
    }
}

/// Whether that is the number of a reply that is recorded after it was made.
pub(super) fn is_later(state: &State, request: RequestId) -> bool {
    let later = state.tokens.later.as_ref();
    later.is_some_and(|later| later.request == request)
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
