//! The deck's chats and what they are in the store.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chat::{NodeId, Role};
use crate::engine::ConversationId as Chat;
use crate::store::{ConversationId, Event, Kept, MessageId, Settings, Store, StoreError};

/// What a chat of the deck is in the store.
pub(super) struct Link {
    pub(super) id: ConversationId,
    pub(super) nodes: HashMap<NodeId, MessageId>,
    /// The last message that was added.
    newest: Option<MessageId>,
    settings: Settings,
}

impl Link {
    /// Where a message belongs. What it follows may be missing because it could not be stored: then it
    /// follows what was stored last.
    pub(super) fn place(&self, parent: Option<NodeId>) -> Option<MessageId> {
        parent.and_then(|parent| self.nodes.get(&parent).copied().or(self.newest))
    }

    pub(super) fn added(&mut self, node: NodeId, id: MessageId) {
        self.nodes.insert(node, id);
        self.newest = Some(id);
    }
}

/// The conversation of a chat, begun if there is none yet.
pub(super) fn link<'a>(
    store: &mut Store,
    chats: &'a mut HashMap<Chat, Link>,
    chat: Chat,
    settings: &Settings,
) -> Result<&'a mut Link, StoreError> {
    use std::collections::hash_map::Entry;
    match chats.entry(chat) {
        Entry::Occupied(found) => {
            let link = found.into_mut();
            configure(store, link, settings)?;
            Ok(link)
        }
        Entry::Vacant(free) => {
            let id = store.create(settings)?;
            store.enter(id)?;
            Ok(free.insert(Link {
                id,
                nodes: HashMap::new(),
                newest: None,
                settings: settings.clone(),
            }))
        }
    }
}

/// Keeps settings that are not the chat's already.
pub(super) fn configure(
    store: &mut Store,
    link: &mut Link,
    settings: &Settings,
) -> Result<(), StoreError> {
    if link.settings != *settings {
        store.set_settings(link.id, settings)?;
        link.settings.clone_from(settings);
    }
    Ok(())
}

/// A message of a chat, if both are stored.
pub(super) fn find(
    chats: &HashMap<Chat, Link>,
    chat: Chat,
    node: NodeId,
) -> Option<(&Link, MessageId)> {
    let link = chats.get(&chat)?;
    link.nodes.get(&node).map(|id| (link, *id))
}

/// A conversation of its own from the path to a message.
pub(super) fn copy(store: &mut Store, original: &Link, at: MessageId) -> Result<Link, StoreError> {
    let id = store.fork(original.id, at)?;
    store.enter(id)?;
    // A copy has one path only, and its messages were added in its order.
    let messages = store.tree(id)?.into_messages();
    let spoken = messages
        .iter()
        .filter(|message| message.said.role != Role::System);
    Ok(Link {
        id,
        nodes: (0..).map(NodeId).zip(spoken.map(|one| one.id)).collect(),
        newest: messages.last().map(|message| message.id),
        settings: original.settings.clone(),
    })
}

pub(super) fn open(
    store: &mut Store,
    chats: &mut HashMap<Chat, Link>,
    chat: Chat,
    id: ConversationId,
) -> Result<Event, StoreError> {
    let conversation = store.conversation(id)?;
    let stored = store.tree(id)?.into_messages();
    store.enter(id)?;
    let mut nodes = HashMap::with_capacity(stored.len());
    // What stands for a message on the screen: itself, or for a system message what it follows.
    let mut shown: HashMap<MessageId, Option<NodeId>> = HashMap::with_capacity(stored.len());
    let mut messages = Vec::with_capacity(stored.len());
    let newest = stored.last().map(|message| message.id);
    for message in stored {
        // A parent comes before its children; one that does not is lost, and the message a beginning.
        let parent = message
            .parent
            .and_then(|parent| shown.get(&parent).copied());
        let parent = parent.flatten();
        if message.said.role == Role::System {
            shown.insert(message.id, parent);
            continue;
        }
        let node = NodeId(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        shown.insert(message.id, Some(node));
        nodes.insert(node, message.id);
        messages.push((parent, message.said));
    }
    let leaf = conversation.leaf.and_then(|leaf| shown.get(&leaf).copied());
    let omission = store.omission(id)?;
    let omission = omission.and_then(|one| one.place(|id| shown.get(id).copied().flatten()));
    let link = Link {
        id,
        nodes,
        newest,
        settings: conversation.settings.clone(),
    };
    chats.insert(chat, link);
    Ok(Event::Opened {
        chat,
        conversation: Box::new(conversation),
        messages,
        leaf: leaf.flatten(),
        omission,
    })
}

/// How the messages of a chat came about, where that was kept.
pub(super) fn traces(
    store: &Store,
    link: &Link,
) -> Result<Vec<(NodeId, MessageId, Arc<Kept>)>, StoreError> {
    let mut kept: HashMap<MessageId, Kept> = store.traces(link.id)?.into_iter().collect();
    let found = link.nodes.iter().filter_map(|(node, id)| {
        let kept = kept.remove(id)?;
        Some((*node, *id, Arc::new(kept)))
    });
    Ok(found.collect())
}
