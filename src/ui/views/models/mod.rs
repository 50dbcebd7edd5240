//! The models on this machine: the list, or everything about one of them.

mod details;
mod list;

use ratatui::layout::Rect;

use crate::app::{State, Subset};
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, part};

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let focused = match state.overlay {
        None => Focused::Yes,
        Some(_) => Focused::No,
    };
    let library = &state.library;
    let shown = library.list.rows.len();
    let all = library.models().len() + library.named.len();
    let only = match library.list.subset {
        Subset::All => "",
        Subset::Fitting => ", only what fits",
    };
    let order = library.list.order.name();
    let title = [
        part("Models", Role::Accent),
        part(format!(" {shown} of {all}, by {order}{only}"), Role::Muted),
    ];
    let inner = painter.pane(area, &title, frame, focused);
    match &library.details {
        Some(details) => details::draw(painter, inner, state, details),
        None => list::draw(painter, inner, state),
    }
}
