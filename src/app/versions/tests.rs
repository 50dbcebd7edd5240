//! Going back, event by event.

use super::*;
use crate::app::tests::{finish, generated, press, ready, say};
use crate::engine::Command as EngineCommand;
use crate::store;

/// A chat of two turns.
fn talked() -> State {
    let mut state = ready();
    for (question, answer) in [("a?", "a!"), ("b?", "b!")] {
        let request = generated(&say(&mut state, question));
        finish(&mut state, request, answer, StopReason::EndOfTurn);
    }
    state
}

/// The same, saved.
fn saved() -> State {
    let mut state = talked();
    state.sessions.saving = Saving::On;
    state.sessions.current = Some(store::ConversationId(1));
    state
}

fn path(state: &State) -> Vec<&str> {
    let messages = state.chat.entries.iter().filter(|entry| entry.is_message());
    messages.map(Entry::text).collect()
}

/// What the model is given: messages, and the beginning of the reply.
fn asked(effects: &[Effect]) -> (Vec<String>, String) {
    let request = effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCommand::Generate(request)) => Some(request),
        _ => None,
    });
    let request = request.expect("a request");
    let messages = request.messages.iter().map(|one| one.content.clone());
    (messages.collect(), request.reply_so_far.clone())
}

fn answer(state: &mut State, effects: &[Effect], text: &str) {
    finish(state, generated(effects), text, StopReason::EndOfTurn);
}

fn stored(effects: &[Effect]) -> Vec<&Command> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Store(command) => Some(command),
            _ => None,
        })
        .collect()
}

#[test]
fn an_edited_message_stands_beside_the_old_one_and_arrows_switch() {
    let mut state = talked();
    press(&mut state, &["tab", "K", "K"]);
    press(&mut state, &["e"]);
    assert_eq!(state.composer.text(), "b?");
    let effects = say(&mut state, "c?");
    assert_eq!(asked(&effects).0, ["a?", "a!", "c?"]);
    answer(&mut state, &effects, "c!");
    assert_eq!(path(&state), ["a?", "a!", "c?", "c!"]);
    press(&mut state, &["tab", "left"]);
    assert_eq!(path(&state), ["a?", "a!", "b?", "b!"]);
    press(&mut state, &["left"]);
    assert_eq!(
        path(&state),
        ["a?", "a!", "b?", "b!"],
        "there is none before"
    );
    press(&mut state, &["right"]);
    assert_eq!(path(&state), ["a?", "a!", "c?", "c!"]);
}

#[test]
fn leaving_an_edit_brings_the_draft_back() {
    let mut state = talked();
    state.composer.set("a draft");
    press(&mut state, &["tab", "e"]);
    assert_eq!(state.composer.text(), "b?");
    press(&mut state, &["x", "esc"]);
    assert_eq!(state.composer.text(), "a draft");
    assert_eq!(path(&state), ["a?", "a!", "b?", "b!"]);
    // A text that looks like a command is a message where one is edited.
    press(&mut state, &["tab", "e"]);
    let effects = say(&mut state, "/clear");
    assert_eq!(asked(&effects).0, ["a?", "a!", "/clear"]);
    assert_eq!(state.composer.text(), "a draft");
}

#[test]
fn an_answer_made_again_is_a_version_of_the_reply() {
    let mut state = talked();
    press(&mut state, &["tab", "K"]);
    let effects = press(&mut state, &["r"]);
    assert_eq!(asked(&effects).0, ["a?", "a!", "b?"]);
    answer(&mut state, &effects, "b, again");
    let leaf = state.chat.tree.leaf().expect("a reply");
    assert_eq!(state.chat.tree.version(leaf), (2, 2));
    // Of a message in the middle: what followed stays below the old answer.
    press(&mut state, &["K", "K", "K"]);
    let effects = press(&mut state, &["r"]);
    assert_eq!(asked(&effects).0, ["a?"]);
    answer(&mut state, &effects, "a, again");
    press(&mut state, &["left"]);
    assert_eq!(path(&state), ["a?", "a!", "b?", "b, again"]);
}

#[test]
fn a_reply_goes_on_in_place_at_the_end_and_as_a_version_in_the_middle() {
    let mut state = talked();
    let effects = press(&mut state, &["tab", "c"]);
    let (messages, so_far) = asked(&effects);
    assert_eq!((messages.len(), so_far.as_str()), (3, "b!"));
    answer(&mut state, &effects, " and more");
    assert_eq!(path(&state), ["a?", "a!", "b?", "b! and more"]);
    press(&mut state, &["K", "K", "K"]);
    let effects = press(&mut state, &["c"]);
    assert_eq!(asked(&effects), (vec!["a?".to_owned()], "a!".to_owned()));
    answer(&mut state, &effects, " more");
    assert_eq!(path(&state), ["a?", "a! more"]);
    press(&mut state, &["left"]);
    assert_eq!(path(&state), ["a?", "a!", "b?", "b! and more"]);
}

#[test]
fn a_reply_goes_on_from_an_edited_beginning_or_is_kept_as_it_is() {
    let mut state = saved();
    press(&mut state, &["tab", "K", "e"]);
    assert_eq!(state.composer.text(), "b!");
    let effects = say(&mut state, "Perhaps");
    let (messages, so_far) = asked(&effects);
    assert_eq!((messages.len(), so_far.as_str()), (3, "Perhaps"));
    let [.., Command::Begin { text, .. }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(text, "Perhaps");
    answer(&mut state, &effects, " not.");
    assert_eq!(path(&state)[3], "Perhaps not.");
    press(&mut state, &["tab", "K", "e"]);
    state.composer.set("Never.");
    let effects = press(&mut state, &["alt+k"]);
    assert_eq!(path(&state)[3], "Never.");
    let [Command::Begin { text, .. }, Command::Finish { ending, .. }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (text.as_str(), ending.state),
        ("Never.", store::MessageState::Complete)
    );
    assert!(state.chat.running().is_none());
}

#[test]
fn undo_takes_the_last_turn_back_into_the_composer() {
    let mut state = saved();
    let effects = press(&mut state, &["tab", "u"]);
    assert_eq!(
        (path(&state), state.composer.text()),
        (vec!["a?", "a!"], "b?".into())
    );
    let [Command::Choose { leaf, .. }] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(*leaf, Some(NodeId(1)));
    // What is written is not thrown away.
    press(&mut state, &["tab", "u"]);
    assert_eq!(path(&state), ["a?", "a!"]);
    state.focus = Pane::Composer;
    let effects = say(&mut state, "c?");
    let [Command::Say { node, parent, .. }, ..] = stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((*node, *parent), (NodeId(4), Some(NodeId(1))));
}

#[test]
fn a_deleted_message_goes_with_what_follows_and_comes_back() {
    let mut state = saved();
    let effects = press(&mut state, &["tab", "K", "K", "d"]);
    assert_eq!(path(&state), ["a?", "a!"]);
    assert!(matches!(
        stored(&effects)[..],
        [
            Command::DeleteBranch {
                node: NodeId(2),
                ..
            },
            Command::Choose {
                leaf: Some(NodeId(1)),
                ..
            }
        ]
    ));
    let effects = press(&mut state, &["U"]);
    assert_eq!(path(&state), ["a?", "a!", "b?", "b!"]);
    assert!(matches!(
        stored(&effects)[..],
        [
            Command::RestoreBranch {
                node: NodeId(2),
                ..
            },
            Command::Choose {
                leaf: Some(NodeId(3)),
                ..
            }
        ]
    ));
    // One of several versions makes room for another.
    let effects = press(&mut state, &["J", "r"]);
    answer(&mut state, &effects, "b, again");
    press(&mut state, &["d"]);
    assert_eq!(path(&state), ["a?", "a!", "b?", "b!"]);
}

#[test]
fn a_fork_is_a_chat_of_its_own_and_without_a_store_a_branch() {
    let mut state = saved();
    let before = state.chat.conversation;
    let effects = press(&mut state, &["tab", "K", "K", "K", "f"]);
    assert_eq!(path(&state), ["a?", "a!"]);
    let fork = state.chat.conversation;
    assert_ne!(fork, before);
    let [
        Command::Fork {
            chat,
            at,
            fork: named,
        },
        Command::Leave(left),
    ] = stored(&effects)[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (*chat, *at, *named, *left),
        (before, NodeId(1), fork, before)
    );
    state.focus = Pane::Composer;
    let effects = say(&mut state, "c?");
    let [
        Command::Say {
            node: NodeId(2), ..
        },
        ..,
    ] = stored(&effects)[..]
    else {
        panic!("{effects:?}")
    };

    let mut state = talked();
    press(&mut state, &["tab", "K", "K", "K", "f"]);
    assert_eq!(path(&state), ["a?", "a!"]);
    press(&mut state, &["alt+v", "end", "enter"]);
    assert_eq!(path(&state), ["a?", "a!", "b?", "b!"]);
}

#[test]
fn nothing_moves_while_a_reply_is_written() {
    let mut state = talked();
    say(&mut state, "c?");
    press(&mut state, &["tab"]);
    for key in ["u", "d", "e", "r", "c", "f", "left"] {
        press(&mut state, &[key]);
        assert_eq!(path(&state), ["a?", "a!", "b?", "b!", "c?", ""], "{key}");
    }
}

#[test]
fn selecting_walks_by_message_and_ends_after_the_last() {
    let mut state = talked();
    press(&mut state, &["tab", "["]);
    assert_eq!(state.chat.selected, Some(NodeId(3)));
    assert_eq!(state.chat.scroll, Scroll::to_entry(3));
    press(&mut state, &["[", "[", "[", "["]);
    assert_eq!(state.chat.selected, Some(NodeId(0)));
    press(&mut state, &["]", "]", "]", "]"]);
    assert_eq!(
        (state.chat.selected, state.chat.scroll),
        (None, Scroll::End)
    );
    press(&mut state, &["K", "esc"]);
    assert_eq!((state.chat.selected, state.focus), (None, Pane::Chat));
}

#[test]
fn a_reply_edited_or_gone_on_with_keeps_what_it_thought() {
    let mut state = saved();
    let effects = say(&mut state, "c?");
    answer(&mut state, &effects, "<think>\nhm\n</think>\n\nc!");
    press(&mut state, &["tab", "K", "e"]);
    assert_eq!(state.composer.text(), "c!");
    let effects = say(&mut state, "Yes");
    assert_eq!(asked(&effects).1, "<think>\nhm\n</think>\n\nYes");
    let begun = stored(&effects)
        .into_iter()
        .find_map(|command| match command {
            Command::Begin {
                text, reasoning, ..
            } => Some((text.as_str(), reasoning.trim())),
            _ => None,
        });
    assert_eq!(begun, Some(("Yes", "hm")));
    answer(&mut state, &effects, ", it is.");
    assert_eq!(path(&state).last(), Some(&"Yes, it is."));
    // What follows stays below the old one; the new one goes on from the same words.
    let effects = say(&mut state, "d?");
    answer(&mut state, &effects, "d!");
    press(&mut state, &["tab", "K", "K", "K", "c"]);
    let last = state.chat.last_reply().expect("a reply");
    assert_eq!(
        (&*last.text, last.thought.text.trim()),
        ("Yes, it is.", "hm")
    );
}
