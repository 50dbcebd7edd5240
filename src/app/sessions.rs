//! Saved chats: the list, going on with one, what a program died with.

use super::overlay::{Overlay, PickList};
use super::saving::{Saving, Streaming, end_running, read_stop, store};
use super::update::{IsError, note, notice};
use super::{Effect, Entry, Reply, Scroll, State, perform, retune, tokens};
use crate::params::{Cost, Param, Source, TABLE, Value};
use crate::store::{Command, Conversation, ConversationId, Event, Message, Settings};

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
    /// The last one deleted, for its restoring.
    deleted: Option<ConversationId>,
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
    effects
}

/// Opens the list of saved chats.
pub(super) fn show_list(state: &mut State) -> Vec<Effect> {
    match state.sessions.saving {
        Saving::On => {
            state.overlay = Some(Overlay::Sessions(PickList::new(vec![])));
            search(String::new())
        }
        Saving::Off => notice(state, "There is no store of chats.", IsError::Yes),
        Saving::Incognito => notice(
            state,
            "An incognito deck neither saves nor shows chats.",
            IsError::No,
        ),
    }
}

/// Asks for the chats in which these words were said.
pub(super) fn search(words: String) -> Vec<Effect> {
    vec![Effect::Store(Command::List { words })]
}

/// Puts a saved chat in place of this one.
pub(super) fn open(state: &mut State, id: ConversationId) -> Vec<Effect> {
    if state.sessions.current == Some(id) {
        return vec![];
    }
    let mut effects = perform::new_chat(state);
    let chat = state.chat.conversation;
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
    state.sessions.deleted = id;
    effects.extend(delete);
    effects.extend(notice(
        state,
        "Deleted; /restore brings it back.",
        IsError::No,
    ));
    Ok(effects)
}

/// Brings the chat back that was deleted last.
///
/// # Errors
/// When none was.
pub(super) fn restore(state: &mut State) -> Result<Vec<Effect>, String> {
    let id = state.sessions.deleted.take();
    let id = id.ok_or("Nothing was deleted since the deck was opened.")?;
    let mut effects = vec![Effect::Store(Command::Restore(id))];
    effects.extend(open(state, id));
    Ok(effects)
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
            path,
        } => {
            if chat == state.chat.conversation {
                return opened(state, &conversation, path);
            }
        }
        Event::Traces { chat, kept } => {
            if chat == state.chat.conversation {
                tokens::on_traces(state, kept);
            }
        }
        Event::Kept { reply, message } => tokens::on_kept(state, reply, message),
        Event::Listed { words, list, hits } => {
            if let Some(Overlay::Sessions(shown)) = &mut state.overlay
                && shown.filter == words
            {
                let items = list.iter().map(|one| (one.id, title(one), about(one)));
                *shown = PickList::new(items.collect()).with_filter(&words);
                for hit in hits {
                    shown.also(hit.conversation, &hit.title, &hit.snippet);
                }
            }
        }
        Event::LeftOpen(left) => offer(state, &left),
        Event::Changed => {
            if let Some(Overlay::Sessions(list)) = &state.overlay {
                return search(list.filter.clone());
            }
        }
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
            let label = format!("Go on with \"{}\"", title(one));
            (Resume::Open(one.id), label, about(one))
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
fn opened(state: &mut State, conversation: &Conversation, path: Vec<Message>) -> Vec<Effect> {
    let mut entries: Vec<Entry> = Vec::with_capacity(path.len());
    for message in path {
        let entry = entry(state, message);
        entries.push(entry);
    }
    // What was said while it was being read follows it.
    entries.append(&mut state.chat.entries);
    state.chat.entries = entries;
    state.chat.scroll = Scroll::End;
    state.sessions.current = Some(conversation.id);
    let mut effects = use_settings(state, &conversation.settings);
    let said = format!("Going on with \"{}\".", title(conversation));
    effects.extend(notice(state, said, IsError::No));
    effects
}

fn entry(state: &mut State, message: Message) -> Entry {
    let said = message.said;
    if said.role != crate::chat::Role::Assistant {
        return Entry::User(said.content);
    }
    let request = state.next_request();
    tokens::began(state, request, said.params);
    Entry::Reply(Reply {
        request,
        state: read_stop(&said.stop, said.state),
        text: said.content,
        timings: said.timings.unwrap_or_default(),
        model: said.model,
        seed: said.seed,
    })
}

/// The system prompt and what costs nothing to change are the conversation's; what needs a new
/// context or a reload stays as it is now.
fn use_settings(state: &mut State, settings: &Settings) -> Vec<Effect> {
    let mut values: Vec<(Param, Value)> = Vec::new();
    for spec in TABLE.iter().filter(|spec| spec.cost == Cost::Free) {
        let written = settings.params.get(spec.name);
        if let Some(value) = written.and_then(|text| spec.parse(text).ok()) {
            values.push((spec.param, value));
        }
    }
    if let Some(system) = &settings.system {
        values.push((Param::System, Value::Text(system.clone())));
    }
    retune::change(state, |params| {
        for (param, value) in values {
            // What today's table refuses stays as it is.
            let _ = params.values.set(Source::Session, param, value);
        }
    })
}

fn title(conversation: &Conversation) -> String {
    match conversation.title.trim() {
        "" => format!("chat {}", conversation.id.0),
        title => title.to_owned(),
    }
}

fn about(conversation: &Conversation) -> String {
    let pinned = if conversation.pinned { "pinned, " } else { "" };
    let tags: String = conversation
        .tags
        .iter()
        .map(|tag| format!(" [{tag}]"))
        .collect();
    format!("{pinned}{} messages{tags}", conversation.messages)
}
