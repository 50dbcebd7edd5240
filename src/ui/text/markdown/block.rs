//! One block of text laid out: a paragraph, a heading, an item with all that is in it, a quote, a table.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Tag, TagEnd};
use ratatui::style::Modifier;

use super::code::{self, Code};
use super::inline::Inline;
use super::line::{Line, Look, Styled};
use super::table::{Columns, Table};
use crate::markdown::formula::{self, Protected};
use crate::markdown::{fence, parser};
use crate::theme::Role;
use crate::ui::glyphs::Marks;
use crate::ui::text::fit;
use crate::ui::text::wrap::RowKind;

/// Where lines go, and how wide they may be.
#[derive(Debug)]
pub struct Page<'a> {
    pub width: u16,
    pub marks: &'static Marks,
    pub lines: &'a mut Vec<Line>,
    pub codes: &'a mut Vec<Code>,
}

/// Lays a block out below the lines that are there; returns the columns of the table it ends with, so
/// that further rows can go below.
pub fn lay_out(source: &str, page: &mut Page<'_>) -> Option<Columns> {
    let protected = formula::protect(source);
    let definitions = definitions(&protected);
    let mut builder = Builder {
        text: &protected.text,
        protected: &protected,
        first: page.lines.len(),
        page,
        inline: Inline::new(Look::of(Role::Assistant)),
        nests: Vec::new(),
        numbers: Vec::new(),
        code: None,
        table: None,
        columns: None,
        line_start: None,
    };
    for (event, range) in parser(&protected.text).into_offset_iter() {
        builder.take(event, range);
    }
    builder.flush();
    for definition in definitions {
        builder
            .inline
            .styled
            .push(&definition, Look::of(Role::Muted));
        builder.flush();
    }
    builder.columns
}

/// Definitions of links, which the parser leaves out of what is shown.
fn definitions(protected: &Protected<'_>) -> Vec<String> {
    if !protected.text.contains("]:") {
        return Vec::new();
    }
    let parser = parser(&protected.text);
    let mut found: Vec<_> = parser
        .reference_definitions()
        .iter()
        .map(|(_, definition)| definition.span.clone())
        .collect();
    found.sort_by_key(|span| span.start);
    found
        .into_iter()
        .filter_map(|span| protected.text.get(span))
        .map(|text| protected.restored(text.trim()).into_owned())
        .collect()
}

struct Builder<'a, 'p, 'l> {
    text: &'a str,
    protected: &'a Protected<'a>,
    page: &'p mut Page<'l>,
    /// The line this block begins on.
    first: usize,
    inline: Inline,
    nests: Vec<Nest>,
    /// Of each open list, the number of its next item; `None` for bullets.
    numbers: Vec<Option<u64>>,
    code: Option<(Fenced, String)>,
    table: Option<Table<'a>>,
    /// Of the table that was laid out last, unless it stands in an item or a quote.
    columns: Option<Columns>,
    /// Where the line begins on which the last part began.
    line_start: Option<usize>,
}

/// What stands before every line.
enum Nest {
    Quote,
    Item { mark: String, drawn: Drawn },
}

/// Whether the mark of an item was drawn; the lines after it are indented instead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawn {
    No,
    Yes,
}

enum Fenced {
    No,
    /// In that language.
    Yes(String),
}

impl<'a> Builder<'a, '_, '_> {
    fn take(&mut self, event: Event<'a>, range: std::ops::Range<usize>) {
        if self.table.is_some() {
            return self.take_row(&event, range);
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.code.is_some() => {
                if let Some((_, code)) = &mut self.code {
                    code.push_str(&self.protected.restored(&text));
                }
            }
            Event::Rule => {
                self.begin(range.start);
                let mut line = self.prefix();
                let room = usize::from(self.page.width).saturating_sub(line.width());
                line.push(&self.page.marks.rule.repeat(room), Look::of(Role::Border));
                self.page.lines.push(line);
            }
            other => self.inline.take(&other, self.protected),
        }
    }

    fn start(&mut self, tag: Tag<'a>, range: std::ops::Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.begin(range.start),
            Tag::Heading { level, .. } => {
                self.begin(range.start);
                let look = Look::of(Role::Heading).and(Modifier::BOLD);
                self.inline.begin(match level {
                    HeadingLevel::H1 => look.and(Modifier::UNDERLINED),
                    _ => look,
                });
            }
            Tag::BlockQuote(_) => {
                self.begin(range.start);
                self.nests.push(Nest::Quote);
                self.inline.begin(Look::of(Role::Quote));
            }
            Tag::CodeBlock(kind) => {
                self.begin(range.start);
                let fenced = match kind {
                    CodeBlockKind::Fenced(info) => Fenced::Yes(fence::first_word(&info).to_owned()),
                    CodeBlockKind::Indented => Fenced::No,
                };
                self.code = Some((fenced, String::new()));
            }
            Tag::List(first) => {
                self.flush();
                self.numbers.push(first);
            }
            Tag::Item => {
                self.begin(range.start);
                let depth = self.numbers.len().saturating_sub(1);
                let mark = match self.numbers.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => self.page.marks.bullets[depth.min(2)].to_owned(),
                };
                self.nests.push(Nest::Item {
                    mark,
                    drawn: Drawn::No,
                });
            }
            Tag::Table(alignments) => {
                self.begin(range.start);
                self.table = Some(Table {
                    alignments,
                    rows: Vec::new(),
                });
            }
            other => self.inline.take(&Event::Start(other), self.protected),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.inline.end();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.nests.pop();
                self.inline.end();
            }
            TagEnd::CodeBlock => self.code(),
            TagEnd::List(_) => {
                self.numbers.pop();
            }
            TagEnd::Item => {
                self.flush();
                if let Some(Nest::Item {
                    drawn: Drawn::No, ..
                }) = self.nests.last()
                {
                    let line = self.prefix();
                    self.page.lines.push(line);
                }
                self.nests.pop();
            }
            other => self.inline.take(&Event::End(other), self.protected),
        }
    }

    fn take_row(&mut self, event: &Event<'a>, range: std::ops::Range<usize>) {
        match (event, &mut self.table) {
            (Event::Start(Tag::TableHead | Tag::TableRow), Some(table)) => {
                let text = self.text.get(range).unwrap_or_default();
                // The header's range takes in the line that makes it one.
                table.rows.push(text.lines().next().unwrap_or_default());
            }
            (Event::End(TagEnd::Table), Some(_)) => {
                let Some(table) = self.table.take() else {
                    return;
                };
                let room = usize::from(self.page.width)
                    .saturating_sub(self.prefix_width())
                    .max(1);
                let (lines, columns) = table.lines(room, self.page.marks, self.protected);
                self.columns = columns.filter(|_| self.nests.is_empty());
                for row in lines {
                    let mut line = self.prefix();
                    line.append(row);
                    self.page.lines.push(line);
                }
            }
            _ => {}
        }
    }

    /// Begins a part at that byte, below a blank line where one was written.
    fn begin(&mut self, start: usize) {
        self.flush();
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        if self.line_start == Some(line_start) {
            return;
        }
        self.line_start = Some(line_start);
        let above = before.get(..line_start.saturating_sub(1));
        let above = above.and_then(|above| above.rsplit('\n').next());
        let is_blank =
            |line: &str| line.chars().all(|c| c.is_whitespace() || c == '>') && line_start > 0;
        if above.is_some_and(is_blank) && self.page.lines.len() > self.first {
            let line = self.blank();
            self.page.lines.push(line);
        }
    }

    /// Puts what was collected on lines.
    fn flush(&mut self) {
        if self.inline.styled.text.is_empty() {
            return;
        }
        let mut styled = std::mem::take(&mut self.inline.styled);
        self.wrapped(&styled, RowKind::Prose);
        styled.clear();
        self.inline.styled = styled;
    }

    fn wrapped(&mut self, styled: &Styled, kind: RowKind) {
        let room = usize::from(self.page.width).saturating_sub(self.prefix_width());
        let room = u16::try_from(room.max(1)).unwrap_or(u16::MAX);
        let text = styled.text.trim_end_matches('\n');
        for row in styled.rows(room, kind) {
            if row.start as usize > text.len() {
                break;
            }
            let mut line = self.prefix();
            line.push_styled(styled, row.start as usize..row.end as usize);
            self.page.lines.push(line);
        }
    }

    fn code(&mut self) {
        let Some((fenced, text)) = self.code.take() else {
            return;
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let Fenced::Yes(language) = fenced else {
            let mut styled = Styled::default();
            styled.push(text, Look::of(Role::Code));
            return self.wrapped(&styled, RowKind::Code);
        };
        let width = usize::from(self.page.width);
        let room = width.saturating_sub(self.prefix_width()).max(1);
        let top = self.page.lines.len();
        let mut line = self.prefix();
        line.append(code::opening(&language, room, self.page.marks));
        self.page.lines.push(line);
        let block = self.page.codes.len() as u32;
        let has_grammar = code::base(&language);
        for source in text.split('\n').filter(|_| !text.is_empty()) {
            let prefix = self.prefix();
            code::push_line(source, prefix, room, block, has_grammar, self.page.lines);
        }
        let mut line = self.prefix();
        line.append(code::closing(room, self.page.marks));
        self.page.lines.push(line);
        let end = self.page.lines.len();
        self.page.codes.push(Code::new(language, top, end));
    }

    fn prefix_width(&self) -> usize {
        self.shown_nests().map(|nest| self.nest_width(nest)).sum()
    }

    fn nest_width(&self, nest: &Nest) -> usize {
        fit::width(match nest {
            Nest::Quote => self.page.marks.quote,
            Nest::Item { mark, .. } => mark,
        })
    }

    /// The innermost ones that leave half of the width to the text.
    fn shown_nests(&self) -> impl Iterator<Item = &Nest> {
        let most = usize::from(self.page.width) / 2;
        let mut used = 0;
        let shown = self
            .nests
            .iter()
            .rev()
            .take_while(|nest| {
                used += self.nest_width(nest);
                used <= most
            })
            .count();
        self.nests[self.nests.len() - shown..].iter()
    }

    /// The beginning of the next line.
    fn prefix(&mut self) -> Line {
        let mut line = Line::default();
        for nest in self.shown_nests() {
            match nest {
                Nest::Quote => line.push(self.page.marks.quote, Look::of(Role::Border)),
                Nest::Item {
                    mark,
                    drawn: Drawn::No,
                } => line.push(mark, Look::of(Role::Accent)),
                Nest::Item { mark, .. } => {
                    line.push(&" ".repeat(fit::width(mark)), Look::of(Role::Text));
                }
            }
        }
        for nest in &mut self.nests {
            if let Nest::Item { drawn, .. } = nest {
                *drawn = Drawn::Yes;
            }
        }
        line
    }

    /// A line with nothing but the marks of the quotes it is in.
    fn blank(&self) -> Line {
        let mut line = Line::default();
        let mut gap = 0;
        for nest in self.shown_nests() {
            match nest {
                Nest::Quote => {
                    line.push(&" ".repeat(gap), Look::of(Role::Text));
                    line.push(self.page.marks.quote.trim_end(), Look::of(Role::Border));
                    gap = 1;
                }
                Nest::Item { mark, .. } => gap += fit::width(mark),
            }
        }
        line
    }
}
