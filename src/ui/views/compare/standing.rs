//! What the votes show.
//!
//! ```text
//! ╭ Votes 23 ───────────────────────────────────────────────────────────────╮
//! │ preset           model        votes won tied score 95 %          to the next │
//! │ creative         guide        23    14  2    +88   +20 to +161   about 9 more│
//! │ mine… 3fa2b1     guide        23    9   2    -88   -161 to -20               │
//! │                                                                          │
//! │ guide 9c01d27e · 3fa2b1c4 mine:temp=1.4:system=Be brief                  │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```
//! Two that would look the same have a part of their hash beside their name; the last line has the
//! whole name of the selected one.

use ratatui::layout::Rect;

use crate::app::State;
use crate::compare::{Contender, Row, Standing};
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, part};
use crate::ui::text::{fit, sanitise};

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
/// The cells after the names, with a space behind each.
const FIGURES: [u16; 6] = [6, 4, 5, 6, 14, 16];
/// The least that a preset's and a model's name have.
const PRESET: usize = 16;
const MODEL: usize = 12;
/// Digits of a hash beside a name, and in the line of the selected one.
const SHORT: usize = 6;
const LONGER: usize = 8;

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
    let below = Rect {
        y,
        height: inner.bottom().saturating_sub(y),
        ..inner
    };
    table(painter, below, standing, state.compare.selected_row);
}

/// The rows of all groups, an empty line between two groups, and the selected one in full below.
fn table(painter: &mut Painter<'_>, area: Rect, standing: &Standing, selected: usize) {
    let contenders: Vec<&Contender> = standing.rows().map(|row| &row.contender).collect();
    let names = Names::within(area.width, &contenders, painter.glyphs.ellipsis);
    cells(painter, area, area.y, names.widths(), &HEADS, Role::Muted);
    let full = Rect {
        y: area.bottom().saturating_sub(1),
        height: 1,
        ..area
    };
    let mut lines: Vec<Option<(usize, &Row)>> = Vec::new();
    for group in &standing.groups {
        if !lines.is_empty() {
            lines.push(None);
        }
        let before = lines.iter().flatten().count();
        lines.extend((before..).zip(&group.rows).map(Some));
    }
    let rows = area.y + 1..full.y.saturating_sub(1);
    // The selected one stays in view.
    let is_selected = |line: &Option<(usize, &Row)>| line.is_some_and(|(at, _)| at == selected);
    let place = lines.iter().position(is_selected).unwrap_or(0);
    let first = (place + 1).saturating_sub(rows.len());
    for (y, line) in rows.zip(lines.iter().skip(first)) {
        let Some((at, row)) = line else {
            continue;
        };
        let figures = figures(row);
        let mut all = [""; 8];
        all[0] = names.presets.name(*at);
        all[1] = names.models.name(*at);
        for (cell, figure) in all[2..].iter_mut().zip(&figures) {
            *cell = figure;
        }
        cells(painter, area, y, names.widths(), &all, Role::Text);
        if *at == selected {
            painter.select(area, y);
        }
    }
    if let Some(one) = contenders.get(selected) {
        let hashes = [&one.model_hash, &one.preset_hash].map(|hash| short(hash, LONGER));
        let [of_model, of_preset] = hashes;
        let dot = painter.glyphs.dot;
        // What may be cut stands last.
        let text = format!("{} {of_model} {dot} {of_preset} {}", one.model, one.preset);
        painter.text(full.x, full.y, full.right(), &text, Role::Muted);
    }
}

fn figures(row: &Row) -> [String; 6] {
    [
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

/// The names as they are shown.
struct Names {
    presets: Column,
    models: Column,
}

struct Column {
    width: usize,
    shown: Vec<String>,
}

impl Names {
    /// What the figures leave is for the names, the presets' first.
    fn within(columns: u16, contenders: &[&Contender], ellipsis: &str) -> Self {
        let figures: u16 = FIGURES.iter().sum();
        // A space behind both names, and none behind the last figure.
        let room = usize::from((columns + 1).saturating_sub(figures + 2));
        let presets = contenders
            .iter()
            .map(|one| (&*one.preset, &*one.preset_hash));
        let presets = Column::of(
            presets.collect(),
            PRESET,
            room.saturating_sub(MODEL),
            ellipsis,
        );
        let models = contenders.iter().map(|one| (&*one.model, &*one.model_hash));
        let left = room.saturating_sub(presets.width);
        let models = Column::of(models.collect(), MODEL, left, ellipsis);
        Self { presets, models }
    }

    /// Cells with a space behind each.
    fn widths(&self) -> [usize; 2] {
        [self.presets.width + 1, self.models.width + 1]
    }
}

impl Column {
    fn name(&self, at: usize) -> &str {
        self.shown.get(at).map_or("", String::as_str)
    }

    /// As wide as the longest name asks for, between `least` and `most`.
    fn of(named: Vec<(&str, &str)>, least: usize, most: usize, ellipsis: &str) -> Self {
        let names: Vec<String> = named
            .iter()
            .map(|(name, _)| sanitise::sanitise(name).replace('\n', " "))
            .collect();
        let longest = names.iter().map(|name| fit::width(name)).max().unwrap_or(0);
        let with_hash = longest + 1 + SHORT;
        let width = with_hash.clamp(least, most.max(least));
        let plain = names.iter().map(|name| fit::head(name, width, ellipsis));
        let plain: Vec<_> = plain.collect();
        let looks_like_another = |at: usize| {
            (0..named.len()).any(|other| named[other].1 != named[at].1 && plain[other] == plain[at])
        };
        let shown = (0..named.len()).map(|at| match looks_like_another(at) {
            true => {
                let name = fit::head(&names[at], width.saturating_sub(SHORT + 1), ellipsis);
                format!("{name} {}", short(named[at].1, SHORT))
            }
            false => plain[at].to_string(),
        });
        Self {
            width,
            shown: shown.collect(),
        }
    }
}

fn short(hash: &str, digits: usize) -> String {
    hash.chars().take(digits).collect()
}

fn cells(
    painter: &mut Painter<'_>,
    area: Rect,
    y: u16,
    names: [usize; 2],
    cells: &[&str; 8],
    role: Role,
) {
    let names = names.map(|width| u16::try_from(width).unwrap_or(u16::MAX));
    let mut x = area.x;
    for (cell, width) in cells.iter().zip(names.into_iter().chain(FIGURES)) {
        let next = x.saturating_add(width);
        if y < area.bottom() {
            painter.text(x, y, next.saturating_sub(1).min(area.right()), cell, role);
        }
        x = next;
    }
}
