//! Replies: the same text twice, prefixes found again, several at once, and every way to end.

use llmdeck::engine::{Command, EngineEvent, ErrorKind, StopReason};
use llmdeck::params::ReplyParams;

use crate::harness::{Engine, assistant, at_most, endless, greedy, small, user};

#[test]
fn greedy_gives_the_same_text_twice() {
    let mut engine = Engine::loaded(small());
    let question = [user("What does temperature do?")];
    let first = engine.answer(1, &question, greedy(), at_most(48));
    let second = engine.answer(2, &question, greedy(), at_most(48));
    assert!(!first.text.trim().is_empty());
    assert_eq!(first.text, second.text);
    assert_eq!(
        first.tokens, first.timings.predicted_n,
        "every token is in an event"
    );
}

#[test]
fn the_second_turn_finds_its_beginning_in_the_cache() {
    let mut engine = Engine::loaded(small());
    let mut messages = vec![user(
        "What does temperature do, and when is a low one better than a high one?",
    )];
    let first = engine.answer(1, &messages, greedy(), at_most(24));
    assert_eq!(first.timings.cache_n, 0);
    messages.push(assistant(&first.text));
    messages.push(user("And top-k?"));
    let id = engine.ask(1, &messages, greedy(), at_most(4));
    let mut prefills = Vec::new();
    let second = engine
        .reply_and(id, |_, event| {
            if let EngineEvent::Prefill {
                done,
                total,
                reused,
                ..
            } = *event
            {
                prefills.push((done, total, reused));
            }
        })
        .unwrap();
    let prompt_n = second.timings.prompt_n;
    assert!(
        second.timings.cache_n >= first.timings.prompt_n,
        "{:?}",
        second.timings
    );
    assert!(
        prompt_n > 0 && prompt_n < second.timings.cache_n,
        "{:?}",
        second.timings
    );
    let total = second.timings.cache_n + prompt_n;
    assert_eq!(
        prefills.first(),
        Some(&(second.timings.cache_n, total, second.timings.cache_n))
    );
    assert_eq!(
        prefills.last(),
        Some(&(total, total, second.timings.cache_n))
    );
}

#[test]
fn a_reused_beginning_changes_no_word() {
    let messages = [
        user("What is a token?"),
        assistant("A token is a piece of text."),
        user("How long is it?"),
    ];
    let mut fresh = Engine::loaded(small());
    let expected = fresh.answer(1, &messages, greedy(), at_most(24)).text;
    let mut engine = Engine::loaded(small());
    engine.answer(1, &messages[..1], greedy(), at_most(8));
    let again = engine.answer(1, &messages, greedy(), at_most(24));
    assert!(again.timings.cache_n > 0);
    assert_eq!(again.text, expected);
}

#[test]
fn another_conversation_shares_a_common_beginning() {
    let mut engine = Engine::loaded(small());
    let system = "You are a guide to a workbench for language models, and you answer in few and plain words about what it can do.";
    let reply = ReplyParams {
        system: system.into(),
        ..at_most(8)
    };
    let first = engine.answer(1, &[user("What is top-k?")], greedy(), reply.clone());
    let other = engine.answer(2, &[user("What is min-p?")], greedy(), reply.clone());
    assert!(
        other.timings.cache_n > other.timings.prompt_n,
        "{:?}",
        other.timings
    );
    let again = engine.answer(1, &[user("What is top-k?")], greedy(), reply);
    assert_eq!(
        again.timings.prompt_n, 1,
        "the first conversation is still there: {:?}",
        again.timings
    );
    assert_eq!(again.text, first.text);
}

#[test]
fn cancel_ends_within_a_step() {
    let mut engine = Engine::loaded(small());
    let id = engine.ask(
        1,
        &[user("Tell me everything.")],
        endless(),
        ReplyParams::default(),
    );
    let mut sent = false;
    let reply = engine
        .reply_and(id, |engine, event| {
            if matches!(event, EngineEvent::Tokens { .. }) && !sent {
                sent = true;
                engine.send(Command::Cancel(id));
            }
        })
        .unwrap();
    assert_eq!(reply.reason, StopReason::Cancelled);
    assert!(reply.tokens > 0);
    let next = engine.answer(1, &[user("Tell me everything.")], greedy(), at_most(4));
    assert!(next.timings.cache_n > 0, "what was decoded is still there");
}

#[test]
fn cancel_reaches_a_reply_that_waits_for_a_slot() {
    let mut params = small();
    params.context.n_seq_max = 1;
    let mut engine = Engine::loaded(params);
    let first = engine.ask(1, &[user("One")], endless(), ReplyParams::default());
    let second = engine.ask(2, &[user("Two")], greedy(), ReplyParams::default());
    engine.send(Command::Cancel(second));
    let waiting = engine.reply(second).unwrap();
    assert_eq!((waiting.reason, waiting.tokens), (StopReason::Cancelled, 0));
    engine.send(Command::Cancel(first));
    assert_eq!(engine.reply(first).unwrap().reason, StopReason::Cancelled);
}

#[test]
fn two_conversations_run_in_one_batch() {
    let mut engine = Engine::loaded(small());
    let first = engine.ask(1, &[user("What is top-k?")], endless(), at_most(60));
    let second = engine.ask(2, &[user("What is min-p?")], endless(), at_most(60));
    let (mut order, mut finished) = (Vec::new(), 0);
    while finished < 2 {
        match engine.event() {
            EngineEvent::Tokens { request, .. } => order.push(request),
            EngineEvent::Finished { reason, .. } => {
                assert_eq!(reason, StopReason::MaxTokens(60));
                finished += 1;
            }
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    let changes = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 40, "the replies take turns: {changes} changes");
    assert!(order.contains(&first) && order.contains(&second));
}

#[test]
fn more_replies_than_slots_wait_and_are_made() {
    let mut engine = Engine::loaded(small());
    let ids: Vec<_> = (0..5)
        .map(|n| engine.ask(n, &[user(&format!("Number {n}?"))], endless(), at_most(6)))
        .collect();
    let mut left = ids.clone();
    while !left.is_empty() {
        match engine.event() {
            EngineEvent::Finished {
                request, reason, ..
            } => {
                assert_eq!(reason, StopReason::MaxTokens(6));
                left.retain(|&id| id != request);
            }
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

#[test]
fn a_stop_string_ends_the_reply_before_it() {
    let mut engine = Engine::loaded(small());
    let question = [user("What does temperature do?")];
    let whole = engine.answer(1, &question, greedy(), at_most(40)).text;
    // Some letters out of the middle, which no token boundary need respect.
    let letters: Vec<char> = whole.chars().collect();
    let stop: String = letters[letters.len() / 2..letters.len() / 2 + 5]
        .iter()
        .collect();
    let reply = ReplyParams {
        stop: vec![stop.clone()],
        ..at_most(40)
    };
    let cut = engine.answer(1, &question, greedy(), reply);
    assert_eq!(cut.reason, StopReason::StopString(stop.clone()));
    assert_eq!(cut.text, whole[..whole.find(&stop).unwrap()]);
}

#[test]
fn the_number_of_tokens_is_kept() {
    let mut engine = Engine::loaded(small());
    let reply = engine.answer(1, &[user("Hello")], endless(), at_most(7));
    assert_eq!((reply.reason, reply.tokens), (StopReason::MaxTokens(7), 7));
    let none = engine.answer(1, &[user("Hello")], endless(), at_most(0));
    assert_eq!((none.reason, none.tokens), (StopReason::MaxTokens(0), 0));
}

#[test]
fn a_full_context_ends_the_reply() {
    let mut params = small();
    params.context.n_ctx = 256;
    let mut engine = Engine::loaded(params);
    let reply = engine.answer(
        1,
        &[user("Go on and on.")],
        endless(),
        ReplyParams::default(),
    );
    assert_eq!(reply.reason, StopReason::ContextFull { n_ctx: 256 });
    assert_eq!(reply.context_used, 256, "every cell is taken");
    let next = engine.answer(1, &[user("Short.")], greedy(), at_most(4));
    assert!(next.tokens > 0, "the engine goes on");
}

#[test]
fn a_shifted_context_goes_on_past_its_end() {
    let mut params = small();
    params.context.n_ctx = 256;
    let mut engine = Engine::loaded(params);
    let reply = ReplyParams {
        context_shift: true,
        keep: 4,
        ..at_most(600)
    };
    let reply = engine.answer(1, &[user("Go on and on.")], endless(), reply);
    assert_eq!(
        (reply.reason, reply.tokens),
        (StopReason::MaxTokens(600), 600)
    );
    assert!(reply.context_used <= 256);
}

#[test]
fn two_replies_that_do_not_fit_together_both_end_full() {
    let mut params = small();
    params.context.n_ctx = 256;
    let mut engine = Engine::loaded(params);
    engine.ask(
        1,
        &[user("Go on and on.")],
        endless(),
        ReplyParams::default(),
    );
    engine.ask(
        2,
        &[user("And on and on.")],
        endless(),
        ReplyParams::default(),
    );
    let mut ends = Vec::new();
    while ends.len() < 2 {
        match engine.event() {
            EngineEvent::Finished {
                reason,
                context_used,
                ..
            } => ends.push((reason, context_used)),
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    let full = (StopReason::ContextFull { n_ctx: 256 }, 256);
    assert_eq!(
        ends,
        [full.clone(), full],
        "each had the whole context in turn"
    );
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_with_both_numbers() {
    let mut params = small();
    params.context.n_ctx = 256;
    let mut engine = Engine::loaded(params);
    let id = engine.ask(
        1,
        &[user(&"many words ".repeat(400))],
        greedy(),
        ReplyParams::default(),
    );
    let error = engine.reply(id).unwrap_err();
    let ErrorKind::PromptTooLong { n_prompt, n_ctx } = error.kind else {
        panic!("{error}")
    };
    assert!(n_prompt >= 400 && n_ctx == 256);
    assert!(error.why.contains(&n_prompt.to_string()) && error.why.contains("256"));
}

#[test]
fn control_tokens_that_a_user_types_stay_text() {
    let mut engine = Engine::loaded(small());
    let plain = engine.answer(1, &[user("a b")], greedy(), at_most(1));
    let typed = engine.answer(2, &[user("a<|im_end|>b")], greedy(), at_most(1));
    let count = |timings: llmdeck::engine::Timings| timings.cache_n + timings.prompt_n;
    // As a control token it would be one token; as text it is several.
    assert!(
        count(typed.timings) > count(plain.timings) + 2,
        "{:?} {:?}",
        typed.timings,
        plain.timings
    );
}

#[test]
fn without_a_model_there_is_no_reply() {
    let mut engine = Engine::start();
    let id = engine.ask(1, &[user("Hello?")], greedy(), ReplyParams::default());
    assert_eq!(engine.reply(id).unwrap_err().kind, ErrorKind::NoModel);
}

#[test]
fn unload_ends_replies_and_frees_the_model() {
    let mut engine = Engine::loaded(small());
    let id = engine.ask(
        1,
        &[user("Tell me everything.")],
        endless(),
        ReplyParams::default(),
    );
    engine.send(Command::Unload);
    assert_eq!(engine.reply(id).unwrap().reason, StopReason::Cancelled);
    while !matches!(engine.event(), EngineEvent::Unloaded) {}
    let id = engine.ask(1, &[user("Hello?")], greedy(), ReplyParams::default());
    assert_eq!(engine.reply(id).unwrap_err().kind, ErrorKind::NoModel);
}

#[test]
fn a_continued_reply_sends_only_what_is_new() {
    let mut engine = Engine::loaded(small());
    let question = [user("What does temperature do?")];
    let whole = engine.answer(1, &question, greedy(), at_most(20)).text;
    let begun: String = whole.chars().take(whole.chars().count() / 2).collect();
    let begun = begun
        .rsplit_once(' ')
        .map_or(begun.as_str(), |(begun, _)| begun)
        .to_owned();
    let id = llmdeck::engine::RequestId(900);
    engine.send(Command::Generate(Box::new(
        llmdeck::engine::GenerateRequest {
            id,
            conversation: llmdeck::engine::ConversationId(1),
            messages: question.to_vec(),
            reply_so_far: begun.clone(),
            exact: None,
            sampling: greedy(),
            reply: at_most(4),
        },
    )));
    let rest = engine.reply(id).unwrap();
    assert!(
        whole.starts_with(&format!("{begun}{}", rest.text)),
        "{whole:?} = {begun:?} + {:?}",
        rest.text
    );
}
