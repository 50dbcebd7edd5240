//! Sending messages and taking the replies in.

use super::overlay::{ContextFullChoice, Overlay, PickList};
use super::saving::Saved;
use super::summary::{self, Then};
use super::update::{IsError, note, notice};
use super::{
    Action, Effect, Entry, Reply, ReplyState, Scroll, State, Thought, attach, library, retune,
    saving, tokens, versions,
};
use crate::chat::NodeId;
use crate::engine::{
    Command, EngineError, EngineEvent, ErrorKind, Exact, GenerateRequest, RequestId, StopReason,
};
use crate::keymap::Context;
use crate::params::{Param, Source, Value};

/// Sends what is written in the composer.
pub(super) fn send(state: &mut State) -> Vec<Effect> {
    if state.chat.editing.is_some() {
        return versions::send_edit(state);
    }
    if state.composer.text().trim().is_empty() && state.attach.files.is_empty() {
        return vec![];
    }
    if super::slash::is_command(&state.composer.text()) {
        let line = state.composer.take();
        return super::slash::run(state, &line);
    }
    if let Some(why) = cannot_reply(state) {
        return notice(state, why, IsError::Yes);
    }
    let typed = state.composer.take();
    let text = attach::with_files(state, typed.trim_end());
    let mut effects = say(state, text);
    effects.extend(begin(state, Opening::default()));
    effects
}

/// Adds a message of the user after all others.
pub(super) fn say(state: &mut State, text: String) -> Vec<Effect> {
    let node = state.chat.push(Entry::User(text.clone()));
    state.chat.scroll = Scroll::End;
    saving::said(state, node, &text)
}

/// What a reply begins with.
#[derive(Debug, Default)]
pub(super) struct Opening {
    pub thought: Box<Thought>,
    pub text: String,
}

/// Asks for a reply to the last message.
pub(super) fn begin(state: &mut State, opening: Opening) -> Vec<Effect> {
    let reply = opened(state, opening);
    let request = request(state, reply.request, reply.written());
    begin_with(state, reply, request)
}

/// Asks for a reply whose prompt and beginning are given as tokens, with so many candidates of each
/// recorded at least.
pub(super) fn begin_exactly(state: &mut State, exact: Exact, n_probs: u32) -> Vec<Effect> {
    let reply = opened(state, Opening::default());
    let mut request = request(state, reply.request, String::new());
    request.exact = Some(exact);
    request.sampling.n_probs = request.sampling.n_probs.max(n_probs);
    begin_with(state, reply, request)
}

fn begin_with(state: &mut State, reply: Reply, request: GenerateRequest) -> Vec<Effect> {
    let mut effects = add(state, reply);
    state.speed.begin();
    effects.push(generate(request));
    effects
}

/// A reply of the running model, not yet in the transcript.
pub(super) fn opened(state: &mut State, opening: Opening) -> Reply {
    Reply {
        thought: opening.thought,
        text: opening.text,
        ..Reply::new(state.next_request(), state.model.name())
    }
}

/// Adds a reply after all others.
pub(super) fn add(state: &mut State, reply: Reply) -> Vec<Effect> {
    let request = reply.request;
    let node = state.chat.push(Entry::Reply(reply));
    state.chat.scroll = Scroll::End;
    saving::began(state, node, request)
}

/// Goes on with the last message, a reply, where it stopped.
pub(super) fn resume(state: &mut State, node: NodeId) -> Vec<Effect> {
    let request = state.next_request();
    let Some(index) = state.chat.index_of(node) else {
        return vec![];
    };
    let Some(Entry::Reply(reply)) = state.chat.entries.get_mut(index) else {
        return vec![];
    };
    // As one in progress it is no part of the prompt, which has it as the beginning of the reply.
    reply.state = ReplyState::Sent;
    let before = std::mem::replace(&mut reply.request, request);
    let (written, saved) = (reply.written(), Saved::of(reply));
    let generate = generate(self::request(state, request, written));
    state.chat.scroll = Scroll::End;
    let mut effects = tokens::goes_on(state, before, request);
    effects.extend(saving::resumed(state, node, request, saved));
    state.speed.begin();
    effects.push(generate);
    effects
}

/// Takes the engine's word about a reply in.
pub(super) fn on_engine(state: &mut State, event: EngineEvent) -> Vec<Effect> {
    match event {
        EngineEvent::Queued { request, seed } => {
            if let Some(reply) = state.chat.reply_mut(request) {
                reply.seed = Some(seed);
            }
        }
        EngineEvent::Prefill {
            request,
            done,
            total,
            reused,
            timings,
        } => {
            if let Some(reply) = state.chat.reply_mut(request) {
                reply.state = ReplyState::Prefilling {
                    done,
                    total,
                    reused,
                };
                reply.timings = Some(timings);
                state.speed.prefilling(done, total, timings);
            }
        }
        EngineEvent::Tokens {
            request,
            text,
            context_used,
            timings,
            ..
        } => {
            if let Some(reply) = state.chat.reply_mut(request) {
                reply.take(&text, &timings);
                reply.state = ReplyState::Streaming;
                reply.timings = Some(timings);
                state.speed.streaming(context_used, timings);
                return saving::grew(state, request);
            }
        }
        EngineEvent::Finished {
            request,
            reason,
            context_used,
            timings,
        } => {
            if let Some(reply) = state.chat.reply_mut(request) {
                reply.settle();
                reply.state = ReplyState::Done(reason.clone());
                reply.timings = Some(timings);
                state.speed.finished(reason.clone(), context_used, timings);
                let mut effects = saving::ended(state, request);
                effects.extend(library::replied(state, &timings));
                if let StopReason::ContextFull { n_ctx } = reason {
                    let writes = if state.composer.is_empty() {
                        Writes::No
                    } else {
                        Writes::Yes
                    };
                    offer_room(state, n_ctx, n_ctx.saturating_mul(2), writes);
                }
                return effects;
            }
        }
        EngineEvent::Missed {
            request,
            tokens,
            why,
        } if state.chat.reply_mut(request).is_some() => {
            state.speed.missed = Some((tokens, why));
        }
        EngineEvent::Thinking { request, tags } => {
            if let Some(reply) = state.chat.reply_mut(request) {
                reply.begins_inside(tags);
            }
        }
        EngineEvent::Failed { request, error } => return failed(state, request, &error),
        _ => {}
    }
    vec![]
}

/// Leaves the oldest turn out of the prompt from here on.
pub(super) fn drop_oldest(state: &mut State) -> Vec<Effect> {
    if !state.chat.leave_out_oldest() {
        return notice(
            state,
            "Only the newest turn is left in the prompt.",
            IsError::No,
        );
    }
    notice(
        state,
        "The oldest turn is left out of the prompt.",
        IsError::No,
    )
}

/// Does what was chosen when the context was full.
pub(super) fn make_room(state: &mut State, choice: ContextFullChoice) -> Vec<Effect> {
    let mut effects = match choice {
        ContextFullChoice::Leave => return vec![],
        ContextFullChoice::DropOldest => {
            if !state.chat.leave_out_oldest() {
                return notice(
                    state,
                    "Only the newest turn is left; raise ctx-size instead.",
                    IsError::Yes,
                );
            }
            vec![]
        }
        ContextFullChoice::Summarise => return summary::begin(state, Then::GoOn),
        ContextFullChoice::Raise(n_ctx) => {
            super::retune::set(state, Param::CtxSize, Value::Int(n_ctx.into()))
        }
    };
    effects.extend(after_room_was_made(state));
    effects
}

/// Makes the reply that had no room, or goes on with the one that ran out of it.
pub(super) fn after_room_was_made(state: &mut State) -> Vec<Effect> {
    // A message that was too long waits in the composer; nothing else can be there.
    if !state.composer.is_empty() || !state.attach.files.is_empty() {
        return send(state);
    }
    let has_text = state
        .chat
        .last_reply()
        .is_some_and(|reply| !reply.written().is_empty());
    if has_text {
        versions::go_on(state)
    } else {
        versions::regenerate(state)
    }
}

/// Uses a template of that name in place of one that failed, and answers again.
pub(super) fn use_template(state: &mut State, name: &str) -> Vec<Effect> {
    let value = Value::Text(name.to_owned());
    let mut effects = retune::change(state, |params| {
        let _ = params.values.set(
            Source::Session,
            Param::ChatTemplateFile,
            Value::Text(String::new()),
        );
        let _ = params
            .values
            .set(Source::Session, Param::ChatTemplate, value);
    });
    effects.extend(versions::regenerate(state));
    effects
}

/// The request that a reply was made from, as it would be made now: of the selected reply or of the one
/// that follows the selected message, else of the last one.
///
/// # Errors
/// When there is none, in words.
pub(super) fn past_request(state: &State) -> Result<GenerateRequest, &'static str> {
    let chat = &state.chat;
    let (at, reply) = chat
        .meant_reply()
        .ok_or("There is no reply yet whose prompt could be shown.")?;
    if at <= chat.left_out && chat.left_out > 0 {
        return Err("That reply is left out of the prompt, with what it answered.");
    }
    Ok(GenerateRequest {
        messages: chat.messages_until(at),
        ..request(state, reply.request, String::new())
    })
}

/// The request that a reply to what has been said would be made from.
pub(super) fn next_request(state: &mut State) -> GenerateRequest {
    let id = state.next_request();
    request(state, id, String::new())
}

/// Why no reply can begin now.
pub(super) fn cannot_reply(state: &State) -> Option<String> {
    if state.sessions.is_opening() {
        return Some("The chat is being read; a moment.".into());
    }
    if state.summarising.is_some() {
        return Some("A summary is being written; Esc stops it.".into());
    }
    if state.chat.running().is_some() {
        return Some("A reply is being written; Esc stops it.".into());
    }
    if state.model.running.is_none() && state.model.loading.is_none() {
        return Some(super::retune::no_model(state));
    }
    None
}

fn generate(request: GenerateRequest) -> Effect {
    Effect::Engine(Command::Generate(Box::new(request)))
}

fn request(state: &State, id: RequestId, reply_so_far: String) -> GenerateRequest {
    GenerateRequest {
        id,
        conversation: state.chat.conversation,
        messages: state.chat.messages(),
        reply_so_far,
        exact: None,
        sampling: state.params.values.sampling(),
        reply: state.params.values.reply(),
    }
}

fn failed(state: &mut State, request: RequestId, error: &EngineError) -> Vec<Effect> {
    let Some(reply) = state.chat.reply_mut(request) else {
        return vec![];
    };
    reply.settle();
    reply.state = ReplyState::Failed(error.to_string());
    state.speed.settle();
    let mut effects = saving::ended(state, request);
    if let ErrorKind::Template { like } = error.kind {
        offer_template(state, like);
    }
    let ErrorKind::PromptTooLong { n_prompt, n_ctx } = error.kind else {
        note(state, error.to_string(), IsError::Yes);
        return effects;
    };
    let writes = !state.composer.is_empty();
    let (back, taken) = take_back(state, request);
    effects.extend(taken);
    note(state, format!("{error}{back}"), IsError::Yes);
    // Room for the prompt and a reply as long again as it is short: at least 512 tokens.
    let raised = (n_prompt + 512).next_power_of_two();
    offer_room(
        state,
        n_ctx,
        raised,
        if writes { Writes::Yes } else { Writes::No },
    );
    effects
}

/// Takes a message that got no reply out of the transcript, where it would be part of every later
/// prompt, and back into the composer. Says so.
fn take_back(state: &mut State, request: RequestId) -> (&'static str, Vec<Effect>) {
    let Some(refused) = state.chat.tree.leaf() else {
        return ("", vec![]);
    };
    let is_refused = matches!(state.chat.message(refused), Some(Entry::Reply(reply))
        if reply.request == request && reply.written().is_empty());
    let asked = state.chat.tree.parent(refused);
    let said = asked.and_then(|asked| Some((asked, state.chat.message(asked)?.text().to_owned())));
    let Some((asked, text)) = said.filter(|_| is_refused) else {
        return ("", vec![]);
    };
    let mut effects = versions::take_out(state, asked);
    if !state.composer.is_empty() {
        let said = "\nThe message was taken back; the history of the composer has it.";
        return (said, effects);
    }
    effects.extend(attach::take_back(state, &text));
    ("\nThe message is back in the composer.", effects)
}

/// Offers named templates in place of one that failed; who is busy finds the failure as a note.
fn offer_template(state: &mut State, like: &'static str) {
    if state.overlay.is_some() || !state.composer.is_empty() {
        return;
    }
    let mut items = vec![(
        Some(like),
        format!("Use {like}, answer again"),
        "the template with this model's control tokens".to_owned(),
    )];
    if like != "chatml" {
        items.push((
            Some("chatml"),
            "Use chatml, answer again".to_owned(),
            "the most common template".to_owned(),
        ));
    }
    items.push((
        None,
        "Leave it as it is".to_owned(),
        "chat-template names another at any time".to_owned(),
    ));
    // It opens by itself: an Enter that was on its way must not change anything.
    let leave = items.len() - 1;
    let list = PickList::new(items).with_selected(Some(leave));
    state.overlay = Some(Overlay::TemplateFailed(list));
}

/// Whether the user has begun a message of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    No,
    Yes,
}

/// Asks how to go on with a full context; who is busy with something else finds a note.
fn offer_room(state: &mut State, n_ctx: u32, raised: u32, writes: Writes) {
    if state.overlay.is_some() || writes == Writes::Yes {
        let ways = [
            (Action::RaiseContext, "raises ctx-size"),
            (Action::DropOldest, "leaves the oldest turn out"),
            (Action::Summarise, "has the older turns summarised"),
            (Action::Continue, "goes on with the reply"),
        ];
        let ways: Vec<_> = ways
            .into_iter()
            .filter_map(|(action, what)| {
                let key = state.keymap.hint(Context::Chat, action)?;
                Some(format!("{key} {what}"))
            })
            .collect();
        let text = format!(
            "The context of {n_ctx} tokens is full. In the chat pane {}.",
            ways.join(", ")
        );
        note(state, text, IsError::No);
        return;
    }
    let trained = state
        .model
        .running
        .as_ref()
        .map_or(0, |(model, _)| model.n_ctx_train);
    let beyond = if trained > 0 && raised > trained {
        format!("; the model was trained with {trained}, quality may drop beyond it")
    } else {
        String::new()
    };
    let items = vec![
        (
            ContextFullChoice::Raise(raised),
            format!("Raise ctx-size to {raised} and go on"),
            format!("a new context; the KV cache is carried over{beyond}"),
        ),
        (
            ContextFullChoice::DropOldest,
            "Leave the oldest turn out and go on".into(),
            "what is left is prefilled again".into(),
        ),
        (
            ContextFullChoice::Summarise,
            "Let the model summarise the older turns and go on".into(),
            "the summary takes their place in the prompt".into(),
        ),
        (
            ContextFullChoice::Leave,
            "Leave it as it is".into(),
            format!("the context of {n_ctx} tokens is full"),
        ),
    ];
    // It opens by itself: an Enter that was on its way must not change anything.
    let leave = items.len() - 1;
    let list = PickList::new(items).with_selected(Some(leave));
    state.overlay = Some(Overlay::ContextFull(list));
}
