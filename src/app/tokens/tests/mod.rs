//! The walk and what is recorded, event by event.

mod later;

use super::again::take_this_one;
use super::walk::{choose, open, other_reply, step};
use super::*;
use crate::app::{Pane, Reply, ReplyState, Saving, View, update};
use crate::engine::trace::{Ids, Stage, StageTrace, Trace};
use crate::engine::{Command as EngineCommand, ContextInfo, ModelInfo, StopReason};
use crate::keymap::Context;
use crate::params::{Param, Source, Value};
use crate::store::{Command, Marks};

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
fn it_opens_the_selected_reply_or_the_newest_and_goes_on_where_it_stood() {
    let mut state = recorded();
    open(&mut state).unwrap();
    step(&mut state, 2);
    let at = |state: &State| state.tokens.walk.map(|walk| (walk.reply, walk.token));
    open(&mut state).unwrap();
    assert_eq!(at(&state), Some((RequestId(1002), 2)), "the same reply");
    other_reply(&mut state, -1);
    open(&mut state).unwrap();
    assert_eq!(at(&state), Some((RequestId(1002), 0)), "the newest");
    // Selected are the first question and its reply, in turn.
    for node in [0, 1] {
        state.focus = Pane::Chat;
        state.chat.selected = state.chat.tree.path().get(node).copied();
        open(&mut state).unwrap();
        assert_eq!(at(&state), Some((RequestId(1001), 0)));
        state.focus = Pane::Composer;
        open(&mut state).unwrap();
        assert_eq!(at(&state), Some((RequestId(1002), 0)));
    }
    state.focus = Pane::Chat;
    state.tokens.replies.remove(&RequestId(1001));
    open(&mut state).unwrap_err();
}

#[test]
fn every_key_of_the_view_does_something_and_is_named() {
    let mut sections = State::new((80, 24)).keymap.sections().into_iter();
    let (_, rows) = sections
        .find(|(context, _)| *context == Context::Tokens)
        .unwrap();
    assert!(rows.len() > 10);
    // From the first candidate of the first token of the first reply, or the last ones.
    let at_an_end = |towards: isize| {
        let mut state = recorded();
        update(&mut state, crate::app::Event::Key("alt+t".parse().unwrap()));
        other_reply(&mut state, towards);
        step(&mut state, 9 * towards);
        choose(&mut state, 9 * towards);
        state
    };
    for (keys, what) in rows {
        for key in keys.split(' ') {
            let does = [-1, 1].map(at_an_end).into_iter().any(|mut state| {
                let before = state.tokens.walk;
                let pressed = crate::app::Event::Key(key.parse().unwrap());
                let effects = update(&mut state, pressed);
                let is_open = state.overlay.is_some();
                state.tokens.walk != before || is_open || !effects.is_empty()
            });
            assert!(does, "{key}: {what}");
        }
        assert!(!what.contains("value"), "in words of the view: {what}");
    }
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
    assert_eq!(asked.sampling.n_probs, 10, "to walk on in it");
    // The first question and its new reply are left, with what is known of its beginning.
    assert_eq!(state.chat.entries.len(), 2);
    let kept = &state.tokens.replies[&asked.id].kept;
    let tokens: Vec<_> = kept.trace.tokens.iter().map(|token| token.token).collect();
    assert_eq!(tokens, [10, 11, 99]);
    assert_eq!(kept.trace.tokens[2].rank, 1);
    assert_eq!(kept.marks.by_hand, [2]);
    assert_eq!(state.tokens.walk.unwrap().reply, asked.id);
    assert!(
        take_this_one(&mut state)
            .iter()
            .all(|effect| !matches!(effect, Effect::Engine(_)))
    );
    let said = state.notice.unwrap().text;
    assert_eq!(said, "A reply is being written; Ctrl+C stops it.");
}

#[test]
fn what_the_grammar_in_force_removed_is_not_taken() {
    let is_asked = |grammar: &str| {
        let mut state = recorded();
        let last = state.tokens.replies.get_mut(&RequestId(1002)).unwrap();
        let token = &mut last.kept.trace.tokens[0];
        token.stages[0].stage = Stage::Grammar;
        token.candidates[1].after.clear();
        let value = Value::Text(grammar.into());
        let params = &mut state.params.values;
        params.set(Source::Session, Param::Grammar, value).unwrap();
        open(&mut state).unwrap();
        choose(&mut state, 1);
        let effects = take_this_one(&mut state);
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Engine(_)))
    };
    assert!(!is_asked("root ::= [a-z]+"));
    assert!(is_asked(""), "there is none any more");
}

#[test]
fn a_branch_that_never_began_is_not_walked() {
    for is_failed in [true, false] {
        let mut state = recorded();
        update(&mut state, crate::app::Event::Key("alt+t".parse().unwrap()));
        choose(&mut state, 1);
        take_this_one(&mut state);
        let request = state.tokens.walk.unwrap().reply;
        assert_eq!(
            (state.view, request),
            (View::Tokens, state.chat.running().unwrap())
        );
        let end = match is_failed {
            true => EngineEvent::Failed {
                request,
                error: crate::engine::EngineError {
                    kind: crate::engine::ErrorKind::BadParameter,
                    what: "choosing".into(),
                    why: "no token".into(),
                    hint: String::new(),
                },
            },
            false => EngineEvent::Finished {
                request,
                reason: StopReason::Cancelled,
                context_used: 3,
                timings: crate::engine::Timings::default(),
            },
        };
        let effects = of_engine(&mut state, end);
        assert_eq!((state.view, state.tokens.walk), (View::Deck, None));
        let is_kept = |effect: &Effect| matches!(effect, Effect::Store(Command::Keep { .. }));
        assert!(!effects.iter().any(is_kept));
        open(&mut state).unwrap();
        let walked = state.tokens.walk.map(|walk| walk.reply);
        assert_eq!(walked, Some(RequestId(1001)), "the last that has tokens");
    }
}

#[test]
fn what_was_taken_by_hand_stays_that_in_what_leaves_its_path() {
    let kept = |by_hand: &[u32]| Kept {
        ids: Ids {
            prompt: vec![1],
            chosen: vec![10, 11, 12, 13],
        },
        trace: trace(4),
        marks: Marks {
            by_hand: by_hand.into(),
            computed_later: 4,
        },
        ..Kept::default()
    };
    // At the third token, its own or another candidate.
    for (before, candidate, after) in [
        (&[][..], 1, &[2][..]),
        (&[], 0, &[]),
        (&[0, 3], 1, &[0, 2]),
        (&[2, 3], 0, &[2]),
    ] {
        let kept = kept(before);
        let candidate = &kept.trace.tokens[2].candidates[candidate];
        let (exact, branch) = super::again::branch(&kept, 2, candidate).unwrap();
        assert_eq!(exact.reply, [10, 11, candidate.token]);
        assert_eq!(branch.marks.by_hand, after);
        assert_eq!(branch.marks.computed_later, 3);
    }
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

fn of_engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    update(state, crate::app::Event::Engine(event))
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
    use crate::app::{Left, close};
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
