//! The walk itself: where it stands, and how keys move it.

use super::{again, later};
use crate::app::update::{IsError, notice};
use crate::app::{Action, Effect, Entry, Pane, State, View};
use crate::engine::RequestId;

/// A place in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    pub reply: RequestId,
    /// Index into the tokens recorded.
    pub token: usize,
    /// Index into that token's candidates.
    pub candidate: usize,
    pub shade: Shade,
}

/// Whether the text is shaded by probability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shade {
    #[default]
    Off,
    On,
}

/// The view is shown; without a reply to walk through, the deck stays.
pub fn enter(state: &mut State) -> Vec<Effect> {
    match open(state) {
        Ok(()) => vec![],
        Err(why) => {
            state.view = View::Deck;
            notice(state, why, IsError::No)
        }
    }
}

/// Opens the walk at the reply selected in the chat pane or the one that follows the message selected
/// there, else at the last one whose tokens are known. In the same reply as the last time it stands
/// where it stood.
///
/// # Errors
/// When the tokens of that one are not known, or of none: in words.
pub(super) fn open(state: &mut State) -> Result<(), &'static str> {
    let walkable = walkable(state);
    let selects = state.focus == Pane::Chat && state.chat.selected.is_some();
    let reply = if selects {
        let meant = state.chat.meant_reply().map(|(_, reply)| reply.request);
        meant
            .filter(|reply| walkable.contains(reply))
            .ok_or("The tokens of the selected reply are not known; without a selection the last one opens.")?
    } else {
        *walkable
            .last()
            .ok_or("There is no reply whose tokens are known.")?
    };
    if state.tokens.walk.is_none_or(|walk| walk.reply != reply) {
        let shade = state.tokens.walk.map_or(Shade::Off, |walk| walk.shade);
        state.tokens.walk = Some(Walk {
            reply,
            token: 0,
            candidate: 0,
            shade,
        });
    }
    settle(state);
    Ok(())
}

/// Moves by tokens.
pub(super) fn step(state: &mut State, tokens: isize) {
    if let Some(walk) = &mut state.tokens.walk {
        walk.token = walk.token.saturating_add_signed(tokens);
    }
    settle(state);
}

/// Moves by candidates.
pub(super) fn choose(state: &mut State, rows: isize) {
    let last = state
        .tokens
        .token()
        .map_or(0, |token| token.candidates.len().saturating_sub(1));
    if let Some(walk) = &mut state.tokens.walk {
        walk.candidate = walk.candidate.saturating_add_signed(rows).min(last);
    }
}

/// Moves by replies.
pub(super) fn other_reply(state: &mut State, replies: isize) {
    let all = walkable(state);
    let Some(walk) = &mut state.tokens.walk else {
        return;
    };
    let at = all.iter().position(|reply| *reply == walk.reply);
    let to = at.map(|at| {
        at.saturating_add_signed(replies)
            .min(all.len().saturating_sub(1))
    });
    if let Some(reply) = to.and_then(|to| all.get(to))
        && *reply != walk.reply
    {
        walk.reply = *reply;
        walk.token = 0;
    }
    settle(state);
}

fn shade(state: &mut State) {
    if let Some(walk) = &mut state.tokens.walk {
        walk.shade = match walk.shade {
            Shade::Off => Shade::On,
            Shade::On => Shade::Off,
        };
    }
}

/// Does an action of the view; `None` when it means what it means everywhere.
pub fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::StepDown => step(state, -1),
        Action::StepUp => step(state, 1),
        Action::BigStepDown => step(state, -10),
        Action::BigStepUp => step(state, 10),
        Action::Up => choose(state, -1),
        Action::Down => choose(state, 1),
        Action::PageUp => other_reply(state, -1),
        Action::PageDown => other_reply(state, 1),
        Action::Top => step(state, isize::MIN / 2),
        Action::Bottom => step(state, isize::MAX / 2),
        Action::Toggle => shade(state),
        Action::Accept => return Some(again::accept(state)),
        Action::Cancel if state.tokens.later.is_some() => return Some(later::stop(state)),
        _ => return None,
    }
    Some(vec![])
}

/// The replies of the chat whose tokens are recorded or can be, oldest first.
fn walkable(state: &State) -> Vec<RequestId> {
    let entries = state.chat.entries.iter();
    let requests = entries.filter_map(|entry| match entry {
        Entry::Reply(reply) => Some(reply.request),
        _ => None,
    });
    requests
        .filter(|request| {
            let recorded = state.tokens.replies.get(request);
            recorded.is_some_and(|recorded| {
                let kept = &recorded.kept;
                !kept.trace.tokens.is_empty() || !kept.ids.chosen.is_empty()
            })
        })
        .collect()
}

/// Keeps the walk inside the reply and its candidate on the token that was chosen.
pub(super) fn settle(state: &mut State) {
    let walked = state.tokens.walked();
    let last = walked.map_or(0, |(_, recorded)| {
        recorded.kept.trace.tokens.len().saturating_sub(1)
    });
    if let Some(walk) = &mut state.tokens.walk {
        walk.token = walk.token.min(last);
    }
    let chosen = state.tokens.token().and_then(|token| {
        let mut candidates = token.candidates.iter();
        candidates.position(|candidate| candidate.token == token.token)
    });
    if let Some(walk) = &mut state.tokens.walk {
        walk.candidate = chosen.unwrap_or(0);
    }
}
