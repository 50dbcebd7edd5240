//! The chat on the screen as a file: with every branch, also when it is not saved.

use std::collections::HashMap;

use super::saving::{self, ended_as};
use super::update::{IsError, notice};
use super::{Content, Effect, Entry, FilePlace, State};
use crate::chat::{NodeId, Role};
use crate::store::Said;
use crate::store::exchange::{Archive, Format, Node};

/// Characters of a message that become the name of a file.
const NAME: usize = 40;

/// Writes the chat to a file of that name, or to one named after its first message. The ending says
/// the form: Markdown, JSON or JSONL.
pub(super) fn export(state: &mut State, file: &str) -> Vec<Effect> {
    let chat = archive(state);
    if chat.nodes.is_empty() {
        return notice(state, "Nothing has been said yet.", IsError::No);
    }
    let format = Format::of_name(file).unwrap_or(Format::Markdown);
    let place = match file {
        "" => FilePlace::Here(format!("{}.md", name(&chat))),
        file => FilePlace::Named(file.to_owned()),
    };
    let chat = Box::new(chat);
    let content = Content::Chat { chat, format };
    vec![Effect::WriteFile { place, content }]
}

/// The whole tree.
fn archive(state: &State) -> Archive {
    let tree = &state.chat.tree;
    let mut places: HashMap<NodeId, usize> = HashMap::new();
    let mut nodes = Vec::new();
    for line in tree.outline() {
        let Some(entry) = state.chat.message(line.node) else {
            continue;
        };
        let parent = tree.parent(line.node);
        places.insert(line.node, nodes.len());
        nodes.push(Node {
            parent: parent.and_then(|parent| places.get(&parent).copied()),
            said: said(entry),
        });
    }
    Archive {
        settings: saving::settings(state),
        leaf: tree.leaf().and_then(|leaf| places.get(&leaf).copied()),
        omission: state
            .chat
            .omission()
            .and_then(|omission| omission.place(|before| places.get(before).copied())),
        nodes,
        ..Archive::default()
    }
}

fn said(entry: &Entry) -> Said {
    match entry {
        Entry::Reply(reply) => {
            let ending = ended_as(reply);
            Said {
                state: ending.state,
                stop: ending.stop,
                seed: ending.seed,
                timings: ending.timings,
                model: reply.model.clone(),
                reasoning: reply.thought.text.clone(),
                ..Said::new(Role::Assistant, reply.text.clone())
            }
        }
        entry => Said::new(Role::User, entry.text()),
    }
}

/// A name for a file from the first message: letters and digits, joined by dashes.
fn name(chat: &Archive) -> String {
    let first = chat.nodes.first().map(|node| node.said.content.as_str());
    let words = first.unwrap_or_default();
    let words = words
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut name = String::new();
    for word in words {
        if name.chars().count() + word.chars().count() >= NAME {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word.to_lowercase());
    }
    if name.is_empty() {
        "chat".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_names_the_file() {
        let named = |text: &str| {
            let said = Said::new(Role::User, text);
            name(&Archive {
                nodes: vec![Node { parent: None, said }],
                ..Archive::default()
            })
        };
        assert_eq!(
            named("What is a KV cache?\nTell me"),
            "what-is-a-kv-cache-tell-me"
        );
        assert_eq!(named("../../etc/passwd"), "etc-passwd");
        assert_eq!(named("…"), "chat");
        assert!(named(&"word ".repeat(99)).len() <= NAME);
    }
}
