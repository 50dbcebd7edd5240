//! JSON with OpenAI's `messages`, and beside them, under `llmdeck`, what only this program knows.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Archive, Node, leave_out};
use crate::chat::Role;
use crate::store::{MessageState, Omission, Said, Settings};

/// What `messages` cannot hold: the whole tree.
#[derive(Serialize, Deserialize)]
struct Whole {
    named: bool,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    created_ms: i64,
    #[serde(default)]
    changed_ms: i64,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    leaf: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    omission: Option<Omission<usize>>,
    tree: Vec<Branch>,
}

#[derive(Serialize, Deserialize)]
struct Branch {
    parent: Option<usize>,
    #[serde(flatten)]
    said: Said,
}

pub(super) fn write(archive: &Archive) -> Value {
    let path = archive.path();
    let mut messages = Vec::new();
    let begins_with_system = path
        .first()
        .is_some_and(|node| node.said.role == Role::System);
    if let Some(system) = archive
        .settings
        .system
        .as_ref()
        .filter(|_| !begins_with_system)
    {
        messages.push(json!({ "role": "system", "content": system }));
    }
    messages.extend(path.iter().map(|node| message(&node.said)));
    let first = path.iter().find(|node| node.said.role == Role::User);
    let title = archive.title.clone().unwrap_or_else(|| {
        first
            .map(|node| crate::store::conversations::first_line(&node.said.content))
            .unwrap_or_default()
    });
    let whole = Whole {
        named: archive.title.is_some(),
        pinned: archive.pinned,
        tags: archive.tags.clone(),
        created_ms: archive.created_ms,
        changed_ms: archive.changed_ms,
        settings: archive.settings.clone(),
        leaf: archive.leaf,
        omission: archive.omission.clone(),
        tree: archive
            .nodes
            .iter()
            .map(|node| Branch {
                parent: node.parent,
                said: node.said.clone(),
            })
            .collect(),
    };
    json!({ "title": title, "messages": messages, "llmdeck": whole })
}

fn message(said: &Said) -> Value {
    let mut value = json!({ "role": said.role, "content": said.content });
    if !said.reasoning.is_empty() {
        value["reasoning_content"] = json!(said.reasoning);
    }
    value
}

pub(super) fn read(value: &Value, left_out: &mut Vec<String>) -> Archive {
    let title = value
        .get("title")
        .and_then(Value::as_str)
        .filter(|title| !title.trim().is_empty())
        .map(str::to_owned);
    let whole = value
        .get("llmdeck")
        .and_then(|whole| Whole::deserialize(whole).ok());
    let Some(whole) = whole else {
        return Archive {
            title,
            ..read_messages(value, left_out)
        };
    };
    let nodes: Vec<Node> = whole
        .tree
        .into_iter()
        .enumerate()
        .map(|(index, branch)| Node {
            // Anything else is no tree.
            parent: branch.parent.filter(|parent| *parent < index),
            said: settled(branch.said),
        })
        .collect();
    Archive {
        title: title.filter(|_| whole.named),
        pinned: whole.pinned,
        tags: whole.tags,
        created_ms: whole.created_ms,
        changed_ms: whole.changed_ms,
        settings: whole.settings,
        leaf: whole.leaf.filter(|leaf| *leaf < nodes.len()),
        omission: whole.omission.filter(|one| one.before < nodes.len()),
        nodes,
    }
}

/// Nobody streams what is in a file.
fn settled(said: Said) -> Said {
    match said.state {
        MessageState::Streaming => Said {
            state: MessageState::Interrupted,
            ..said
        },
        _ => said,
    }
}

fn read_messages(value: &Value, left_out: &mut Vec<String>) -> Archive {
    let messages = value.get("messages").and_then(Value::as_array);
    let mut said: Vec<Said> = Vec::new();
    let (mut others, mut parts) = (0, 0);
    let mut settings = Settings::default();
    for message in messages.into_iter().flatten() {
        let Some(role) = role(message) else {
            others += 1;
            continue;
        };
        let content = content(message.get("content"), &mut parts);
        if role == Role::System && said.is_empty() && settings.system.is_none() {
            settings.system = Some(content);
            continue;
        }
        let mut one = Said::new(role, content);
        one.reasoning = reasoning(message);
        said.push(one);
    }
    leave_out(left_out, others, "messages of tools");
    leave_out(left_out, parts, "parts that are no text");
    Archive {
        settings,
        ..Archive::linear(said)
    }
}

/// The role of a message, if it is one of those kept here.
pub(super) fn role(message: &Value) -> Option<Role> {
    match message.get("role")?.as_str()? {
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        "system" | "developer" => Some(Role::System),
        _ => None,
    }
}

/// The text of a content, which is a string or a list of parts; others are counted.
pub(super) fn content(content: Option<&Value>, others: &mut usize) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let mut texts = Vec::new();
            for part in parts {
                match part.get("text").and_then(Value::as_str) {
                    Some(text) => texts.push(text),
                    None => *others += 1,
                }
            }
            texts.join("\n")
        }
        _ => String::new(),
    }
}

/// What a model thought, under the names programs have for it.
pub(super) fn reasoning(message: &Value) -> String {
    [
        "reasoning_content",
        "reasoning",
        "thinking",
        "reasoningContent",
    ]
    .iter()
    .find_map(|name| message.get(*name)?.as_str())
    .unwrap_or_default()
    .to_owned()
}
