//! Saved chats: going on with one, and what a program died with.

use super::overlay::{Overlay, PickList};
use super::saving::{Saving, Streaming, end_running, read_stop, store};
use super::update::{IsError, note, notice};
use super::{
    Effect, Entry, Reply, Scroll, State, Thought, chats, conversation, omission, perform, tokens,
};
use crate::chat::{NodeId, Role, Tree};
use crate::engine::ConversationId as Chat;
use crate::store::{Command, Conversation, ConversationId, Event, Omission, Said, Settings};
use crate::units::counted;

/// Chats that are offered after a program died with them.
const OFFERED: usize = 4;

/// What is saved, and what of it.
#[derive(Debug, Default)]
pub struct SessionsState {
    pub saving: Saving,
    /// The conversation of the store that this chat is; `None` before it is saved for the first time.
    pub current: Option<ConversationId>,
    /// The reply that is being written.
    pub(super) streaming: Option<Streaming>,
    /// What was deleted last, for its restoring.
    pub(super) deleted: Option<Deleted>,
    /// The chat that the store is asked for: nothing can be said before it is there.
    opening: Option<Chat>,
    /// The saved chats as the list had them last.
    pub(super) list: Vec<Conversation>,
    /// What is left out of the prompt as it was saved last: entries before this index, and the summary.
    pub(super) left_out: (usize, Option<String>),
    /// The deck's own settings, while those of a saved chat are in force.
    pub(super) own: Option<Settings>,
}

/// What can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    Chat(ConversationId),
    /// A message of the chat on the screen, with all that follows it.
    Branch(NodeId),
}

impl SessionsState {
    /// Whether a saved chat is being read.
    pub(super) fn is_opening(&self) -> bool {
        self.opening.is_some()
    }
}

/// What to do with chats that were left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Go on with this one.
    Open(ConversationId),
    /// Begin anew; they stay in the list.
    New,
}

/// The effects of starting: looks for chats that a program died with.
pub fn look_for_left_chats(state: &mut State) -> Vec<Effect> {
    match state.sessions.saving {
        Saving::On => vec![Effect::Store(Command::FindLeftOpen)],
        Saving::Off => vec![],
        Saving::Incognito => {
            let said = "Incognito: nothing of what is said here is written to disk.";
            notice(state, said, IsError::No)
        }
    }
}

/// Leaves the chat, which is about to be replaced.
pub(super) fn left(state: &mut State) -> Vec<Effect> {
    let mut effects = end_running(state);
    effects.extend(store(state, Command::Leave(state.chat.conversation)));
    state.sessions.current = None;
    state.sessions.opening = None;
    state.sessions.left_out = (0, None);
    state
        .sessions
        .deleted
        .take_if(|deleted| matches!(deleted, Deleted::Branch(_)));
    effects
}

/// Puts a saved chat in place of this one.
pub(super) fn open(state: &mut State, id: ConversationId) -> Vec<Effect> {
    if state.sessions.current == Some(id) {
        return vec![];
    }
    let mut effects = perform::new_chat(state);
    let chat = state.chat.conversation;
    state.sessions.opening = Some(chat);
    effects.push(Effect::Store(Command::Open { chat, id }));
    effects
}

/// Does what was chosen about chats that were left open.
pub(super) fn resume(state: &mut State, list: &PickList<Resume>) -> Vec<Effect> {
    let Some(chosen) = list.chosen() else {
        return vec![];
    };
    let others = list.items.iter().filter_map(|(value, ..)| match value {
        Resume::Open(id) if value != chosen => Some(*id),
        _ => None,
    });
    let mut effects = vec![Effect::Store(Command::Dismiss(others.collect()))];
    if let Resume::Open(id) = chosen {
        effects.extend(open(state, *id));
    }
    effects
}

/// Changes something of the chat on the screen.
///
/// # Errors
/// When it is not saved, so that there is nothing to change.
pub(super) fn change(
    state: &mut State,
    command: impl FnOnce(ConversationId) -> Command,
) -> Result<Vec<Effect>, String> {
    let id = state
        .sessions
        .current
        .ok_or("This chat is not saved yet: say something first.")?;
    Ok(vec![Effect::Store(command(id))])
}

/// Deletes the chat on the screen, which can be restored.
///
/// # Errors
/// As [`change`].
pub(super) fn delete(state: &mut State) -> Result<Vec<Effect>, String> {
    let delete = change(state, Command::Delete)?;
    let id = state.sessions.current;
    let mut effects = perform::new_chat(state);
    state.sessions.deleted = id.map(Deleted::Chat);
    effects.extend(delete);
    effects.extend(notice(
        state,
        "Deleted; /restore brings it back.",
        IsError::No,
    ));
    Ok(effects)
}

/// Brings a deleted chat back, onto the screen unless the list of chats is there.
pub(super) fn restore(state: &mut State, id: ConversationId) -> Vec<Effect> {
    let mut effects = vec![Effect::Store(Command::Restore(id))];
    if !matches!(state.overlay, Some(Overlay::Sessions(_))) {
        effects.extend(open(state, id));
    }
    effects
}

/// Takes the store's word in.
pub(super) fn on_store(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Settled { chat, id } => {
            if chat == state.chat.conversation {
                state.sessions.current = id;
            }
        }
        Event::Opened {
            chat,
            conversation,
            messages,
            leaf,
            omission,
        } => {
            if chat == state.chat.conversation {
                return opened(state, &conversation, messages, leaf, omission);
            }
        }
        Event::Traces { chat, kept } => {
            if chat == state.chat.conversation {
                tokens::on_traces(state, kept);
            }
        }
        Event::Kept { reply, message } => tokens::on_kept(state, reply, message),
        Event::NotOpened(chat) => {
            state.sessions.opening.take_if(|opening| *opening == chat);
        }
        Event::Forked { fork, id } => {
            if fork == state.chat.conversation {
                state.sessions.current = Some(id);
            }
        }
        Event::Listed {
            words,
            now_ms,
            list,
            hits,
        } => chats::listed(state, &words, now_ms, list, hits),
        Event::LeftOpen(left) => offer(state, &left),
        Event::Changed => {
            if let Some(Overlay::Sessions(list)) = &state.overlay {
                return chats::search(list.filter.clone());
            }
        }
        // It belongs to the view of comparisons.
        Event::Standing(_) => {}
        Event::Failed(why) => note(state, why, IsError::Yes),
        Event::Salvaged(what) => note(state, what, IsError::Yes),
    }
    vec![]
}

/// Offers to go on with chats that were left open, unless something has begun already.
fn offer(state: &mut State, left: &[Conversation]) {
    let with_messages: Vec<&Conversation> = left
        .iter()
        .filter(|one| one.messages > 0)
        .take(OFFERED)
        .collect();
    if with_messages.is_empty() {
        return;
    }
    let has_begun = state
        .chat
        .entries
        .iter()
        .any(|entry| matches!(entry, Entry::User(_)));
    if has_begun || state.overlay.is_some() || !state.composer.is_empty() {
        let text = "A chat was open when the program ended last time. /sessions lists it.";
        note(state, text, IsError::No);
        return;
    }
    let mut items: Vec<_> = with_messages
        .iter()
        .map(|one| {
            let label = format!("Go on with \"{}\"", chats::title(one));
            let about = counted(one.messages, "message");
            (Resume::Open(one.id), label, about)
        })
        .collect();
    items.push((
        Resume::New,
        "Begin a new chat".to_owned(),
        "they stay in the list of chats".to_owned(),
    ));
    // It opens by itself: an Enter that was on its way must not change anything.
    let new = items.len() - 1;
    state.overlay = Some(Overlay::Resume(
        PickList::new(items).with_selected(Some(new)),
    ));
}

/// Shows a saved chat.
fn opened(
    state: &mut State,
    conversation: &Conversation,
    messages: Vec<(Option<NodeId>, Said)>,
    leaf: Option<NodeId>,
    omission: Option<Omission<NodeId>>,
) -> Vec<Effect> {
    let mut tree = Tree::default();
    for (parent, said) in messages {
        let entry = entry(state, said);
        tree.add(parent, entry);
    }
    state.chat.tree = tree;
    match leaf {
        Some(leaf) => state.chat.end_at(Some(leaf)),
        None => state.chat.show(None),
    }
    if let Some(omission) = omission {
        state.chat.leave_out(omission);
    }
    omission::is_saved(state);
    state.chat.scroll = Scroll::End;
    let mut effects = conversation::enter(state, &conversation.settings);
    state.sessions.opening = None;
    state.sessions.current = Some(conversation.id);
    let said = format!("Going on with \"{}\".", chats::title(conversation));
    effects.extend(notice(state, said, IsError::No));
    effects
}

fn entry(state: &mut State, said: Said) -> Entry {
    if said.role != Role::Assistant {
        return Entry::User(said.content);
    }
    let request = state.next_request();
    tokens::began(state, request, said.params);
    Entry::Reply(Reply {
        request,
        thought: Box::new(Thought::saved(said.reasoning, &said.content, said.thought)),
        state: read_stop(&said.stop, said.state),
        text: said.content,
        timings: said.timings,
        model: said.model,
        seed: said.seed,
    })
}
