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

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::style::Modifier;

    use super::*;
    use crate::engine::RequestId;
    use crate::engine::trace::TokenTrace;
    use crate::theme::Theme;

    /// The columns and rows that are marked while the walk stands on a token of these.
    fn marked(pieces: &[&[u8]], token: usize) -> Vec<(u16, u16)> {
        let trace = Trace {
            tokens: (0..pieces.len() as i32)
                .map(|token| TokenTrace {
                    token,
                    ..TokenTrace::default()
                })
                .collect(),
            pieces: (0..)
                .zip(pieces.iter().map(|piece| (*piece).into()))
                .collect(),
        };
        let walk = Walk {
            reply: RequestId(1),
            token,
            candidate: 0,
            shade: Shade::Off,
        };
        let area = Rect::new(0, 0, 10, 4);
        let mut buffer = Buffer::empty(area);
        let mono = include_str!("../../../../themes/mono.toml");
        let theme = Theme::parse(mono, "mono").unwrap();
        draw(&mut Painter::new(&mut buffer, &theme), area, &walk, &trace);
        let is_marked = |at: &(u16, u16)| buffer[*at].modifier.contains(Modifier::REVERSED);
        let cells = area.positions().map(|at| (at.x, at.y));
        cells.filter(is_marked).collect()
    }

    #[test]
    fn a_token_is_marked_also_where_it_cannot_be_seen_by_itself() {
        let wide = "\u{65e5}".as_bytes();
        let pieces: [&[u8]; 7] = [
            b"ab",
            b"\n",
            &wide[..2],
            &wide[2..],
            b"e",
            "\u{301}".as_bytes(),
            b"",
        ];
        for (token, cells) in [
            (0, &[(0, 0), (1, 0)][..]),
            // A line break stands behind its line.
            (1, &[(2, 0)]),
            // Both halves are the one character.
            (2, &[(0, 1), (1, 1)]),
            (3, &[(0, 1), (1, 1)]),
            // So are a letter and its accent.
            (4, &[(2, 1)]),
            (5, &[(2, 1)]),
            (6, &[]),
        ] {
            assert_eq!(marked(&pieces, token), cells, "token {token}");
        }
    }
}
