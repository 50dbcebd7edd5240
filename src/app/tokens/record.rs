//! What is recorded of a reply while it is made.
//!
//! ```text
//! Making (prompt, origin) ─► Tokens, Traced ─► Made (all of it)
//!    └► kept                   └► what is new, with      └► kept
//!                                 the reply's text
//! ```
//! So a reply that is cut off, by whatever, has what made it and the tokens of the text that is there.

use std::sync::Arc;

use super::is_shown;
use super::later::{self, Later};
use crate::app::{Effect, State, View, saving};
use crate::engine::trace::{Ids, Trace};
use crate::engine::{EngineEvent, Origin, RequestId};
use crate::store::{Command, Kept, MessageId};

/// How one reply came about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    pub kept: Kept,
    /// The message it is stored with, for `llmdeck replay`.
    pub message: Option<MessageId>,
    /// The reply goes on, and its next part has not begun.
    goes_on: bool,
    /// Tokens of the parts before the one that is made now.
    given: usize,
    /// What the store has of it.
    stored: Stored,
}

/// How much of a record is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Stored {
    chosen: usize,
    traced: usize,
}

impl Stored {
    fn all(kept: &Kept) -> Self {
        Self {
            chosen: kept.ids.chosen.len(),
            traced: kept.trace.tokens.len(),
        }
    }
}

impl Recorded {
    /// What is known already, of a reply that is not stored yet.
    pub fn new(kept: Kept) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }

    fn begins(&mut self, origin: Origin, ids: Ids) {
        if std::mem::take(&mut self.goes_on) {
            match joined(std::mem::take(&mut self.kept), &ids.prompt) {
                Some(before) => {
                    self.given = before.ids.chosen.len();
                    self.kept = before;
                }
                // Under another prompt the tokens before are others.
                None => self.given = 0,
            }
        }
        self.take(origin, ids);
    }

    fn made(&mut self, origin: Origin, ids: Ids) {
        if self.goes_on {
            let prompt = ids.prompt.clone();
            let chosen = Vec::new();
            self.begins(origin.clone(), Ids { prompt, chosen });
        }
        self.take(origin, ids);
    }

    fn take(&mut self, mut origin: Origin, ids: Ids) {
        if self.given == 0 {
            self.kept.ids = ids;
        } else {
            self.kept.ids.chosen.truncate(self.given);
            self.kept.ids.chosen.extend(ids.chosen);
            let given = u32::try_from(self.given).unwrap_or(u32::MAX);
            origin.begun_with = origin.begun_with.saturating_add(given);
        }
        self.kept.origin = origin;
    }

    fn traced(&mut self, mut trace: Trace) {
        let given = u32::try_from(self.given).unwrap_or(u32::MAX);
        for token in &mut trace.tokens {
            token.at = token.at.saturating_add(given);
        }
        self.kept.trace.append(trace);
    }

    /// What is new since something was stored, which counts as stored then; `None` = nothing.
    fn news(&mut self) -> Option<(Vec<i32>, Trace)> {
        let stored = std::mem::replace(&mut self.stored, Stored::all(&self.kept));
        if stored == self.stored {
            return None;
        }
        let chosen = self.kept.ids.chosen.get(stored.chosen..);
        let trace = self.kept.trace.since(stored.traced);
        Some((chosen.unwrap_or_default().to_vec(), trace))
    }
}

/// The record of a reply up to where it goes on: its text is the end of the new prompt, as tokens
/// that may be others than those it was drawn as. `None` when the prompt does not begin as it did.
fn joined(mut before: Kept, prompt: &[i32]) -> Option<Kept> {
    let given = prompt.strip_prefix(before.ids.prompt.as_slice())?;
    let drawn = before.ids.chosen.iter().zip(given);
    let same = drawn.take_while(|(drawn, given)| drawn == given).count();
    before
        .trace
        .tokens
        .retain(|token| (token.at as usize) < same);
    before.ids.chosen = given.to_vec();
    before
        .marks
        .truncate(u32::try_from(same).unwrap_or(u32::MAX));
    Some(before)
}

/// Takes the engine's word in.
pub(super) fn on_engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    match event {
        EngineEvent::Making {
            request,
            origin,
            ids,
        } if is_shown(state, request) => {
            let recorded = state.tokens.replies.entry(request).or_default();
            recorded.begins(*origin, ids);
            keep(state, request)
        }
        EngineEvent::Traced { request, trace } if is_shown(state, request) => {
            let recorded = state.tokens.replies.entry(request).or_default();
            recorded.traced(trace);
            vec![]
        }
        EngineEvent::Made {
            request,
            origin,
            ids,
        } if is_shown(state, request) => {
            let recorded = state.tokens.replies.entry(request).or_default();
            recorded.made(*origin, ids);
            keep(state, request)
        }
        _ => vec![],
    }
}

/// Takes the tokens that were drawn in.
pub(in crate::app) fn on_drawn(state: &mut State, event: &EngineEvent) {
    if let EngineEvent::Tokens { request, ids, .. } = event
        && let Some(recorded) = state.tokens.replies.get_mut(request)
    {
        recorded.kept.ids.chosen.extend(ids);
    }
}

/// A reply goes on under another number: its record does, too.
pub(in crate::app) fn goes_on(state: &mut State, reply: RequestId, next: RequestId) -> Vec<Effect> {
    let is_recorded = |later: &Later| later.reply == reply;
    let effects = match state.tokens.later.as_ref().is_some_and(is_recorded) {
        true => later::stop(state),
        false => vec![],
    };
    if let Some(params) = state.tokens.params.remove(&reply) {
        state.tokens.params.insert(next, params);
    }
    if let Some(mut recorded) = state.tokens.replies.remove(&reply) {
        recorded.goes_on = !recorded.kept.ids.chosen.is_empty();
        state.tokens.replies.insert(next, recorded);
    }
    effects
}

/// Keeps what is new of a reply in progress.
pub(in crate::app) fn grew(state: &mut State, reply: RequestId) -> Vec<Effect> {
    let recorded = state.tokens.replies.get_mut(&reply);
    match recorded.and_then(Recorded::news) {
        Some((chosen, trace)) => saving::store(
            state,
            Command::KeepMore {
                reply,
                chosen,
                trace,
            },
        ),
        None => vec![],
    }
}

/// Keeps what is known of a reply that ends without the engine's last word about it.
pub(in crate::app) fn ends(state: &mut State, reply: RequestId) -> Vec<Effect> {
    match state.tokens.replies.get(&reply) {
        // The engine never told what makes it.
        Some(recorded) if recorded.kept.origin == Origin::default() => {
            never_began(state, reply);
            vec![]
        }
        Some(recorded) if recorded.stored != Stored::all(&recorded.kept) => keep(state, reply),
        _ => vec![],
    }
}

/// What was to become a reply has no tokens, whatever is known of those it should have begun with.
/// Who walks in it finds in the chat why.
fn never_began(state: &mut State, reply: RequestId) {
    state.tokens.replies.remove(&reply);
    if state
        .tokens
        .walk
        .take_if(|walk| walk.reply == reply)
        .is_some()
        && state.view == View::Tokens
    {
        state.view = View::Deck;
    }
}

fn keep(state: &mut State, reply: RequestId) -> Vec<Effect> {
    let Some(recorded) = state.tokens.replies.get_mut(&reply) else {
        return vec![];
    };
    recorded.stored = Stored::all(&recorded.kept);
    let kept = Arc::new(recorded.kept.clone());
    saving::store(state, Command::Keep { reply, kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::trace::TokenTrace;
    use crate::store::Marks;

    fn part(prompt: &[i32], chosen: &[i32]) -> Kept {
        let token = |(at, token): (usize, &i32)| TokenTrace {
            at: at as u32,
            token: *token,
            ..TokenTrace::default()
        };
        Kept {
            origin: Origin::default(),
            ids: Ids {
                prompt: prompt.into(),
                chosen: chosen.into(),
            },
            trace: Trace {
                tokens: chosen.iter().enumerate().map(token).collect(),
                ..Trace::default()
            },
            marks: Marks::default(),
        }
    }

    /// A reply that goes on with that prompt and draws two more tokens.
    fn gone_on(before: Kept, prompt: &[i32]) -> Recorded {
        let mut recorded = Recorded {
            goes_on: true,
            ..Recorded::new(before)
        };
        let ids = |chosen: &[i32]| Ids {
            prompt: prompt.into(),
            chosen: chosen.into(),
        };
        recorded.begins(Origin::default(), ids(&[]));
        recorded.kept.ids.chosen.push(7);
        recorded.traced(part(&[], &[7, 8]).trace);
        recorded.made(Origin::default(), ids(&[7, 8]));
        recorded
    }

    #[test]
    fn a_reply_that_goes_on_has_the_record_of_all_of_it() {
        let recorded = gone_on(part(&[1, 2], &[3, 4]), &[1, 2, 3, 4]);
        let kept = &recorded.kept;
        assert_eq!(kept.ids.prompt, [1, 2]);
        assert_eq!(kept.ids.chosen, [3, 4, 7, 8]);
        assert_eq!(kept.origin.begun_with, 2);
        let places: Vec<(u32, i32)> = kept
            .trace
            .tokens
            .iter()
            .map(|one| (one.at, one.token))
            .collect();
        assert_eq!(places, [(0, 3), (1, 4), (2, 7), (3, 8)]);
    }

    #[test]
    fn tokens_that_its_text_gave_otherwise_have_no_candidates() {
        let recorded = gone_on(part(&[1, 2], &[3, 4, 5]), &[1, 2, 3, 9]);
        assert_eq!(recorded.kept.ids.chosen, [3, 9, 7, 8]);
        let places: Vec<u32> = recorded
            .kept
            .trace
            .tokens
            .iter()
            .map(|one| one.at)
            .collect();
        assert_eq!(places, [0, 2, 3]);
    }

    #[test]
    fn marks_stay_with_the_tokens_that_are_still_there() {
        let marked = Kept {
            marks: Marks {
                by_hand: vec![0, 2],
                computed_later: 3,
            },
            ..part(&[1, 2], &[3, 4, 5])
        };
        for (prompt, by_hand, computed_later) in [
            (&[1, 2, 3, 4, 5][..], &[0, 2][..], 3),
            (&[1, 2, 3, 9], &[0], 1),
            (&[6], &[], 0),
        ] {
            let marks = gone_on(marked.clone(), prompt).kept.marks;
            assert_eq!(
                (&marks.by_hand[..], marks.computed_later),
                (by_hand, computed_later)
            );
        }
    }

    #[test]
    fn under_another_prompt_only_the_last_part_is_recorded() {
        let recorded = gone_on(part(&[1, 2], &[3]), &[6, 2, 3]);
        assert_eq!(recorded.kept.ids, part(&[6, 2, 3], &[7, 8]).ids);
        assert_eq!(recorded.kept.origin.begun_with, 0);
    }

    #[test]
    fn what_is_stored_by_parts_is_all_of_it() {
        let whole = part(&[1, 2], &[3, 4, 5, 6, 7]);
        let mut recorded = Recorded::new(part(&[1, 2], &[]));
        let mut stored = part(&[1, 2], &[]);
        for count in [2, 2, 5] {
            // What a token says and how it came about may each run ahead.
            recorded.kept.ids.chosen = whole.ids.chosen[..count].to_vec();
            recorded.kept.trace.tokens = whole.trace.tokens[..count.min(4)].to_vec();
            if let Some((chosen, trace)) = recorded.news() {
                stored.ids.chosen.extend(chosen);
                stored.trace.append(trace);
            }
            assert_eq!(recorded.news(), None);
        }
        assert_eq!(stored.ids, whole.ids);
        assert_eq!(stored.trace.tokens, whole.trace.tokens[..4]);
    }
}
