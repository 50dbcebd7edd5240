//! What the sampling values would do to the next token, asked of the engine while they are edited.

use super::{Effect, Entry, Pane, State};
use crate::engine::trace::Trace;
use crate::engine::{Command, ConversationId, EngineError, PreviewRequest, RequestId};
use crate::params::{Group, SamplingParams, Source, spec};

/// Candidates that a preview tells of.
const SHOWN: u32 = 8;

/// The engine's word about the sampling values, and for which question it stands.
#[derive(Debug, Default)]
pub struct Preview {
    asked: Option<Question>,
    /// `None` until it has answered.
    pub outcome: Option<Result<Box<Trace>, EngineError>>,
}

/// Whenever one of these is another one, the answer may be too.
#[derive(Clone, Debug, PartialEq)]
struct Question {
    conversation: ConversationId,
    sampling: SamplingParams,
    /// The reply after which, or inside which, the next token is looked at.
    reply: RequestId,
    is_running: bool,
}

/// Asks when there is another question than before.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let question = question(state);
    if question == state.preview.asked {
        return vec![];
    }
    if question.is_none() {
        state.preview.outcome = None;
    }
    state.preview.asked = question;
    let Some(question) = &state.preview.asked else {
        return vec![];
    };
    vec![Effect::Engine(Command::Preview(Box::new(PreviewRequest {
        conversation: question.conversation,
        sampling: question.sampling.clone(),
    })))]
}

/// Takes the answer in, if it is about the chat on the screen.
pub(super) fn answered(
    state: &mut State,
    conversation: ConversationId,
    outcome: Result<Box<Trace>, EngineError>,
) {
    let asked = state.preview.asked.as_ref();
    if asked.is_some_and(|asked| asked.conversation == conversation) {
        state.preview.outcome = Some(outcome);
    }
}

/// What is to be known: while a sampling value is selected and the model has something to go on from.
fn question(state: &State) -> Option<Question> {
    if state.focus != Pane::Parameters || state.overlay.is_some() || state.model.running.is_none() {
        return None;
    }
    let param = state.params.selected()?;
    if spec(param).group != Group::Sampling {
        return None;
    }
    let mut entries = state.chat.entries.iter().rev();
    let reply = entries.find_map(|entry| match entry {
        Entry::Reply(reply) if !reply.text.is_empty() => Some(reply),
        _ => None,
    })?;
    let mut values = state.params.values.clone();
    // The value as far as it is typed, where it is one already.
    if let Some(edit) = &state.params.edit
        && let Ok(value) = spec(edit.param).parse(&edit.line.text)
    {
        // Just parsed, so it is allowed.
        let _ = values.set(Source::Session, edit.param, value);
    }
    Some(Question {
        conversation: state.chat.conversation,
        sampling: SamplingParams {
            n_probs: SHOWN,
            seed: None,
            ..values.sampling()
        },
        reply: reply.request,
        is_running: reply.state.is_running(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{LineEdit, ParamEdit, Reply, ReplyState, update};
    use crate::engine::{ContextInfo, EngineEvent, ModelInfo, StopReason, Timings};
    use crate::params::Param;

    fn asked(effects: &[Effect]) -> Option<SamplingParams> {
        effects.iter().find_map(|effect| match effect {
            Effect::Engine(Command::Preview(request)) => Some(request.sampling.clone()),
            _ => None,
        })
    }

    fn resize(state: &mut State) -> Vec<Effect> {
        let (width, height) = state.size;
        update(state, crate::app::Event::Resize { width, height })
    }

    fn select(state: &mut State, param: Param) {
        let at = state.params.visible.iter().position(|one| *one == param);
        state.params.selected = at.unwrap();
    }

    #[test]
    fn it_is_asked_for_while_a_sampling_value_is_selected_and_again_when_it_changes() {
        let mut state = State::new((120, 40));
        let running = (Box::<ModelInfo>::default(), Box::<ContextInfo>::default());
        state.model.running = Some(running);
        state.focus = Pane::Parameters;
        select(&mut state, Param::TopK);
        assert_eq!(asked(&resize(&mut state)), None, "nothing was said");
        state.chat.entries.push(Entry::Reply(Reply {
            request: RequestId(1),
            text: "a".into(),
            state: ReplyState::Done(StopReason::EndOfTurn),
            timings: Timings::default(),
            model: String::new(),
            seed: None,
        }));
        assert_eq!(asked(&resize(&mut state)).unwrap().top_k, 40);
        assert_eq!(asked(&resize(&mut state)), None, "asked already");
        // What is being typed counts as soon as it is a value.
        for (text, top_k) in [("7", Some(7)), ("", None), ("12", Some(12))] {
            state.params.edit = Some(ParamEdit {
                param: Param::TopK,
                line: LineEdit::new(text.to_owned()),
                error: None,
            });
            let asked = asked(&resize(&mut state)).map(|sampling| sampling.top_k);
            assert_eq!(asked, top_k.or(Some(40)), "{text}");
        }
        let answer = EngineEvent::Previewed {
            conversation: state.chat.conversation,
            outcome: Ok(Box::default()),
        };
        update(&mut state, crate::app::Event::Engine(answer));
        assert!(matches!(state.preview.outcome, Some(Ok(_))));
        state.params.edit = None;
        select(&mut state, Param::CtxSize);
        assert_eq!(asked(&resize(&mut state)), None);
        assert!(state.preview.outcome.is_none());
    }
}
