//! Fenced code: a line above with its language, the code, a line below. Its colours come when it is shown.

use std::ops::Range;

use super::highlight::Highlighter;
use super::line::{CodeLine, Line, Look, Styled};
use crate::theme::Role;
use crate::ui::glyphs::Marks;
use crate::ui::text::wrap::RowKind;
use crate::ui::text::{fit, sanitise};

/// Lines above those in view from which colours are made out: a comment that begins further up is
/// not recognised.
const LEAD: usize = 100;
/// More lines than this are not coloured on the way to those in view.
const GAP: usize = 400;

/// A fenced code block among the lines of a text.
#[derive(Debug)]
pub struct Code {
    language: String,
    /// The line above the code, and the one after all of it.
    pub top: usize,
    pub end: usize,
    colours: Colours,
}

#[derive(Debug)]
enum Colours {
    /// None have been given yet.
    Awaited,
    /// These lines have them.
    Given(Box<Highlighter>, Range<usize>),
    /// There is no grammar for the language.
    Never,
}

impl Code {
    pub fn new(language: String, top: usize, end: usize) -> Self {
        Self {
            language,
            top,
            end,
            colours: Colours::Awaited,
        }
    }

    /// Gives the code in view its colours.
    pub fn highlight(&mut self, lines: &mut [Line], view: Range<usize>) {
        let view = view.start.max(self.top + 1)..view.end.min(self.end);
        let is_far = match &self.colours {
            Colours::Never => return,
            Colours::Awaited => true,
            Colours::Given(_, given) => {
                view.start < given.start || view.end > given.end.saturating_add(GAP)
            }
        };
        if is_far {
            let from = view.start.saturating_sub(LEAD).max(self.top + 1);
            self.colours = match Highlighter::new(&self.language) {
                Some(highlighter) => Colours::Given(Box::new(highlighter), from..from),
                None => Colours::Never,
            };
        }
        let Colours::Given(highlighter, given) = &mut self.colours else {
            return;
        };
        while given.end < view.end {
            let continues = |line: &&Line| line.code.is_some_and(|code: CodeLine| code.continues);
            let rest = lines.get(given.end..self.end).unwrap_or_default();
            let rows = 1 + rest.iter().skip(1).take_while(continues).count();
            let rows = given.end..given.end + rows;
            paint(highlighter, lines.get_mut(rows.clone()).unwrap_or_default());
            given.end = rows.end;
        }
    }
}

/// Highlights one line of code, which may take several rows.
fn paint(highlighter: &mut Highlighter, rows: &mut [Line]) {
    let body = |row: &Line| row.code.map(|code| code.body as usize);
    if !rows.iter().all(|row| row.code.is_some()) {
        return;
    }
    let code: String = rows
        .iter()
        .filter_map(|row| row.text.get(body(row)?..))
        .collect();
    let looks = highlighter.line(&code);
    let mut start = 0;
    for row in rows {
        let body = body(row).unwrap_or_default();
        let end = start + row.text.len() - body;
        let own = looks
            .iter()
            .filter(|(at, _)| *at > start)
            .map(|(at, role)| (at.min(&end) - start, *role));
        row.repaint(body, own);
        start = end;
    }
}

/// How code looks before it has colours: like ordinary text where it will get some.
pub fn base(language: &str) -> Look {
    Look::of(if language.is_empty() {
        Role::Code
    } else {
        Role::Text
    })
}

/// The line above a code block.
pub fn opening(language: &str, width: usize, marks: &Marks) -> Line {
    let mut line = Line::default();
    let language = sanitise::sanitise(language);
    let named = fit::head(&language, width.saturating_sub(6), "");
    if !named.is_empty() {
        line.push(&marks.rule.repeat(2), Look::of(Role::Border));
        line.push(&format!(" {named} "), Look::of(Role::Muted));
    }
    let room = width.saturating_sub(line.width());
    line.push(&marks.rule.repeat(room), Look::of(Role::Border));
    line
}

/// The line below a code block.
pub fn closing(width: usize, marks: &Marks) -> Line {
    let mut line = Line::default();
    line.push(&marks.rule.repeat(width), Look::of(Role::Border));
    line
}

/// Puts a line of code below the lines that are there, wrapped between graphemes.
pub fn push_line(
    source: &str,
    prefix: Line,
    room: usize,
    block: u32,
    look: Look,
    lines: &mut Vec<Line>,
) {
    let mut styled = Styled::default();
    styled.push(source.trim_end_matches('\r'), look);
    let room = u16::try_from(room.max(1)).unwrap_or(u16::MAX);
    let body = u32::try_from(prefix.text.len()).unwrap_or(u32::MAX);
    for (number, row) in styled.rows(room, RowKind::Code).into_iter().enumerate() {
        let mut line = prefix.clone();
        line.push_styled(&styled, row.start as usize..row.end as usize);
        line.code = Some(CodeLine {
            block,
            body,
            continues: number > 0,
        });
        lines.push(line);
    }
}
