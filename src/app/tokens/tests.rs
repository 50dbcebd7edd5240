//! The walk and what is recorded, event by event.

use super::again::take_this_one;
use super::walk::{choose, open, other_reply, step};
use super::*;
use crate::app::{Reply, ReplyState, update};
use crate::engine::trace::{Ids, Stage, StageTrace};
use crate::engine::{Command as EngineCommand, ContextInfo, ModelInfo, StopReason};

fn trace(count: i32) -> Trace {
    let candidate = |token, p| CandidateTrace {
        token,
        p,
        after: vec![p],
    };
    let token = |at: i32| TokenTrace {
        at: at as u32,
        token: 10 + at,
        rank: 0,
        entropy: 1.0,
        stages: vec![StageTrace {
            stage: Stage::TopK,
            kept: 2,
            mass: 0.9,
        }],
        candidates: vec![candidate(10 + at, 0.6), candidate(99, 0.3)],
    };
    Trace {
        tokens: (0..count).map(token).collect(),
        pieces: (10..10 + count)
            .chain([99])
            .map(|id| (id, id.to_string().into_bytes().into()))
            .collect(),
    }
}

fn reply(request: u64) -> Entry {
    Entry::Reply(Reply {
        text: "abc".into(),
        state: ReplyState::Done(StopReason::EndOfTurn),
        ..Reply::new(RequestId(request), "m".into())
    })
}

/// Two turns whose replies were recorded.
fn recorded() -> State {
    let mut state = State::new((120, 40));
    let model = ModelInfo {
        fingerprint: "f00d".into(),
        ..ModelInfo::default()
    };
    state.model.running = Some((Box::new(model), Box::new(ContextInfo::default())));
    for request in [1001, 1002] {
        state.chat.push(Entry::User("q".into()));
        state.chat.push(reply(request));
        let request = RequestId(request);
        let traced = EngineEvent::Traced {
            request,
            trace: trace(4),
        };
        update(&mut state, crate::app::Event::Engine(traced));
        let made = EngineEvent::Made {
            request,
            origin: Box::new(Origin {
                fingerprint: "f00d".into(),
                ..Origin::default()
            }),
            ids: Ids {
                prompt: vec![1, 2],
                chosen: vec![10, 11, 12, 13],
            },
        };
        update(&mut state, crate::app::Event::Engine(made));
    }
    state
}

#[test]
fn the_walk_begins_at_the_last_reply_and_stays_inside() {
    let mut state = recorded();
    open(&mut state).unwrap();
    let walk = |state: &State| state.tokens.walk.unwrap();
    assert_eq!(walk(&state).reply, RequestId(1002));
    step(&mut state, 99);
    assert_eq!((walk(&state).token, walk(&state).candidate), (3, 0));
    choose(&mut state, 9);
    assert_eq!(walk(&state).candidate, 1);
    other_reply(&mut state, -5);
    assert_eq!(
        (walk(&state).reply, walk(&state).token),
        (RequestId(1001), 0)
    );
    step(&mut state, -1);
    assert_eq!(walk(&state).token, 0);
    open(&mut State::new((80, 24))).unwrap_err();
}

#[test]
fn another_candidate_branches_the_chat_with_the_tokens_before_it() {
    let mut state = recorded();
    open(&mut state).unwrap();
    other_reply(&mut state, -1);
    step(&mut state, 2);
    choose(&mut state, 1);
    let effects = take_this_one(&mut state);
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCommand::Generate(request)) => Some(request),
        _ => None,
    });
    let asked = asked.expect("a reply is asked for");
    let exact = asked.exact.clone().unwrap();
    assert_eq!(exact.prompt, [1, 2]);
    assert_eq!(exact.reply, [10, 11, 99]);
    // The first question and its new reply are left, with what is known of its beginning.
    assert_eq!(state.chat.entries.len(), 2);
    let kept = &state.tokens.replies[&asked.id].kept;
    let tokens: Vec<_> = kept.trace.tokens.iter().map(|token| token.token).collect();
    assert_eq!(tokens, [10, 11, 99]);
    assert_eq!(kept.trace.tokens[2].rank, 1);
    assert_eq!(state.tokens.walk.unwrap().reply, asked.id);
    assert!(
        take_this_one(&mut state)
            .iter()
            .all(|effect| !matches!(effect, Effect::Engine(_)))
    );
}

#[test]
fn tokens_of_another_model_are_not_taken() {
    let mut state = recorded();
    open(&mut state).unwrap();
    if let Some((model, _)) = &mut state.model.running {
        model.fingerprint = "beef".into();
    }
    let effects = take_this_one(&mut state);
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Engine(_)))
    );
    assert_eq!(state.chat.entries.len(), 4);
}

#[test]
fn what_the_store_knows_finds_its_reply() {
    let mut state = recorded();
    state.tokens = TokensState::default();
    state.chat.entries.insert(
        0,
        Entry::Note {
            text: "n".into(),
            is_error: false,
        },
    );
    let kept = Kept {
        trace: trace(2),
        ..Kept::default()
    };
    let found = vec![
        (NodeId(3), MessageId(7), Arc::new(kept)),
        (NodeId(9), MessageId(8), Arc::default()),
    ];
    on_traces(&mut state, found);
    assert_eq!(
        state.tokens.replies.keys().collect::<Vec<_>>(),
        [&RequestId(1002)]
    );
    assert_eq!(
        state.tokens.replies[&RequestId(1002)].message,
        Some(MessageId(7))
    );
}

#[test]
fn late_news_of_a_reply_that_is_gone_is_ignored() {
    let mut state = State::new((80, 24));
    let traced = EngineEvent::Traced {
        request: RequestId(5),
        trace: trace(1),
    };
    assert!(on_engine(&mut state, traced).is_empty());
    assert!(state.tokens.replies.is_empty());
}

#[test]
fn a_reply_that_is_cut_off_keeps_what_made_it_and_the_tokens_it_has() {
    use crate::app::tests::{generated, ready, say};
    use crate::app::{Left, Saving, close};
    let mut state = ready();
    state.sessions.saving = Saving::On;
    let request = generated(&say(&mut state, "Why?"));
    let kept = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Store(Command::Keep { kept, .. }) => Some(kept.clone()),
            _ => None,
        })
    };
    let making = EngineEvent::Making {
        request,
        origin: Box::new(Origin {
            seed: 7,
            ..Origin::default()
        }),
        ids: Ids {
            prompt: vec![1, 2],
            chosen: vec![],
        },
    };
    let begun = kept(&update(&mut state, crate::app::Event::Engine(making)));
    assert_eq!(begun.map(|kept| kept.origin.seed), Some(7));
    let tokens = EngineEvent::Tokens {
        request,
        text: "Because".into(),
        ids: vec![3, 4],
        context_used: 4,
        timings: crate::engine::Timings::default(),
    };
    assert!(kept(&update(&mut state, crate::app::Event::Engine(tokens))).is_none());
    let effects = close(&mut state, Left::ByForce);
    let last = kept(&effects).expect("it is kept when the program ends");
    assert_eq!(last.ids.chosen, [3, 4]);
    let at = |wanted: fn(&Command) -> bool| {
        let is = |effect: &Effect| matches!(effect, Effect::Store(command) if wanted(command));
        effects.iter().position(is)
    };
    let keep = at(|command| matches!(command, Command::Keep { .. }));
    let finish = at(|command| matches!(command, Command::Finish { .. }));
    assert!(
        keep < finish,
        "after its end the store does not know its number"
    );
}
