//! The text of a reply with one token marked, and shaded by probability where that is wanted.

use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation;

use crate::app::{Shade, Walk};
use crate::engine::trace::Trace;
use crate::theme::Role;
use crate::ui::painter::{Painter, part};
use crate::ui::text::{spans::Spans, wrap::Wrapped};

/// Draws the rows around the token that the walk stands on.
pub(super) fn draw(painter: &mut Painter<'_>, area: Rect, walk: &Walk, trace: &Trace) {
    let spans = Spans::of(trace);
    let wrapped = Wrapped::new(&spans.text, area.width);
    let rows = wrapped.rows();
    let marked = spans.seen(walk.token);
    let mut starts = rows.iter().map(|row| row.start as usize);
    let at = starts.rposition(|start| start <= marked.start).unwrap_or(0);
    let height = usize::from(area.height);
    let top = at
        .saturating_sub(height / 2)
        .min(rows.len().saturating_sub(height));
    for ((index, row), y) in rows.iter().enumerate().skip(top).zip(area.y..area.bottom()) {
        let (mut x, mut end) = (area.x, row.start as usize);
        let mark = |painter: &mut Painter<'_>, x: u16, width: u16| {
            let cells = Rect {
                x,
                y,
                width,
                height: 1,
            };
            painter.tint(cells.intersection(area), Role::Selection);
        };
        // By characters and not by tokens: of several that make one, each alone looks like another.
        for piece in row.text(&spans.text).graphemes(true) {
            let (start, from) = (end, x);
            end += piece.len();
            let role = match walk.shade {
                Shade::On => role_of(&spans, trace, end),
                Shade::Off => Role::Text,
            };
            x = painter.text(x, y, area.right(), piece, role);
            if start < marked.end && marked.start < end {
                mark(painter, from, x - from);
            }
        }
        // What breaks the line is seen behind it.
        if index == at && !marked.is_empty() && marked.start >= end {
            mark(painter, x, 1);
        }
    }
}

/// Says what the shades mean.
pub(super) fn draw_shades(painter: &mut Painter<'_>, x: u16, y: u16, right: u16) {
    let shades = [
        ("over 80 %", 1.0),
        ("40 to 80 %", 0.5),
        ("10 to 40 %", 0.2),
        ("under 10 %", 0.0),
    ];
    let shades = shades.map(|(text, p)| vec![part(text, shade(p))]);
    painter.facts(x, y, right, &shades);
}

/// The shade of the character that ends there.
fn role_of(spans: &Spans, trace: &Trace, end: usize) -> Role {
    let token = spans.before(end).and_then(|at| trace.tokens.get(at));
    token.map_or(Role::Text, |token| shade(token.p()))
}

/// How likely the model thought a token, as a role: from good to an error.
fn shade(p: f32) -> Role {
    match p {
        0.8.. => Role::Good,
        0.4.. => Role::Text,
        0.1.. => Role::Warning,
        _ => Role::Error,
    }
}
