//! What becomes of a comparison: a reply of the chat, a preset, a document, a vote.

use std::sync::Arc;

use super::run::{Answer, add, again};
use super::{
    Answering, Names, Purpose, Run, ahead, answering, listed, parse, refuse, run, sequences,
};
use crate::app::update::{IsError, notice};
use crate::app::{
    Content, Effect, Entry, FilePlace, Reply, ReplyState, Saving, Scroll, State, View, saving,
    tokens,
};
use crate::compare::{Ballot, Column, ColumnReport, Contender, Report, stop_name};
use crate::config;
use crate::store::{Command as StoreCommand, Kept};

/// Makes a column's reply the chat's; the others become its siblings.
pub(super) fn keep(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(run) = &state.compare.run else {
        return vec![];
    };
    if run.chat != state.chat.conversation {
        return refuse(state, "The comparison belongs to another chat.");
    }
    let asked = run.asked;
    if state.chat.tree.position(asked).is_none() {
        let why = "The message it answers is not on the screen: another version of it may be.";
        return refuse(state, why);
    }
    if state.chat.running().is_some() {
        return refuse(state, "A reply is being written; Esc stops it.");
    }
    if run
        .answers
        .get(at)
        .is_none_or(|answer| answer.text.is_empty())
    {
        return refuse(state, "This column has said nothing yet.");
    }
    let mut effects = run::stop_all(state);
    let Some(run) = state.compare.run.take() else {
        return effects;
    };
    let model = run.model.map(|model| model.name).unwrap_or_default();
    // The chosen one last: the newest sibling is the one that stands in the chat.
    let mut order: Vec<usize> = (0..run.answers.len())
        .filter(|other| *other != at)
        .collect();
    order.push(at);
    for answer in order.iter().filter_map(|at| run.answers.get(*at)) {
        if answer.text.is_empty() {
            continue;
        }
        let reply = answer.as_reply(&model);
        let is_known = answer.kept != Kept::default();
        let kept = is_known.then(|| Arc::new(answer.kept.clone()));
        let params = answer.column.snapshot();
        tokens::kept(state, reply.request, params.clone(), answer.kept.clone());
        state.chat.end_at(Some(asked));
        let node = state.chat.push(Entry::Reply(reply.clone()));
        effects.extend(saving::whole(state, node, &reply, params, kept));
    }
    state.chat.selected = None;
    state.chat.scroll = Scroll::End;
    state.view = View::Deck;
    effects.extend(notice(
        state,
        "Kept as the chat's reply; the other columns are its versions.",
        IsError::No,
    ));
    effects
}

/// Casts the vote that the marks say.
pub(super) fn vote(state: &mut State) -> Vec<Effect> {
    let Some(run) = &mut state.compare.run else {
        return vec![];
    };
    if run.is_running() {
        return refuse(state, "Some columns are still writing.");
    }
    if run.marked.is_empty() {
        return refuse(
            state,
            "Mark the best column with its digit; several are a tie.",
        );
    }
    let votable: Vec<(usize, &Answer)> = (0..)
        .zip(&run.answers)
        .filter(|(_, answer)| answer.is_votable())
        .collect();
    let is_best = |(at, _): &(usize, &Answer)| run.marked.contains(at);
    let best: Vec<usize> = (0..votable.len())
        .filter(|place| is_best(&votable[*place]))
        .collect();
    if votable.len() < 2 {
        run.names = Names::Shown;
        run.marked.clear();
        return refuse(
            state,
            "There is nothing to vote on: fewer than two columns have an answer.",
        );
    }
    if best.is_empty() {
        return refuse(
            state,
            "The marked column has no answer; mark another with its digit.",
        );
    }
    let said = if votable.len() < run.answers.len() {
        "The vote is kept; columns without an answer are left out of it."
    } else {
        "The vote is kept."
    };
    let model = run
        .model
        .clone()
        .filter(|model| !model.fingerprint.is_empty());
    let ballot = model.map(|model| Ballot {
        contenders: votable
            .iter()
            .map(|(_, answer)| contender(&model, answer))
            .collect(),
        best,
    });
    let prompt = run.prompt.clone();
    run.names = Names::Shown;
    run.marked.clear();
    let Some(ballot) = ballot else {
        return refuse(
            state,
            "The vote is not kept: it is not known which model ran.",
        );
    };
    let cast = StoreCommand::Cast { prompt, ballot };
    if state.sessions.saving != Saving::On {
        return notice(
            state,
            "Not kept: nothing of this chat goes to disk.",
            IsError::No,
        );
    }
    let mut effects = saving::store(state, cast);
    effects.extend(notice(state, said, IsError::No));
    effects
}

fn contender(model: &Answering, answer: &Answer) -> Contender {
    Contender {
        model: model.name.clone(),
        model_hash: model.fingerprint.clone(),
        preset: answer.column.name.clone(),
        preset_hash: answer.column.hash(),
    }
}

/// Does what the line was typed for; what cannot be done is said below it.
pub(super) fn take_line(state: &mut State) -> Vec<Effect> {
    let Some(line) = state.compare.line.clone() else {
        return vec![];
    };
    let text = line.edit.text.trim();
    let outcome = match line.purpose {
        Purpose::Columns => choose(state, text),
        Purpose::Add => parse_next(state, text).map(|column| {
            let columns = state
                .compare
                .run
                .as_ref()
                .map_or(0, |run| run.answers.len());
            let mut effects = sequences::borrow(state, columns + 1);
            effects.extend(add(state, column));
            if let Some(run) = &mut state.compare.run {
                run.same_start = false;
            }
            effects
        }),
        Purpose::Vary(at) => parse_next(state, text).map(|column| again(state, at, column)),
        Purpose::SavePreset(at) => save_preset(state, at, text),
        Purpose::Export => export(state, text),
    };
    match outcome {
        Ok(effects) => {
            state.compare.line = None;
            effects
        }
        Err(why) => {
            if let Some(line) = &mut state.compare.line {
                line.error = Some(why);
            }
            vec![]
        }
    }
}

/// Reads a column of the comparison there is; the model may be another one since the line was opened.
fn parse_next(state: &State, text: &str) -> Result<Column, String> {
    answering::cannot_go_on(state).map_or_else(|| parse(state, text), Err)
}

fn choose(state: &mut State, text: &str) -> Result<Vec<Effect>, String> {
    let names = listed(text)?;
    for name in &names {
        parse(state, name)?;
    }
    state.compare.chosen = names;
    Ok(ahead::ask(state))
}

fn save_preset(state: &State, at: usize, name: &str) -> Result<Vec<Effect>, String> {
    let run = state.compare.run.as_ref();
    let answer = run
        .and_then(|run| run.answers.get(at))
        .ok_or("The column is gone.")?;
    let text = config::preset_text(
        &format!("As compared: {}", answer.column.name),
        &answer.column.values(),
    );
    let place = FilePlace::preset(name)?;
    let content = Content::Text(text);
    Ok(vec![Effect::WriteFile { place, content }])
}

fn export(state: &State, path: &str) -> Result<Vec<Effect>, String> {
    let run = state
        .compare
        .run
        .as_ref()
        .ok_or("There is no comparison.")?;
    if path.is_empty() {
        return Err("Name a file: comparison.md, or comparison.json.".into());
    }
    let report = run.report();
    let text = if path.ends_with(".json") {
        serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?
    } else {
        report.markdown()
    };
    let place = FilePlace::Named(path.to_owned());
    let content = Content::Text(text);
    Ok(vec![Effect::WriteFile { place, content }])
}

impl Run {
    /// The comparison as a document has it.
    pub(super) fn report(&self) -> Report {
        let model = self.model.clone();
        let model = model.map(|model| (model.name, model.fingerprint));
        let columns = self.answers.iter().map(|answer| {
            let (stop_reason, error) = match &answer.state {
                ReplyState::Done(reason) => (stop_name(reason), None),
                ReplyState::Failed(why) => ("failed", Some(why.clone())),
                _ => ("running", None),
            };
            ColumnReport {
                seed: answer.seed.unwrap_or(0),
                text: answer.text.clone(),
                stop_reason,
                error,
                timings: answer.timings,
                ..ColumnReport::new(&answer.column)
            }
        });
        let columns = columns.collect();
        let mut report = Report::new(
            self.prompt.clone(),
            model.unwrap_or_default(),
            columns,
            self.notes.clone(),
        );
        // The clocks of columns that began later do not tell when that was.
        if !self.same_start {
            report.aggregate_per_second = self.together.map_or(0.0, |(_, rate)| rate);
        }
        report
    }
}

impl Answer {
    fn as_reply(&self, model: &str) -> Reply {
        let state = match &self.state {
            state if state.is_running() => ReplyState::Done(crate::engine::StopReason::Cancelled),
            state => state.clone(),
        };
        let mut reply = Reply::new(self.request, model.to_owned());
        reply.take(&self.text, &self.timings);
        reply.settle();
        Reply {
            state,
            timings: Some(self.timings),
            seed: self.seed,
            ..reply
        }
    }
}
