//! Replies that leave the path of another one: with another token at one place.

use super::{Recorded, Walk, later};
use crate::app::update::{IsError, notice};
use crate::app::{Action, Effect, Entry, State, replies, saving};
use crate::engine::trace::{CandidateTrace, Stage, Trace};
use crate::engine::{Exact, RequestId};
use crate::keymap::Context;
use crate::store::Kept;

/// Candidates of each token where one looks into the tokens and the parameters record fewer.
pub(super) const RECORDED: u32 = 10;

/// Enter: goes on with the candidate, or records a reply that was not recorded.
pub(super) fn accept(state: &mut State) -> Vec<Effect> {
    let walked = state.tokens.walked();
    if walked.is_some_and(|(_, recorded)| recorded.kept.trace.tokens.is_empty()) {
        later::record(state)
    } else {
        take_this_one(state)
    }
}

/// Why the tokens of this reply cannot be gone on with.
pub(super) fn cannot_take(state: &State, reply: RequestId) -> Option<String> {
    if state.chat.running().is_some() {
        // In this view Esc goes back.
        let key = state.keymap.hint(Context::Tokens, Action::Interrupt);
        let key = key.unwrap_or_else(|| "Esc in the chat".to_owned());
        return Some(format!("A reply is being written; {key} stops it."));
    }
    if let Some(why) = replies::cannot_reply(state) {
        return Some(why);
    }
    let running = state.model.running.as_ref();
    let fingerprint = running.map(|(model, _)| model.fingerprint.as_str());
    let recorded = state.tokens.replies.get(&reply)?;
    let made_with = recorded.kept.origin.fingerprint.as_str();
    if fingerprint.is_some_and(|running| running != made_with) {
        let said = "This reply is another model's; load that one to go on from its tokens.";
        return Some(said.to_owned());
    }
    None
}

/// Whether the grammar removed it, as far as that is known, and there still is one.
fn is_forbidden(state: &State, candidate: &CandidateTrace) -> bool {
    let sampling = state.params.values.sampling();
    let has_grammar = !sampling.grammar.is_empty() || !sampling.json_schema.is_empty();
    let stages = state.tokens.token().map(|token| token.stages.as_slice());
    has_grammar && candidate.removed_by(stages.unwrap_or_default()) == Some(Stage::Grammar)
}

/// Goes on from here with the candidate the walk stands on: the chat branches before the reply,
/// and the new one begins with the same tokens up to this one.
pub(super) fn take_this_one(state: &mut State) -> Vec<Effect> {
    let Some((walk, candidate)) = state.tokens.walk.zip(state.tokens.candidate().cloned()) else {
        return vec![];
    };
    let Some(recorded) = state.tokens.replies.get(&walk.reply) else {
        return vec![];
    };
    if let Some(why) = cannot_take(state, walk.reply) {
        return notice(state, why, IsError::Yes);
    }
    if is_forbidden(state, &candidate) {
        let said = "The grammar in force does not allow this token here.";
        return notice(state, said, IsError::Yes);
    }
    let Some((exact, kept)) = branch(&recorded.kept, walk.token, &candidate) else {
        return notice(state, "The reply has not ended yet.", IsError::Yes);
    };
    let is_walked =
        |entry: &Entry| matches!(entry, Entry::Reply(reply) if reply.request == walk.reply);
    let at = state.chat.entries.iter().position(is_walked);
    let Some(walked) = at.and_then(|at| state.chat.node_at(at)) else {
        return notice(
            state,
            "This reply is not in the chat any more.",
            IsError::Yes,
        );
    };
    let before = state.chat.tree.parent(walked);
    state.chat.end_at(before);
    let mut effects = saving::chose(state);
    effects.extend(replies::begin_exactly(state, exact, RECORDED));
    if let Some(request) = state.chat.running() {
        state.tokens.replies.insert(request, Recorded::new(kept));
        state.tokens.walk = Some(Walk {
            reply: request,
            ..walk
        });
    }
    effects
}

/// The prompt and beginning that lead to a token and take another in its place, and what is known
/// of the tokens up to there.
pub(super) fn branch(
    kept: &Kept,
    token: usize,
    candidate: &CandidateTrace,
) -> Option<(Exact, Kept)> {
    let place = kept.trace.tokens.get(token)?;
    let mut reply = kept.ids.chosen.get(..place.at as usize)?.to_vec();
    reply.push(candidate.token);
    let mut marks = kept.marks.clone();
    marks.truncate(place.at.saturating_add(1));
    if candidate.token != place.token && !marks.is_by_hand(place.at) {
        marks.by_hand.push(place.at);
    }
    let mut tokens = kept.trace.tokens.get(..=token)?.to_vec();
    let last = tokens.last_mut()?;
    last.token = candidate.token;
    let likelier = last.candidates.iter().filter(|one| one.p > candidate.p);
    last.rank = u32::try_from(likelier.count()).unwrap_or(u32::MAX);
    let trace = Trace {
        tokens,
        pieces: kept.trace.pieces.clone(),
    };
    let exact = Exact {
        prompt: kept.ids.prompt.clone(),
        reply,
        forced: Vec::new(),
    };
    let kept = Kept {
        trace,
        marks,
        ..Kept::default()
    };
    Some((exact, kept))
}
