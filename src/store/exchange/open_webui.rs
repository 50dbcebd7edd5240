//! The export of Open WebUI: `{title, chat: {title, system, history: {currentId, messages: {id: {id,
//! parentId, role, content, timestamp, model}}}}, created_at, updated_at, pinned, meta: {tags}}`,
//! times in seconds. Source: <https://github.com/open-webui/open-webui>,
//! `backend/open_webui/models/chats.py` and `src/lib/utils/index.ts`.

use serde_json::Value;

use super::llama_ui::{milliseconds, name};
use super::{Archive, Foreign, arrange, leave_out, openai};
use crate::store::{Said, Settings};

pub(super) fn read(value: &Value, left_out: &mut Vec<String>) -> Archive {
    let chat = value.get("chat").unwrap_or(value);
    let history = &chat["history"];
    let mut counts = Counts::default();
    let (nodes, leaf) = match history["messages"].as_object() {
        Some(messages) => {
            let foreign = messages
                .iter()
                .map(|(id, message)| message_of(message, Some(id), &mut counts))
                .collect();
            arrange(foreign, name(&history["currentId"]).as_deref())
        }
        // Old exports have only the path.
        None => {
            let messages = chat["messages"].as_array().map_or(&[][..], Vec::as_slice);
            let foreign = messages
                .iter()
                .map(|message| message_of(message, None, &mut counts))
                .collect();
            arrange(foreign, None)
        }
    };
    leave_out(left_out, counts.tools, "messages of tools");
    leave_out(left_out, counts.files, "attachments");
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.trim().is_empty())
            .map(str::to_owned)
    };
    let tags = value["meta"]["tags"].as_array().or(chat["tags"].as_array());
    Archive {
        title: text(&value["title"]).or_else(|| text(&chat["title"])),
        pinned: value["pinned"].as_bool().unwrap_or(false),
        tags: tags.into_iter().flatten().filter_map(text).collect(),
        created_ms: seconds(&value["created_at"]),
        changed_ms: seconds(&value["updated_at"]),
        settings: Settings {
            system: text(&chat["system"]).or_else(|| text(&chat["params"]["system"])),
            ..Settings::default()
        },
        nodes,
        leaf,
        ..Archive::default()
    }
}

#[derive(Default)]
struct Counts {
    tools: usize,
    files: usize,
}

fn message_of(message: &Value, key: Option<&String>, counts: &mut Counts) -> Foreign {
    let said = openai::role(message).map(|role| {
        let mut said = Said::new(
            role,
            openai::content(message.get("content"), &mut counts.files),
        );
        said.reasoning = openai::reasoning(message);
        if said.reasoning.is_empty()
            && let Some((thought, answer)) = folded(&said.content)
        {
            (said.reasoning, said.content) = (thought, answer);
        }
        said.created_ms = seconds(&message["timestamp"]);
        said.model = message["model"].as_str().unwrap_or_default().to_owned();
        said
    });
    counts.tools += usize::from(said.is_none());
    counts.files += message["files"].as_array().map_or(0, Vec::len);
    Foreign {
        id: name(&message["id"]).or(key.cloned()).unwrap_or_default(),
        parent: name(&message["parentId"]),
        said,
    }
}

/// What was thought and what was answered, where a reply begins with what Open WebUI folds:
/// `<details type="reasoning" …><summary>…</summary>`, quoted lines with entities, `</details>`.
fn folded(content: &str) -> Option<(String, String)> {
    let inside = content
        .trim_start()
        .strip_prefix("<details type=\"reasoning\"")?;
    let (_, inside) = inside.split_once("</summary>")?;
    let (thought, answer) = inside.split_once("</details>")?;
    let lines = thought.trim().lines().map(|line| {
        let line = unescaped(line);
        let bare = line.strip_prefix('>').unwrap_or(&line);
        bare.strip_prefix(' ').unwrap_or(bare).to_owned()
    });
    let thought: Vec<String> = lines.collect();
    Some((thought.join("\n"), answer.trim_start().to_owned()))
}

/// A text with the entities of Python's `html.escape` as the characters they stand for.
fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ];
    let replace =
        |text: String, (entity, character): &(&str, &str)| text.replace(entity, character);
    entities.iter().fold(text.to_owned(), replace)
}

/// Seconds as milliseconds; some versions wrote nanoseconds.
fn seconds(value: &Value) -> i64 {
    let time = milliseconds(value);
    match time {
        0..100_000_000_000 => time * 1_000,
        100_000_000_000..100_000_000_000_000 => time,
        _ => time / 1_000_000,
    }
}
