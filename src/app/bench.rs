//! The view of measurements.

use super::{Action, Effect, State};
use crate::bench::Record;

/// What the view shows.
#[derive(Debug, Default)]
pub struct BenchState {
    /// Every result kept, oldest first, or why it could not be read; `None` until it was.
    pub history: Option<Result<Vec<Record>, String>>,
    /// Rows scrolled down from the newest.
    pub scroll: usize,
}

/// The effects of showing the view.
pub(super) fn enter(_: &mut State) -> Vec<Effect> {
    vec![Effect::ReadMeasurements]
}

/// The results kept were read.
pub(super) fn on_history(state: &mut State, history: Result<Vec<Record>, String>) -> Vec<Effect> {
    state.bench.history = Some(history);
    vec![]
}

/// What the view makes of an action.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = usize::from(state.size.1 / 2);
    let bench = &mut state.bench;
    let rows = match &bench.history {
        Some(Ok(records)) => records.len(),
        _ => 0,
    };
    let last = rows.saturating_sub(1);
    bench.scroll = match action {
        Action::Up => bench.scroll.saturating_sub(1),
        Action::Down => (bench.scroll + 1).min(last),
        Action::PageUp | Action::HalfPageUp => bench.scroll.saturating_sub(page),
        Action::PageDown | Action::HalfPageDown => (bench.scroll + page).min(last),
        Action::Top => 0,
        Action::Bottom => last,
        _ => return None,
    };
    Some(vec![])
}
