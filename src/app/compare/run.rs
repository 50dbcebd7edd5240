//! A comparison in progress: what each column said, and what can be done while they speak.

use std::collections::BTreeSet;

use super::{Answering, answering, choose, outcome};
use super::{Message, Names, Purpose, Stage, open_line, parse, refuse};
use crate::app::replies::{self, cannot_reply};
use crate::app::{Action, Effect, Entry, ReplyState, State, View, attach, retune};
use crate::chat::{self, NodeId};
use crate::compare::{self, Column, MOST, Room};
use crate::engine::{
    Command, ContextInfo, ConversationId, EngineEvent, GenerateRequest, RequestId, Timings,
};
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
    alone: Option<(RequestId, u32)>,
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
    fn up(self, rows: isize) -> Self {
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

/// Tokens after which the rate of one that goes on alone is believed.
const ALONE: u32 = 16;

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
    if !(2..=MOST).contains(&chosen.len()) {
        return Err(format!(
            "Choose 2 to {MOST} columns; {} are chosen.",
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
    effects.extend(make_room(state, fitting));
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

/// A sequence for each column, where the context has fewer and the user left the number open.
pub(super) fn make_room(state: &mut State, columns: usize) -> Vec<Effect> {
    let has = |(_, context): &(_, Box<ContextInfo>)| context.n_seq_max as usize;
    if state
        .model
        .running
        .as_ref()
        .is_none_or(|running| has(running) >= columns)
    {
        return vec![];
    }
    retune::change(state, |params| {
        compare::ask_sequences(&mut params.values, columns);
    })
}

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

/// Stops one column.
fn stop(state: &State, at: usize) -> Vec<Effect> {
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

pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    // About what is visible of a column.
    let page = isize::try_from(state.size.1.saturating_sub(10).max(1)).unwrap_or(isize::MAX);
    let cannot = answering::cannot_go_on(state);
    let run = state.compare.run.as_mut()?;
    let (focus, last) = (run.focus, run.answers.len().saturating_sub(1));
    match action {
        Action::ColumnPrevious | Action::FocusPrevious => run.focus = focus.saturating_sub(1),
        Action::ColumnNext | Action::FocusNext => run.focus = (focus + 1).min(last),
        Action::Up => run.scroll(|place| place.up(1)),
        Action::Down => run.scroll(|place| place.up(-1)),
        Action::HalfPageUp => run.scroll(|place| place.up(half(page))),
        Action::HalfPageDown => run.scroll(|place| place.up(-half(page))),
        Action::PageUp => run.scroll(|place| place.up(page)),
        Action::PageDown => run.scroll(|place| place.up(-page)),
        Action::Top => run.scroll(|_| Place::FromTop(0)),
        Action::Bottom => run.scroll(|_| Place::FromEnd(0)),
        Action::CompareTogether => {
            run.scrolling = match run.scrolling {
                Scrolling::Together => Scrolling::Alone,
                Scrolling::Alone => Scrolling::Together,
            }
        }
        Action::CompareWords => {
            run.base = if run.base == Some(focus) {
                None
            } else {
                Some(focus)
            };
        }
        Action::ColumnStop => return Some(stop(state, focus)),
        // A column that is added has the last place, which would tell which one it is.
        Action::ColumnAdd
        | Action::ColumnKeep
        | Action::ColumnVary
        | Action::ColumnSave
        | Action::CompareExport
            if run.names == Names::Hidden =>
        {
            return Some(refuse(
                state,
                "The names are hidden: mark the best with its digit, several for a tie, and Enter casts the vote.",
            ));
        }
        Action::ColumnRetry | Action::ColumnVary | Action::ColumnAdd if cannot.is_some() => {
            return cannot.map(|why| refuse(state, why));
        }
        Action::ColumnRetry => {
            let column = run.answers.get(focus)?.column.clone();
            return Some(again(state, focus, column));
        }
        Action::ColumnAdd if run.answers.len() == MOST => {
            return Some(refuse(state, format!("{MOST} columns are the most.")));
        }
        Action::ColumnAdd => return Some(open_line(state, Purpose::Add, "")),
        Action::CompareChoose => return Some(choose::enter(state)),
        Action::Cancel if run.is_running() => return Some(stop_all(state)),
        Action::Accept if run.names == Names::Hidden => return Some(outcome::vote(state)),
        Action::ColumnKeep => return Some(outcome::keep(state, focus)),
        Action::ColumnVary => {
            let text = run.answers.get(focus)?.column.name.clone();
            return Some(open_line(state, Purpose::Vary(focus), text));
        }
        Action::ColumnSave => return Some(open_line(state, Purpose::SavePreset(focus), "")),
        Action::CompareExport => return Some(open_line(state, Purpose::Export, "comparison.md")),
        _ => return None,
    }
    Some(vec![])
}

fn half(page: isize) -> isize {
    (page / 2).max(1)
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

    fn running(&self) -> impl Iterator<Item = &Answer> {
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
    fn scroll(&mut self, to: impl Fn(Place) -> Place) {
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

    pub(super) fn on_engine(&mut self, event: &EngineEvent) {
        let of = |request: RequestId| move |answer: &&mut Answer| answer.request == request;
        let mut answers = self.answers.iter_mut();
        match event {
            EngineEvent::Queued { request, seed } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.seed = Some(*seed);
                }
            }
            EngineEvent::Prefill {
                request,
                done,
                total,
                reused,
                timings,
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.timings = *timings;
                    answer.state = ReplyState::Prefilling {
                        done: *done,
                        total: *total,
                        reused: *reused,
                    };
                }
            }
            EngineEvent::Tokens {
                request,
                text,
                timings,
                ..
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.text.push_str(text);
                    answer.timings = *timings;
                    answer.state = ReplyState::Streaming;
                    self.watch_together();
                    self.watch_alone();
                }
            }
            EngineEvent::Traced { request, trace } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.kept.trace.append(trace.clone());
                }
            }
            EngineEvent::Made {
                request,
                origin,
                ids,
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.kept.origin = (**origin).clone();
                    answer.kept.ids = ids.clone();
                }
            }
            EngineEvent::Finished {
                request,
                reason,
                timings,
                ..
            } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.timings = *timings;
                    answer.state = ReplyState::Done(reason.clone());
                }
            }
            EngineEvent::Failed { request, error } => {
                if let Some(answer) = answers.find(of(*request)) {
                    answer.state = ReplyState::Failed(error.to_string());
                }
            }
            _ => {}
        }
    }

    /// How many columns speak now, and the tokens per second that they reach together.
    pub(in crate::app) fn speaking(&self) -> (u32, f64) {
        let speaking = self
            .answers
            .iter()
            .filter(|answer| answer.state == ReplyState::Streaming);
        speaking.fold((0, 0.0), |(count, rate), answer| {
            (count + 1, rate + answer.timings.recent_per_second)
        })
    }

    /// Learns what columns reach together from those that speak now.
    fn watch_together(&mut self) {
        let (count, rate) = self.speaking();
        let most = self.together.map_or(2, |(most, _)| most);
        if count >= most && rate > 0.0 {
            self.together = Some((count, rate));
        }
    }

    /// Learns what one stream reaches from a column that goes on alone.
    fn watch_alone(&mut self) {
        let alone = {
            let mut running = self.running();
            let first = running
                .next()
                .map(|answer| (answer.request, answer.timings));
            first.filter(|_| running.next().is_none())
        };
        let Some((request, timings)) = alone else {
            self.alone = None;
            return;
        };
        match self.alone {
            Some((same, from)) if same == request => {
                if timings.predicted_n >= from + ALONE && timings.recent_per_second > 0.0 {
                    self.single = Some(timings.recent_per_second);
                }
            }
            _ => self.alone = Some((request, timings.predicted_n)),
        }
    }
}
