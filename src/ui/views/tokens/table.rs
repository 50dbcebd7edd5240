//! The candidates of a token, and what each stage of the chain made of them.
//!
//! ```text
//!   candidate        model   top_k   min_p    temp
//! ✓ " at"           62.1 %  62.9 %  64.0 %  70.2 %
//! ▸ " in"           10.2 %  10.3 %  10.5 %   8.1 %
//!   " holds"         0.4 %   0.4 % removed       —
//!   candidates kept             40      12      12
//!   mass kept               98.7 %  97.1 %  97.1 %
//! ```

use ratatui::layout::Rect;

use super::{percent, quoted};
use crate::app::Walk;
use crate::engine::trace::{CandidateTrace, StageTrace, TokenTrace, Trace};
use crate::theme::Role;
use crate::ui::painter::{Painter, part};
use crate::ui::text::units;

/// Columns of the mark before a candidate, and of its text with the mark.
const MARK: u16 = 2;
const NAME: u16 = 22;
/// Columns that a probability needs, and those between two stages.
const CELL: u16 = 8;
const GAP: u16 = 2;
/// Columns of a candidate's text.
const TEXT: usize = (NAME - MARK - 1) as usize;

/// A cell with its role.
type Cell = (String, Role);

/// Where the columns end.
struct Columns {
    /// The first stage shown.
    first: usize,
    /// The column after the model's probability, and after each stage shown.
    model: u16,
    stages: Vec<u16>,
}

impl Columns {
    /// As many stages as fit; the last ones say most, because they are what is drawn from.
    fn of(stages: &[StageTrace], area: Rect) -> Self {
        let width = |stage: &StageTrace| {
            let name = u16::try_from(stage.stage.name().len()).unwrap_or(u16::MAX);
            name.max(CELL) + GAP
        };
        let mut room = area.width.saturating_sub(NAME + CELL);
        let fits = |stage: &&StageTrace| {
            let left = room.checked_sub(width(stage));
            room = left.unwrap_or(room);
            left.is_some()
        };
        let first = stages.len() - stages.iter().rev().take_while(fits).count();
        let model = area.x + NAME + CELL;
        let ends = stages[first..].iter().scan(model, |end, stage| {
            *end += width(stage);
            Some(*end)
        });
        Self {
            first,
            model,
            stages: ends.collect(),
        }
    }

    fn heading(&self) -> String {
        match self.first {
            0 => "candidate".to_owned(),
            1 => "1 stage hidden".to_owned(),
            hidden => format!("{hidden} stages hidden"),
        }
    }

    /// A row after its mark: its name, the model's cell, and those of the stages shown.
    fn row(
        &self,
        painter: &mut Painter<'_>,
        at: (u16, u16),
        [name, model]: [Cell; 2],
        cells: &[Cell],
    ) {
        let (x, y) = at;
        painter.text(x + MARK, y, x + NAME, &name.0, name.1);
        painter.text_right(x + NAME, y, self.model, &[part(model.0, model.1)]);
        let mut left = self.model;
        for (end, (text, role)) in self.stages.iter().zip(cells) {
            painter.text_right(left, y, *end, &[part(text.as_str(), *role)]);
            left = *end;
        }
    }
}

/// Draws the table around the candidate that the walk stands on; nothing where there is no room for
/// one row.
pub(super) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    walk: &Walk,
    trace: &Trace,
    token: &TokenTrace,
) {
    if area.height < 4 {
        return;
    }
    let columns = Columns::of(&token.stages, area);
    let stages = &token.stages[columns.first..];
    let muted = |text: String| (text, Role::Muted);
    let names: Vec<Cell> = stages
        .iter()
        .map(|stage| muted(stage.stage.name().to_owned()))
        .collect();
    let heading = [muted(columns.heading()), muted("model".to_owned())];
    columns.row(painter, (area.x, area.y), heading, &names);
    let height = usize::from(area.height - 3);
    let top = (walk.candidate + 1).saturating_sub(height);
    // That there are more, above and below.
    for (is_there, glyph, y) in [
        (top > 0, painter.glyphs.up, area.y),
        (
            top + height < token.candidates.len(),
            painter.glyphs.down,
            area.bottom() - 2,
        ),
    ] {
        if is_there {
            painter.text(area.x, y, area.x + MARK, glyph, Role::Key);
        }
    }
    let shown = token.candidates.iter().enumerate().skip(top).take(height);
    for ((index, candidate), y) in shown.zip(area.y + 1..) {
        let is_chosen = candidate.token == token.token;
        let mark = match (index == walk.candidate, is_chosen) {
            (true, _) => painter.glyphs.selected,
            (false, true) => painter.glyphs.done,
            (false, false) => "",
        };
        painter.text(area.x, y, area.x + MARK, mark, Role::Key);
        let role = if is_chosen { Role::Accent } else { Role::Text };
        let name = (quoted(trace, candidate.token, TEXT), role);
        let model = (percent(candidate.p), Role::Text);
        let after = after(painter, candidate, token, columns.first);
        columns.row(painter, (area.x, y), [name, model], &after);
        if index == walk.candidate {
            painter.select(area, y);
        }
    }
    let kept: Vec<Cell> = stages
        .iter()
        .map(|stage| muted(units::count(stage.kept.into())))
        .collect();
    let mass: Vec<Cell> = stages
        .iter()
        .map(|stage| muted(percent(stage.mass)))
        .collect();
    for (name, cells, y) in [
        ("candidates kept", kept, area.bottom() - 2),
        ("mass kept", mass, area.bottom() - 1),
    ] {
        let start = [muted(name.to_owned()), muted(String::new())];
        columns.row(painter, (area.x, y), start, &cells);
    }
}

/// What each stage from the first one shown on made of a candidate.
fn after(
    painter: &Painter<'_>,
    candidate: &CandidateTrace,
    token: &TokenTrace,
    first: usize,
) -> Vec<Cell> {
    let mut before = match first.checked_sub(1) {
        None => Some(candidate.p),
        Some(at) => candidate.after.get(at).copied(),
    };
    let stages = first..token.stages.len();
    let cells = stages.map(|at| {
        let now = candidate.after.get(at).copied();
        let cell = match (before, now) {
            (Some(before), Some(now)) if now > before * 1.001 => (percent(now), Role::Good),
            (Some(before), Some(now)) if now < before * 0.999 => (percent(now), Role::Warning),
            (_, Some(now)) => (percent(now), Role::Text),
            (Some(_), None) => ("removed".to_owned(), Role::Error),
            (None, None) => (painter.glyphs.missing.to_owned(), Role::Muted),
        };
        before = now;
        cell
    });
    cells.collect()
}
