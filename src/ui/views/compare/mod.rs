//! Presets side by side.

mod choose;
mod columns;
mod standing;

use ratatui::layout::Rect;

use crate::app::{Line, Purpose, ShownColumn, Stage, State};
use crate::theme::Role;
use crate::ui::painter::Painter;
use crate::ui::widgets::field;

/// Returns what was seen of the columns, where they are on the screen.
pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) -> Option<Vec<ShownColumn>> {
    let compare = &state.compare;
    let mut area = area;
    if let Some(line) = &compare.line {
        let rows = 2.min(area.height);
        area.height -= rows;
        typed(
            painter,
            Rect::new(area.x, area.bottom(), area.width, rows),
            line,
        );
    }
    match (compare.stage, &compare.run) {
        (Stage::Reading, Some(run)) => return Some(columns::draw(painter, area, run)),
        (Stage::Standing, _) => standing::draw(painter, area, state),
        (Stage::Choosing | Stage::Reading, _) => choose::draw(painter, area, state),
    }
    None
}

/// The line that is typed, and what is wrong with it or what it is for.
fn typed(painter: &mut Painter<'_>, area: Rect, line: &Line) {
    let (label, help) = match line.purpose {
        Purpose::Columns => (
            "columns ",
            r#"presets, commas between; changes after colons: creative:temp=1:system="Be brief""#,
        ),
        Purpose::Add => (
            "one more column ",
            "a preset, and changes after colons: creative:temp=1.4",
        ),
        Purpose::Vary(_) => (
            "again with ",
            r#"change it: creative:temp=1.4:system="Be brief, and kind""#,
        ),
        Purpose::SavePreset(_) => (
            "save as preset ",
            "a name; the settings of this column become a file",
        ),
        Purpose::Export => (
            "write to ",
            "a new file; .json is written as JSON, others as Markdown",
        ),
    };
    let x = painter.text(area.x, area.y, area.right(), label, Role::Accent);
    let field = Rect::new(x, area.y, area.right().saturating_sub(x), 1);
    field::draw(painter, field, &line.edit.text, Some(line.edit.cursor));
    let (below, role) = match &line.error {
        Some(why) => (why.as_str(), Role::Error),
        None => (help, Role::Muted),
    };
    painter.text(area.x, area.y + 1, area.right(), below, role);
}
