//! A reply that was not recorded is recorded afterwards: its tokens are computed again, one by one,
//! with the values it was made with.

use std::sync::Arc;

use super::again::{RECORDED, cannot_take};
use super::walk::settle;
use crate::app::update::{IsError, notice};
use crate::app::{Effect, State, saving};
use crate::engine::trace::Trace;
use crate::engine::{Command, EngineEvent, Exact, GenerateRequest, RequestId};
use crate::params::{Params, ReplyParams, SamplingParams};
use crate::store::{Command as StoreCommand, Kept};

/// A reply is made again, token by token as it was, to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Later {
    /// The number it is made again under.
    request: RequestId,
    pub reply: RequestId,
}

/// Begins to record the reply that the walk is in.
pub(super) fn record(state: &mut State) -> Vec<Effect> {
    let Some(walk) = state.tokens.walk else {
        return vec![];
    };
    if let Some(why) = cannot_take(state, walk.reply) {
        return notice(state, why, IsError::Yes);
    }
    if state.tokens.later.is_some() {
        return notice(state, "Another reply is being recorded.", IsError::No);
    }
    let (request, conversation) = (state.next_request(), state.next_conversation());
    let made_with = state.tokens.params.get(&walk.reply);
    let params = made_with.map_or_else(Params::default, Params::written);
    let Some(recorded) = state.tokens.replies.get_mut(&walk.reply) else {
        return vec![];
    };
    let Kept { origin, ids, .. } = &recorded.kept;
    let generate = GenerateRequest {
        id: request,
        // Not the chat's own, so that the cache of what was said later stays.
        conversation,
        messages: Vec::new(),
        reply_so_far: String::new(),
        sampling: SamplingParams {
            seed: Some(origin.seed),
            n_probs: params.sampling().n_probs.max(RECORDED),
            ..params.sampling()
        },
        reply: ReplyParams {
            max_tokens: u32::try_from(ids.chosen.len()).ok(),
            stop: Vec::new(),
            ..params.reply()
        },
        exact: Some(Exact {
            prompt: ids.prompt.clone(),
            reply: Vec::new(),
            forced: ids.chosen.clone(),
        }),
    };
    recorded.kept.marks.computed_later = u32::try_from(ids.chosen.len()).unwrap_or(u32::MAX);
    state.tokens.later = Some(Later {
        request,
        reply: walk.reply,
    });
    vec![Effect::Engine(Command::Generate(Box::new(generate)))]
}

/// Whether that is the number of a reply that is recorded after it was made.
pub(in crate::app) fn is_later(state: &State, request: RequestId) -> bool {
    let later = state.tokens.later.as_ref();
    later.is_some_and(|later| later.request == request)
}

/// Takes in what is told of the reply that is recorded.
pub(super) fn on_engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    let Some(Later { reply, .. }) = state.tokens.later else {
        return vec![];
    };
    match event {
        EngineEvent::Traced { trace, .. } => {
            if let Some(recorded) = state.tokens.replies.get_mut(&reply) {
                let is_first = recorded.kept.trace.tokens.is_empty();
                recorded.kept.trace.append(trace);
                if is_first {
                    settle(state);
                }
            }
            vec![]
        }
        EngineEvent::Made { ids, .. } => {
            let recorded = state.tokens.replies.get(&reply);
            if recorded.is_some_and(|recorded| recorded.kept.ids.chosen == ids.chosen) {
                state.tokens.later = None;
                keep(state, reply)
            } else {
                forget(state);
                let said = "The reply could not be computed to its end: nothing is recorded.";
                notice(state, said, IsError::Yes)
            }
        }
        EngineEvent::Failed { error, .. } => {
            forget(state);
            notice(state, error.to_string(), IsError::Yes)
        }
        _ => vec![],
    }
}

/// Stops recording; the reply can be recorded from its beginning again.
pub(in crate::app) fn stop(state: &mut State) -> Vec<Effect> {
    let cancel = |later: Later| Effect::Engine(Command::Cancel(later.request));
    forget(state).map(cancel).into_iter().collect()
}

fn keep(state: &State, reply: RequestId) -> Vec<Effect> {
    let recorded = state.tokens.replies.get(&reply);
    let message = recorded.and_then(|recorded| Some((recorded.message?, &recorded.kept)));
    let Some((message, kept)) = message else {
        return vec![];
    };
    let kept = Arc::new(kept.clone());
    saving::store(state, StoreCommand::KeepLater { message, kept })
}

/// A part of a reply would look as if the rest could not be known.
fn forget(state: &mut State) -> Option<Later> {
    let later = state.tokens.later.take()?;
    if let Some(recorded) = state.tokens.replies.get_mut(&later.reply) {
        recorded.kept.trace = Trace::default();
        recorded.kept.marks.computed_later = 0;
    }
    Some(later)
}
