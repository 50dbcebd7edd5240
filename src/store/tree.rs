//! The messages of a conversation as a tree: paths, siblings, branches.

use super::{Message, MessageId};

/// Every message of a conversation. Pure: made once, asked often.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// By id, so parents come before their children.
    messages: Vec<Message>,
    /// Every message by its parent, then by its id; beginnings come first.
    children: Vec<MessageId>,
    /// The parent of each of `children`.
    parents: Vec<Option<MessageId>>,
}

impl Tree {
    /// A tree of messages in any order. A message whose parent is not among them is a beginning.
    pub fn new(mut messages: Vec<Message>) -> Self {
        messages.sort_by_key(|message| message.id);
        let mut tree = Self {
            messages,
            ..Self::default()
        };
        let mut links: Vec<(Option<MessageId>, MessageId)> = tree
            .messages
            .iter()
            .map(|message| (tree.parent_of(message), message.id))
            .collect();
        links.sort_unstable();
        (tree.parents, tree.children) = links.into_iter().unzip();
        tree
    }

    /// Every message, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Every message by itself, oldest first.
    pub fn into_messages(self) -> Vec<Message> {
        self.messages
    }

    pub fn get(&self, id: MessageId) -> Option<&Message> {
        let at = self
            .messages
            .binary_search_by_key(&id, |message| message.id);
        at.ok().map(|at| &self.messages[at])
    }

    /// The messages that follow directly, oldest first; `None` = the beginnings.
    pub fn children(&self, of: Option<MessageId>) -> &[MessageId] {
        let start = self.parents.partition_point(|parent| *parent < of);
        let end = self.parents.partition_point(|parent| *parent <= of);
        &self.children[start..end]
    }

    /// The message before, if it is in the tree.
    pub fn parent(&self, id: MessageId) -> Option<MessageId> {
        self.parent_of(self.get(id)?)
    }

    fn parent_of(&self, message: &Message) -> Option<MessageId> {
        // A parent is older than its children; anything else would be a circle.
        message
            .parent
            .filter(|parent| *parent < message.id && self.get(*parent).is_some())
    }

    /// From the beginning to this message. Empty when it is not in the tree.
    pub fn path_to(&self, leaf: MessageId) -> Vec<&Message> {
        let mut path = Vec::new();
        let mut next = self.get(leaf);
        while let Some(message) = next {
            path.push(message);
            next = self.parent(message.id).and_then(|parent| self.get(parent));
        }
        path.reverse();
        path
    }

    /// The end of the newest branch below this message, or of the whole tree: what to show when one
    /// switches to a sibling.
    pub fn newest_leaf(&self, below: Option<MessageId>) -> Option<MessageId> {
        let mut at = below;
        while let Some(newest) = self.children(at).last() {
            at = Some(*newest);
        }
        at
    }

    /// The chosen path: to this leaf, or along the newest branches when there is no such message.
    pub fn path(&self, leaf: Option<MessageId>) -> Vec<&Message> {
        let leaf = leaf
            .filter(|leaf| self.get(*leaf).is_some())
            .or_else(|| self.newest_leaf(None));
        leaf.map(|leaf| self.path_to(leaf)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Role;
    use crate::store::Said;

    fn tree(parents: &[(i64, Option<i64>)]) -> Tree {
        let message = |(id, parent): &(i64, Option<i64>)| Message {
            id: MessageId(*id),
            parent: parent.map(MessageId),
            said: Said::new(Role::User, id.to_string()),
        };
        Tree::new(parents.iter().map(message).collect())
    }

    fn ids(path: &[&Message]) -> Vec<i64> {
        path.iter().map(|message| message.id.0).collect()
    }

    #[test]
    fn messages_stand_below_their_parent_and_a_leaf_has_one_path() {
        let tree = tree(&[
            (4, Some(2)),
            (1, None),
            (2, Some(1)),
            (3, Some(1)),
            (5, Some(2)),
        ]);
        assert_eq!(ids(&tree.path_to(MessageId(5))), [1, 2, 5]);
        assert_eq!(
            tree.children(Some(MessageId(1))),
            [MessageId(2), MessageId(3)]
        );
        assert_eq!(tree.newest_leaf(Some(MessageId(2))), Some(MessageId(5)));
        assert_eq!(tree.newest_leaf(None), Some(MessageId(3)));
        assert_eq!(ids(&tree.path(Some(MessageId(4)))), [1, 2, 4]);
        assert_eq!(ids(&tree.path(Some(MessageId(9)))), [1, 3]);
        assert_eq!(ids(&Tree::default().path(None)), [0; 0]);
    }

    #[test]
    fn lost_parents_and_circles_end_a_path() {
        let tree = tree(&[(3, Some(2)), (4, Some(5)), (5, Some(4)), (6, Some(6))]);
        assert_eq!(ids(&tree.path_to(MessageId(3))), [3]);
        assert_eq!(ids(&tree.path_to(MessageId(5))), [4, 5]);
        assert_eq!(ids(&tree.path_to(MessageId(6))), [6]);
        assert_eq!(tree.children(None).len(), 3);
    }
}
