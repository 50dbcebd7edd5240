//! A list to pick from, narrowed by typing.
//!
//! ```text
//! ┏ Themes 16 ━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ / nor▏                               ┃
//! ┃ ▸ nord          dark                 ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use ratatui::layout::{Constraint, Layout, Rect};

use crate::app::PickList;
use crate::theme::Role;
use crate::ui::painter::{Painter, part};
use crate::ui::text::{fit, sanitise, wrap::Wrapped};
use crate::ui::widgets::field;

/// Columns at least and at most, where the screen has them.
const WIDTH: std::ops::RangeInclusive<u16> = 72..=110;
/// Rows at most of the selected item's description below the list.
const ABOUT: usize = 4;
/// Rows of the frame and the filter.
const AROUND: u16 = 4;

/// A list with its filter line.
pub fn draw<T>(painter: &mut Painter<'_>, screen: Rect, title: &str, list: &PickList<T>) {
    let rows = u16::try_from(list.items.len()).unwrap_or(u16::MAX).max(1);
    let width = width(screen);
    let about = about_rows(list, width);
    let height = rows
        .saturating_add(AROUND + about)
        .min(screen.height * 3 / 4);
    let count = format!(" {} of {}", list.matches.len(), list.items.len());
    let inner = painter.overlay(
        screen,
        width,
        height,
        &[part(title, Role::Accent), part(count, Role::Muted)],
    );
    let x = painter.text(inner.x, inner.y, inner.right(), "/ ", Role::Key);
    let filter = Rect {
        x,
        width: inner.right().saturating_sub(x),
        height: 1,
        ..inner
    };
    field::draw(painter, filter, &list.filter, Some(list.filter.len()));
    let body = Rect {
        y: inner.y + 2,
        height: inner.height.saturating_sub(2),
        ..inner
    };
    if list.matches.is_empty() {
        painter.text(body.x, body.y, body.right(), "nothing matches", Role::Muted);
    }
    draw_rows(painter, body, about, list);
}

/// A question with a few answers.
pub fn draw_choices<T>(
    painter: &mut Painter<'_>,
    screen: Rect,
    title: &str,
    question: &str,
    list: &PickList<T>,
) {
    let rows = u16::try_from(list.items.len()).unwrap_or(u16::MAX);
    let width = width(screen);
    let wrapped = Wrapped::new(question, inner_width(width));
    let about = about_rows(list, width);
    let lines = wrapped.rows().len() as u16;
    let inner = painter.overlay(
        screen,
        width,
        rows.saturating_add(lines + about + 3),
        &[part(title, Role::Warning)],
    );
    for (row, y) in wrapped.rows().iter().zip(inner.y..inner.bottom()) {
        painter.text(inner.x, y, inner.right(), row.text(question), Role::Text);
    }
    let body = Rect {
        y: inner.y + lines + 1,
        height: inner.height.saturating_sub(lines + 1),
        ..inner
    };
    draw_rows(painter, body, about, list);
}

fn width(screen: Rect) -> u16 {
    let wished = screen.width.saturating_sub(8);
    wished.clamp(*WIDTH.start(), *WIDTH.end()).min(screen.width)
}

/// Columns inside the frame.
fn inner_width(width: u16) -> u16 {
    width.saturating_sub(4)
}

/// Columns of the labels, the same whatever is filtered.
fn label_width<T>(list: &PickList<T>, columns: u16) -> u16 {
    let labels = list.items.iter();
    let widest = labels.map(|(_, label, _)| fit::width(&sanitise::sanitise(label)));
    u16::try_from(widest.max().unwrap_or(0))
        .unwrap_or(u16::MAX)
        .min(columns / 2)
}

/// Rows below the list, with a blank one, for the longest description that its row cuts; 0 = all fit.
fn about_rows<T>(list: &PickList<T>, width: u16) -> u16 {
    let columns = inner_width(width);
    let room = columns.saturating_sub(label_width(list, columns) + 4);
    let cut = list
        .items
        .iter()
        .map(|(_, _, about)| sanitise::sanitise(about))
        .filter(|about| fit::width(about) > usize::from(room));
    let rows = cut.map(|about| Wrapped::new(&about, columns).rows().len().min(ABOUT));
    rows.max().map_or(0, |rows| rows as u16 + 1)
}

/// The items, and in so many rows below them what the selected one is about.
fn draw_rows<T>(painter: &mut Painter<'_>, area: Rect, about_rows: u16, list: &PickList<T>) {
    let items = || {
        list.matches
            .iter()
            .filter_map(|index| list.items.get(*index))
    };
    let [area, about] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(about_rows)]).areas(area);
    if let Some((_, _, text)) = items().nth(list.selected) {
        let text = sanitise::sanitise(text);
        let wrapped = Wrapped::new(&text, about.width);
        for (row, y) in wrapped.rows().iter().zip(about.y + 1..about.bottom()) {
            painter.text(about.x, y, about.right(), row.text(&text), Role::Text);
        }
    }
    let label_width = label_width(list, area.width);
    let height = usize::from(area.height);
    let top = list
        .selected
        .saturating_sub(height / 2)
        .min(list.matches.len().saturating_sub(height));
    for ((index, (_, label, about)), y) in items().enumerate().skip(top).zip(area.y..area.bottom())
    {
        if index == list.selected {
            painter.text(area.x, y, area.right(), painter.glyphs.selected, Role::Key);
        }
        let x = area.x + 2;
        painter.text(x, y, x + label_width, label, Role::Text);
        painter.text(x + label_width + 2, y, area.right(), about, Role::Muted);
        if index == list.selected {
            painter.tint(
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                Role::Selection,
            );
        }
    }
}
