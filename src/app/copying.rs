//! Walking through the code blocks of the chat, and what goes to the clipboard.

use super::update::{IsError, notice};
use super::{ChatState, Effect, Entry, Reply, Scroll, State, marking};
use crate::markdown::code_blocks;

/// A code block of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PickedCode {
    /// The entry of the transcript.
    pub entry: usize,
    /// Which of its fenced code blocks, from 0.
    pub block: usize,
}

/// In which direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Towards {
    Start,
    End,
}

/// Picks the next code block in that direction. When none is picked: from the selected message on, or
/// the last one of the chat.
pub(super) fn walk(state: &mut State, towards: Towards) -> Vec<Effect> {
    let found = match (state.chat.code, towards) {
        (Some(at), Towards::End) => after(&state.chat, at),
        (Some(at), Towards::Start) => before(&state.chat, at.entry, Some(at.block)),
        (None, _) => match (selected(&state.chat), towards) {
            (Some(entry), Towards::End) => first_from(&state.chat, entry),
            (Some(entry), Towards::Start) => before(&state.chat, entry + 1, None),
            (None, _) => before(&state.chat, state.chat.entries.len(), None),
        },
    };
    match (found, state.chat.code) {
        (Some(_), _) => {
            state.chat.code = found;
            state.chat.scroll = Scroll::Code;
            vec![]
        }
        (None, None) if selected(&state.chat).is_none() => {
            notice(state, "There is no code in this chat.", IsError::No)
        }
        (None, _) => notice(state, "No more code in that direction.", IsError::No),
    }
}

/// Copies the marked lines, or else the picked code block, or else the selected message, or else the last reply: what people
/// attached to a message by name only.
pub(super) fn copy(state: &mut State) -> Vec<Effect> {
    if let Some(effects) = marking::copy(state) {
        return effects;
    }
    let picked = state.chat.code.and_then(|at| {
        let blocks = code_blocks(&reply(&state.chat, at.entry)?.text);
        Some(blocks.into_iter().nth(at.block)?.text)
    });
    if let Some(code) = picked {
        return vec![Effect::Copy(code)];
    }
    copy_message(state, |entry| match entry {
        Entry::User(text) => crate::attach::shown(text).to_owned(),
        entry => entry.text().to_owned(),
    })
}

/// Copies the selected message, or else the last reply, as it was written: with thoughts and files.
pub(super) fn copy_raw(state: &mut State) -> Vec<Effect> {
    copy_message(state, |entry| match entry {
        Entry::Reply(reply) => reply.written(),
        entry => entry.text().to_owned(),
    })
}

/// `/copy`, `/copy all`, `/copy code`, `/copy code 2`.
pub(super) fn command(state: &mut State, argument: &str) -> Result<Vec<Effect>, String> {
    const USAGE: &str = "/copy, /copy all, /copy code or /copy code 2";
    let mut words = argument.split_whitespace();
    match (words.next(), words.next()) {
        (None, _) => Ok(copy_message(state, |entry| entry.text().to_owned())),
        (Some("all"), None) => match transcript(&state.chat) {
            text if text.is_empty() => Err("Nothing has been said yet.".into()),
            text => Ok(vec![Effect::Copy(text)]),
        },
        (Some("code"), number) => {
            let reply = state.chat.last_reply();
            let blocks = code_blocks(reply.map_or("", |reply| &reply.text));
            let wanted = match number {
                None => blocks.len(),
                Some(number) => number.parse().map_err(|_| USAGE.to_owned())?,
            };
            let block = wanted.checked_sub(1).and_then(|at| blocks.get(at));
            match block {
                Some(block) => Ok(vec![Effect::Copy(block.text.clone())]),
                None if blocks.is_empty() => Err("There is no code in the last reply.".into()),
                None => Err(format!("The last reply has {} code blocks.", blocks.len())),
            }
        }
        _ => Err(USAGE.into()),
    }
}

fn copy_message(state: &mut State, text: impl Fn(&Entry) -> String) -> Vec<Effect> {
    let chat = &state.chat;
    let is_reply = |entry: &&Entry| matches!(entry, Entry::Reply(_));
    let message = match selected(chat) {
        Some(index) => chat.entries.get(index),
        None => chat.entries.iter().rfind(is_reply),
    };
    match message.map(text) {
        Some(text) if !text.is_empty() => vec![Effect::Copy(text)],
        _ => notice(state, "There is no reply to copy.", IsError::No),
    }
}

/// The entry of the selected message.
fn selected(chat: &ChatState) -> Option<usize> {
    chat.selected.and_then(|node| chat.index_of(node))
}

/// What was said, as Markdown.
fn transcript(chat: &ChatState) -> String {
    let parts: Vec<String> = chat
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::User(text) => Some(format!("## You\n\n{}", text.trim_end())),
            Entry::Reply(reply) => {
                let name = match reply.model.as_str() {
                    "" => "Model",
                    name => name,
                };
                Some(format!("## {name}\n\n{}", reply.text.trim_end()))
            }
            Entry::Note { .. } => None,
        })
        .collect();
    parts.join("\n\n")
}

fn reply(chat: &ChatState, entry: usize) -> Option<&Reply> {
    match chat.entries.get(entry)? {
        Entry::Reply(reply) => Some(reply),
        _ => None,
    }
}

fn count(chat: &ChatState, entry: usize) -> usize {
    reply(chat, entry).map_or(0, |reply| code_blocks(&reply.text).len())
}

fn after(chat: &ChatState, at: PickedCode) -> Option<PickedCode> {
    if at.block + 1 < count(chat, at.entry) {
        return Some(PickedCode {
            block: at.block + 1,
            ..at
        });
    }
    first_from(chat, at.entry + 1)
}

/// The first code block of this entry or of one after it.
fn first_from(chat: &ChatState, entry: usize) -> Option<PickedCode> {
    let mut later = entry..chat.entries.len();
    let entry = later.find(|entry| count(chat, *entry) > 0)?;
    Some(PickedCode { entry, block: 0 })
}

/// The last code block before this entry, or before this block of it.
fn before(chat: &ChatState, entry: usize, block: Option<usize>) -> Option<PickedCode> {
    if let Some(block) = block.and_then(|block| block.checked_sub(1)) {
        return Some(PickedCode { entry, block });
    }
    (0..entry.min(chat.entries.len())).rev().find_map(|entry| {
        let block = count(chat, entry).checked_sub(1)?;
        Some(PickedCode { entry, block })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RequestId;

    fn chat(replies: &[&str]) -> State {
        let mut state = State::new((80, 24));
        for text in replies {
            state.chat.entries.push(Entry::User("code?".into()));
            let mut reply = Reply::new(RequestId(1), "guide".into());
            reply.take(text, &Default::default());
            state.chat.entries.push(Entry::Reply(reply));
        }
        state
    }

    fn copied(effects: &[Effect]) -> Option<&str> {
        match effects {
            [Effect::Copy(text)] => Some(text),
            _ => None,
        }
    }

    const TWO: &str = "one\n```\na\n```\ntwo\n```sh\nb\n```";

    #[test]
    fn walking_goes_from_block_to_block_and_stops_at_the_ends() {
        let mut state = chat(&[TWO, "none", "```\nc\n```"]);
        let mut seen = Vec::new();
        for towards in [
            Towards::Start,
            Towards::Start,
            Towards::Start,
            Towards::Start,
            Towards::End,
        ] {
            walk(&mut state, towards);
            seen.push(state.chat.code.map(|at| (at.entry, at.block)));
        }
        assert_eq!(
            seen,
            [
                Some((5, 0)),
                Some((1, 1)),
                Some((1, 0)),
                Some((1, 0)),
                Some((1, 1))
            ]
        );
        assert_eq!(state.chat.scroll, Scroll::Code);
        assert_eq!(copied(&copy(&mut state)), Some("b\n"));
    }

    #[test]
    fn without_a_picked_block_the_reply_is_copied() {
        let mut state = chat(&["<think>hm</think>\n\nYes."]);
        assert_eq!(copied(&copy(&mut state)), Some("Yes."));
        assert_eq!(
            copied(&copy_raw(&mut state)),
            Some("<think>hm</think>\n\nYes.")
        );
        assert!(copied(&copy(&mut chat(&[]))).is_none());
    }

    #[test]
    fn the_selected_message_is_copied_and_code_is_looked_for_from_there() {
        let mut state = State::new((80, 24));
        let mut reply = |text: &str| {
            state.chat.push(Entry::User("code?".into()));
            let mut reply = Reply::new(RequestId(1), "guide".into());
            reply.take(text, &Default::default());
            state.chat.push(Entry::Reply(reply))
        };
        let first = reply(TWO);
        let second = reply("<think>hm</think>\n\nNo code.");
        reply("```\nc\n```");
        let question = state.chat.tree.parent(second);
        state.chat.selected = Some(second);
        assert_eq!(copied(&copy(&mut state)), Some("No code."));
        let raw = copy_raw(&mut state);
        assert_eq!(copied(&raw), Some("<think>hm</think>\n\nNo code."));
        state.chat.selected = question;
        assert_eq!(copied(&copy(&mut state)), Some("code?"));
        walk(&mut state, Towards::Start);
        assert_eq!(copied(&copy(&mut state)), Some("b\n"));
        state.chat.code = None;
        walk(&mut state, Towards::End);
        assert_eq!(copied(&copy(&mut state)), Some("c\n"));
        // Who selects a message after that wants the message.
        state.chat.selected = Some(first);
        crate::app::versions::perform(&mut state, crate::app::Action::NextMessage);
        assert_eq!(copied(&copy(&mut state)), Some("code?"));
    }

    #[test]
    fn the_command_copies_what_it_is_told_to() {
        let mut state = chat(&[TWO]);
        let mut text = |argument: &str| {
            command(&mut state, argument).map(|effects| copied(&effects).map(str::to_owned))
        };
        assert_eq!(text("code"), Ok(Some("b\n".into())));
        assert_eq!(text("code 1"), Ok(Some("a\n".into())));
        assert_eq!(
            text("code 3"),
            Err("The last reply has 2 code blocks.".into())
        );
        assert_eq!(text(""), Ok(Some(TWO.into())));
        let all = format!("## You\n\ncode?\n\n## guide\n\n{TWO}");
        assert_eq!(text("all"), Ok(Some(all)));
        assert!(text("everything").is_err());
        assert!(command(&mut chat(&[]), "all").is_err());
    }
}
