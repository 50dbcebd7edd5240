//! Old turns replaced by a summary that the model writes of them.

use super::update::{IsError, note, notice};
use super::{Effect, Entry, State, replies};
use crate::chat::reasoning::Splitter;
use crate::chat::{Message, Role};
use crate::engine::{Command, EngineEvent, GenerateRequest, RequestId};
use crate::store::Omission;

/// What the model is asked; its answer stands in the prompt in place of the turns.
const ASK: &str = "Summarise our conversation up to here for your own memory: who wants what, facts, \
                   names, numbers, decisions and what is still open. Write plain sentences and nothing else.";
/// Tokens of a summary: this part of the context, within bounds.
const PART: u32 = 8;
const LENGTH: std::ops::RangeInclusive<u32> = 64..=1024;

/// A summary being written.
#[derive(Clone, Debug, PartialEq)]
pub struct Summarising {
    request: RequestId,
    /// Entries before this index are what it is of.
    up_to: usize,
    text: String,
    /// Keeps what the model thinks out of it.
    splitter: Splitter,
    then: Then,
}

/// What follows a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// The reply that had no room is made.
    GoOn,
}

/// Lets the model summarise the older half of the turns.
pub(super) fn begin(state: &mut State, then: Then) -> Vec<Effect> {
    if let Some(why) = replies::cannot_reply(state) {
        return notice(state, why, IsError::Yes);
    }
    let Some(up_to) = older_half(state) else {
        let why = "Only the newest turn is left in the prompt.";
        return notice(state, why, IsError::No);
    };
    let n_ctx = state
        .model
        .running
        .as_ref()
        .map_or(0, |(_, context)| context.n_ctx);
    let request = state.next_request();
    let mut messages = state.chat.messages_until(up_to);
    messages.push(Message::new(Role::User, ASK));
    let mut reply = state.params.values.reply();
    reply.max_tokens = Some((n_ctx / PART).clamp(*LENGTH.start(), *LENGTH.end()));
    reply.thinking = Some(false);
    let generate = GenerateRequest {
        id: request,
        // Not the chat's own: its cache is wanted afterwards.
        conversation: state.next_conversation(),
        messages,
        reply_so_far: String::new(),
        exact: None,
        sampling: state.params.values.sampling(),
        reply,
    };
    state.summarising = Some(Summarising {
        request,
        up_to,
        text: String::new(),
        splitter: Splitter::default(),
        then,
    });
    let mut effects = notice(
        state,
        "The model summarises the older turns; Esc stops it.",
        IsError::No,
    );
    effects.push(Effect::Engine(Command::Generate(Box::new(generate))));
    effects
}

/// Stops the summary that is being written.
pub(super) fn stop(state: &State) -> Option<Effect> {
    let summarising = state.summarising.as_ref()?;
    Some(Effect::Engine(Command::Cancel(summarising.request)))
}

/// Takes the engine's word about a summary; `None` when it is about something else.
pub(super) fn on_engine(state: &mut State, event: &EngineEvent) -> Option<Vec<Effect>> {
    let about = match event {
        EngineEvent::Queued { request, .. }
        | EngineEvent::Thinking { request, .. }
        | EngineEvent::Prefill { request, .. }
        | EngineEvent::Tokens { request, .. }
        | EngineEvent::Finished { request, .. }
        | EngineEvent::Failed { request, .. } => *request,
        _ => return None,
    };
    let summarising = state.summarising.as_mut()?;
    if summarising.request != about {
        return None;
    }
    match event {
        EngineEvent::Thinking { tags, .. } => summarising.splitter = Splitter::inside(*tags),
        EngineEvent::Tokens { text, .. } => {
            let answer = summarising.splitter.push(text).answer;
            summarising.text.push_str(&answer);
        }
        EngineEvent::Failed { error, .. } => {
            state.summarising = None;
            note(state, error.to_string(), IsError::Yes);
        }
        EngineEvent::Finished { reason, .. } => {
            let mut done = state.summarising.take()?;
            done.text.push_str(&done.splitter.finish().answer);
            let is_whole = *reason != crate::engine::StopReason::Cancelled;
            return Some(finish(state, done, is_whole.then_some(())));
        }
        _ => {}
    }
    Some(vec![])
}

fn finish(state: &mut State, done: Summarising, whole: Option<()>) -> Vec<Effect> {
    let text = done.text.trim().to_owned();
    if whole.is_none() || text.is_empty() {
        return notice(
            state,
            "There is no summary; nothing was left out.",
            IsError::No,
        );
    }
    if let Some(before) = state.chat.node_at(done.up_to) {
        let summary = Some(text);
        state.chat.leave_out(Omission { before, summary });
    }
    match done.then {
        Then::Nothing => vec![],
        Then::GoOn => replies::after_room_was_made(state),
    }
}

/// Where the older half of the turns in the prompt ends; `None` when there is only one.
fn older_half(state: &State) -> Option<usize> {
    let chat = &state.chat;
    let turns: Vec<usize> = (chat.left_out..chat.entries.len())
        .filter(|at| matches!(chat.entries[*at], Entry::User(_)))
        .collect();
    (turns.len() > 1).then(|| turns[turns.len().div_ceil(2)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::{finish, generated, ready, say};
    use crate::chat::reasoning::STYLES;
    use crate::engine::StopReason;

    /// What a summary leaves in the prompt when the model writes this.
    fn summary(begins_inside: bool, written: &str) -> String {
        let mut state = ready();
        for text in ["one", "two", "three"] {
            let request = generated(&say(&mut state, text));
            finish(&mut state, request, "yes", StopReason::EndOfTurn);
        }
        let request = generated(&begin(&mut state, Then::Nothing));
        if begins_inside {
            let tags = STYLES[0];
            on_engine(&mut state, &EngineEvent::Thinking { request, tags });
        }
        finish(&mut state, request, written, StopReason::EndOfTurn);
        state.chat.messages()[0].content.clone()
    }

    #[test]
    fn thoughts_are_no_part_of_a_summary_whatever_their_tags() {
        let wanted = "[What was said before, in short: They counted.]\n\nthree";
        for written in [
            "They counted.",
            "<think>hm</think>\nThey counted.",
            "[THINK]hm[/THINK]They counted.",
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>They counted.",
        ] {
            assert_eq!(summary(false, written), wanted, "{written}");
        }
        assert_eq!(summary(true, "hm</think>They counted."), wanted);
    }
}
