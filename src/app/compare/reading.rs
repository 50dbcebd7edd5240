//! What can be done while columns are read: with one of them, and with all.

use super::run::{Place, Scrolling, again, remove, stop, stop_all};
use super::{Names, Purpose, answering, choose, open_line, outcome, refuse};
use crate::app::{Action, Effect, State};
use crate::compare::{FEWEST, MOST};

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
        Action::Toggle if run.names == Names::Hidden => run.press_digit(focus + 1),
        // A column that is added has the last place, which would tell which one it is.
        Action::ColumnAdd
        | Action::ColumnRemove
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
        Action::ColumnRemove if run.answers.len() == FEWEST => {
            return Some(refuse(state, format!("{FEWEST} columns are the fewest.")));
        }
        Action::ColumnRemove => return Some(remove(state, focus)),
        // What was read with its names cannot be voted on any more.
        Action::CompareBlind => {
            state.compare.names = Names::Hidden;
            return Some(choose::enter(state));
        }
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
