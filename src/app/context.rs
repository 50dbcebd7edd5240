//! What fills the context: system prompt, files, history, thinking, the template's own text.
//!
//! The prompt of the next reply is made and counted, so that what the template leaves out does not
//! count: its tokens are exact. The parts are counted one by one; where one ends and the next
//! begins a token may span both, and such a difference is the template's.

use std::collections::HashSet;

use super::update::{IsError, notice};
use super::{Action, Effect, Entry, State, replies};
use crate::attach;
use crate::chat::SegmentKind;
use crate::engine::{Command, CountId, Prompt, RequestId, TextSize};
use crate::params::{Param, Value};

/// What was counted.
#[derive(Debug, Default)]
pub struct ContextState {
    asked: Option<RequestId>,
    counting: Option<(CountId, u32)>,
    pub filled: Option<Filled>,
    /// Why it could not be counted.
    pub problem: Option<String>,
}

/// Tokens of the prompt that the next reply would be made from, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Together, exactly.
    pub total: u32,
    pub system: u32,
    pub files: u32,
    /// What people and the model said, without files and thinking.
    pub history: u32,
    pub thinking: u32,
    /// The template's own.
    pub template: u32,
}

/// Has the context counted.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    state.context = ContextState::default();
    if state.model.running.is_none() {
        state.context.problem = Some("No model is loaded.".to_owned());
        return vec![];
    }
    let request = replies::next_request(state);
    state.context.asked = Some(request.id);
    vec![Effect::Engine(Command::ShowPrompt(Box::new(request)))]
}

/// Takes the prompt in; true when it was asked for here.
pub(super) fn on_shown(
    state: &mut State,
    request: RequestId,
    prompt: &Result<Box<Prompt>, crate::engine::EngineError>,
) -> Option<Vec<Effect>> {
    if state.context.asked != Some(request) {
        return None;
    }
    state.context.asked = None;
    let prompt = match prompt {
        Ok(prompt) => prompt,
        Err(error) => {
            state.context.problem = Some(error.to_string());
            return Some(vec![]);
        }
    };
    let id = CountId(state.next_id());
    let total = u32::try_from(prompt.tokens.len()).unwrap_or(u32::MAX);
    state.context.counting = Some((id, total));
    let texts = texts(state, prompt).into();
    Some(vec![Effect::Engine(Command::Count { id, texts, room: 0 })])
}

/// Takes the numbers of tokens in.
pub(super) fn on_counted(state: &mut State, id: CountId, sizes: &[TextSize]) {
    let Some((_, total)) = state.context.counting.take_if(|(asked, _)| *asked == id) else {
        return;
    };
    let tokens = |at: usize| sizes.get(at).map_or(0, |size: &TextSize| size.tokens);
    let (said, system, files, thinking) = (tokens(0), tokens(1), tokens(2), tokens(3));
    state.context.filled = Some(Filled {
        total,
        system,
        files,
        history: said
            .saturating_sub(system)
            .saturating_sub(files)
            .saturating_sub(thinking),
        thinking,
        template: total.saturating_sub(said),
    });
}

/// What the view makes of an action.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::DropOldest => {
            let mut effects = replies::drop_oldest(state);
            effects.extend(enter(state));
            Some(effects)
        }
        Action::RaiseContext if state.model.running.is_none() => {
            Some(notice(state, "No model is loaded.", IsError::No))
        }
        _ => None,
    }
}

/// All that was said, the system prompt, the files and the thinking, as they are in the prompt.
fn texts(state: &State, prompt: &Prompt) -> [String; 4] {
    let all: String = prompt.segments.iter().map(|s| s.text.as_str()).collect();
    let said: String = contents(prompt).collect();
    let mut system = match state.params.values.get(Param::System) {
        Value::Text(text) => text.trim().to_owned(),
        _ => String::new(),
    };
    if !all.contains(&system) {
        system.clear();
    }
    let users = state.chat.entries.iter().skip(state.chat.left_out);
    let mut files = String::new();
    for entry in users {
        if let Entry::User(text) = entry {
            files.push_str(&text[attach::shown(text).len()..]);
        }
    }
    [said, system, files, thinking(state, prompt)]
}

/// What people and the model wrote, each piece as it stands in the prompt.
fn contents(prompt: &Prompt) -> impl Iterator<Item = &str> {
    let contents = prompt.segments.iter();
    let contents = contents.filter(|segment| segment.kind == SegmentKind::Content);
    contents.map(|segment| segment.text.as_str())
}

/// The thoughts before earlier replies that the template keeps in the prompt, whichever tags it puts
/// around them.
fn thinking(state: &State, prompt: &Prompt) -> String {
    let kept: HashSet<&str> = contents(prompt).map(str::trim).collect();
    let messages = state.chat.messages();
    let thoughts = messages.iter().map(|message| message.reasoning.trim());
    thoughts
        .filter(|thought| !thought.is_empty() && kept.contains(thought))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::{finish, generated, ready, say};
    use crate::chat::Segment;
    use crate::engine::StopReason;

    /// A prompt of these pieces: the template's own, then a content, and so on.
    fn prompt(pieces: &[&str]) -> Prompt {
        let kinds = [SegmentKind::Template, SegmentKind::Content];
        let segment = |(text, kind): (&&str, SegmentKind)| Segment {
            kind,
            text: (*text).to_owned(),
        };
        Prompt {
            segments: pieces
                .iter()
                .zip(kinds.into_iter().cycle())
                .map(segment)
                .collect(),
            ..Prompt::default()
        }
    }

    #[test]
    fn thoughts_that_the_template_keeps_are_no_history_whatever_their_tags() {
        for (open, close) in [
            ("<think>", "</think>"),
            ("<|START_THINKING|>", "<|END_THINKING|>"),
            (
                "<|channel|>analysis<|message|>",
                "<|end|><|start|>assistant<|channel|>final<|message|>",
            ),
        ] {
            let mut state = ready();
            let request = generated(&say(&mut state, "what is <think>?"));
            let reply = format!("{open}two tags{close}A tag.");
            finish(&mut state, request, &reply, StopReason::EndOfTurn);
            let kept = [
                "<u>",
                "what is <think>?",
                open,
                "\ntwo tags\n",
                close,
                "A tag.",
            ];
            let [said, _, _, thinking] = texts(&state, &prompt(&kept));
            assert!(said.contains("two tags"));
            assert_eq!(thinking, "two tags", "{open}");
            let left_out = ["<u>", "what is <think>?", "<a>", "A tag."];
            assert_eq!(texts(&state, &prompt(&left_out))[3], "", "{open}");
        }
    }
}
