//! Saved chats as text for people. What models, files and people wrote is sanitised.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::chat::Role;
use crate::cli::sanitise::{self, Sanitiser};
use crate::store::exchange::Archive;
use crate::store::{Conversation, Hit, MessageState};
use crate::units::counted;

/// Chats, one a line.
pub(super) fn list(list: &[Conversation]) -> String {
    if list.is_empty() {
        return "no chats\n".to_owned();
    }
    let widest = list.iter().map(|one| one.id.0).max().unwrap_or(0);
    let width = widest.to_string().len();
    list.iter()
        .map(|one| {
            let pinned = if one.pinned { '*' } else { ' ' };
            let tags = match one.tags.is_empty() {
                true => String::new(),
                false => format!("  [{}]", sanitise::line(&one.tags.join(", "))),
            };
            format!(
                "{:>width$} {pinned} {}  {:>5}  {}{tags}\n",
                one.id.0,
                time(one.changed_ms),
                one.messages,
                title(&one.title),
            )
        })
        .collect()
}

/// Places, two lines each.
pub(super) fn hits(hits: &[Hit]) -> String {
    if hits.is_empty() {
        return "nothing found\n".to_owned();
    }
    hits.iter()
        .map(|hit| {
            let who = hit.role.map_or("title", name);
            format!(
                "{} {}  {}  {who}\n    {}\n",
                hit.conversation.0,
                time(hit.created_ms),
                title(&hit.title),
                sanitise::line(&hit.snippet)
            )
        })
        .collect()
}

/// The chosen path of a chat.
pub(super) fn chat(conversation: &Conversation, archive: &Archive) -> String {
    let mut out = format!(
        "{}\n{}, {}\n",
        title(&conversation.title),
        time(conversation.changed_ms),
        counted(conversation.messages, "message")
    );
    if let Some(system) = &archive.settings.system {
        out.push_str(&section("system prompt", system));
    }
    let path = archive.path();
    for node in &path {
        let mut who = name(node.said.role).to_owned();
        if !node.said.model.is_empty() {
            who = format!("{who} ({})", sanitise::line(&node.said.model));
        }
        if node.said.state == MessageState::Interrupted {
            who.push_str(", interrupted");
        }
        if !node.said.reasoning.is_empty() {
            out.push_str(&section(&format!("{who}, reasoning"), &node.said.reasoning));
        }
        out.push_str(&section(&who, &node.said.content));
    }
    let others = archive.nodes.len() - path.len();
    if others > 0 {
        out.push_str(&format!(
            "\n(on other branches: {}; --json has them)\n",
            counted(others, "more message")
        ));
    }
    out
}

fn section(who: &str, text: &str) -> String {
    let text = Sanitiser::default().piece(text);
    format!("\n--- {who}\n{}\n", text.trim_end())
}

fn title(title: &str) -> String {
    match sanitise::line(title).trim() {
        "" => "(no title)".to_owned(),
        title => title.to_owned(),
    }
}

fn name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Local time; a dash where the number is no time.
fn time(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).map_or_else(
        |_| "-".to_owned(),
        |time| {
            time.to_zoned(TimeZone::system())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    )
}
