//! What can stand in the place of the panes: one file a view.

mod bench;
pub(in crate::ui) mod models;

use ratatui::layout::Rect;

use super::painter::Painter;
use crate::app::{State, View};

/// Draws the view that is shown; the deck of panes is drawn elsewhere.
pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    match state.view {
        View::Deck => {}
        View::Bench => bench::draw(painter, area, state),
        View::Models => models::draw(painter, area, state),
    }
}
