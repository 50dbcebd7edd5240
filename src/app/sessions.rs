//! Saving the chat as it goes, and going on with saved ones.
//!
//! What is to be saved leaves as [`Effect::Store`] in the order in which it happened; the runtime
//! holds the engine back until a message that was sent is durable. The store knows chats and replies
//! by the numbers they have here.

use std::time::Duration;

use super::overlay::{Overlay, PickList};
use super::update::{IsError, note, notice};
use super::{Effect, Entry, Reply, ReplyState, Scroll, State, Timer, perform, retune};
use crate::engine::{RequestId, StopReason, Timings};
use crate::params::{Cost, Param, Source, TABLE, Value};
use crate::store::{
    Command, Conversation, ConversationId, Ending, Event, Message, MessageState, Settings, Snapshot,
};

/// How often a reply is saved while it streams. With the time that writing takes, nothing that was
/// shown for longer than a second is lost.
const SAVE: Duration = Duration::from_millis(900);
/// Chats that are offered after a program died with them.
const OFFERED: usize = 4;

/// Why a reply ended whose end nobody could write down.
const DIED: &str = "the program ended before the reply did";

/// What is saved, and what of it.
#[derive(Debug, Default)]
pub struct SessionsState {
    pub saving: Saving,
    /// The conversation of the store that this chat is; `None` before it is saved for the first time.
    pub current: Option<ConversationId>,
    /// The reply that is being written.
    streaming: Option<Streaming>,
    /// The last one deleted, for its restoring.
    deleted: Option<ConversationId>,
}

/// Whether chats are saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    /// There is no store.
    #[default]
    Off,
    On,
    /// The user wants nothing of it on disk.
    Incognito,
}

#[derive(Debug)]
struct Streaming {
    reply: RequestId,
    /// Bytes of its text that the store has.
    saved: usize,
    /// Whether a timer for the next saving runs.
    armed: bool,
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

/// Saves what is still to be saved before the program ends.
pub fn close(state: &mut State, left: Left) -> Vec<Effect> {
    let mut effects = end_running(state);
    if left == Left::OnPurpose {
        effects.extend(store(state, Command::Leave(state.chat.conversation)));
    }
    effects
}

/// Whether the user wanted to end, or the program was ended: then the next start offers to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    OnPurpose,
    ByForce,
}

/// Saves a message of the user.
pub(super) fn said(state: &State, text: &str) -> Vec<Effect> {
    let say = Command::Say {
        chat: state.chat.conversation,
        text: text.to_owned(),
        settings: settings(state),
    };
    store(state, say)
}

/// Saves that a reply begins; it is in the transcript already.
pub(super) fn began(state: &mut State, reply: RequestId, model: &str) -> Vec<Effect> {
    follow(state, reply, 0);
    let begin = Command::Begin {
        chat: state.chat.conversation,
        reply,
        model: model.to_owned(),
        params: snapshot(state),
    };
    store(state, begin)
}

/// Saves that the last reply goes on, of whose text the store has so many bytes; what followed it
/// is gone from the transcript already.
pub(super) fn resumed(state: &mut State, reply: RequestId, saved: usize) -> Vec<Effect> {
    follow(state, reply, saved);
    let chat = state.chat.conversation;
    let mut effects = rewound(state);
    effects.extend(store(state, Command::Resume { chat, reply }));
    effects
}

/// Saves that the chat ends with what is in the transcript now.
pub(super) fn rewound(state: &State) -> Vec<Effect> {
    let is_message = |entry: &&Entry| !matches!(entry, Entry::Note { .. });
    let keep = state.chat.entries.iter().filter(is_message).count();
    let chat = state.chat.conversation;
    store(state, Command::Rewind { chat, keep })
}

/// A reply has grown: it is saved when some time has passed.
pub(super) fn grew(state: &mut State, reply: RequestId) -> Vec<Effect> {
    let streaming = state.sessions.streaming.as_mut();
    match streaming.filter(|streaming| streaming.reply == reply && !streaming.armed) {
        Some(streaming) if state.sessions.saving == Saving::On => {
            streaming.armed = true;
            vec![Effect::After(Timer::SaveReply(reply), SAVE)]
        }
        _ => vec![],
    }
}

/// The time has passed: what is new is saved. The next text starts the next timer.
pub(super) fn on_timer(state: &mut State, reply: RequestId) -> Vec<Effect> {
    if let Some(streaming) = &mut state.sessions.streaming
        && streaming.reply == reply
    {
        streaming.armed = false;
        return save_growth(state);
    }
    vec![]
}

/// Saves the end of a reply.
pub(super) fn ended(state: &mut State, reply: RequestId) -> Vec<Effect> {
    let is_followed = |streaming: &Streaming| streaming.reply == reply;
    if !state.sessions.streaming.as_ref().is_some_and(is_followed) {
        return vec![];
    }
    let mut effects = save_growth(state);
    state.sessions.streaming = None;
    if let Some(ended) = state.chat.reply_mut(reply) {
        let ending = ending(ended);
        effects.extend(store(state, Command::Finish { reply, ending }));
    }
    effects
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
    Entry::Reply(Reply {
        request: state.next_request(),
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

fn settings(state: &State) -> Settings {
    let system = match state.params.values.get(Param::System) {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    Settings {
        system,
        preset: state.params.preset.clone(),
        params: snapshot(state),
    }
}

/// The values that are not the defaults, but for the system prompt, which stands by itself.
fn snapshot(state: &State) -> Snapshot {
    let values = &state.params.values;
    TABLE
        .iter()
        .filter(|spec| spec.param != Param::System)
        .filter(|spec| values.get(spec.param) != spec.default_value())
        .map(|spec| (spec.name.to_owned(), spec.format(&values.get(spec.param))))
        .collect()
}

fn follow(state: &mut State, reply: RequestId, saved: usize) {
    state.sessions.streaming = Some(Streaming {
        reply,
        saved,
        armed: false,
    });
}

/// Saves what the running reply has grown by since the last time.
fn save_growth(state: &mut State) -> Vec<Effect> {
    let Some(streaming) = &mut state.sessions.streaming else {
        return vec![];
    };
    let reply = streaming.reply;
    let Some(written) = state.chat.reply_mut(reply) else {
        return vec![];
    };
    let text = written
        .text
        .get(streaming.saved..)
        .unwrap_or_default()
        .to_owned();
    streaming.saved = written.text.len();
    if text.is_empty() {
        return vec![];
    }
    store(state, Command::Grow { reply, text })
}

/// Ends the running reply in the store as if it had been stopped.
fn end_running(state: &mut State) -> Vec<Effect> {
    let Some(streaming) = &state.sessions.streaming else {
        return vec![];
    };
    let reply = streaming.reply;
    let mut effects = save_growth(state);
    state.sessions.streaming = None;
    let timings = state.chat.reply_mut(reply).map(|reply| reply.timings);
    let ending = Ending {
        state: MessageState::Interrupted,
        stop: write_stop(&StopReason::Cancelled),
        seed: None,
        timings,
    };
    effects.extend(store(state, Command::Finish { reply, ending }));
    effects
}

fn store(state: &State, command: Command) -> Vec<Effect> {
    match state.sessions.saving {
        Saving::On => vec![Effect::Store(command)],
        Saving::Off | Saving::Incognito => vec![],
    }
}

fn ending(reply: &Reply) -> Ending {
    let (state, stop) = match &reply.state {
        ReplyState::Done(reason @ StopReason::Cancelled) => {
            (MessageState::Interrupted, write_stop(reason))
        }
        ReplyState::Done(reason) => (MessageState::Complete, write_stop(reason)),
        ReplyState::Failed(why) => (MessageState::Interrupted, format!("failed: {why}")),
        ReplyState::Sent | ReplyState::Prefilling { .. } | ReplyState::Streaming => {
            (MessageState::Interrupted, String::new())
        }
    };
    Ending {
        state,
        stop,
        seed: reply.seed,
        timings: Some(reply.timings).filter(|timings| *timings != Timings::default()),
    }
}

/// Why a reply ended, as a text that [`read_stop`] reads.
fn write_stop(reason: &StopReason) -> String {
    match reason {
        StopReason::EndOfTurn => "end of turn".to_owned(),
        StopReason::StopString(string) => format!("stop string: {string}"),
        StopReason::MaxTokens(tokens) => format!("max tokens: {tokens}"),
        StopReason::ContextFull { n_ctx } => format!("context full: {n_ctx}"),
        StopReason::Cancelled => "cancelled".to_owned(),
    }
}

fn read_stop(text: &str, state: MessageState) -> ReplyState {
    let (what, value) = text.split_once(": ").unwrap_or((text, ""));
    let number = || value.parse().unwrap_or(0);
    ReplyState::Done(match what {
        "failed" => return ReplyState::Failed(value.to_owned()),
        "stop string" => StopReason::StopString(value.to_owned()),
        "max tokens" => StopReason::MaxTokens(number()),
        "context full" => StopReason::ContextFull { n_ctx: number() },
        "cancelled" => StopReason::Cancelled,
        _ if state == MessageState::Complete => StopReason::EndOfTurn,
        _ => return ReplyState::Failed(DIED.to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_survive_being_written() {
        for reason in [
            StopReason::EndOfTurn,
            StopReason::StopString("a: b".into()),
            StopReason::MaxTokens(64),
            StopReason::ContextFull { n_ctx: 4096 },
            StopReason::Cancelled,
        ] {
            let text = write_stop(&reason);
            assert_eq!(
                read_stop(&text, MessageState::Complete),
                ReplyState::Done(reason)
            );
        }
        let failed = read_stop("failed: no memory: none", MessageState::Interrupted);
        assert_eq!(failed, ReplyState::Failed("no memory: none".into()));
        let died = read_stop("", MessageState::Interrupted);
        assert_eq!(died, ReplyState::Failed(DIED.into()));
    }
}
