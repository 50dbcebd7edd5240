//! What the votes show.
//!
//! ```text
//! ╭ Votes 23 ───────────────────────────────────────────────────────────────╮
//! │ preset           model        votes won tied score 95 %          to the next │
//! │ creative         guide        23    14  2    +88   +20 to +161   about 9 more│
//! │ Nothing is shown yet: these votes could have come about by chance.       │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::State;
use crate::compare::Row;
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, part};

/// Where the cells begin.
const CELLS: [u16; 8] = [0, 17, 30, 36, 40, 45, 51, 65];
const HEADS: [&str; 8] = [
    "preset",
    "model",
    "votes",
    "won",
    "tied",
    "score",
    "95 %",
    "to the next",
];

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let standing = state.compare.standing.as_deref();
    let mut title = vec![part("Votes", Role::Accent)];
    if let Some(standing) = standing {
        title.push(part(format!(" {}", standing.ballots), Role::Muted));
    }
    let inner = painter.pane(area, &title, frame, Focused::Yes);
    let mut y = inner.y;
    let mut line = |painter: &mut Painter<'_>, text: &str, role| {
        painter.text(inner.x, y, inner.right(), text, role);
        y += 1;
    };
    let Some(standing) = standing else {
        return line(painter, "reading the votes", Role::Muted);
    };
    if standing.groups.is_empty() {
        return line(
            painter,
            "Nobody has voted yet: hide the names of a comparison, and vote for the best answer.",
            Role::Muted,
        );
    }
    let verdict = if standing.shows_anything() {
        "Some are told apart; the others could have come about by chance."
    } else {
        "Nothing is shown yet: these votes could have come about by chance."
    };
    line(painter, verdict, Role::Text);
    let explained = "score: Bradley-Terry, 400 points are ten times the odds; 95 %: bootstrap";
    line(painter, explained, Role::Muted);
    if standing.groups.len() > 1 {
        let apart = "Blocks never met, nor by way of others: scores count within one only.";
        line(painter, apart, Role::Muted);
    }
    cells(painter, inner, y, &HEADS.map(str::to_owned), Role::Muted);
    for group in &standing.groups {
        for row in &group.rows {
            y += 1;
            cells(painter, inner, y, &of(row), Role::Text);
        }
        // An empty line between two.
        y += 1;
    }
}

fn of(row: &Row) -> [String; 8] {
    [
        row.contender.preset.clone(),
        row.contender.model.clone(),
        row.ballots.to_string(),
        row.wins.to_string(),
        row.ties.to_string(),
        format!("{:+.0}", row.score),
        row.interval.map_or_else(String::new, |(low, high)| {
            format!("{low:+.0} to {high:+.0}")
        }),
        row.next.map_or_else(String::new, |gap| gap.to_string()),
    ]
}

fn cells(painter: &mut Painter<'_>, inner: Rect, y: u16, cells: &[String; 8], role: Role) {
    if y >= inner.bottom() {
        return;
    }
    for (at, cell) in cells.iter().enumerate() {
        let x = inner.x + CELLS[at];
        let next = CELLS
            .get(at + 1)
            .map_or(inner.right(), |next| inner.x + next - 1);
        painter.text(x, y, next.min(inner.right()), cell, role);
    }
}
