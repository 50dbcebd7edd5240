//! Presets side by side: choosing the columns, their replies, and what becomes of them.
//!
//! ```text
//! choosing ── Enter ─► reading: columns stream together ─► keep, vary, save, export, vote
//!    ▲ new comparison ──────┘                                  └─► standing: what votes show
//! ```
//! Every column is a conversation of its own for the engine, which computes what their prompts
//! begin with once.

mod ahead;
mod answering;
mod choose;
mod notes;
mod outcome;
mod progress;
mod reading;
mod run;
mod sequences;
mod standing;
#[cfg(test)]
mod tests;

pub use ahead::Ahead;
pub use choose::offered;
pub use run::{Answer, Place, Run, Scrolling, ShownColumn};
pub(super) use sequences::give_back;

use answering::Answering;
use sequences::Borrowed;

use super::overlay::LineEdit;
use super::update::{IsError, notice};
use super::{Action, Effect, Entry, State, View};
use crate::compare::{self, Standing};
use crate::engine::{EngineError, EngineEvent, Forecast, LoadId, Prompt, RequestId};
use crate::keymap::{Context, Key};
use crate::store::Event as StoreEvent;

/// The view of comparisons.
#[derive(Debug, Default)]
pub struct CompareState {
    pub stage: Stage,
    /// What is being typed.
    pub line: Option<Line>,
    /// The columns of the next comparison, as text.
    pub chosen: Vec<String>,
    /// How many of them will go on at once.
    pub ahead: Ahead,
    /// The row of the offered presets that the selection stands on.
    pub selected: usize,
    /// How many messages of the chat before the newest one the next comparison answers.
    pub back: usize,
    /// Whether the next comparison hides which column is which.
    pub names: Names,
    pub run: Option<Run>,
    borrowed: Option<Borrowed>,
    /// `None` while it is being read.
    pub standing: Option<Box<Standing>>,
    /// The contender that the selection stands on, counted over all groups.
    pub selected_row: usize,
    /// Nobody knows it beforehand: it decides the order of hidden columns.
    pub chance: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Choosing,
    Reading,
    Standing,
}

/// Whether it is told which column is which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    #[default]
    Shown,
    Hidden,
}

/// A line that is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub purpose: Purpose,
    pub edit: LineEdit,
    pub error: Option<String>,
}

/// What a line is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All columns of the next comparison.
    Columns,
    /// One more column.
    Add,
    /// This column answers again with other settings.
    Vary(usize),
    /// The name of a preset with the settings of this column.
    SavePreset(usize),
    /// The file that the comparison is written to.
    Export,
}

/// The message that is answered next: one of the composer, or the entry of the chat it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    Written,
    Entry(usize),
}

/// What a comparison would answer now; `None` when nothing was said or written.
pub fn message(state: &State) -> Option<Message> {
    let is_message = |at: &usize| matches!(state.chat.entries[*at], Entry::User(_));
    let mut said = (0..state.chat.entries.len()).rev().filter(is_message);
    let is_written = !state.composer.text().trim().is_empty();
    match (is_written, state.compare.back) {
        (true, 0) => Some(Message::Written),
        (true, back) => said.nth(back - 1).map(Message::Entry),
        (false, back) => said.nth(back).map(Message::Entry),
    }
}

/// What has the keys.
pub(super) fn context(state: &State) -> Context {
    match state.compare.line {
        Some(_) => Context::Prompt,
        None => Context::Compare,
    }
}

/// The view comes up: with the comparison there is, else with the choice of columns.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    state.compare.back = 0;
    match state.compare.run {
        Some(_) => {
            state.compare.stage = Stage::Reading;
            vec![]
        }
        None => choose::enter(state),
    }
}

/// What an action means here; `None` when it means what it means everywhere.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    if state.compare.line.is_some() {
        return match action {
            Action::Accept => Some(outcome::take_line(state)),
            Action::Cancel => {
                state.compare.line = None;
                Some(vec![])
            }
            _ => None,
        };
    }
    if action == Action::CompareStanding {
        return Some(standing::enter(state));
    }
    match state.compare.stage {
        Stage::Choosing => choose::perform(state, action),
        Stage::Reading => reading::perform(state, action),
        Stage::Standing => standing::perform(state, action),
    }
}

/// A letter is typed into the line, a digit means a column.
pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    if let Some(line) = &mut state.compare.line {
        if line.edit.type_key(key) {
            line.error = None;
        }
        return vec![];
    }
    let digit = key.typed().and_then(|typed| typed.to_digit(10));
    if let (Some(digit), Some(run)) = (digit, &mut state.compare.run)
        && state.compare.stage == Stage::Reading
    {
        run.press_digit(digit as usize);
    }
    vec![]
}

/// Puts pasted text into the line; false when none is typed.
pub(super) fn paste(state: &mut State, text: &str) -> bool {
    let line = state.compare.line.as_mut();
    line.map(|line| line.edit.insert(text)).is_some()
}

/// Takes the engine's word about the columns in.
pub(super) fn on_engine(state: &mut State, event: &EngineEvent) {
    if let Some(run) = &mut state.compare.run {
        run.on_engine(event);
    }
    answering::learn(state);
    notes::learn(state, event);
}

/// Takes note of what the last frame showed, so that scrolling goes on from there.
pub(super) fn viewed(state: &mut State, shown: &[ShownColumn]) {
    if let Some(run) = &mut state.compare.run {
        run.viewed(shown);
    }
}

/// Takes the engine's word about the memory that more columns would take in; `None` when it was not
/// asked for here.
pub(super) fn on_foreseen(
    state: &mut State,
    id: LoadId,
    outcome: &Result<Box<Forecast>, EngineError>,
) -> Option<Vec<Effect>> {
    ahead::on_foreseen(state, id, outcome)
}

/// Takes a prompt that was counted in; false when it was not asked for here.
pub(super) fn on_prompt(
    state: &mut State,
    request: RequestId,
    prompt: &Result<Box<Prompt>, EngineError>,
) -> bool {
    ahead::on_prompt(state, request, prompt)
}

/// Takes what the store tells in.
pub(super) fn on_store(state: &mut State, event: &StoreEvent) {
    if let StoreEvent::Standing(standing) = event {
        state.compare.standing = Some(standing.clone());
    }
}

/// `/compare`: shows the view; with columns, begins at once. What follows them is the message.
pub(super) fn command(state: &mut State, argument: &str) -> Result<Vec<Effect>, String> {
    if argument.is_empty() {
        state.view = View::Compare;
        return Ok(enter(state));
    }
    let (columns, message) =
        compare::columns_and_message(argument).map_err(|error| error.to_string())?;
    let chosen = listed(columns)?;
    let message = Some(message).filter(|message| !message.is_empty());
    run::begin(state, chosen, message.map(str::to_owned))
}

/// The columns of a line, as they are written.
fn listed(text: &str) -> Result<Vec<String>, String> {
    let columns = compare::listed(text).map_err(|error| error.to_string())?;
    Ok(columns.into_iter().map(str::to_owned).collect())
}

fn open_line(state: &mut State, purpose: Purpose, text: impl Into<String>) -> Vec<Effect> {
    state.compare.line = Some(Line {
        purpose,
        edit: LineEdit::new(text),
        error: None,
    });
    vec![]
}

/// A sentence for the status line that something cannot be done.
fn refuse(state: &mut State, why: impl Into<String>) -> Vec<Effect> {
    notice(state, why, IsError::Yes)
}

/// Reads one column: the values in force, with those of a preset in their place.
fn parse(state: &State, text: &str) -> Result<compare::Column, String> {
    let presets: Vec<_> = state
        .presets
        .iter()
        .map(|preset| (preset.name.clone(), preset.values.clone()))
        .collect();
    let mut base = state.params.values.clone();
    let name = text.split(':').next().unwrap_or_default().trim();
    if name != compare::CURRENT {
        // As where a preset is used: what was set by hand for another one goes.
        for spec in crate::params::TABLE {
            if spec.group == crate::params::Group::Sampling {
                base.reset(spec.param);
            }
        }
    }
    compare::parse(text, &base, &presets).map_err(|error| error.to_string())
}
