//! Putting text and boxes on the screen by role, with everything made harmless on the way.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::glyphs::{Glyphs, glyphs};
use super::text::wrap::Wrapped;
use super::text::{fit, sanitise};
use crate::theme::{Role, Theme};

/// A piece of a line and what it means.
pub type Part<'a> = (Cow<'a, str>, Role);

/// A part from borrowed or owned text.
pub fn part<'a>(text: impl Into<Cow<'a, str>>, role: Role) -> Part<'a> {
    (text.into(), role)
}

/// The columns that parts take.
pub fn parts_width(parts: &[Part<'_>]) -> usize {
    parts
        .iter()
        .map(|(text, _)| fit::width(&sanitise::sanitise(text)))
        .sum()
}

/// Whether a pane takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focused {
    Yes,
    No,
}

/// How much of a frame a pane gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A box.
    Box,
    /// A titled line above, for narrow screens.
    Rule,
}

/// The buffer of a frame with the theme that paints it.
pub struct Painter<'a> {
    pub buffer: &'a mut Buffer,
    pub theme: &'a Theme,
    pub glyphs: &'static Glyphs,
}

impl<'a> Painter<'a> {
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self {
            buffer,
            theme,
            glyphs: glyphs(theme.glyphs),
        }
    }

    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// One line of text from column `x` on, cut with an ellipsis before `right`; returns the column after it.
    pub fn text(&mut self, x: u16, y: u16, right: u16, text: &str, role: Role) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x >= right.min(area.right()) {
            return x;
        }
        let clean = sanitise::sanitise(text);
        let line: Cow<'_, str> = if clean.contains('\n') {
            Cow::Owned(clean.replace('\n', " "))
        } else {
            clean
        };
        let room = usize::from(right.min(area.right()) - x);
        let shown = fit::head(&line, room, self.glyphs.ellipsis);
        self.buffer
            .set_stringn(x, y, shown, room, self.theme.style(role))
            .0
    }

    /// Text over as many rows as it needs, as far as the area has them; returns how many it took.
    pub fn paragraph(&mut self, area: Rect, text: &str, role: Role) -> u16 {
        let clean = sanitise::sanitise(text);
        let wrapped = Wrapped::new(&clean, area.width);
        let rows = wrapped.rows().iter().take(usize::from(area.height));
        let mut taken = 0;
        for row in rows {
            self.text(area.x, area.y + taken, area.right(), row.text(&clean), role);
            taken += 1;
        }
        taken
    }

    /// Parts side by side; returns the column after them.
    pub fn parts(&mut self, x: u16, y: u16, right: u16, parts: &[Part<'_>]) -> u16 {
        parts
            .iter()
            .fold(x, |x, (text, role)| self.text(x, y, right, text, *role))
    }

    /// Text that ends before column `right`, if it fits after `left`; returns where it begins.
    pub fn text_right(&mut self, left: u16, y: u16, right: u16, parts: &[Part<'_>]) -> u16 {
        let width = u16::try_from(parts_width(parts)).unwrap_or(u16::MAX);
        let x = right.saturating_sub(width).max(left);
        self.parts(x, y, right, parts);
        x
    }

    /// Groups of parts with a dot between them, as many as fit.
    pub fn facts(&mut self, x: u16, y: u16, right: u16, facts: &[Vec<Part<'_>>]) -> u16 {
        let mut at = x;
        for fact in facts.iter().filter(|fact| !fact.is_empty()) {
            let gap = if at == x { 0 } else { 3 };
            if usize::from(at) + gap + parts_width(fact) > usize::from(right) {
                break;
            }
            if gap > 0 {
                let dot = self.glyphs.dot;
                self.text(at + 1, y, right, dot, Role::Muted);
                at += 3;
            }
            at = self.parts(at, y, right, fact);
        }
        at
    }

    /// A whole line in a style, over what is there.
    pub fn tint(&mut self, area: Rect, role: Role) {
        self.buffer.set_style(area, self.theme.style(role));
    }

    /// Shows the line at `y` of an area as selected.
    pub fn select(&mut self, area: Rect, y: u16) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        self.tint(line, Role::Selection);
    }

    /// The same, with the mark of what Enter takes before it.
    pub fn mark(&mut self, area: Rect, y: u16) {
        let mark = self.glyphs.selected;
        self.text(area.x, y, area.right(), mark, Role::Key);
        self.select(area, y);
    }

    /// The frame of a pane with its title; returns what is inside.
    pub fn pane(&mut self, area: Rect, title: &[Part<'_>], frame: Frame, focused: Focused) -> Rect {
        let (role, set) = match focused {
            Focused::Yes => (Role::Focus, self.glyphs.focus),
            Focused::No => (Role::Border, self.glyphs.border),
        };
        let borders = match frame {
            Frame::Box => Borders::ALL,
            Frame::Rule => Borders::TOP,
        };
        let block = Block::new()
            .borders(borders)
            .border_set(set)
            .border_style(self.theme.style(role));
        let inner = block.inner(area);
        block.render(area, self.buffer);
        if area.width > 6 && area.height > 0 && !title.is_empty() {
            let right = area.right() - 2;
            self.text(area.x + 1, area.y, right, " ", role);
            let end = self.parts(area.x + 2, area.y, right - 1, title);
            self.text(end, area.y, right, " ", role);
        }
        match frame {
            Frame::Box => inner.inner(Margin::new(1, 0)),
            Frame::Rule => inner,
        }
    }

    /// An empty box in the middle of the screen, over everything; returns what is inside.
    pub fn overlay(&mut self, screen: Rect, width: u16, height: u16, title: &[Part<'_>]) -> Rect {
        let area = screen.centered(
            ratatui::layout::Constraint::Length(width.min(screen.width)),
            ratatui::layout::Constraint::Length(height.min(screen.height)),
        );
        // A wide character cut in half by the edge would shift the rest of its line.
        let around = Rect {
            x: area.x.saturating_sub(1),
            width: (area.width + 2).min(screen.width),
            ..area
        };
        for y in area.top()..area.bottom() {
            let first = &mut self.buffer[(around.x, y)];
            if around.x < area.x && fit::width(first.symbol()) > 1 {
                first.set_symbol(" ");
            }
        }
        Clear.render(area, self.buffer);
        self.tint(area, Role::Text);
        self.pane(area, title, Frame::Box, Focused::Yes)
    }
}
