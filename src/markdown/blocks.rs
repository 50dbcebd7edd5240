//! Where the blocks of a growing text begin, decided line by line.
//!
//! Whether a line begins a block depends on the lines before it and never on those after it, so a
//! block that is followed by another one is finished for good. Blocks are those of CommonMark at the
//! top level, but that each item of a list is one of its own, and that a table ends where its bars end.

use super::fence::{self, Fence};
use super::formula;

/// What a finished line is to the block before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It begins a block of text.
    BeginsText,
    /// It opens a code fence of the top level.
    OpensFence(Fence),
    /// It belongs to the block that is open.
    Continues,
    /// It closes the code fence.
    ClosesFence,
    /// Nothing stands on it; the next line tells whether the block goes on.
    Blank,
}

/// Finds the blocks of a text that is given to it line by line.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    open: Open,
    blank: bool,
}

#[derive(Clone, Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Fence(Fence),
    Text(Text),
}

/// What must be known of a block of text to tell whether a line goes on with it.
#[derive(Clone, Debug)]
struct Text {
    /// Columns by which lines of the same list item are indented.
    item: Option<usize>,
    is_quote: bool,
    is_heading: bool,
    /// Whether its last line was a row of a table with a bar at its beginning.
    in_table: bool,
    /// What closes the formula that is open.
    formula: Option<&'static str>,
}

impl Splitter {
    /// Takes the next line, without its line break.
    pub fn line(&mut self, line: &str) -> Place {
        if let Open::Fence(open) = self.open {
            if !fence::closes(open, line) {
                return Place::Continues;
            }
            self.open = Open::Nothing;
            return Place::ClosesFence;
        }
        if line.trim().is_empty() {
            self.blank = true;
            if let Open::Text(text) = &mut self.open {
                text.formula = None;
            }
            return Place::Blank;
        }
        let after_blank = std::mem::take(&mut self.blank);
        if let Open::Text(text) = &mut self.open
            && text.goes_on(line, after_blank)
        {
            text.take(line);
            return Place::Continues;
        }
        match fence::opens(line) {
            Some(fence) => {
                self.open = Open::Fence(fence);
                Place::OpensFence(fence)
            }
            None => {
                self.open = Open::Text(Text::beginning(line));
                Place::BeginsText
            }
        }
    }

    /// The code fence that is open.
    pub fn fence(&self) -> Option<Fence> {
        match self.open {
            Open::Fence(fence) => Some(fence),
            _ => None,
        }
    }

    /// Whether the open block is made of rows of a table, each with a bar at its beginning.
    pub fn is_in_table(&self) -> bool {
        matches!(&self.open, Open::Text(text) if text.in_table && text.item.is_none() && !text.is_quote)
    }

    /// Whether the last line was blank.
    pub fn is_after_blank(&self) -> bool {
        self.blank
    }
}

impl Text {
    fn beginning(line: &str) -> Self {
        let body = line.trim_start();
        let mut text = Self {
            item: item(line),
            is_quote: body.starts_with('>'),
            is_heading: is_heading(line),
            in_table: false,
            formula: None,
        };
        text.take(line);
        text
    }

    fn take(&mut self, line: &str) {
        self.in_table = line.trim_start().starts_with('|');
        self.formula = formula::open_after(self.formula, line);
    }

    fn goes_on(&self, line: &str, after_blank: bool) -> bool {
        let indent = indent(line);
        if self.item.is_some_and(|content| indent >= content) {
            return true;
        }
        if after_blank || self.is_heading {
            return false;
        }
        if self.formula.is_some() {
            return true;
        }
        let body = line.trim_start();
        let begins = indent <= 3
            && (fence::opens(line).is_some()
                || is_heading(line)
                || item(line).is_some()
                || is_rule(body)
                || (body.starts_with('>') && !self.is_quote)
                || body.starts_with('|') != self.in_table);
        !begins
    }
}

/// Columns before the first character; a tab counts as four.
fn indent(line: &str) -> usize {
    line.bytes()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .map(|byte| if byte == b'\t' { 4 } else { 1 })
        .sum()
}

fn is_heading(line: &str) -> bool {
    let body = line.trim_start_matches(' ');
    let marks = body.bytes().take_while(|byte| *byte == b'#').count();
    line.len() - body.len() <= 3
        && (1..=6).contains(&marks)
        && body[marks..].chars().next().is_none_or(char::is_whitespace)
}

/// Lines of stars or underscores; one of hyphens can be the underline of a heading and is left to the parser.
fn is_rule(body: &str) -> bool {
    let bare = || body.chars().filter(|c| !c.is_whitespace());
    bare().count() >= 3 && (bare().all(|c| c == '*') || bare().all(|c| c == '_'))
}

/// The column where the content of a list item begins, when the line begins one. Numbers of four
/// digits and more are taken for years and amounts.
fn item(line: &str) -> Option<usize> {
    let indent = indent(line);
    let body = line.trim_start();
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let marker = match body.as_bytes().get(digits)? {
        b'-' | b'*' | b'+' if digits == 0 => 1,
        b'.' | b')' if (1..=3).contains(&digits) => digits + 1,
        _ => return None,
    };
    let rest = &body[marker..];
    let spaces = rest
        .bytes()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    (indent <= 3 && (1..rest.len()).contains(&spaces))
        .then(|| indent + marker + if spaces <= 4 { spaces } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut blocks: Vec<String> = Vec::new();
        for line in text.lines() {
            match splitter.line(line) {
                Place::BeginsText | Place::OpensFence(_) => blocks.push(line.to_owned()),
                Place::Continues | Place::ClosesFence => {
                    if let Some(last) = blocks.last_mut() {
                        last.push('/');
                        last.push_str(line);
                    }
                }
                Place::Blank => {}
            }
        }
        blocks
    }

    #[test]
    fn paragraphs_items_tables_and_fences_are_blocks() {
        assert_eq!(
            blocks("# A\ntext\nmore\n\n- one\n  in one\n\n  still\n- two\nlazy\n\nend"),
            [
                "# A",
                "text/more",
                "- one/  in one/  still",
                "- two/lazy",
                "end"
            ]
        );
        assert_eq!(
            blocks("see\n| a |\n|---|\n| 1 |\nafter\n```rs\n# no\n\nx\n```\nend"),
            [
                "see",
                "| a |/|---|/| 1 |",
                "after",
                "```rs/# no//x/```",
                "end"
            ]
        );
        assert_eq!(blocks("> a\n> b\nlazy\n\n> c"), ["> a/> b/lazy", "> c"]);
    }

    #[test]
    fn fences_inside_an_item_belong_to_it() {
        assert_eq!(
            blocks("1. run\n   ```sh\n   ls\n   ```\n2. done"),
            ["1. run/   ```sh/   ls/   ```", "2. done"]
        );
    }

    #[test]
    fn a_formula_over_several_lines_stays_whole() {
        assert_eq!(
            blocks("\\[\na\n- b\n\\]\ntext\n- item"),
            ["\\[/a/- b/\\]/text", "- item"]
        );
        // One that nobody closes ends with its paragraph.
        assert_eq!(blocks("$$ a\n\n- b\n- c"), ["$$ a", "- b", "- c"]);
    }

    #[test]
    fn years_begin_no_item() {
        assert_eq!(blocks("in\n2024. More"), ["in/2024. More"]);
        assert_eq!(item("10. ten"), Some(4));
        assert_eq!(item("-    far"), Some(5));
        assert_eq!(item("-      code"), Some(2));
        assert_eq!(item("---"), None);
    }
}
