//! What the votes show.

use super::{Stage, enter as leave};
use crate::app::{Action, Effect, State};
use crate::store::Command;

/// Contenders that a page is.
const PAGE: usize = 8;

/// Asks for the votes and shows them.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let compare = &mut state.compare;
    compare.stage = Stage::Standing;
    compare.standing = None;
    compare.selected_row = 0;
    vec![Effect::Store(Command::Stand)]
}

pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let compare = &mut state.compare;
    let standing = compare.standing.as_ref();
    let last = standing.map_or(0, |standing| standing.rows().count().saturating_sub(1));
    let row = compare.selected_row;
    compare.selected_row = match action {
        Action::Up => row.saturating_sub(1),
        Action::Down => (row + 1).min(last),
        Action::PageUp | Action::HalfPageUp => row.saturating_sub(PAGE),
        Action::PageDown | Action::HalfPageDown => (row + PAGE).min(last),
        Action::Top => 0,
        Action::Bottom => last,
        Action::Cancel => return Some(leave(state)),
        _ => return None,
    };
    Some(vec![])
}
