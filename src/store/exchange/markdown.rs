//! Markdown for people, with marks that they do not see and that bring it back.
//!
//! ```text
//! <!-- llmdeck: chat named -->
//! # Title
//!
//! <!-- llmdeck: user -->
//! ## User
//!
//! What was said.
//!
//! ```
//! A line that looks like a mark gets a backslash before it. Without marks the headings count.

use super::Archive;
use crate::chat::Role;
use crate::store::{Omission, Said, Settings, conversations::first_line};

const MARK: &str = "<!-- llmdeck:";
const END: &str = "-->";
const LEFT_OUT: &str = "left-out";

pub(super) fn write(archive: &Archive) -> String {
    let path = archive.path();
    let first = path.iter().find(|node| node.said.role == Role::User);
    let (named, title) = match &archive.title {
        Some(title) => (" named", title.clone()),
        None => (
            "",
            first
                .map(|node| first_line(&node.said.content))
                .unwrap_or_default(),
        ),
    };
    let title = title.replace(['\n', '\r'], " ");
    let mut out = format!("{MARK} chat{named} {END}\n# {title}\n\n");
    if let Some(system) = &archive.settings.system {
        section(&mut out, "prompt", "System", system);
    }
    let before = archive.omission.as_ref().and_then(|omission| {
        let node = archive.nodes.get(omission.before)?;
        Some((node, omission.summary.as_deref()))
    });
    for node in path {
        if let Some((_, summary)) = before.filter(|(before, _)| std::ptr::eq(*before, node)) {
            let heading = match summary {
                Some(_) => "Above: in the prompt as this summary",
                None => "Above: left out of the prompt",
            };
            section(&mut out, LEFT_OUT, heading, summary.unwrap_or_default());
        }
        let (mark, heading) = match node.said.role {
            Role::System => ("system", "System"),
            Role::User => ("user", "User"),
            Role::Assistant => ("assistant", "Assistant"),
        };
        if !node.said.reasoning.is_empty() {
            section(&mut out, "reasoning", "Reasoning", &node.said.reasoning);
        }
        section(&mut out, mark, heading, &node.said.content);
    }
    out
}

fn section(out: &mut String, mark: &str, heading: &str, text: &str) {
    out.push_str(&format!("{MARK} {mark} {END}\n## {heading}\n\n"));
    for line in text.split('\n') {
        if line.trim_start_matches('\\').starts_with(MARK) {
            out.push('\\');
        }
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
}

pub(super) fn read(text: &str) -> Result<Vec<Archive>, String> {
    let archives = if text.lines().any(|line| mark(line).is_some()) {
        marked(text)
    } else {
        headed(text).into_iter().collect()
    };
    if archives.is_empty() {
        return Err("there is no chat in it: no '## User' and no '## Assistant'".to_owned());
    }
    Ok(archives)
}

/// What a mark says.
fn mark(line: &str) -> Option<&str> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    Some(line.strip_prefix(MARK)?.strip_suffix(END)?.trim())
}

fn marked(text: &str) -> Vec<Archive> {
    let mut chats: Vec<Chat> = Vec::new();
    // The last section has the line break of the text's end, too.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let Some(mark_text) = mark(line) else {
            continue;
        };
        let mut body: Vec<&str> = Vec::new();
        while let Some(line) = lines.next_if(|line| mark(line).is_none()) {
            body.push(line);
        }
        let heading = body.first().copied().unwrap_or_default();
        let mut words = mark_text.split(' ');
        let kind = words.next().unwrap_or_default();
        if kind == "chat" {
            let title = heading.trim_start_matches('#').trim();
            let named = words.next() == Some("named") && !title.is_empty();
            chats.push(Chat {
                title: named.then(|| title.to_owned()),
                ..Chat::default()
            });
            continue;
        }
        if chats.is_empty() {
            chats.push(Chat::default());
        }
        if let Some(chat) = chats.last_mut() {
            chat.take(kind, unescape(&body));
        }
    }
    chats.into_iter().map(Chat::archive).collect()
}

/// The text of a section: without its heading, the blank line after it and the one at the end.
fn unescape(body: &[&str]) -> String {
    let body = match body {
        [heading, rest @ ..] if heading.starts_with("## ") => rest,
        body => body,
    };
    let body = match body {
        ["" | "\r", rest @ ..] => rest,
        body => body,
    };
    let mut lines: Vec<&str> = body.to_vec();
    if lines.len() > 1 && lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let lines = lines.into_iter().map(|line| match line.strip_prefix('\\') {
        Some(rest) if rest.trim_start_matches('\\').starts_with(MARK) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A chat whose headings say who speaks.
fn headed(text: &str) -> Option<Archive> {
    let mut chat = Chat::default();
    let mut section: Option<(&str, Vec<&str>)> = None;
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let speaker = match line.trim_end().to_lowercase().as_str() {
            "## user" | "## you" => Some("user"),
            "## assistant" => Some("assistant"),
            "## system" => Some("prompt"),
            _ => None,
        };
        match (speaker.filter(|_| !fenced), &mut section) {
            (Some(speaker), _) => {
                if let Some((kind, lines)) = section.replace((speaker, Vec::new())) {
                    chat.take(kind, lines.join("\n").trim().to_owned());
                }
            }
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {
                if let Some(title) = line.strip_prefix("# ") {
                    chat.title = Some(title.trim().to_owned()).filter(|title| !title.is_empty());
                }
            }
        }
    }
    let (kind, lines) = section?;
    chat.take(kind, lines.join("\n").trim().to_owned());
    Some(chat.archive())
}

#[derive(Default)]
struct Chat {
    title: Option<String>,
    system: Option<String>,
    reasoning: String,
    said: Vec<Said>,
    omission: Option<Omission<usize>>,
}

impl Chat {
    fn take(&mut self, kind: &str, text: String) {
        let role = match kind {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "prompt" => {
                self.system = Some(text);
                return;
            }
            "reasoning" => {
                self.reasoning = text;
                return;
            }
            LEFT_OUT => {
                self.omission = Some(Omission {
                    before: self.said.len(),
                    summary: Some(text).filter(|text| !text.is_empty()),
                });
                return;
            }
            _ => return,
        };
        let mut said = Said::new(role, text);
        said.reasoning = std::mem::take(&mut self.reasoning);
        self.said.push(said);
    }

    fn archive(self) -> Archive {
        let messages = self.said.len();
        Archive {
            title: self.title,
            omission: self.omission.filter(|one| one.before < messages),
            settings: Settings {
                system: self.system,
                ..Settings::default()
            },
            ..Archive::linear(self.said)
        }
    }
}
