//! A conversation as a tree of which one path is open.
//!
//! An edited message and an answer made again stand beside the old one; nothing is overwritten. What
//! the messages of the open path say is the caller's, the transcript on the screen; what the others
//! say lies folded in the tree. Opening another path moves texts and copies none.

/// A message's number in its tree: later ones have greater numbers, so parents come before their
/// children, and none is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// Messages of type `T` by what they follow.
#[derive(Clone, Debug)]
pub struct Tree<T> {
    nodes: Vec<Node<T>>,
    /// Messages that follow nothing, oldest first.
    beginnings: Vec<NodeId>,
    /// From a beginning to the last message that is open.
    path: Vec<NodeId>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    /// `None` = a beginning.
    parent: Option<NodeId>,
    /// Oldest first.
    children: Vec<NodeId>,
    /// The child through which the path went last.
    last_open: Option<NodeId>,
    is_deleted: bool,
    /// What it says; `None` on the open path.
    folded: Option<T>,
}

/// One line of a tree drawn as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlined {
    pub node: NodeId,
    /// Branchings above it: messages that follow each other stand in one column.
    pub depth: usize,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            beginnings: Vec::new(),
            path: Vec::new(),
        }
    }
}

impl<T> Tree<T> {
    /// The open path, from its beginning; numbers ascend.
    pub fn path(&self) -> &[NodeId] {
        &self.path
    }

    /// The last message of the open path.
    pub fn leaf(&self) -> Option<NodeId> {
        self.path.last().copied()
    }

    /// Where a message stands on the open path, from 0.
    pub fn position(&self, node: NodeId) -> Option<usize> {
        self.path.binary_search(&node).ok()
    }

    /// The message that this one follows.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.get(node)?.parent
    }

    /// What follows a message directly, oldest first; `None` = the beginnings.
    pub fn children(&self, of: Option<NodeId>) -> impl DoubleEndedIterator<Item = NodeId> + '_ {
        let all = match of {
            Some(node) => self.get(node).map_or(&[][..], |node| &node.children),
            None => &self.beginnings,
        };
        let is_kept = |child: &NodeId| self.get(*child).is_some_and(|child| !child.is_deleted);
        all.iter().copied().filter(is_kept)
    }

    /// The message itself and those that stand in its place, oldest first.
    pub fn versions(&self, node: NodeId) -> Vec<NodeId> {
        self.children(self.parent(node)).collect()
    }

    /// Which of how many versions a message is, from 1.
    pub fn version(&self, node: NodeId) -> (usize, usize) {
        let versions = self.versions(node);
        let at = versions.iter().position(|version| *version == node);
        (at.unwrap_or(0) + 1, versions.len())
    }

    /// What a message says that is not on the open path.
    pub fn folded(&self, node: NodeId) -> Option<&T> {
        self.get(node)?.folded.as_ref()
    }

    /// Adds a message below any other without opening it; `None` = a beginning.
    pub fn add(&mut self, parent: Option<NodeId>, content: T) -> NodeId {
        self.insert(parent, Some(content))
    }

    /// Adds a message at the end of the open path; what it says stays with the caller.
    pub fn push(&mut self) -> NodeId {
        let leaf = self.leaf();
        let node = self.insert(leaf, None);
        self.step(node);
        node
    }

    /// Ends the open path after `keep` messages. `contents` = what the others on it said, in order;
    /// they stay in the tree.
    pub fn fold(&mut self, keep: usize, contents: impl IntoIterator<Item = T>) {
        let rest = self.path.split_off(keep.min(self.path.len()));
        for (node, content) in rest.into_iter().zip(contents) {
            if let Some(node) = self.nodes.get_mut(index(node)) {
                node.folded = Some(content);
            }
        }
    }

    /// Opens one message more, which must follow the last one, and hands out what it says.
    pub fn unfold(&mut self, node: NodeId) -> Option<T> {
        if self.get(node)?.parent != self.leaf() {
            return None;
        }
        let content = self.nodes.get_mut(index(node))?.folded.take()?;
        self.step(node);
        Some(content)
    }

    /// From the beginning to this message.
    pub fn path_to(&self, node: NodeId) -> Vec<NodeId> {
        let mut path = Vec::new();
        let mut next = Some(node).filter(|node| self.get(*node).is_some());
        while let Some(node) = next {
            path.push(node);
            next = self.parent(node);
        }
        path.reverse();
        path
    }

    /// From the beginning through this message to an end: the way that was open last, else the
    /// newest. `None` = from the newest beginning.
    pub fn route(&self, through: Option<NodeId>) -> Vec<NodeId> {
        let mut route = through.map_or_else(Vec::new, |node| self.path_to(node));
        loop {
            let at = route.last().copied();
            let last_open = at.and_then(|node| self.get(node)?.last_open);
            let is_kept = |node: &NodeId| self.get(*node).is_some_and(|node| !node.is_deleted);
            let next = last_open
                .filter(is_kept)
                .or_else(|| self.children(at).next_back());
            match next {
                Some(next) => route.push(next),
                None => return route,
            }
        }
    }

    /// Takes a message out, with all that follows it; none of it may be open. [`Tree::restore`]
    /// brings it back.
    pub fn delete(&mut self, node: NodeId) {
        self.mark(node, true);
    }

    pub fn restore(&mut self, node: NodeId) {
        self.mark(node, false);
    }

    /// Every message, each before those that follow it.
    pub fn outline(&self) -> Vec<Outlined> {
        let mut lines = Vec::with_capacity(self.nodes.len());
        let mut waiting: Vec<Outlined> = Vec::new();
        let below = |of, depth: usize, waiting: &mut Vec<Outlined>| {
            let children: Vec<NodeId> = self.children(of).collect();
            let depth = depth + usize::from(children.len() > 1);
            waiting.extend(
                children
                    .into_iter()
                    .rev()
                    .map(|node| Outlined { node, depth }),
            );
        };
        below(None, 0, &mut waiting);
        while let Some(line) = waiting.pop() {
            lines.push(line);
            below(Some(line.node), line.depth, &mut waiting);
        }
        lines
    }

    fn get(&self, node: NodeId) -> Option<&Node<T>> {
        self.nodes.get(index(node))
    }

    fn insert(&mut self, parent: Option<NodeId>, folded: Option<T>) -> NodeId {
        let parent = parent.filter(|parent| self.get(*parent).is_some());
        // Four billion messages do not fit into memory.
        let node = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node {
            parent,
            children: Vec::new(),
            last_open: None,
            is_deleted: false,
            folded,
        });
        match parent.and_then(|parent| self.nodes.get_mut(index(parent))) {
            Some(parent) => parent.children.push(node),
            None => self.beginnings.push(node),
        }
        node
    }

    fn step(&mut self, node: NodeId) {
        if let Some(before) = self.leaf()
            && let Some(before) = self.nodes.get_mut(index(before))
        {
            before.last_open = Some(node);
        }
        self.path.push(node);
    }

    fn mark(&mut self, node: NodeId, is_deleted: bool) {
        if let Some(node) = self.nodes.get_mut(index(node)) {
            node.is_deleted = is_deleted;
        }
    }
}

fn index(node: NodeId) -> usize {
    node.0 as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(number: u32) -> NodeId {
        NodeId(number)
    }

    /// Opens the way through a message as a transcript does; `open` is what stands in it.
    fn show(tree: &mut Tree<String>, open: &mut Vec<String>, through: Option<NodeId>) {
        let route = tree.route(through);
        let common = tree
            .path()
            .iter()
            .zip(&route)
            .take_while(|(a, b)| a == b)
            .count();
        tree.fold(common, open.drain(common..));
        for node in route.into_iter().skip(common) {
            open.push(tree.unfold(node).expect("it follows"));
        }
    }

    /// a(0) ─ b(1) ─ c(2), beside b: d(3) ─ e(4); beside a: f(5).
    fn sample() -> Tree<String> {
        let mut tree = Tree::default();
        for (parent, text) in [
            (None, "a"),
            (Some(0), "b"),
            (Some(1), "c"),
            (Some(0), "d"),
            (Some(3), "e"),
            (None, "f"),
        ] {
            tree.add(parent.map(node), text.to_owned());
        }
        tree
    }

    #[test]
    fn versions_are_switched_and_the_way_below_is_remembered() {
        let (mut tree, mut open) = (sample(), Vec::new());
        show(&mut tree, &mut open, Some(node(2)));
        assert_eq!(open, ["a", "b", "c"]);
        assert_eq!(tree.version(node(1)), (1, 2));
        show(&mut tree, &mut open, Some(node(3)));
        assert_eq!(open, ["a", "d", "e"]);
        assert_eq!(tree.folded(node(2)), Some(&"c".to_owned()));
        show(&mut tree, &mut open, Some(node(5)));
        assert_eq!(open, ["f"]);
        // Back to the first beginning: the way that was open last.
        show(&mut tree, &mut open, Some(node(0)));
        assert_eq!(open, ["a", "d", "e"]);
    }

    #[test]
    fn what_is_said_after_going_back_stands_beside_the_old() {
        let (mut tree, mut open) = (sample(), Vec::new());
        show(&mut tree, &mut open, Some(node(2)));
        tree.fold(1, open.drain(1..));
        let new = tree.push();
        open.push("g".to_owned());
        assert_eq!(tree.versions(new), [node(1), node(3), new]);
        assert_eq!(tree.path(), [node(0), new]);
    }

    #[test]
    fn what_is_deleted_comes_back_with_all_below_it() {
        let (mut tree, mut open) = (sample(), Vec::new());
        show(&mut tree, &mut open, Some(node(4)));
        tree.fold(1, open.drain(1..));
        tree.delete(node(3));
        assert_eq!(tree.versions(node(1)), [node(1)]);
        assert_eq!(tree.route(Some(node(0))), [node(0), node(1), node(2)]);
        assert_eq!(tree.outline().len(), 4);
        tree.restore(node(3));
        assert_eq!(tree.route(Some(node(0))), [node(0), node(3), node(4)]);
    }

    #[test]
    fn only_branchings_indent() {
        let lines = sample().outline();
        let lines: Vec<_> = lines.iter().map(|line| (line.node.0, line.depth)).collect();
        assert_eq!(lines, [(0, 1), (1, 2), (2, 2), (3, 2), (4, 2), (5, 1)]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_is_opened(steps in proptest::collection::vec((0u8..3, 0u32..40), 1..60)) {
            let (mut tree, mut open) = (Tree::default(), Vec::<String>::new());
            let mut said = 0;
            for (step, number) in steps {
                match step {
                    0 => {
                        tree.push();
                        open.push(format!("{said}"));
                        said += 1;
                    }
                    1 => {
                        let keep = (number as usize).min(open.len());
                        tree.fold(keep, open.drain(keep..));
                    }
                    _ if number < said => show(&mut tree, &mut open, Some(node(number))),
                    _ => {}
                }
                prop_assert_eq!(tree.path().len(), open.len());
                for (place, text) in tree.path().iter().zip(&open) {
                    prop_assert_eq!(&place.0.to_string(), text);
                }
                // A message is either open or folded, and says what it said.
                for number in 0..said {
                    let folded = tree.folded(node(number)).map(String::as_str);
                    let is_open = tree.position(node(number)).is_some();
                    let text = number.to_string();
                    prop_assert_eq!(folded, Some(text.as_str()).filter(|_| !is_open));
                }
                prop_assert_eq!(tree.outline().len(), said as usize);
            }
        }
    }
}
