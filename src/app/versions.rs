//! Going back and trying again: other versions of messages, and the branches that follow them.
//!
//! Nothing said is overwritten. An edited message, an answer made again and a reply that goes on in
//! the middle stand beside the old one in the conversation's tree; the transcript shows one path. The
//! store keeps the same tree. The engine finds what two paths have in common by their tokens, so only
//! what differs is prefilled.

use super::chat::Editing;
use super::replies::{Opening, add, begin, cannot_reply, opened, resume, say};
use super::saving::{self, Saving, chose, store};
use super::sessions::{self, Deleted};
use super::update::{IsError, notice};
use super::{Action, Effect, Entry, Pane, ReplyState, Scroll, State, View, omission, perform};
use crate::chat::NodeId;
use crate::engine::StopReason;
use crate::store::Command;
use crate::units::counted;

/// Towards the beginning or the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Start,
    End,
}

/// Whether the model is to answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

/// Does an action on the selected message, or on the last one.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    state.view = View::Deck;
    match action {
        Action::PreviousMessage => select(state, Towards::Start),
        Action::NextMessage => select(state, Towards::End),
        Action::PreviousVersion => switch(state, Towards::Start),
        Action::NextVersion => switch(state, Towards::End),
        Action::EditMessage => edit(state),
        Action::KeepEdit => finish_edit(state, Answer::No),
        Action::Regenerate => regenerate(state),
        Action::Continue => go_on(state),
        Action::Undo => undo(state),
        Action::DeleteMessage => delete(state),
        Action::Restore => restore(state).unwrap_or_else(|why| notice(state, why, IsError::No)),
        Action::Fork => fork(state),
        _ => vec![],
    }
}

/// Sends the edited message.
pub(super) fn send_edit(state: &mut State) -> Vec<Effect> {
    finish_edit(state, Answer::Yes)
}

/// Leaves a message as it was; what had been in the composer comes back. False when none is edited.
pub(super) fn stop_editing(state: &mut State) -> bool {
    let Some(editing) = state.chat.editing.take() else {
        return false;
    };
    state.composer.set(&editing.draft);
    true
}

/// Shows the path through a message, and selects it.
pub(super) fn go_to(state: &mut State, node: NodeId) -> Vec<Effect> {
    if let Some(why) = is_busy(state) {
        return notice(state, why, IsError::Yes);
    }
    let before = state.chat.tree.leaf();
    if state.chat.tree.position(node).is_none() {
        state.chat.show(Some(node));
    }
    state.view = View::Deck;
    look_at(state, node);
    if state.chat.tree.leaf() == before {
        return vec![];
    }
    chose(state)
}

/// Answers the selected message again, or the one the selected reply answers.
pub(super) fn regenerate(state: &mut State) -> Vec<Effect> {
    if let Some(why) = cannot_reply(state) {
        return notice(state, why, IsError::Yes);
    }
    let chat = &state.chat;
    let asked = match chat.selected.map(|node| (node, chat.message(node))) {
        Some((node, Some(Entry::User(_)))) => Some(node),
        Some((node, _)) => chat.tree.parent(node),
        None => last(state, |entry| matches!(entry, Entry::User(_))),
    };
    let Some(asked) = asked else {
        return notice(state, "There is no message to answer.", IsError::No);
    };
    state.chat.end_at(Some(asked));
    state.chat.selected = None;
    let mut effects = chose(state);
    effects.extend(begin(state, Opening::default()));
    effects
}

/// Goes on with the selected reply, or the last one. One that something follows stays as it is, and
/// another version of it goes on.
pub(super) fn go_on(state: &mut State) -> Vec<Effect> {
    if let Some(why) = cannot_reply(state) {
        return notice(state, why, IsError::Yes);
    }
    let is_reply = |entry: &Entry| matches!(entry, Entry::Reply(_));
    let chat = &state.chat;
    let selected = chat
        .selected
        .filter(|node| chat.message(*node).is_some_and(is_reply));
    let Some(node) = selected.or_else(|| last(state, is_reply)) else {
        return notice(state, "There is no reply to go on with.", IsError::No);
    };
    state.chat.selected = None;
    if state.chat.tree.children(Some(node)).next().is_none() {
        state.chat.end_at(Some(node));
        return resume(state, node);
    }
    let Some(Entry::Reply(reply)) = state.chat.message(node) else {
        return vec![];
    };
    let opening = Opening {
        thought: reply.thought.clone(),
        text: reply.text.clone(),
    };
    let before = state.chat.tree.parent(node);
    state.chat.end_at(before);
    begin(state, opening)
}

/// Takes a message that was refused out of the conversation for good.
pub(super) fn take_out(state: &mut State, node: NodeId) -> Vec<Effect> {
    let before = state.chat.tree.parent(node);
    state.chat.end_at(before);
    state.chat.tree.delete(node);
    let chat = state.chat.conversation;
    store(state, Command::DeleteBranch { chat, node })
}

/// Brings back what was deleted last.
///
/// # Errors
/// When nothing was.
pub(super) fn restore(state: &mut State) -> Result<Vec<Effect>, String> {
    match state.sessions.deleted.take() {
        Some(Deleted::Chat(id)) => Ok(sessions::restore(state, id)),
        Some(Deleted::Branch(node)) => {
            if let Some(why) = is_busy(state) {
                state.sessions.deleted = Some(Deleted::Branch(node));
                return Err(why);
            }
            state.chat.tree.restore(node);
            state.chat.show(Some(node));
            look_at(state, node);
            let chat = state.chat.conversation;
            let mut effects = store(state, Command::RestoreBranch { chat, node });
            effects.extend(chose(state));
            Ok(effects)
        }
        None => Err("Nothing was deleted since the chat was opened.".into()),
    }
}

/// Selects the message before or after the selected one; after the last one none is selected.
fn select(state: &mut State, towards: Towards) -> Vec<Effect> {
    let chat = &state.chat;
    let path = chat.tree.path();
    let at = chat.selected.and_then(|node| chat.tree.position(node));
    let next = match (at, towards) {
        (None, Towards::Start) => path.len().checked_sub(1),
        (Some(at), Towards::Start) => Some(at.saturating_sub(1)),
        (at, Towards::End) => at.map(|at| at + 1),
    };
    match next.and_then(|next| path.get(next).copied()) {
        Some(node) => look_at(state, node),
        None => {
            state.chat.selected = None;
            state.chat.scroll = Scroll::End;
        }
    }
    vec![]
}

/// Opens the version before or after the selected message, or after the last one that has any.
fn switch(state: &mut State, towards: Towards) -> Vec<Effect> {
    if let Some(why) = is_busy(state) {
        return notice(state, why, IsError::Yes);
    }
    let tree = &state.chat.tree;
    let has_others = |node: &NodeId| tree.version(*node).1 > 1;
    let node = match state.chat.selected {
        Some(node) => Some(node).filter(has_others),
        None => tree.path().iter().copied().rev().find(has_others),
    };
    let Some(node) = node else {
        let said = "There is no other version; e edits a message, r answers it again.";
        return notice(state, said, IsError::No);
    };
    let versions = tree.versions(node);
    let at = versions.iter().position(|version| *version == node);
    let at = at.unwrap_or(0);
    let wanted = match towards {
        Towards::Start => at.checked_sub(1),
        Towards::End => Some(at + 1),
    };
    match wanted.and_then(|wanted| versions.get(wanted)) {
        Some(version) => go_to(state, *version),
        None => {
            look_at(state, node);
            vec![]
        }
    }
}

/// Puts a message into the composer, to be sent as another version.
fn edit(state: &mut State) -> Vec<Effect> {
    if let Some(why) = is_busy(state) {
        return notice(state, why, IsError::Yes);
    }
    let wanted = state.chat.selected;
    let wanted = wanted.or_else(|| last(state, |entry| matches!(entry, Entry::User(_))));
    let Some((node, text)) = wanted.and_then(|node| {
        let text = state.chat.message(node)?.text().to_owned();
        Some((node, text))
    }) else {
        return notice(state, "There is no message to edit.", IsError::No);
    };
    stop_editing(state);
    let draft = state.composer.text();
    state.chat.editing = Some(Editing { node, draft });
    state.composer.set(&text);
    look_at(state, node);
    state.focus = Pane::Composer;
    state.side = None;
    vec![]
}

/// Puts the edited text beside the old one, and asks for what follows it.
fn finish_edit(state: &mut State, answer: Answer) -> Vec<Effect> {
    let refusal = match answer {
        Answer::Yes => cannot_reply(state),
        Answer::No => is_busy(state),
    };
    if let Some(why) = refusal {
        return notice(state, why, IsError::Yes);
    }
    let Some(node) = state.chat.editing.as_ref().map(|editing| editing.node) else {
        return notice(state, "No message is being edited.", IsError::No);
    };
    let text = state.composer.text();
    if text.trim().is_empty() {
        return notice(state, "There is nothing to keep.", IsError::No);
    }
    state.composer.take();
    stop_editing(state);
    let was = state.chat.message(node);
    let thought = match was {
        Some(Entry::Reply(reply)) => Some(reply.thought.before(&text)),
        _ => None,
    };
    let is_same = was.is_some_and(|was| was.text() == text);
    let before = state.chat.tree.parent(node);
    state.chat.selected = None;
    match (thought, answer) {
        (None, Answer::Yes) if is_same => {
            state.chat.selected = Some(node);
            regenerate(state)
        }
        (_, Answer::No) if is_same => vec![],
        (None, answer) => {
            state.chat.end_at(before);
            let mut effects = say(state, text.trim_end().to_owned());
            if answer == Answer::Yes {
                effects.extend(begin(state, Opening::default()));
            }
            effects
        }
        (Some(thought), answer) => {
            state.chat.end_at(before);
            let thought = Box::new(thought);
            let opening = Opening { thought, text };
            if answer == Answer::Yes {
                return begin(state, opening);
            }
            let mut reply = opened(state, opening);
            reply.state = ReplyState::Done(StopReason::EndOfTurn);
            let request = reply.request;
            let mut effects = add(state, reply);
            effects.extend(saving::ended(state, request));
            effects
        }
    }
}

/// Takes the last turn back into the composer.
fn undo(state: &mut State) -> Vec<Effect> {
    if let Some(why) = is_busy(state) {
        return notice(state, why, IsError::Yes);
    }
    stop_editing(state);
    if !state.composer.is_empty() {
        let said = "The composer holds a message; send it or clear it first.";
        return notice(state, said, IsError::No);
    }
    let Some((node, text)) = last(state, |entry| matches!(entry, Entry::User(_)))
        .and_then(|node| Some((node, state.chat.message(node)?.text().to_owned())))
    else {
        return notice(state, "Nothing has been said yet.", IsError::No);
    };
    let before = state.chat.tree.parent(node);
    state.chat.end_at(before);
    state.chat.scroll = Scroll::End;
    state.composer.set(&text);
    state.focus = Pane::Composer;
    let mut effects = chose(state);
    let said = "The last turn is back in the composer; the tree of the chat keeps it.";
    effects.extend(notice(state, said, IsError::No));
    effects
}

/// Deletes the selected message, or the last one, with all that follows it.
fn delete(state: &mut State) -> Vec<Effect> {
    if let Some(why) = is_busy(state) {
        return notice(state, why, IsError::Yes);
    }
    let Some(node) = state.chat.selected.or_else(|| state.chat.tree.leaf()) else {
        return notice(state, "There is no message to delete.", IsError::No);
    };
    stop_editing(state);
    let beside = {
        let versions = state.chat.tree.versions(node);
        let at = versions.iter().position(|version| *version == node);
        let at = at.unwrap_or(0);
        let before = at.checked_sub(1).and_then(|before| versions.get(before));
        before.or_else(|| versions.get(at + 1)).copied()
    };
    let before = state.chat.tree.parent(node);
    state.chat.end_at(before);
    state.chat.tree.delete(node);
    state.chat.selected = None;
    if let Some(beside) = beside {
        state.chat.show(Some(beside));
    }
    state.chat.scroll = Scroll::End;
    state.sessions.deleted = Some(Deleted::Branch(node));
    let chat = state.chat.conversation;
    let mut effects = store(state, Command::DeleteBranch { chat, node });
    effects.extend(chose(state));
    let said = "Deleted, with what followed it; /restore brings it back.";
    effects.extend(notice(state, said, IsError::No));
    effects
}

/// Makes a chat of its own from the path to the selected message. Where nothing is saved there is no
/// list that would bring the old chat back: then the path just ends there, and the tree keeps the rest.
fn fork(state: &mut State) -> Vec<Effect> {
    if let Some(why) = is_busy(state) {
        return notice(state, why, IsError::Yes);
    }
    let Some(at) = state.chat.selected.or_else(|| state.chat.tree.leaf()) else {
        return notice(state, "There is nothing to fork yet.", IsError::No);
    };
    state.chat.end_at(Some(at));
    state.chat.selected = None;
    state.chat.scroll = Scroll::End;
    if state.sessions.saving != Saving::On {
        let said = "Nothing is saved, so the chat branches here; its tree keeps the rest.";
        return notice(state, said, IsError::No);
    }
    let messages: Vec<Entry> = state
        .chat
        .entries
        .iter()
        .filter(|entry| entry.is_message())
        .cloned()
        .collect();
    let count = messages.len();
    let chat = state.chat.conversation;
    let tree = &state.chat.tree;
    let omission = state.chat.omission();
    // The copy's messages are numbered from 0.
    let omission = omission.and_then(|one| one.place(|before| tree.position(*before)));
    let fork = state.next_conversation();
    // The copy before the original is left, which the store forgets then.
    let mut effects = vec![Effect::Store(Command::Fork { chat, at, fork })];
    effects.extend(perform::leave_for(state, fork));
    for message in messages {
        state.chat.push(message);
    }
    let in_copy = |at: &usize| state.chat.tree.path().get(*at).copied();
    if let Some(omission) = omission.and_then(|one| one.place(in_copy)) {
        state.chat.leave_out(omission);
    }
    omission::is_saved(state);
    let count = counted(count, "message");
    let said = format!("A chat of its own, with {count}; the list of chats has the other.");
    effects.extend(notice(state, said, IsError::No));
    effects
}

fn look_at(state: &mut State, node: NodeId) {
    state.chat.selected = Some(node);
    state.chat.code = None;
    if let Some(index) = state.chat.index_of(node) {
        state.chat.scroll = Scroll::to_entry(index);
    }
}

/// The last message of the open path that is such a one.
fn last(state: &State, wanted: impl Fn(&Entry) -> bool) -> Option<NodeId> {
    let messages = state.chat.entries.iter().filter(|entry| entry.is_message());
    let at = messages.collect::<Vec<_>>();
    let at = at.iter().rposition(|entry| wanted(entry))?;
    state.chat.tree.path().get(at).copied()
}

/// Why the tree cannot change now.
fn is_busy(state: &State) -> Option<String> {
    if state.sessions.is_opening() {
        return Some("The chat is being read; a moment.".into());
    }
    if state.summarising.is_some() {
        return Some("A summary is being written; Esc stops it.".into());
    }
    state
        .chat
        .running()
        .map(|_| "A reply is being written; Esc stops it.".into())
}

#[cfg(test)]
mod tests;
