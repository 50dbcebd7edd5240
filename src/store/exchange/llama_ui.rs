//! The export of llama.cpp's web UI: `{conv: {name, lastModified, currNode}, messages: [{id, parent,
//! role, content, timestamp, type, thinking, model}]}`, times in milliseconds. Source:
//! <https://github.com/ggml-org/llama.cpp>, `tools/server/webui/src/lib/types/database.d.ts`.

use serde_json::Value;

use super::{Archive, Foreign, arrange, leave_out, openai};
use crate::store::Said;

pub(super) fn read(value: &Value, left_out: &mut Vec<String>) -> Archive {
    let conversation = &value["conv"];
    let messages = value["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let (mut tools, mut extras) = (0, 0);
    let foreign: Vec<Foreign> = messages
        .iter()
        .map(|message| {
            // The root holds nothing: it is where all beginnings hang.
            let is_root = message["type"] == "root";
            let said = openai::role(message).filter(|_| !is_root).map(|role| {
                let mut said =
                    Said::new(role, openai::content(message.get("content"), &mut extras));
                said.reasoning = openai::reasoning(message);
                said.created_ms = milliseconds(&message["timestamp"]);
                said.model = message["model"].as_str().unwrap_or_default().to_owned();
                said
            });
            tools += usize::from(said.is_none() && !is_root);
            extras += message["extra"].as_array().map_or(0, Vec::len);
            Foreign {
                id: name(&message["id"]).unwrap_or_default(),
                parent: name(&message["parent"]),
                said,
            }
        })
        .collect();
    leave_out(left_out, tools, "messages of tools");
    leave_out(left_out, extras, "attachments");
    let leaf = name(&conversation["currNode"]);
    let (nodes, leaf) = arrange(foreign, leaf.as_deref());
    let title = conversation["name"]
        .as_str()
        .filter(|name| !name.trim().is_empty());
    Archive {
        title: title.map(str::to_owned),
        created_ms: nodes.first().map_or(0, |node| node.said.created_ms),
        changed_ms: milliseconds(&conversation["lastModified"]),
        nodes,
        leaf,
        ..Archive::default()
    }
}

/// A name for a message: a string, or in older exports a number.
pub(super) fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn milliseconds(value: &Value) -> i64 {
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|time| time as i64))
        .filter(|time| *time > 0)
        .unwrap_or(0)
}
