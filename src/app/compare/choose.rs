//! Choosing the columns of a comparison.

use super::{CompareState, Names, Purpose, Stage, ahead, message, open_line, refuse, run};
use crate::app::{Action, Effect, State};
use crate::compare::{CURRENT, MOST};

/// Rows that a page of the list is.
const PAGE: usize = 8;

/// What can be a column: what is in force, then every preset; with its description.
pub fn offered(state: &State) -> Vec<(&str, &str)> {
    let presets = state.presets.iter();
    let presets = presets.map(|preset| (preset.name.as_str(), preset.description.as_str()));
    std::iter::once((CURRENT, "what is in force in the chat"))
        .chain(presets)
        .collect()
}

/// Shows what can be chosen.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    state.compare.stage = Stage::Choosing;
    ahead::ask(state)
}

pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let last = offered(state).len().saturating_sub(1);
    let compare = &mut state.compare;
    match action {
        Action::Up => compare.selected = compare.selected.saturating_sub(1),
        Action::Down => compare.selected = (compare.selected + 1).min(last),
        Action::PageUp | Action::HalfPageUp => {
            compare.selected = compare.selected.saturating_sub(PAGE);
        }
        Action::PageDown | Action::HalfPageDown => {
            compare.selected = (compare.selected + PAGE).min(last);
        }
        Action::Top => compare.selected = 0,
        Action::Bottom => compare.selected = last,
        Action::ColumnPrevious => {
            compare.back += 1;
            if message(state).is_none() {
                state.compare.back -= 1;
            }
            return Some(ahead::ask(state));
        }
        Action::ColumnNext => {
            compare.back = compare.back.saturating_sub(1);
            return Some(ahead::ask(state));
        }
        Action::Toggle | Action::ColumnAdd => return Some(add(state)),
        Action::ColumnRemove => return Some(remove(state)),
        Action::EditValue | Action::ColumnVary => {
            let text = state.compare.chosen.join(",");
            return Some(open_line(state, Purpose::Columns, text));
        }
        Action::CompareBlind => {
            compare.names = match compare.names {
                Names::Shown => Names::Hidden,
                Names::Hidden => Names::Shown,
            }
        }
        Action::Accept => return Some(start(state)),
        _ => return None,
    }
    Some(vec![])
}

/// One more column of the selected preset.
fn add(state: &mut State) -> Vec<Effect> {
    if state.compare.chosen.len() == MOST {
        return refuse(state, format!("{MOST} columns are the most."));
    }
    if let Some(name) = selected(state) {
        state.compare.chosen.push(name);
    }
    ahead::ask(state)
}

/// One column less of the selected preset.
fn remove(state: &mut State) -> Vec<Effect> {
    let Some(name) = selected(state) else {
        return vec![];
    };
    let CompareState { chosen, .. } = &mut state.compare;
    if let Some(at) = chosen.iter().rposition(|column| *column == name) {
        chosen.remove(at);
    }
    ahead::ask(state)
}

fn start(state: &mut State) -> Vec<Effect> {
    let chosen = state.compare.chosen.clone();
    run::begin(state, chosen, None).unwrap_or_else(|why| refuse(state, why))
}

fn selected(state: &State) -> Option<String> {
    let offered = offered(state);
    offered
        .get(state.compare.selected)
        .map(|(name, _)| (*name).to_owned())
}
