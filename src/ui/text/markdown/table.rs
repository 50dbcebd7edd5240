//! Tables: columns as wide as their cells where there is room, wrapped where there is not.

use pulldown_cmark::Alignment;
use ratatui::style::Modifier;

use super::inline;
use super::line::{Line, Look, Styled};
use crate::markdown::formula::{self, Protected};
use crate::theme::Role;
use crate::ui::glyphs::Marks;
use crate::ui::text::fit;
use crate::ui::text::wrap::RowKind;

/// Columns below which a cell cannot be read.
const NARROWEST: usize = 4;

/// A table as its rows were written; the first is the header.
#[derive(Debug)]
pub struct Table<'a> {
    pub alignments: Vec<Alignment>,
    pub rows: Vec<&'a str>,
}

/// The columns of a table that is laid out.
#[derive(Clone, Debug)]
pub struct Columns {
    alignments: Vec<Alignment>,
    /// As wide as the cells so far ask for.
    natural: Vec<usize>,
    /// As wide as they are.
    widths: Vec<usize>,
    /// How wide they may be together.
    room: usize,
}

impl Table<'_> {
    /// Its lines at a width, and its columns; rows one below the other as they were written, and no
    /// columns, where those do not fit.
    pub fn lines(
        &self,
        width: usize,
        marks: &Marks,
        protected: &Protected<'_>,
    ) -> (Vec<Line>, Option<Columns>) {
        let rows = self.rows.iter().enumerate();
        let cells: Vec<Vec<Styled>> = rows
            .map(|(number, row)| {
                let look = match number {
                    0 => Look::of(Role::Heading).and(Modifier::BOLD),
                    _ => Look::of(Role::Assistant),
                };
                cells(row, look, protected)
            })
            .collect();
        let count = cells.iter().map(Vec::len).max().unwrap_or(0);
        let mut natural = vec![1; count];
        for row in &cells {
            widen(&mut natural, row);
        }
        let between = fit::width(marks.column) * count.saturating_sub(1);
        let room = width.saturating_sub(between);
        let Some(widths) = shares(&natural, room) else {
            return (self.as_written(width, protected), None);
        };
        let columns = Columns {
            alignments: self.alignments.clone(),
            natural,
            widths,
            room,
        };
        let mut lines = Vec::new();
        for (number, row) in cells.iter().enumerate() {
            columns.lay_out(row, marks, &mut lines);
            if number == 0 {
                lines.push(rule(&columns.widths, marks));
            }
        }
        (lines, Some(columns))
    }

    fn as_written(&self, width: usize, protected: &Protected<'_>) -> Vec<Line> {
        let mut lines = Vec::new();
        for row in &self.rows {
            let mut styled = Styled::default();
            styled.push(&protected.restored(row), Look::of(Role::Assistant));
            let narrow = u16::try_from(width).unwrap_or(u16::MAX);
            for row in styled.rows(narrow, RowKind::Prose) {
                let mut line = Line::default();
                line.push_styled(&styled, row.start as usize..row.end as usize);
                lines.push(line);
            }
        }
        lines
    }
}

impl Columns {
    /// Puts one more row below; false, and nothing is put there, when the columns would have other
    /// widths with it.
    pub fn add(&mut self, row: &str, marks: &Marks, lines: &mut Vec<Line>) -> bool {
        let cells = self.cells(row);
        let mut natural = self.natural.clone();
        widen(&mut natural, &cells);
        let fits = cells.len() <= natural.len()
            && shares(&natural, self.room).is_some_and(|widths| widths == self.widths);
        if fits {
            self.natural = natural;
            self.lay_out(&cells, marks, lines);
        }
        fits
    }

    /// Puts one more row below with the columns as they are: its cells wrap, and those beyond the last
    /// column stand in that one.
    pub fn add_within(&self, row: &str, marks: &Marks, lines: &mut Vec<Line>) {
        let mut cells = self.cells(row);
        let beyond = cells.split_off(cells.len().min(self.widths.len()));
        if let Some(last) = cells.last_mut() {
            for cell in beyond {
                last.append(" | ", Look::of(Role::Border), &cell);
            }
        }
        self.lay_out(&cells, marks, lines);
    }

    fn cells(&self, row: &str) -> Vec<Styled> {
        let protected = formula::protect(row);
        cells(&protected.text, Look::of(Role::Assistant), &protected)
    }

    fn lay_out(&self, row: &[Styled], marks: &Marks, lines: &mut Vec<Line>) {
        let narrow = |width: usize| u16::try_from(width).unwrap_or(u16::MAX);
        let wrapped: Vec<_> = row
            .iter()
            .zip(&self.widths)
            .map(|(cell, width)| cell.rows(narrow(*width), RowKind::Prose))
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for at in 0..height {
            let mut line = Line::default();
            for (column, width) in self.widths.iter().enumerate() {
                if column > 0 {
                    line.push(marks.column, Look::of(Role::Border));
                }
                let mut part = Line::default();
                if let (Some(cell), Some(rows)) = (row.get(column), wrapped.get(column))
                    && let Some(row) = rows.get(at)
                {
                    part.push_styled(cell, row.start as usize..row.end as usize);
                }
                let room = width.saturating_sub(part.width());
                let before = match self.alignments.get(column) {
                    Some(Alignment::Right) => room,
                    Some(Alignment::Center) => room / 2,
                    _ => 0,
                };
                let is_last = column + 1 == self.widths.len();
                line.push(&" ".repeat(before), Look::of(Role::Text));
                line.append(part);
                if !is_last {
                    line.push(&" ".repeat(room - before), Look::of(Role::Text));
                }
            }
            lines.push(line);
        }
    }
}

/// The cells of a row, with their looks.
fn cells(row: &str, look: Look, protected: &Protected<'_>) -> Vec<Styled> {
    split(row)
        .iter()
        .map(|cell| inline::cell(cell, look, protected))
        .collect()
}

fn widen(natural: &mut [usize], row: &[Styled]) {
    for (width, cell) in natural.iter_mut().zip(row) {
        *width = cell.width().max(*width);
    }
}

fn rule(widths: &[usize], marks: &Marks) -> Line {
    let mut line = Line::default();
    for (column, width) in widths.iter().enumerate() {
        if column > 0 {
            line.push(marks.crossing, Look::of(Role::Border));
        }
        line.push(&marks.rule.repeat(*width), Look::of(Role::Border));
    }
    line
}

/// The cells of a row. A bar in code or behind a backslash is part of its cell.
fn split(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut rest = row.chars().peekable();
    // Backticks pair up within one row or are ordinary characters.
    let mut ticks = row.matches('`').count() / 2 * 2;
    let mut in_code = false;
    while let Some(character) = rest.next() {
        let cell = match cells.last_mut() {
            Some(cell) => cell,
            None => break,
        };
        match character {
            '\\' if rest.peek() == Some(&'|') => {
                rest.next();
                cell.push('|');
            }
            '`' if ticks > 0 => {
                ticks -= 1;
                in_code = !in_code;
                cell.push('`');
            }
            '|' if !in_code => {
                // The bar at the end closes the row.
                if rest.peek().is_some() {
                    cells.push(String::new());
                }
            }
            _ => cell.push(character),
        }
    }
    for cell in &mut cells {
        *cell = cell.trim().to_owned();
    }
    cells
}

/// Widths of columns within so many columns: those that ask for less than a fair share get it, the
/// others share what is left. `None` when they could not be read.
fn shares(natural: &[usize], room: usize) -> Option<Vec<usize>> {
    if natural.iter().sum::<usize>() <= room {
        return Some(natural.to_vec());
    }
    let mut widths = vec![0; natural.len()];
    let mut order: Vec<_> = (0..natural.len()).collect();
    order.sort_by_key(|column| natural[*column]);
    let mut left = room;
    for (done, column) in order.iter().enumerate() {
        let share = left / (natural.len() - done);
        widths[*column] = natural[*column].min(share);
        left -= widths[*column];
    }
    let readable = |(width, natural): (&usize, &usize)| *width >= NARROWEST.min(*natural);
    widths.iter().zip(natural).all(readable).then_some(widths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_in_code_and_escaped_ones_stay_in_their_cell() {
        assert_eq!(split("| a | `b|c` | d\\|e |"), ["a", "`b|c`", "d|e"]);
        assert_eq!(split("a | b"), ["a", "b"]);
        assert_eq!(split("| lone ` tick | b |"), ["lone ` tick", "b"]);
        assert_eq!(split("| | x |"), ["", "x"]);
    }

    #[test]
    fn narrow_columns_keep_their_width() {
        assert_eq!(shares(&[3, 5], 20), Some(vec![3, 5]));
        assert_eq!(shares(&[3, 50, 40], 43), Some(vec![3, 20, 20]));
        assert_eq!(shares(&[30, 30, 30], 9), None);
    }
}
