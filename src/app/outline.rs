//! The tree of the chat as a list: a line a message, indented at branchings; Enter goes there.

use super::overlay::{Overlay, PickList};
use super::update::{IsError, notice};
use super::{Effect, Entry, State};

/// Steps of indentation at most.
const DEEPEST: usize = 12;
/// Characters of a message in the list.
const TEXT: usize = 400;

/// Opens the tree; the selection stands on the selected message, or on the last one.
pub(super) fn show(state: &mut State) -> Vec<Effect> {
    let tree = &state.chat.tree;
    let items: Vec<_> = tree
        .outline()
        .into_iter()
        .filter_map(|line| {
            let entry = state.chat.message(line.node)?;
            let mark = match tree.position(line.node) {
                Some(_) => "*",
                None => " ",
            };
            let who = match entry {
                Entry::Reply(_) => "model",
                _ => "you",
            };
            let version = match tree.version(line.node) {
                (_, 1) => String::new(),
                (version, versions) => format!(" {version}/{versions}"),
            };
            let indent = "  ".repeat(line.depth.min(DEEPEST));
            let text: String = entry.text().chars().take(TEXT).collect();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Some((line.node, format!("{mark}{indent}{who}{version}"), text))
        })
        .collect();
    if items.is_empty() {
        return notice(state, "Nothing has been said yet.", IsError::No);
    }
    let wanted = state.chat.selected.or_else(|| tree.leaf());
    let at = items.iter().position(|(node, ..)| Some(*node) == wanted);
    state.overlay = Some(Overlay::Tree(PickList::new(items).with_selected(at)));
    vec![]
}
