//! What a template is rendered with, as JSON: messages with all their fields, tools, documents and
//! variables, in the form of OpenAI's interface that chat templates are written for.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::marked::Marked;
use super::{Message, Role};

/// Values nested deeper than this are refused.
const MAX_DEPTH: usize = 64;
/// Longest string that is taken for a word of the interface and not for a content.
const LONGEST_WORD: usize = 64;

/// The names under which thoughts are given; transformers reads them in this order.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// A conversation with everything that a template may look at.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    pub(super) messages: Vec<Value>,
    /// Tools, documents and other variables by name.
    pub(super) variables: BTreeMap<String, Value>,
}

impl Conversation {
    /// Reads JSON: a list of messages, or an object with `messages` and, where wanted, `tools`,
    /// `documents` and `chat_template_kwargs`, an object whose members become variables.
    ///
    /// # Errors
    /// In words, when it is no JSON of that form.
    pub fn read(json: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        depth(&value, 0)?;
        if value.kind() == ValueKind::Seq {
            return Self::new(&value, BTreeMap::new());
        }
        if value.kind() != ValueKind::Map {
            return Err("expected a list of messages, or an object with \"messages\"".to_owned());
        }
        let mut variables = BTreeMap::new();
        for name in ["tools", "documents"] {
            let given = member(&value, name);
            if !given.is_undefined() {
                variables.insert(name.to_owned(), given);
            }
        }
        let more = member(&value, "chat_template_kwargs");
        if !more.is_undefined() && !more.is_none() {
            variables.extend(members(&more, "chat_template_kwargs")?);
        }
        Self::new(&member(&value, "messages"), variables)
    }

    /// Adds the members of a JSON object as variables; an empty text adds none.
    ///
    /// # Errors
    /// In words, when it is no JSON object.
    pub fn with_variables(mut self, json: &str) -> Result<Self, String> {
        if !json.trim().is_empty() {
            let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
            depth(&value, 0)?;
            self.variables.extend(members(&value, "the variables")?);
        }
        Ok(self)
    }

    fn new(messages: &Value, variables: BTreeMap<String, Value>) -> Result<Self, String> {
        if messages.kind() != ValueKind::Seq {
            return Err("\"messages\" is not a list".to_owned());
        }
        let messages: Vec<Value> = messages.try_iter().map_err(words)?.collect();
        for (at, message) in messages.iter().enumerate() {
            if member(message, "role").as_str().is_none() {
                return Err(format!(
                    "message {} is not an object with a \"role\"",
                    at + 1
                ));
            }
        }
        Ok(Self {
            messages: messages.iter().map(with_reasoning).collect(),
            variables,
        })
    }

    /// Puts a system message before all others, unless it says nothing.
    pub(super) fn with_system(mut self, system: &str) -> Self {
        if !system.is_empty() {
            self.messages.insert(0, message(Role::System, system));
        }
        self
    }

    /// The conversation with all that the system said put before what the user said first; `None`
    /// when the system said nothing or nobody could hear it.
    pub(super) fn without_system(&self) -> Option<Self> {
        let (system, mut others): (Vec<Value>, Vec<Value>) =
            self.messages.iter().cloned().partition(is_system);
        let first = others.iter().position(|m| role(m) == "user")?;
        let mut texts = Vec::new();
        for message in system.iter().chain([&others[first]]) {
            texts.push(member(message, "content").as_str()?.to_owned());
        }
        others[first] = with_content(&others[first], &texts.join("\n\n"));
        (!system.is_empty()).then(|| Self {
            messages: others,
            variables: self.variables.clone(),
        })
    }

    /// What the system said, where that is plain text.
    pub(super) fn system(&self) -> impl Iterator<Item = String> + '_ {
        let system = self.messages.iter().filter(|message| is_system(message));
        system.filter_map(|message| Some(member(message, "content").as_str()?.to_owned()))
    }

    /// The conversation with another text for everything the system said.
    pub(super) fn with_other_system(&self, text: &str) -> Self {
        let other = |message: &Value| match is_system(message) {
            true => with_content(message, text),
            false => message.clone(),
        };
        Self {
            messages: self.messages.iter().map(other).collect(),
            variables: self.variables.clone(),
        }
    }

    /// Every text that somebody or something wrote, for telling it from the template's own.
    pub(super) fn contents(&self) -> Vec<String> {
        let mut out = Vec::new();
        let values = self.messages.iter().chain(self.variables.values());
        for value in values {
            texts(value, &mut |text| out.push(text.to_owned()));
        }
        out
    }

    /// The same with each content between marks.
    pub(super) fn marked(&self) -> Self {
        let marked = |value: &Value| mark(value, IsContent::No);
        let variables = self.variables.iter();
        Self {
            messages: self.messages.iter().map(marked).collect(),
            variables: variables.map(|(k, v)| (k.clone(), marked(v))).collect(),
        }
    }
}

/// What was thought before a message goes where transformers' templates look for it: they keep it or
/// drop it, and others do not see it.
impl From<&[Message]> for Conversation {
    fn from(messages: &[Message]) -> Self {
        let value = |said: &Message| {
            let plain = message(said.role, &said.content);
            match said.reasoning.as_str() {
                "" => plain,
                reasoning => with_reasoning(&with_member(&plain, "reasoning_content", reasoning)),
            }
        };
        Self {
            messages: messages.iter().map(value).collect(),
            variables: BTreeMap::new(),
        }
    }
}

fn message(role: Role, content: &str) -> Value {
    let role = match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    Value::from_pairs([
        ("role", Value::from(role)),
        ("content", Value::from(content)),
    ])
}

fn is_system(message: &Value) -> bool {
    role(message) == "system"
}

fn role(message: &Value) -> String {
    member(message, "role").as_str().unwrap_or_default().into()
}

/// A message with its thoughts under both names that templates read: `reasoning_content`, and
/// `thinking` unless it says something else there.
fn with_reasoning(message: &Value) -> Value {
    let given = |name| {
        Some(member(message, name)).filter(|value| !value.is_none() && !value.is_undefined())
    };
    let Some(thoughts) = REASONING.into_iter().find_map(given) else {
        return message.clone();
    };
    let named = |name: &str| (name.to_owned(), thoughts.clone());
    let mut members = members(message, "").unwrap_or_default();
    members.retain(|(name, _)| name != "reasoning_content");
    if members.iter().all(|(name, _)| name != "thinking") {
        members.insert(0, named("thinking"));
    }
    members.push(named("reasoning_content"));
    Value::from_pairs(members)
}

fn with_content(message: &Value, content: &str) -> Value {
    with_member(message, "content", content)
}

fn with_member(message: &Value, name: &str, text: &str) -> Value {
    let members = members(message, "").unwrap_or_default();
    let others = members.into_iter().filter(|(other, _)| other != name);
    Value::from_pairs(others.chain([(name.to_owned(), Value::from(text))]))
}

fn member(value: &Value, name: &str) -> Value {
    value.get_attr(name).unwrap_or(Value::UNDEFINED)
}

/// The members of an object, in their order.
fn members(value: &Value, what: &str) -> Result<Vec<(String, Value)>, String> {
    if value.kind() != ValueKind::Map {
        return Err(format!("{what} should be a JSON object"));
    }
    let mut out = Vec::new();
    for key in value.try_iter().map_err(words)? {
        out.push((key.to_string(), value.get_item(&key).map_err(words)?));
    }
    Ok(out)
}

fn words(error: minijinja::Error) -> String {
    error.to_string()
}

fn depth(value: &Value, at: usize) -> Result<(), String> {
    if at > MAX_DEPTH {
        return Err("it is nested too deeply".to_owned());
    }
    match value.kind() {
        ValueKind::Seq => {
            for item in value.try_iter().map_err(words)? {
                depth(&item, at + 1)?;
            }
        }
        ValueKind::Map => {
            for (_, item) in members(value, "")? {
                depth(&item, at + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether a value lies where people and models write, so that even a single word is a content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IsContent {
    No,
    Yes,
}

/// Puts strings between marks. Words by which templates steer (roles, kinds, names) stay bare: a
/// template compares them, and no control token is a bare word.
fn mark(value: &Value, is_content: IsContent) -> Value {
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            if is_content == IsContent::No && is_word(text) {
                value.clone()
            } else {
                Marked::content(text).encode().into()
            }
        }
        ValueKind::Seq => match value.try_iter() {
            Ok(items) => items.map(|item| mark(&item, is_content)).collect(),
            Err(_) => value.clone(),
        },
        ValueKind::Map => {
            let members = members(value, "").unwrap_or_default().into_iter();
            Value::from_pairs(members.map(|(name, item)| {
                let is_content = match name.as_str() {
                    "content" | "text" | "reasoning_content" | "reasoning" | "thinking" => {
                        IsContent::Yes
                    }
                    // The parts of a message say of what kind they are.
                    "type" | "role" => IsContent::No,
                    _ => is_content,
                };
                let item = mark(&item, is_content);
                (name, item)
            }))
        }
        _ => value.clone(),
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= LONGEST_WORD
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Whether every name of a member is harmless: one that could be (part of) a control token cannot
/// be marked, because templates look members up by their names.
pub(super) fn has_harmless_names(conversation: &Conversation) -> bool {
    fn harmless(value: &Value) -> bool {
        match value.kind() {
            ValueKind::Seq => value
                .try_iter()
                .is_ok_and(|mut items| items.all(|item| harmless(&item))),
            ValueKind::Map => members(value, "").is_ok_and(|members| {
                members.iter().all(|(name, item)| {
                    !name.contains(['<', '>', '[', ']', '|', '｜', '{', '}']) && harmless(item)
                })
            }),
            _ => true,
        }
    }
    let variables = &conversation.variables;
    conversation
        .messages
        .iter()
        .chain(variables.values())
        .all(harmless)
}

/// Every string of a value and the names of its members, but for the words that say who speaks and
/// of what kind a part is: the template's own tokens hold those.
fn texts(value: &Value, take: &mut dyn FnMut(&str)) {
    match value.kind() {
        ValueKind::String => take(value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            for item in value.try_iter().into_iter().flatten() {
                texts(&item, take);
            }
        }
        ValueKind::Map => {
            for (name, item) in members(value, "").unwrap_or_default() {
                if !is_word(&name) {
                    take(&name);
                }
                let steers = matches!(name.as_str(), "role" | "type");
                if !(steers && item.as_str().is_some_and(is_word)) {
                    texts(&item, take);
                }
            }
        }
        _ => {}
    }
}
