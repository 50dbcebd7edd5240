//! Drawing: one function from the state to the screen.
//!
//! `ui` reads the state and changes nothing; what it keeps between frames is where the transcript's
//! lines are ([`TranscriptCache`]). What a frame could show of texts goes back to the state
//! as an event, so that scrolling goes on from there.

mod completion;
mod glyphs;
mod header;
mod layout;
mod overlays;
mod painter;
mod panes;
mod status;
mod strip;
pub mod text;
mod transcript;
mod views;
mod widgets;

pub use layout::SMALLEST;
pub use transcript::{Page, TranscriptCache};

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::{Event, State, View};
use crate::theme::{Role, Theme};
use layout::{Size, Wishes, arrange};
use painter::{Painter, part};

/// Draws a frame; returns what it could show of what can be scrolled, where the state has to know that.
pub fn draw(
    frame: &mut Frame<'_>,
    state: &State,
    theme: &Theme,
    cache: &mut TranscriptCache,
) -> Option<Event> {
    let screen = frame.area();
    let painter = &mut Painter::new(frame.buffer_mut(), theme);
    painter.tint(screen, Role::Text);
    if Size::of(screen) == Size::TooSmall {
        too_small(painter, screen);
        return None;
    }
    if state.view != View::Deck {
        let (header, body, status) = layout::whole(screen);
        header::draw(painter, header, state);
        let shown = views::draw(painter, body, state);
        status::draw(painter, status, state);
        overlays::draw(painter, screen, state);
        harmless(painter, screen);
        return shown;
    }
    let wishes = Wishes {
        focus: state.focus,
        side: state.side,
        gauge_rows: panes::gauges::rows_needed(state),
    };
    let areas = arrange(screen, &wishes, |width| panes::composer::rows(state, width));
    let edge = Size::of(screen).frame();
    header::draw(painter, areas.header, state);
    status::draw(painter, areas.status, state);
    if let Some(area) = areas.strip {
        strip::draw(painter, area, state);
    }
    if let Some(area) = areas.speed {
        panes::speed::draw(painter, area, edge, state);
    }
    if let Some(area) = areas.gauges {
        panes::gauges::draw(painter, area, edge, state);
    }
    if let Some(area) = areas.parameters {
        panes::params::draw(painter, area, edge, state);
    }
    if let Some(area) = areas.log {
        panes::log::draw(painter, area, edge, state);
    }
    let shown = areas
        .chat
        .map(|area| panes::chat::draw(painter, area, edge, state, cache));
    let cursor = areas
        .composer
        .and_then(|area| panes::composer::draw(painter, area, edge, state));
    if let Some(area) = areas.composer {
        completion::draw(painter, area, state);
    }
    overlays::draw(painter, screen, state);
    harmless(painter, screen);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    shown.map(Event::Viewport)
}

fn too_small(painter: &mut Painter<'_>, screen: Rect) {
    let (width, height) = SMALLEST;
    let text = format!(
        "llmdeck needs {width}x{height}, this is {}x{}",
        screen.width, screen.height
    );
    let x = screen.x + screen.width.saturating_sub(text.len() as u16) / 2;
    painter.parts(
        x,
        screen.y + screen.height / 2,
        screen.right(),
        &[part(text, Role::Warning)],
    );
}

/// The last gate before the terminal, behind every pane's own care: no cell keeps a character that steers it.
fn harmless(painter: &mut Painter<'_>, screen: Rect) {
    for position in screen.positions() {
        let Some(cell) = painter.buffer.cell_mut(position) else {
            continue;
        };
        let symbol = cell.symbol();
        if symbol.len() > 1 && symbol.chars().any(text::sanitise::is_unsafe) {
            let clean = text::sanitise::sanitise(symbol).into_owned();
            cell.set_symbol(if clean.is_empty() { " " } else { &clean });
        }
    }
}
