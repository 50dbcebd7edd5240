//! The view of downloads: what the Hub has (`find`), what of it comes here (`queue`).

mod find;
mod queue;

pub use find::{Find, Offers};
pub use queue::{Download, Phase, Queue};

use super::update::{IsError, notice};
use super::{Action, Effect, LineEdit, State, View, retune};
use crate::hub::{Command, Event, HubError, Question, Wanted};
use crate::keymap::{Context, Key};
use find::Enter;
use queue::Said;

/// What the view shows.
#[derive(Debug, Default)]
pub struct DownloadsState {
    pub find: Find,
    pub queue: Queue,
    pub part: Part,
}

/// The part of the view that has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The line and the list below it.
    #[default]
    Find,
    Queue,
}

/// The effects of showing the view.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    state.downloads.part = Part::Find;
    if state.downloads.find.has_asked() {
        return vec![];
    }
    ask(state, Question::First)
}

/// What has the keys: the line, where one types, or the list of downloads.
pub(super) fn context(state: &State) -> Context {
    match state.downloads.part {
        Part::Find => Context::Prompt,
        Part::Queue => Context::Downloads,
    }
}

/// What the view makes of an action; `None` when it means what it means everywhere.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = isize::try_from(state.size.1 / 2).unwrap_or(1);
    let part = state.downloads.part;
    let effects = match action {
        Action::Up => step(state, -1),
        Action::Down => step(state, 1),
        Action::PageUp | Action::ChatPageUp => step(state, -page),
        Action::PageDown | Action::ChatPageDown => step(state, page),
        Action::FocusNext | Action::FocusPrevious | Action::Complete => go_over(state),
        Action::Accept if part == Part::Queue => load_or_go_on(state),
        Action::Accept => take(state),
        Action::PauseDownload => effects(state.downloads.queue.pause_or_go_on()),
        Action::CancelDownload => cancel(state),
        Action::Cancel if part == Part::Queue => go_over(state),
        Action::Cancel if !state.downloads.find.is_at_start() => {
            state.downloads.find.line = LineEdit::default();
            ask(state, Question::First)
        }
        _ => return None,
    };
    Some(effects)
}

/// Types into the line.
pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    if state.downloads.part == Part::Find {
        state.downloads.find.line.type_key(key);
    }
    vec![]
}

/// Puts pasted text into the line.
pub(super) fn paste(state: &mut State, text: &str) {
    state.downloads.part = Part::Find;
    state.downloads.find.line.insert(text.trim());
}

/// Takes in what became of what was asked.
pub(super) fn on_hub(state: &mut State, event: Event) -> Vec<Effect> {
    let downloads = &mut state.downloads;
    match event {
        Event::Answer { number, rows } => {
            downloads.find.answer(number, rows);
            vec![]
        }
        Event::Progress {
            id,
            at_ms,
            progress,
        } => {
            downloads.queue.note(id, at_ms, progress);
            vec![]
        }
        Event::Ended { id, outcome } => {
            let (said, commands) = downloads.queue.end(id, outcome);
            leave_empty_queue(state);
            let mut effects = effects(commands);
            match said {
                Some(Said::Here(name)) => {
                    effects.extend(notice(state, format!("{name} is here."), IsError::No));
                }
                Some(Said::Failed(name, why)) => {
                    let text = format!("{name} failed: {why}");
                    effects.extend(notice(state, text, IsError::Yes));
                }
                None => {}
            }
            effects
        }
    }
}

/// An error with what to do about it, each on a line of its own.
fn sentence(error: &HubError) -> String {
    match error.hint.as_str() {
        "" => error.to_string(),
        hint => format!("{error}\n{hint}"),
    }
}

fn effects(commands: Vec<Command>) -> Vec<Effect> {
    commands.into_iter().map(Effect::Hub).collect()
}

fn ask(state: &mut State, question: Question) -> Vec<Effect> {
    let number = state.next_id();
    vec![Effect::Hub(state.downloads.find.ask(number, question))]
}

fn step(state: &mut State, rows: isize) -> Vec<Effect> {
    let downloads = &mut state.downloads;
    match downloads.part {
        Part::Find => downloads.find.step(rows),
        Part::Queue => downloads.queue.step(rows),
    }
    vec![]
}

fn go_over(state: &mut State) -> Vec<Effect> {
    let downloads = &mut state.downloads;
    downloads.part = match downloads.part {
        Part::Find if !downloads.queue.all.is_empty() => Part::Queue,
        _ => Part::Find,
    };
    vec![]
}

/// Searches for what was typed, opens a repository, or begins a download.
fn take(state: &mut State) -> Vec<Effect> {
    match state.downloads.find.enter() {
        Some(Enter::Ask(question)) => ask(state, question),
        Some(Enter::Download(wanted)) => begin(state, wanted),
        None => vec![],
    }
}

fn begin(state: &mut State, wanted: Wanted) -> Vec<Effect> {
    let id = state.next_id();
    match state.downloads.queue.begin(id, wanted) {
        Some(commands) => effects(commands),
        None => notice(state, "It is among the downloads already.", IsError::No),
    }
}

/// Loads what is here; goes on with what rests.
fn load_or_go_on(state: &mut State) -> Vec<Effect> {
    let queue = &mut state.downloads.queue;
    let chosen = queue.chosen().map(|download| &download.phase);
    match chosen {
        Some(Phase::Done(path)) => {
            let path = path.clone();
            state.view = View::Deck;
            retune::load(state, path)
        }
        Some(Phase::Paused | Phase::Failed(_)) => effects(queue.pause_or_go_on()),
        _ => vec![],
    }
}

fn cancel(state: &mut State) -> Vec<Effect> {
    let commands = state.downloads.queue.cancel();
    leave_empty_queue(state);
    effects(commands)
}

fn leave_empty_queue(state: &mut State) {
    if state.downloads.queue.all.is_empty() {
        state.downloads.part = Part::Find;
    }
}

#[cfg(test)]
mod tests;
