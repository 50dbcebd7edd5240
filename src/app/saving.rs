//! Saving the chat as it goes.
//!
//! What is to be saved leaves as [`Effect::Store`] in the order in which it happened; the runtime
//! holds the engine back until a message that was sent is durable. The store knows chats and replies
//! by the numbers they have here.

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, Reply, ReplyState, State, Timer, tokens};
use crate::chat::NodeId;
use crate::engine::{RequestId, StopReason};
use crate::params::{Param, Source, TABLE, Value};
use crate::store::{Command, Ending, Kept, MessageState, Settings, Snapshot};

/// How often a reply is saved while it streams. With the time that writing takes, nothing that was
/// shown for longer than a second is lost.
const SAVE: Duration = Duration::from_millis(900);

/// Why a reply ended whose end nobody could write down.
const DIED: &str = "the program ended before the reply did";

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

/// Whether the user wanted to end, or the program was ended: then the next start offers to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    OnPurpose,
    ByForce,
}

#[derive(Debug)]
pub(super) struct Streaming {
    reply: RequestId,
    saved: Saved,
    /// Whether a timer for the next saving runs.
    armed: bool,
}

/// Bytes of a reply that the store has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Saved {
    thought: usize,
    text: usize,
}

impl Saved {
    /// All that there is of it.
    pub(super) fn of(reply: &Reply) -> Self {
        Self {
            thought: reply.thought.text.len(),
            text: reply.text.len(),
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

/// Saves the last message, the user's.
pub(super) fn said(state: &State, node: NodeId, text: &str) -> Vec<Effect> {
    let say = Command::Say {
        chat: state.chat.conversation,
        node,
        parent: state.chat.tree.parent(node),
        text: text.to_owned(),
        settings: settings(state),
    };
    store(state, say)
}

/// Saves that the last message is a reply that begins, with what is in it already.
pub(super) fn began(state: &mut State, node: NodeId, reply: RequestId) -> Vec<Effect> {
    let Some(begun) = state.chat.reply_mut(reply) else {
        return vec![];
    };
    let (text, reasoning) = (begun.text.clone(), begun.thought.text.clone());
    let saved = Saved::of(begun);
    follow(state, reply, saved);
    let params = snapshot(state);
    tokens::began(state, reply, params.clone());
    let begin = Command::Begin {
        chat: state.chat.conversation,
        node,
        parent: state.chat.tree.parent(node),
        reply,
        text,
        reasoning,
        model: state.model.name(),
        params,
    };
    store(state, begin)
}

/// Saves a message that is a complete reply already, with how it came about where that is known.
pub(super) fn whole(
    state: &State,
    node: NodeId,
    reply: &Reply,
    params: Snapshot,
    kept: Option<Arc<Kept>>,
) -> Vec<Effect> {
    let id = reply.request;
    let begin = Command::Begin {
        chat: state.chat.conversation,
        node,
        parent: state.chat.tree.parent(node),
        reply: id,
        text: reply.text.clone(),
        reasoning: reply.thought.text.clone(),
        model: reply.model.clone(),
        params,
    };
    let finish = Command::Finish {
        reply: id,
        ending: ended_as(reply),
    };
    std::iter::once(begin)
        .chain(kept.map(|kept| Command::Keep { reply: id, kept }))
        .chain([finish])
        .flat_map(|command| store(state, command))
        .collect()
}

/// Saves that the last message goes on, a reply of which the store has so much.
pub(super) fn resumed(
    state: &mut State,
    node: NodeId,
    reply: RequestId,
    saved: Saved,
) -> Vec<Effect> {
    follow(state, reply, saved);
    let chat = state.chat.conversation;
    let mut effects = chose(state);
    effects.extend(store(state, Command::Resume { chat, node, reply }));
    effects
}

/// Saves that the chat ends with what is in the transcript now.
pub(super) fn chose(state: &State) -> Vec<Effect> {
    let chat = state.chat.conversation;
    let leaf = state.chat.tree.leaf();
    store(state, Command::Choose { chat, leaf })
}

/// Saves what belongs to the chat beside its messages, once there is a chat.
pub(super) fn configured(state: &State) -> Vec<Effect> {
    if state.sessions.current.is_none() {
        return vec![];
    }
    let chat = state.chat.conversation;
    let settings = settings(state);
    store(state, Command::Configure { chat, settings })
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
        let mut effects = save_growth(state);
        effects.extend(tokens::grew(state, reply));
        return effects;
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
    effects.extend(tokens::ends(state, reply));
    state.sessions.streaming = None;
    if let Some(ended) = state.chat.reply_mut(reply) {
        let ending = ended_as(ended);
        effects.extend(store(state, Command::Finish { reply, ending }));
    }
    effects
}

/// Ends the running reply in the store as if it had been stopped.
pub(super) fn end_running(state: &mut State) -> Vec<Effect> {
    let Some(streaming) = &state.sessions.streaming else {
        return vec![];
    };
    let reply = streaming.reply;
    if let Some(running) = state.chat.reply_mut(reply) {
        running.settle();
    }
    let mut effects = save_growth(state);
    effects.extend(tokens::ends(state, reply));
    state.sessions.streaming = None;
    let ended = state.chat.reply_mut(reply);
    let (timings, thought) = ended
        .map(|reply| (reply.timings, reply.thought.timings()))
        .unwrap_or_default();
    let ending = Ending {
        state: MessageState::Interrupted,
        stop: write_stop(&StopReason::Cancelled),
        seed: None,
        timings,
        thought,
    };
    effects.extend(store(state, Command::Finish { reply, ending }));
    effects
}

pub(super) fn store(state: &State, command: Command) -> Vec<Effect> {
    match state.sessions.saving {
        Saving::On => vec![Effect::Store(command)],
        Saving::Off | Saving::Incognito => vec![],
    }
}

fn follow(state: &mut State, reply: RequestId, saved: Saved) {
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
    let rest = |all: &str, saved: usize| all.get(saved..).unwrap_or_default().to_owned();
    let text = rest(&written.text, streaming.saved.text);
    let reasoning = rest(&written.thought.text, streaming.saved.thought);
    streaming.saved = Saved::of(written);
    if text.is_empty() && reasoning.is_empty() {
        return vec![];
    }
    let grow = Command::Grow {
        reply,
        text,
        reasoning,
    };
    store(state, grow)
}

/// What belongs to the conversation: system prompt, preset, and what was set on top of it.
pub(super) fn settings(state: &State) -> Settings {
    let system = match state.params.values.get(Param::System) {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    Settings {
        system,
        preset: state.params.preset.clone(),
        params: values(state, |param| {
            state.params.values.source(param) == Source::Session
        }),
    }
}

/// The values that are not the defaults.
fn snapshot(state: &State) -> Snapshot {
    let values_in_force = &state.params.values;
    values(state, |param| {
        values_in_force.get(param) != crate::params::spec(param).default_value()
    })
}

/// Some values as text, but for the system prompt, which stands by itself.
fn values(state: &State, wanted: impl Fn(Param) -> bool) -> Snapshot {
    let of = |param| state.params.values.get(param);
    TABLE
        .iter()
        .filter(|spec| spec.param != Param::System && wanted(spec.param))
        .map(|spec| (spec.name.to_owned(), spec.format(&of(spec.param))))
        .collect()
}

/// How a reply ended, as the store keeps it.
pub(super) fn ended_as(reply: &Reply) -> Ending {
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
        timings: reply.timings,
        thought: reply.thought.timings(),
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

pub(super) fn read_stop(text: &str, state: MessageState) -> ReplyState {
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
