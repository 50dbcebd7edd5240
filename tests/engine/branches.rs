//! Going back and trying again costs what changed, by the engine's own counters.

use llmdeck::chat::Message;
use llmdeck::engine::{Command, ConversationId, GenerateRequest, RequestId};

use crate::harness::{Engine, Reply, assistant, at_most, endless, greedy, small, user};

/// A talk long enough that its beginning matters.
fn talk() -> Vec<Message> {
    let long = "The context holds the tokens of the whole conversation, and the cache its keys and values. ";
    vec![
        user(&long.repeat(4)),
        assistant("The cache grows with every token."),
        user("What is the KV cache?"),
    ]
}

fn with_last(question: &str) -> Vec<Message> {
    let mut messages = talk();
    messages.pop();
    messages.push(user(question));
    messages
}

/// Tokens of the prompt and those of it that were in the cache.
fn prompt(reply: &Reply) -> (u32, u32) {
    let timings = reply.timings;
    (timings.cache_n + timings.prompt_n, timings.cache_n)
}

#[test]
fn an_edit_of_the_last_message_prefills_from_there_only() {
    let mut engine = Engine::loaded(small());
    let (n_prompt, cached) = prompt(&engine.answer(1, &talk(), greedy(), at_most(12)));
    assert_eq!(cached, 0);
    let edited = engine.answer(1, &with_last("How do I quit?"), greedy(), at_most(12));
    // What was computed is the new question and the template's words around it: all before it stays.
    let before = engine.answer(2, &talk()[..2], greedy(), at_most(1));
    let (n_before, _) = prompt(&before);
    let (n_edited, cached) = prompt(&edited);
    assert!(
        n_edited < n_prompt + 20 && cached > n_before / 2,
        "{edited:?} {before:?}"
    );
    assert!(edited.timings.prompt_n < 24, "{edited:?}");
}

#[test]
fn going_back_to_a_version_and_answering_again_prefill_nothing_shared() {
    let mut engine = Engine::loaded(small());
    let first = engine.answer(1, &talk(), greedy(), at_most(12));
    // Answered again: the whole prompt is there, its last token is decoded for its logits.
    let again = engine.answer(1, &talk(), greedy(), at_most(12));
    assert_eq!(again.timings.prompt_n, 1);
    engine.answer(1, &with_last("How do I quit?"), greedy(), at_most(12));
    let back = engine.answer(1, &talk(), greedy(), at_most(12));
    assert!(back.timings.prompt_n < 24, "{back:?}");
    assert_eq!(back.text, first.text);
}

#[test]
fn a_fork_takes_the_cache_of_what_it_shares() {
    let mut engine = Engine::loaded(small());
    engine.answer(1, &talk(), greedy(), at_most(12));
    let fork = engine.answer(2, &with_last("How do I quit?"), greedy(), at_most(12));
    assert!(fork.timings.prompt_n < 24, "{fork:?}");
}

#[test]
fn a_reply_that_goes_on_prefills_nothing_of_itself() {
    let mut engine = Engine::loaded(small());
    let begun = engine.answer(1, &talk(), endless(), at_most(16));
    let id = RequestId(900);
    engine.send(Command::Generate(Box::new(GenerateRequest {
        id,
        conversation: ConversationId(1),
        messages: talk(),
        reply_so_far: begun.text.clone(),
        exact: None,
        sampling: endless(),
        reply: at_most(4),
    })));
    let more = engine.reply(id).unwrap();
    // The last token may be tokenised otherwise as text.
    assert!(more.timings.prompt_n <= 3, "{more:?}");
}
