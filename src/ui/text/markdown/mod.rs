//! Markdown laid out as lines of the screen, while it grows.
//!
//! What a text looks like depends on the text alone, never on the pieces in which it came. Blocks that
//! are finished are laid out once; of the open one finished lines only, so that nothing flickers, and
//! the line being written stands below by itself: with its emphasis while it is short, as it is when
//! it is long. So one more token costs the same wherever it comes. An open block that is long is laid
//! out anew only when it has grown by a part, with its newest lines as they were written below. A
//! table never is: its columns have the widths that its beginning asks for, and rows go below.

mod block;
mod code;
mod highlight;
mod inline;
mod line;
mod table;
#[cfg(test)]
mod tests;

pub use line::{Line, Look};

use std::ops::Range;

use super::wrap::{self, Row, RowKind};
use crate::markdown::{Place, Splitter, fence};
use crate::theme::Role;
use crate::ui::glyphs::Marks;
use block::Page;
use code::Code;
use line::Styled;
use table::Columns;

/// Bytes of an open block up to which it is laid out anew with each of its lines, and of a table up to
/// which its rows decide how wide its columns are.
const SHORT_BLOCK: usize = 8 * 1024;
/// A longer one when it has grown by this part of itself.
const GROWTH: usize = 8;
/// Bytes of the line being written up to which its emphasis is shown.
const SHORT_LINE: usize = 2 * 1024;

/// Whether more text may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Open,
    Final,
}

/// A text laid out at a width.
#[derive(Debug)]
pub struct Document {
    width: u16,
    marks: &'static Marks,
    lines: Vec<Line>,
    codes: Vec<Code>,
    /// How the code looks whose fence is open.
    code_look: Look,
    splitter: Splitter,
    /// Where the line being written begins.
    line_start: usize,
    len: usize,
    ending: Ending,
    /// Lines and code blocks of blocks that are finished.
    fixed: (usize, usize),
    /// Lines and code blocks that the line being written does not change.
    settled: (usize, usize),
    block: Option<Block>,
    long_line: Option<LongLine>,
}

/// The open block of text.
#[derive(Clone, Debug)]
struct Block {
    start: usize,
    end: usize,
    /// What of it is to be laid out ends here; lines after that are shown as they were written.
    laid: usize,
    /// What the lines show of it ends here; `None` = it is to be laid out anew.
    shown: Option<usize>,
    /// Whether it is made of rows of a table.
    is_table: bool,
    /// The columns of that table as they are laid out.
    columns: Option<Columns>,
}

/// A long line being written, wrapped so far.
#[derive(Debug, Default)]
struct LongLine {
    rows: Vec<Row>,
}

impl Block {
    /// Takes in a line that ends there.
    fn grow(&mut self, end: usize) {
        let (laid, all) = (self.laid - self.start, end - self.start);
        let is_due = all <= SHORT_BLOCK || (!self.is_table && all - laid >= laid / GROWTH);
        self.end = end;
        if is_due {
            self.laid = end;
            if self.columns.is_none() {
                self.shown = None;
            }
        }
    }
}

impl Document {
    pub fn new(width: u16, marks: &'static Marks) -> Self {
        Self {
            width: width.max(1),
            marks,
            lines: Vec::new(),
            codes: Vec::new(),
            code_look: Look::of(Role::Code),
            splitter: Splitter::default(),
            line_start: 0,
            len: 0,
            ending: Ending::Open,
            fixed: (0, 0),
            settled: (0, 0),
            block: None,
            long_line: None,
        }
    }

    /// The lines, first to last.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines of a fenced code block, by its number from 0, with those above and below the code.
    pub fn code_block(&self, number: usize) -> Option<Range<usize>> {
        self.codes.get(number).map(|code| code.top..code.end)
    }

    /// Gives code on these lines its colours.
    pub fn highlight(&mut self, lines: Range<usize>) {
        let first = self.codes.partition_point(|code| code.end <= lines.start);
        for code in &mut self.codes[first..] {
            if code.top >= lines.end {
                break;
            }
            code.highlight(&mut self.lines, lines.clone());
        }
    }

    /// Goes on with a text that begins with the one laid out so far. Another text is laid out anew
    /// where that can be noticed, and is never a reason to panic.
    pub fn extend(&mut self, text: &str, ending: Ending) {
        if self.ending == Ending::Final
            || text.len() < self.len
            || !text.is_char_boundary(self.len)
            || !text.is_char_boundary(self.line_start)
        {
            *self = Self::new(self.width, self.marks);
        }
        // What was laid out holds no line break after the beginning of its last line.
        let mut new = self.len.max(self.line_start);
        while let Some(length) = text[new..].find('\n') {
            self.finish_line(text, new + length);
            new = self.line_start;
        }
        if ending == Ending::Final && self.line_start < text.len() {
            self.finish_line(text, text.len());
        }
        if ending == Ending::Final {
            self.close_block(text);
        }
        self.show_block(text);
        self.len = text.len();
        self.ending = ending;
        let line = text.get(self.line_start..).unwrap_or_default();
        self.show_line(line);
    }

    fn finish_line(&mut self, text: &str, end: usize) {
        self.long_line = None;
        let start = self.line_start;
        let line = text.get(start..end).unwrap_or_default();
        let after_blank = self.splitter.is_after_blank();
        let place = self.splitter.line(line);
        self.line_start = end + 1;
        match place {
            Place::BeginsText | Place::OpensFence(_) => {
                self.close_block(text);
                if after_blank && !self.lines.is_empty() {
                    self.lines.push(Line::default());
                    self.fix();
                }
                if let Place::OpensFence(_) = place {
                    self.open_code(fence::language(line));
                } else {
                    self.block = Some(Block {
                        start,
                        end,
                        laid: end,
                        shown: None,
                        is_table: self.splitter.is_in_table(),
                        columns: None,
                    });
                }
            }
            Place::Continues if self.splitter.fence().is_some() => self.code_line(line),
            Place::Continues => {
                if let Some(block) = &mut self.block {
                    block.grow(end);
                }
            }
            Place::ClosesFence => {
                self.unsettle();
                let width = usize::from(self.width);
                self.lines.push(code::closing(width, self.marks));
                self.end_code();
            }
            Place::Blank => {}
        }
    }

    /// Lays out what of the open block is due, and adds the lines after it: rows to a table, others as
    /// they were written.
    fn show_block(&mut self, text: &str) {
        let Some(mut block) = self.block.take() else {
            return;
        };
        if block.shown != Some(block.end) {
            self.unsettle();
            let shown = self.rows_below(&mut block, text).unwrap_or_else(|| {
                self.truncate(self.fixed);
                let laid = text.get(block.start..block.laid).unwrap_or_default();
                let columns = block::lay_out(laid, &mut self.page());
                block.columns = columns.filter(|_| block.is_table);
                block.laid
            });
            let rest = text.get(shown..block.end).unwrap_or_default();
            for line in rest.split('\n').skip(1) {
                match &block.columns {
                    Some(columns) => columns.add_within(line, self.marks, &mut self.lines),
                    None => self.as_written(line, RowKind::Prose, Look::of(Role::Assistant)),
                }
            }
            self.settled = self.here();
            block.shown = Some(block.end);
        }
        self.block = Some(block);
    }

    /// Adds the rows that are due to a table which is laid out above them, and returns what is shown
    /// then; `None` when the block is to be laid out anew.
    fn rows_below(&mut self, block: &mut Block, text: &str) -> Option<usize> {
        let shown = block.shown?;
        if shown >= block.laid {
            return Some(shown);
        }
        let columns = block.columns.as_mut()?;
        let due = text.get(shown..block.laid).unwrap_or_default();
        // Formulas may span rows.
        if due.contains(['$', '\\']) {
            return None;
        }
        let mut rows = due.split('\n').skip(1);
        rows.all(|row| columns.add(row, self.marks, &mut self.lines))
            .then_some(block.laid)
    }

    /// The open block is finished: all of it is laid out, for good.
    fn close_block(&mut self, text: &str) {
        self.unsettle();
        if let Some(block) = &mut self.block {
            if block.laid < block.end && !block.is_table {
                block.laid = block.end;
                block.shown = None;
            }
            self.show_block(text);
            self.block = None;
        }
        self.fix();
    }

    fn open_code(&mut self, language: &str) {
        let width = usize::from(self.width);
        let top = self.lines.len();
        self.lines.push(code::opening(language, width, self.marks));
        self.codes
            .push(Code::new(language.to_owned(), top, top + 1));
        self.code_look = code::base(language);
        self.fix();
    }

    fn code_line(&mut self, line: &str) {
        self.unsettle();
        let block = self.codes.len().saturating_sub(1) as u32;
        let (room, look) = (usize::from(self.width), self.code_look);
        code::push_line(line, Line::default(), room, block, look, &mut self.lines);
        self.end_code();
    }

    /// The newest code block reaches to the last line.
    fn end_code(&mut self) {
        let end = self.lines.len();
        if let Some(code) = self.codes.last_mut() {
            code.end = end;
        }
        self.fix();
    }

    /// Shows the line being written.
    fn show_line(&mut self, line: &str) {
        if line.trim().is_empty() {
            self.unsettle();
            return;
        }
        if let Some(open) = self.splitter.fence() {
            self.unsettle();
            if !fence::may_close(open, line) {
                let look = self.code_look;
                self.as_written(line, RowKind::Code, look);
            }
            return;
        }
        if line.len() > SHORT_LINE {
            return self.show_long_line(line);
        }
        self.unsettle();
        self.blank_above();
        let (shown, indent) = settled_part(line);
        match shown {
            Some(shown) => self.show_short_line(shown, indent),
            None => self.as_written(line, RowKind::Prose, Look::of(Role::Assistant)),
        }
    }

    fn show_short_line(&mut self, line: &str, indent: usize) {
        let first = self.lines.len();
        let indent = indent.min(usize::from(self.width) / 4);
        let width = self.width;
        self.width -= u16::try_from(indent).unwrap_or_default();
        block::lay_out(line, &mut self.page());
        self.width = width;
        if indent > 0 {
            for line in &mut self.lines[first..] {
                let mut shifted = Line::default();
                shifted.push(&" ".repeat(indent), Look::of(Role::Text));
                shifted.append(std::mem::take(line));
                *line = shifted;
            }
        }
    }

    /// A long line is wrapped on from its last rows.
    fn show_long_line(&mut self, line: &str) {
        let mut long = match self.long_line.take() {
            Some(long) => long,
            None => {
                self.unsettle();
                self.blank_above();
                LongLine::default()
            }
        };
        let kept = long.rows.len().saturating_sub(2);
        let start = long.rows.get(kept).map_or(0, |row| row.start as usize);
        let again = long.rows.len() - kept;
        self.lines.truncate(self.lines.len().saturating_sub(again));
        let start = if line.is_char_boundary(start) {
            start
        } else {
            0
        };
        long.rows.truncate(kept);
        wrap::wrap_range(
            line,
            start,
            line.len(),
            self.width,
            RowKind::Prose,
            &mut long.rows,
        );
        let tail = line.get(start..).unwrap_or_default();
        let mut styled = Styled::default();
        styled.push(tail, Look::of(Role::Assistant));
        for row in &long.rows[kept.min(long.rows.len())..] {
            let mut shown = Line::default();
            let range = row.start as usize - start..row.end as usize - start;
            shown.push_styled(&styled, range);
            self.lines.push(shown);
        }
        self.long_line = Some(long);
    }

    /// Where a blank line was written above the one being written, it is shown.
    fn blank_above(&mut self) {
        if self.splitter.is_after_blank() && !self.lines.is_empty() {
            self.lines.push(Line::default());
        }
    }

    fn as_written(&mut self, line: &str, kind: RowKind, look: Look) {
        let mut styled = Styled::default();
        styled.push(line.trim_end(), look);
        for row in styled.rows(self.width, kind) {
            let mut shown = Line::default();
            shown.push_styled(&styled, row.start as usize..row.end as usize);
            self.lines.push(shown);
        }
    }

    fn page(&mut self) -> Page<'_> {
        Page {
            width: self.width,
            marks: self.marks,
            lines: &mut self.lines,
            codes: &mut self.codes,
        }
    }

    fn here(&self) -> (usize, usize) {
        (self.lines.len(), self.codes.len())
    }

    /// Takes the line being written away.
    fn unsettle(&mut self) {
        self.long_line = None;
        self.truncate(self.settled);
    }

    fn fix(&mut self) {
        self.fixed = self.here();
        self.settled = self.fixed;
    }

    fn truncate(&mut self, (lines, codes): (usize, usize)) {
        self.lines.truncate(lines);
        self.codes.truncate(codes);
    }
}

/// What of a short line can be shown with its emphasis, and by how much it is indented. Marks at its
/// end wait for what follows them, and a line of marks alone can still become anything.
fn settled_part(line: &str) -> (Option<&str>, usize) {
    let body = line.trim_start();
    let indent = line.len() - body.len();
    let is_mark = |c: char| matches!(c, '*' | '_' | '~' | '`' | '\\');
    let shown = body.trim_end_matches(is_mark);
    let undecided = body.starts_with('|')
        || fence::start(body).is_some()
        || shown
            .chars()
            .all(|c| "-=+#>.)* ".contains(c) || c.is_ascii_digit());
    ((!undecided).then_some(shown), indent)
}
