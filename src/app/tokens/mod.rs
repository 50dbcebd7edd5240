//! How replies came about, and the walk through the tokens of one.

mod again;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::update::{IsError, notice};
use super::{Effect, Entry, State, saving};
use crate::engine::trace::{CandidateTrace, TokenTrace, Trace};
use crate::engine::{EngineEvent, Origin, RequestId};
use crate::store::{Command, Kept, MessageId, Snapshot};

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

/// How one reply came about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    pub kept: Kept,
    /// The message it is stored with, for `llmdeck replay`.
    pub message: Option<MessageId>,
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

/// Takes the engine's word in.
pub(super) fn on_engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    if let Some(later) = state.tokens.later
        && request_of(&event) == Some(later.request)
    {
        return on_later(state, later.reply, event);
    }
    match event {
        EngineEvent::Traced { request, trace } if is_shown(state, request) => {
            let recorded = state.tokens.replies.entry(request).or_default();
            recorded.kept.trace.append(trace);
            vec![]
        }
        EngineEvent::Made {
            request,
            origin,
            ids,
        } if is_shown(state, request) => {
            let recorded = state.tokens.replies.entry(request).or_default();
            recorded.kept.origin = *origin;
            recorded.kept.ids = ids;
            let kept = Arc::new(recorded.kept.clone());
            saving::store(
                state,
                Command::Keep {
                    reply: request,
                    kept,
                },
            )
        }
        _ => vec![],
    }
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
        EngineEvent::Traced { request, .. }
        | EngineEvent::Made { request, .. }
        | EngineEvent::Failed { request, .. } => Some(*request),
        _ => None,
    }
}

/// Takes what the store knows of the replies of a chat that was opened, by their places in it.
pub(super) fn on_traces(state: &mut State, kept: Vec<(usize, MessageId, Arc<Kept>)>) {
    let messages: Vec<Option<RequestId>> = state
        .chat
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::User(_) => Some(None),
            Entry::Reply(reply) => Some(Some(reply.request)),
            Entry::Note { .. } => None,
        })
        .collect();
    for (at, message, kept) in kept {
        if let Some(Some(request)) = messages.get(at) {
            let recorded = Recorded {
                kept: Arc::unwrap_or_clone(kept),
                message: Some(message),
            };
            state.tokens.replies.insert(*request, recorded);
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
