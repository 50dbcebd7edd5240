//! Why a prompt is not reused, told by the engine.

use llmdeck::chat::{Message, Role};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, GenerateRequest, Missed, Part, RequestId,
};
use llmdeck::params::ReplyParams;

use crate::harness::{Engine, at_most, endless, small, user};

const LONG: &str = "What does temperature do, and when is a low one better than a high one? \
                    Tell me about top-k and top-p as well, and how they work together.";

/// Asks, and gives what is told of the cache and the text of the reply.
fn ask(
    engine: &mut Engine,
    id: u64,
    conversation: u64,
    messages: &[Message],
    reply: ReplyParams,
) -> (Option<(u32, Missed)>, String) {
    engine.send(Command::Generate(Box::new(GenerateRequest {
        id: RequestId(id),
        conversation: ConversationId(conversation),
        messages: messages.to_vec(),
        reply_so_far: String::new(),
        exact: None,
        sampling: endless(),
        reply,
    })));
    let (mut missed, mut text) = (None, String::new());
    loop {
        match engine.event() {
            EngineEvent::Missed { tokens, why, .. } => missed = Some((tokens, why)),
            EngineEvent::Tokens { text: more, .. } => text.push_str(&more),
            EngineEvent::Finished { .. } => return (missed, text),
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

fn brief(system: &str) -> ReplyParams {
    ReplyParams {
        system: system.into(),
        ..at_most(6)
    }
}

fn said(text: &str) -> Message {
    Message {
        role: Role::Assistant,
        content: text.into(),
    }
}

/// Two turns of one chat, of which the first was answered.
fn turns(first: &str, answer: &str) -> [Message; 3] {
    [user(first), said(answer), user("And min-p?")]
}

fn why(missed: Option<(u32, Missed)>) -> Missed {
    missed.expect("something is missed").1
}

#[test]
fn what_goes_on_misses_nothing() {
    let mut engine = Engine::loaded(small());
    let (missed, answer) = ask(&mut engine, 1, 1, &[user(LONG)], brief("Be brief."));
    assert_eq!(missed, None);
    let (missed, _) = ask(&mut engine, 2, 1, &turns(LONG, &answer), brief("Be brief."));
    assert_eq!(missed, None);
    // Nor does a reply that is made again.
    let (missed, _) = ask(&mut engine, 3, 1, &turns(LONG, &answer), brief("Be brief."));
    assert_eq!(missed, None);
}

#[test]
fn what_changed_is_named() {
    let mut engine = Engine::loaded(small());
    let (_, answer) = ask(&mut engine, 1, 1, &[user(LONG)], brief("Be brief."));
    let system = ask(
        &mut engine,
        2,
        1,
        &turns(LONG, &answer),
        brief("Tell all of it."),
    );
    assert_eq!(why(system.0), Missed::Differs(Part::System));
    let edited = turns(&LONG.replace("low", "high"), &answer);
    let edited = ask(&mut engine, 3, 1, &edited, brief("Tell all of it."));
    assert_eq!(why(edited.0), Missed::Differs(Part::Message(1, Role::User)));
    let other = turns(
        &LONG.replace("low", "high"),
        "Nobody knows that, or so they say.",
    );
    let other = ask(&mut engine, 4, 1, &other, brief("Tell all of it."));
    assert_eq!(
        why(other.0),
        Missed::Differs(Part::Message(2, Role::Assistant))
    );
}

#[test]
fn a_place_that_another_chat_took_and_a_new_layout_are_told() {
    let mut params = small();
    params.context.n_seq_max = 1;
    params.shelf.ram = 0;
    let mut engine = Engine::loaded(params.clone());
    let (_, answer) = ask(&mut engine, 1, 1, &[user(LONG)], brief(""));
    ask(&mut engine, 2, 2, &[user("Hello")], brief(""));
    let (missed, _) = ask(&mut engine, 3, 1, &turns(LONG, &answer), brief(""));
    assert_eq!(why(missed), Missed::Taken);
    params.context.type_k = "q8_0".into();
    engine.retune(params);
    while !matches!(engine.event(), EngineEvent::Retuned { .. }) {}
    let (missed, _) = ask(&mut engine, 4, 1, &turns(LONG, &answer), brief(""));
    assert!(matches!(why(missed), Missed::Retuned(reason) if reason.contains("q8_0")));
}
