//! A comparison in progress: what each column said, and what can be done while they speak.

use std::collections::BTreeSet;

use super::progress::ALONE;
use super::{Answering, Message, Names, Stage, answering, parse, sequences};
use crate::app::replies::{self, cannot_reply};
use crate::app::{Effect, Entry, ReplyState, State, View, attach};
use crate::chat::{self, NodeId};
use crate::compare::{self, Column, FEWEST, MOST, Room};
use crate::engine::{Command, ContextInfo, ConversationId, GenerateRequest, RequestId, Timings};
use crate::store::Kept;

/// Columns that answer one prompt.
#[derive(Debug)]
pub struct Run {
    pub prompt: String,
    pub(super) messages: Vec<chat::Message>,
    /// The chat it belongs to, and the message that the prompt ends with.
    pub(super) chat: ConversationId,
    pub(super) asked: NodeId,
    /// `None` until it has said something.
    pub(super) model: Option<Answering>,
    pub answers: Vec<Answer>,
    /// The column that actions mean.
    pub focus: usize,
    /// Words are compared with those of this column.
    pub base: Option<usize>,
    pub scrolling: Scrolling,
    pub names: Names,
    /// The columns marked as the best in a vote that is not cast yet.
    pub marked: BTreeSet<usize>,
    /// What has to be known about it: columns that wait, prompts that are not shared.
    pub notes: Vec<String>,
    /// Tokens per second that one stream reached with this model: the chat's last reply, or a
    /// column that went on alone.
    pub single: Option<f64>,
    /// The most columns that spoke at the same time, and what they reached together over the last
    /// second in which they did.
    pub together: Option<(u32, f64)>,
    /// Whether all columns were asked at the same time, so that their clocks can be compared.
    pub(super) same_start: bool,
    /// The column that goes on alone, and its tokens when that began.
    pub(super) alone: Option<(RequestId, u32)>,
}

/// One column and its reply.
#[derive(Clone, Debug)]
pub struct Answer {
    pub column: Column,
    pub request: RequestId,
    pub text: String,
    pub state: ReplyState,
    pub timings: Timings,
    pub seed: Option<u32>,
    /// What made it, once it has ended, and its tokens as far as they were recorded.
    pub(super) kept: Kept,
    pub place: Place,
}

/// Whether scrolling moves one column or all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scrolling {
    #[default]
    Together,
    Alone,
}

/// Where a column's text stands, in wrapped rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many above the end, which it follows.
    FromEnd(usize),
    /// So many below the beginning.
    FromTop(usize),
}

impl Default for Place {
    fn default() -> Self {
        Self::FromEnd(0)
    }
}

impl Place {
    /// So many rows up; negative = down.
    pub(super) fn up(self, rows: isize) -> Self {
        match self {
            Self::FromEnd(above) => Self::FromEnd(above.saturating_add_signed(rows)),
            Self::FromTop(below) => Self::FromTop(below.saturating_add_signed(-rows)),
        }
    }

    /// No farther than the text goes.
    fn within(self, hidden_rows: usize) -> Self {
        match self {
            Self::FromEnd(above) => Self::FromEnd(above.min(hidden_rows)),
            Self::FromTop(below) => Self::FromTop(below.min(hidden_rows)),
        }
    }
}

/// A column as the last frame showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownColumn {
    pub column: usize,
    /// Rows of it that found no place: it can be scrolled by so many.
    pub hidden_rows: usize,
}

/// Sends one prompt to all columns: the message given, else what [`super::message`] says.
///
/// # Errors
/// In words, for columns that cannot be made, and when there is nothing to answer or nobody to.
pub(super) fn begin(
    state: &mut State,
    chosen: Vec<String>,
    message: Option<String>,
) -> Result<Vec<Effect>, String> {
    if let Some(why) = cannot_reply(state) {
        return Err(why);
    }
    if !(FEWEST..=MOST).contains(&chosen.len()) {
        return Err(format!(
            "Choose {FEWEST} to {MOST} columns, not {}.",
            chosen.len()
        ));
    }
    let columns = chosen
        .iter()
        .map(|text| parse(state, text))
        .collect::<Result<Vec<Column>, String>>()?;
    let mut effects = stop_all(state);
    let (at, prompt, said) = say(state, message)?;
    let asked = state.chat.node_at(at).ok_or(NOTHING)?;
    effects.extend(said);
    let fitting = state.compare.ahead.sequences(columns.len());
    effects.extend(sequences::borrow(state, fitting));
    let names = state.compare.names;
    let order = match names {
        Names::Shown => (0..columns.len()).collect(),
        Names::Hidden => {
            let number = state.next_id();
            compare::shuffled(columns.len(), state.compare.chance.wrapping_add(number))
        }
    };
    state.compare.chosen = chosen;
    state.compare.back = 0;
    state.compare.stage = Stage::Reading;
    state.view = View::Compare;
    let single = state
        .chat
        .last_reply()
        .filter(|reply| answering::has_made(state, reply))
        .and_then(|reply| reply.timings)
        .filter(|timings| timings.predicted_n >= ALONE);
    state.compare.run = Some(Run {
        prompt,
        messages: messages(state, at),
        chat: state.chat.conversation,
        asked,
        model: None,
        answers: Vec::new(),
        focus: 0,
        base: None,
        scrolling: Scrolling::default(),
        names,
        marked: BTreeSet::new(),
        notes: Vec::new(),
        single: single.map(|timings| timings.predicted_per_second),
        together: None,
        same_start: true,
        alone: None,
    });
    for at in order {
        effects.extend(add(state, columns[at].clone()));
    }
    Ok(effects)
}

/// Finds what is to be answered, and puts it into the chat unless it is there already: the entry
/// it is, its text, and what saves it.
fn say(state: &mut State, message: Option<String>) -> Result<(usize, String, Vec<Effect>), String> {
    let text = match (message, super::message(state)) {
        (Some(message), _) => message,
        (None, Some(Message::Written)) => {
            let typed = state.composer.take();
            attach::with_files(state, typed.trim_end())
        }
        (None, Some(Message::Entry(at))) => match state.chat.entries.get(at) {
            Some(Entry::User(text)) => return Ok((at, text.clone(), vec![])),
            _ => return Err(NOTHING.into()),
        },
        (None, None) => return Err(NOTHING.into()),
    };
    let effects = replies::say(state, text.clone());
    Ok((state.chat.entries.len() - 1, text, effects))
}

/// What the model is to see up to an entry. Before what is left out of the prompt nothing else is.
pub(super) fn messages(state: &State, at: usize) -> Vec<chat::Message> {
    let mut messages = state.chat.messages_until(at + 1);
    if messages.is_empty()
        && let Some(Entry::User(text)) = state.chat.entries.get(at)
    {
        messages.push(chat::Message::new(chat::Role::User, text.clone()));
    }
    messages
}

const NOTHING: &str = "There is no message to answer: write one first.";

/// One more column, which begins at once.
pub(super) fn add(state: &mut State, column: Column) -> Vec<Effect> {
    let (request, conversation) = (state.next_request(), state.next_conversation());
    let Some(run) = &mut state.compare.run else {
        return vec![];
    };
    let effect = run.generate(&column, request, conversation);
    run.answers.push(Answer::new(column, request));
    vec![effect]
}

/// A column answers anew.
pub(super) fn again(state: &mut State, at: usize, column: Column) -> Vec<Effect> {
    let mut effects = stop(state, at);
    let (request, conversation) = (state.next_request(), state.next_conversation());
    let Some(run) = &mut state.compare.run else {
        return effects;
    };
    let effect = run.generate(&column, request, conversation);
    if let Some(answer) = run.answers.get_mut(at) {
        *answer = Answer::new(column, request);
        run.same_start = false;
        effects.push(effect);
    }
    effects
}

/// Takes a column away.
pub(super) fn remove(state: &mut State, at: usize) -> Vec<Effect> {
    let effects = stop(state, at);
    if let Some(run) = &mut state.compare.run {
        run.answers.remove(at);
        run.focus = run.focus.min(run.answers.len().saturating_sub(1));
        // Words are compared with the same column as before, if it is there.
        run.base = run.base.filter(|base| *base != at);
        run.base = run.base.map(|base| base - usize::from(base > at));
    }
    effects
}

/// Stops one column.
pub(super) fn stop(state: &State, at: usize) -> Vec<Effect> {
    let answer = state
        .compare
        .run
        .as_ref()
        .and_then(|run| run.answers.get(at));
    answer
        .filter(|answer| answer.state.is_running())
        .map(|answer| Effect::Engine(Command::Cancel(answer.request)))
        .into_iter()
        .collect()
}

/// Stops every column.
pub(super) fn stop_all(state: &State) -> Vec<Effect> {
    let count = state
        .compare
        .run
        .as_ref()
        .map_or(0, |run| run.answers.len());
    (0..count).flat_map(|at| stop(state, at)).collect()
}

impl Answer {
    fn new(column: Column, request: RequestId) -> Self {
        Self {
            column,
            request,
            text: String::new(),
            state: ReplyState::Sent,
            timings: Timings::default(),
            seed: None,
            kept: Kept::default(),
            place: Place::default(),
        }
    }

    fn has_failed(&self) -> bool {
        matches!(self.state, ReplyState::Failed(_))
    }

    /// Whether there is anything to vote on.
    pub(super) fn is_votable(&self) -> bool {
        !self.text.is_empty() && !self.has_failed()
    }
}

impl Run {
    /// Whether any column is still being made.
    pub fn is_running(&self) -> bool {
        self.running().next().is_some()
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &Answer> {
        self.answers
            .iter()
            .filter(|answer| answer.state.is_running())
    }

    /// How many columns go on at once, once their prompts are known.
    pub(super) fn room(&self, context: &ContextInfo) -> Option<Room> {
        let totals = self.answers.iter().map(|answer| {
            answer
                .timings
                .prompt_n
                .saturating_add(answer.timings.cache_n)
        });
        let n_prompt = totals.max().filter(|total| *total > 0)?;
        let shared = self
            .answers
            .iter()
            .skip(1)
            .map(|answer| answer.timings.cache_n);
        let columns = self.answers.iter().map(|answer| &answer.column);
        Some(compare::at_once(
            context,
            self.answers.len(),
            shared.min().unwrap_or(0),
            n_prompt,
            compare::longest_reply(columns),
        ))
    }

    /// Moves one column or all.
    pub(super) fn scroll(&mut self, to: impl Fn(Place) -> Place) {
        let focus = self.focus;
        for (at, answer) in self.answers.iter_mut().enumerate() {
            if self.scrolling == Scrolling::Together || at == focus {
                answer.place = to(answer.place);
            }
        }
    }

    /// Keeps the places within what there is to see.
    pub(super) fn viewed(&mut self, shown: &[ShownColumn]) {
        for seen in shown {
            if let Some(answer) = self.answers.get_mut(seen.column) {
                answer.place = answer.place.within(seen.hidden_rows);
            }
        }
    }

    /// A column's digit: the column that actions mean, or a mark in a vote; 0 marks all.
    pub(super) fn press_digit(&mut self, digit: usize) {
        let Some(at) = digit.checked_sub(1) else {
            if self.names == Names::Hidden {
                let has_failed = |at: &usize| self.answers[*at].has_failed();
                self.marked = (0..self.answers.len())
                    .filter(|at| !has_failed(at))
                    .collect();
            }
            return;
        };
        if at >= self.answers.len() {
            return;
        }
        self.focus = at;
        if self.names == Names::Hidden && !self.marked.remove(&at) {
            self.marked.insert(at);
        }
    }

    fn generate(&self, column: &Column, id: RequestId, conversation: ConversationId) -> Effect {
        Effect::Engine(Command::Generate(Box::new(GenerateRequest {
            id,
            conversation,
            messages: self.messages.clone(),
            reply_so_far: String::new(),
            exact: None,
            sampling: column.params.sampling(),
            reply: column.params.reply(),
        })))
    }
}
