//! A reply that is recorded after it was made.

use super::*;
use crate::app::Action;
use crate::app::tokens::again::accept;
use crate::app::tokens::walk::perform;
use crate::engine::GenerateRequest;

/// The last reply, whose candidates were not recorded, is being recorded; with its request.
fn recording() -> (State, GenerateRequest) {
    let mut state = recorded();
    state.sessions.saving = Saving::On;
    let last = state.tokens.replies.get_mut(&RequestId(1002)).unwrap();
    last.kept.trace = Trace::default();
    last.message = Some(MessageId(8));
    open(&mut state).unwrap();
    let asked = accept(&mut state)
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Engine(EngineCommand::Generate(request)) => Some(*request),
            _ => None,
        });
    (state, asked.expect("it is computed again"))
}

/// The engine made so many tokens of it again.
fn made_again(state: &mut State, request: RequestId, count: i32) -> Vec<Effect> {
    let mut again = trace(count);
    // The likeliest of the first one is another now.
    again.tokens[0].candidates.swap(0, 1);
    let mut effects = of_engine(
        state,
        EngineEvent::Traced {
            request,
            trace: again,
        },
    );
    let made = EngineEvent::Made {
        request,
        origin: Box::default(),
        ids: Ids {
            prompt: vec![1, 2],
            chosen: (10..10 + count).collect(),
        },
    };
    effects.extend(of_engine(state, made));
    effects
}

#[test]
fn what_is_recorded_after_a_reply_was_made_is_marked_as_that() {
    let (mut state, asked) = recording();
    assert_eq!(asked.exact.unwrap().forced, [10, 11, 12, 13]);
    let effects = made_again(&mut state, asked.id, 4);
    assert!(state.tokens.later.is_none());
    let stored = effects.iter().find_map(|effect| match effect {
        Effect::Store(Command::KeepLater { message, kept }) => Some((*message, kept)),
        _ => None,
    });
    let (message, kept) = stored.expect("it is kept");
    assert_eq!((message, kept.marks.computed_later), (MessageId(8), 4));
    assert_eq!(kept.trace.tokens.len(), 4);
    assert_eq!(kept.origin.fingerprint, "f00d", "as it was made at first");
    let drawn = state.tokens.candidate().map(|candidate| candidate.token);
    assert_eq!(drawn, Some(10), "the walk stands on the token drawn");
}

#[test]
fn a_recording_that_does_not_come_to_its_end_leaves_nothing() {
    let is_as_before = |state: &State| {
        let kept = &state.tokens.replies[&RequestId(1002)].kept;
        assert_eq!(state.tokens.later, None);
        assert_eq!(
            (&kept.trace, &kept.marks),
            (&Trace::default(), &Marks::default())
        );
        assert_eq!(kept.ids.chosen, [10, 11, 12, 13]);
    };
    // Short of what was drawn.
    let (mut state, asked) = recording();
    let effects = made_again(&mut state, asked.id, 2);
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Store(_)))
    );
    is_as_before(&state);
    assert!(state.notice.is_some());
    // Stopped with Esc, which does not leave the view yet; late news of it changes nothing.
    let (mut state, asked) = recording();
    let stopped = perform(&mut state, Action::Cancel).unwrap();
    let is_cancelled = |effect: &Effect| matches!(effect, Effect::Engine(EngineCommand::Cancel(id)) if *id == asked.id);
    assert!(stopped.iter().any(is_cancelled));
    made_again(&mut state, asked.id, 4);
    is_as_before(&state);
    assert!(perform(&mut state, Action::Cancel).is_none());
    // The chat is left.
    let (mut state, asked) = recording();
    let next = state.next_conversation();
    let left = crate::app::perform::leave_for(&mut state, next);
    let is_cancelled = |effect: &Effect| matches!(effect, Effect::Engine(EngineCommand::Cancel(id)) if *id == asked.id);
    assert!(left.iter().any(is_cancelled));
}
