//! What can stand in the place of the panes: one file a view.

mod bench;
mod compare;
mod context;
mod downloads;
mod metrics;
mod models;
mod prompt;
mod tokens;

use ratatui::layout::Rect;

use super::painter::Painter;
use crate::app::{Event, State, View};

/// Draws the view that is shown; the deck of panes is drawn elsewhere. Returns what was seen, where
/// the state has to know that.
pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) -> Option<Event> {
    match state.view {
        View::Deck => {}
        View::Prompt => prompt::draw(painter, area, state),
        View::Context => context::draw(painter, area, state),
        View::Metrics => metrics::draw(painter, area, state),
        View::Bench => bench::draw(painter, area, state),
        View::Downloads => downloads::draw(painter, area, state),
        View::Tokens => tokens::draw(painter, area, state),
        View::Compare => return compare::draw(painter, area, state).map(Event::Columns),
        View::Models => models::draw(painter, area, state),
    }
    None
}
