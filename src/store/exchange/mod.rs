//! Conversations as text: Markdown, JSON and JSONL out and in, and what other programs export, in.
//!
//! [`Archive`] is a conversation without numbers of the store. [`write()`] and [`read`] turn it into
//! text and back; [`Store::export`] and [`Store::import`] connect it with the store. JSON and JSONL
//! carry the whole tree beside the messages that every program understands; Markdown carries the
//! chosen path.

mod file;
mod llama_ui;
mod markdown;
mod open_webui;
mod openai;

pub use file::write_file;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde_json::Value;

use super::conversations::{self, write_tags};
use super::error::Tried;
use super::messages::{append, set_leaf};
use super::open::now_ms;
use super::{ConversationId, MessageState, Omission, Said, Settings, Store, StoreError, omissions};

/// A conversation by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Archive {
    /// Given by hand; `None` = the first line of the first message.
    pub title: Option<String>,
    pub pinned: bool,
    pub tags: Vec<String>,
    /// Milliseconds since 1970, UTC; 0 = unknown.
    pub created_ms: i64,
    pub changed_ms: i64,
    pub settings: Settings,
    /// Parents come before their children.
    pub nodes: Vec<Node>,
    /// The last message of the chosen path, as an index into `nodes`.
    pub leaf: Option<usize>,
    /// What of that path is left out of the prompt; messages go by their index in `nodes`.
    pub omission: Option<Omission<usize>>,
}

/// A message and what it follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// An index into the archive's nodes, less than this one's; `None` = a beginning.
    pub parent: Option<usize>,
    pub said: Said,
}

/// What conversations are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// To be read by people: the chosen path.
    Markdown,
    /// One object, or an array of several; `messages` are OpenAI's.
    Json,
    /// One such object a line.
    Jsonl,
}

/// What was read from a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    pub archives: Vec<Archive>,
    /// What could not be taken over, in words.
    pub left_out: Vec<String>,
}

impl Archive {
    /// The chosen path, from its beginning.
    pub fn path(&self) -> Vec<&Node> {
        let mut path = Vec::new();
        let mut next = self.leaf;
        while let Some(node) = next.and_then(|at| self.nodes.get(at)) {
            path.push(node);
            // Only ever downwards, so it ends whatever the text said.
            next = node.parent.filter(|parent| Some(*parent) < next);
        }
        path.reverse();
        path
    }

    /// A conversation of messages that follow each other.
    fn linear(messages: Vec<Said>) -> Self {
        let nodes: Vec<Node> = messages
            .into_iter()
            .enumerate()
            .map(|(index, said)| Node {
                parent: index.checked_sub(1),
                said,
            })
            .collect();
        Self {
            leaf: nodes.len().checked_sub(1),
            nodes,
            ..Self::default()
        }
    }
}

/// Writes conversations as text.
pub fn write(archives: &[Archive], format: Format) -> String {
    match format {
        Format::Markdown => archives.iter().map(markdown::write).collect(),
        Format::Jsonl => archives
            .iter()
            .map(|archive| format!("{}\n", openai::write(archive)))
            .collect(),
        Format::Json => {
            let values: Vec<Value> = archives.iter().map(openai::write).collect();
            let value = match <[Value; 1]>::try_from(values) {
                Ok([one]) => one,
                Err(several) => Value::Array(several),
            };
            // A value of JSON always has a text.
            let text = serde_json::to_string_pretty(&value).unwrap_or_default();
            format!("{text}\n")
        }
    }
}

/// Reads conversations from a text of any of the known forms.
///
/// # Errors
/// In words, when it is none of them.
pub fn read(text: &str) -> Result<Import, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut import = Import::default();
    if !text.trim_start().starts_with(['{', '[']) {
        import.archives = markdown::read(text)?;
        return Ok(import);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) if items.iter().all(is_message) && !items.is_empty() => {
            let value = serde_json::json!({ "messages": items });
            read_value(&value, &mut import)?;
        }
        Ok(Value::Array(items)) => {
            for item in &items {
                read_value(item, &mut import)?;
            }
        }
        Ok(value) => read_value(&value, &mut import)?,
        Err(error) => {
            read_lines(text, &mut import).map_err(|why| why.unwrap_or_else(|| error.to_string()))?
        }
    }
    Ok(import)
}

/// Reads one object a line. `Err(None)` = not even the first line is one.
fn read_lines(text: &str, import: &mut Import) -> Result<(), Option<String>> {
    let mut said = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(line)
            .map_err(|error| (number > 0).then(|| format!("line {}: {error}", number + 1)))?;
        if is_message(&value) {
            said.push(value);
        } else {
            read_value(&value, import)
                .map_err(|why| Some(format!("line {}: {why}", number + 1)))?;
        }
    }
    if !said.is_empty() {
        read_value(&serde_json::json!({ "messages": said }), import).map_err(Some)?;
    }
    Ok(())
}

fn is_message(value: &Value) -> bool {
    value.get("role").is_some_and(Value::is_string) && value.get("messages").is_none()
}

fn read_value(value: &Value, import: &mut Import) -> Result<(), String> {
    let archive = if value.get("conv").is_some() {
        llama_ui::read(value, &mut import.left_out)
    } else if value.get("chat").is_some_and(Value::is_object) || value.get("history").is_some() {
        open_webui::read(value, &mut import.left_out)
    } else if value.get("messages").is_some_and(Value::is_array) {
        openai::read(value, &mut import.left_out)
    } else {
        return Err("it is none of the known forms: a JSON object with 'messages', an export of llama.cpp's web UI or of Open WebUI, or Markdown".to_owned());
    };
    import.archives.push(archive);
    Ok(())
}

/// A message of another program, with its own name for itself and what it follows.
struct Foreign {
    id: String,
    parent: Option<String>,
    /// `None` = cannot be taken over; what follows it follows its parent.
    said: Option<Said>,
}

/// Puts messages in an order in which parents come first, the older ones before the newer.
fn arrange(messages: Vec<Foreign>, leaf: Option<&str>) -> (Vec<Node>, Option<usize>) {
    let index: HashMap<&str, usize> = messages
        .iter()
        .enumerate()
        .map(|(at, message)| (message.id.as_str(), at))
        .collect();
    let parents: Vec<Option<usize>> = messages
        .iter()
        .map(|message| {
            message
                .parent
                .as_deref()
                .and_then(|parent| index.get(parent).copied())
        })
        .collect();
    // The nearest one above that is taken over; a circle has none.
    let kept_above = |start: Option<usize>| {
        let mut at = start;
        for _ in 0..=messages.len() {
            match at {
                Some(one) if messages[one].said.is_none() => at = parents[one],
                kept => return kept,
            }
        }
        None
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); messages.len()];
    let mut ready = BinaryHeap::new();
    let age = |at: usize| {
        let created = messages[at].said.as_ref().map_or(0, |said| said.created_ms);
        Reverse((created, at))
    };
    for (at, message) in messages.iter().enumerate() {
        if message.said.is_some() {
            match kept_above(parents[at]) {
                Some(parent) => children[parent].push(at),
                None => ready.push(age(at)),
            }
        }
    }
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut nodes = Vec::new();
    let mut unplaced = 0..messages.len();
    loop {
        // In a circle nobody is first: whoever stands first in the text begins.
        let next = ready.pop().map(|Reverse((_, at))| at).or_else(|| {
            unplaced.find(|at| messages[*at].said.is_some() && !places.contains_key(at))
        });
        let Some(at) = next else { break };
        let Some(said) = messages[at]
            .said
            .clone()
            .filter(|_| !places.contains_key(&at))
        else {
            continue;
        };
        let parent = kept_above(parents[at]).and_then(|parent| places.get(&parent).copied());
        places.insert(at, nodes.len());
        nodes.push(Node { parent, said });
        ready.extend(children[at].iter().map(|child| age(*child)));
    }
    let leaf = leaf
        .and_then(|leaf| index.get(leaf).copied())
        .and_then(|leaf| kept_above(Some(leaf)))
        .and_then(|leaf| places.get(&leaf).copied())
        .or(nodes.len().checked_sub(1));
    (nodes, leaf)
}

/// Notes what was left out, with how often.
fn leave_out(left_out: &mut Vec<String>, count: usize, what: &str) {
    if count > 0 {
        left_out.push(format!("{count} {what}"));
    }
}

impl Store {
    /// A conversation as it stands, deleted messages left out.
    ///
    /// # Errors
    /// When there is no such conversation, or it cannot be read.
    pub fn export(&self, id: ConversationId) -> Result<Archive, StoreError> {
        let conversation = self.conversation(id)?;
        let tree = self.tree(id)?;
        let places: HashMap<_, _> = tree
            .messages()
            .iter()
            .enumerate()
            .map(|(at, message)| (message.id, at))
            .collect();
        let node = |message: &super::Message| Node {
            parent: tree
                .parent(message.id)
                .and_then(|parent| places.get(&parent).copied()),
            said: Said {
                // Whoever streams it now does not stream the copy.
                state: match message.said.state {
                    MessageState::Streaming => MessageState::Interrupted,
                    state => state,
                },
                ..message.said.clone()
            },
        };
        Ok(Archive {
            title: Some(conversation.title).filter(|_| conversation.is_named),
            pinned: conversation.pinned,
            tags: conversation.tags,
            created_ms: conversation.created_ms,
            changed_ms: conversation.changed_ms,
            settings: conversation.settings,
            leaf: conversation
                .leaf
                .and_then(|leaf| places.get(&leaf).copied()),
            nodes: tree.messages().iter().map(node).collect(),
            omission: self
                .omission(id)?
                .and_then(|omission| omission.place(|before| places.get(before).copied())),
        })
    }

    /// Adds a conversation, all or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn import(&mut self, archive: &Archive) -> Result<ConversationId, StoreError> {
        const WHAT: &str = "importing a conversation";
        let now = now_ms();
        let known = |time: i64| if time == 0 { now } else { time };
        let created = known(archive.created_ms);
        let changed = known(archive.changed_ms);
        let change = self.change(WHAT)?;
        let id = conversations::insert(&change, &archive.settings, created, changed)?;
        let mut placed = Vec::with_capacity(archive.nodes.len());
        for node in &archive.nodes {
            let parent = node.parent.and_then(|parent| placed.get(parent).copied());
            placed.push(append(&change, id, parent, &node.said, None)?);
        }
        let leaf = archive.leaf.and_then(|leaf| placed.get(leaf).copied());
        set_leaf(&change, id, leaf, changed)?;
        let omission = archive.omission.as_ref();
        let omission = omission.and_then(|one| one.place(|before| placed.get(*before).copied()));
        omissions::write(&change, id, omission.as_ref())?;
        write_tags(&change, id, &archive.tags)?;
        conversations::name(&change, id, archive.title.as_deref())?;
        change
            .execute(
                "UPDATE conversation SET pinned = ?2 WHERE id = ?1",
                rusqlite::params![id.0, archive.pinned],
            )
            .tried(WHAT)?;
        change.commit().tried(WHAT)?;
        Ok(id)
    }
}
