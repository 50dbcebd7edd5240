//! What can be downloaded: a line to type into, and a list.

use ratatui::layout::Rect;

use super::top;
use crate::app::{Find, Offers};
use crate::hub::{Offer, Size};
use crate::theme::Role;
use crate::ui::painter::{Focused, Painter, part};
use crate::ui::text::{fit, sanitise, units, wrap::Wrapped};
use crate::ui::widgets::field;

/// Columns of a size.
const SIZE: u16 = 10;
/// Columns of what is said of a model at least.
const ABOUT: u16 = 30;
/// Columns of a name at least.
const NAME: u16 = 16;

pub(super) fn draw(painter: &mut Painter<'_>, inner: Rect, find: &Find, focused: Focused) {
    let has_keys = focused == Focused::Yes;
    let x = painter.text(inner.x, inner.y, inner.right(), "/ ", Role::Key);
    let line = Rect {
        x,
        width: inner.right().saturating_sub(x),
        height: 1,
        ..inner
    };
    field::draw(
        painter,
        line,
        &find.line.text,
        has_keys.then_some(find.line.cursor),
    );
    if find.line.text.is_empty() {
        let hint = "words to look for, or a name: org/repo:Q4_K_M";
        painter.text(x + 1, inner.y, inner.right(), hint, Role::Muted);
    }
    let body = Rect {
        y: inner.y + 2,
        height: inner.height.saturating_sub(2),
        ..inner
    };
    match &find.list {
        Offers::Asking => {
            painter.text(body.x, body.y, body.right(), "asking …", Role::Muted);
        }
        Offers::Failed(why) => {
            let why = sanitise::sanitise(why);
            let wrapped = Wrapped::new(&why, body.width);
            for (row, y) in wrapped.rows().iter().zip(body.y..body.bottom()) {
                painter.text(body.x, y, body.right(), row.text(&why), Role::Error);
            }
        }
        Offers::Here(offers) if offers.is_empty() => {
            painter.text(body.x, body.y, body.right(), "nothing found", Role::Muted);
        }
        Offers::Here(offers) => {
            let columns = Columns::of(offers, body.width);
            let body = match offers.get(find.selected) {
                Some(offer) if !columns.has_about => about_below(painter, body, offer),
                _ => body,
            };
            let visible = offers.iter().enumerate();
            let visible = visible.skip(top(find.selected, body.height));
            for ((index, offer), y) in visible.zip(body.y..body.bottom()) {
                if index == find.selected && has_keys {
                    painter.mark(body, y);
                }
                columns.draw(painter, body, y, offer);
            }
        }
    }
}

/// What is said of the selected one in the last row; the rows above it.
fn about_below(painter: &mut Painter<'_>, body: Rect, offer: &Offer) -> Rect {
    let rows = Rect {
        height: body.height.saturating_sub(1),
        ..body
    };
    if let Offer::Model { about, .. } = offer {
        let about = sanitise::sanitise(about);
        let columns = usize::from(body.width);
        let shown = fit::head(&about, columns, painter.glyphs.ellipsis);
        painter.text(body.x, rows.bottom(), body.right(), &shown, Role::Muted);
    }
    rows
}

/// What all rows have in common.
struct Columns {
    name: u16,
    verdict: u16,
    /// Whether there is room for what is said of them.
    has_about: bool,
}

impl Columns {
    /// As wide as the widest, and names never so wide that nothing stands beside them.
    fn of(offers: &[Offer], width: u16) -> Self {
        let widest = |text: fn(&Offer) -> String| {
            let widest = offers.iter().map(|offer| fit::width(&text(offer))).max();
            u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX)
        };
        let verdict = widest(verdict);
        let room = width.saturating_sub(SIZE + verdict + 6).min(width * 2 / 3);
        let name = widest(name).min(room.max(NAME));
        let taken = name + SIZE + verdict + 8;
        Self {
            name,
            verdict,
            has_about: width.saturating_sub(taken) >= ABOUT,
        }
    }

    fn draw(&self, painter: &mut Painter<'_>, body: Rect, y: u16, offer: &Offer) {
        let x = body.x + 2;
        let name = name(offer);
        let shown = fit::tail(&name, usize::from(self.name), painter.glyphs.ellipsis);
        painter.text(x, y, x + self.name, &shown, Role::Text);
        let x = x + self.name + 2;
        match offer {
            Offer::Repo {
                downloads,
                license,
                gated,
                ..
            } => {
                let mut about = units::counted(*downloads, "download");
                if !license.is_empty() {
                    about += &format!("  {license}");
                }
                if *gated {
                    about += "  asks for an agreement";
                }
                painter.text(x, y, body.right(), &about, Role::Muted);
            }
            Offer::Model {
                size, fits, about, ..
            } => {
                let size = match size {
                    Size::Known(bytes) => units::bytes(*bytes),
                    Size::Estimated(bytes) => format!("~{}", units::bytes(*bytes)),
                    Size::Unknown => "-".to_owned(),
                };
                painter.text_right(x, y, x + SIZE, &[part(size, Role::Text)]);
                let role = match fits {
                    Some(verdict) if verdict.fits => Role::Good,
                    Some(_) => Role::Warning,
                    None => Role::Muted,
                };
                let x = x + SIZE + 2;
                painter.text(x, y, body.right(), &verdict(offer), role);
                if self.has_about {
                    let x = x + self.verdict + 2;
                    painter.text(x, y, body.right(), about, Role::Muted);
                }
            }
        }
    }
}

fn name(offer: &Offer) -> String {
    match offer {
        Offer::Repo { repo, .. } => repo.to_string(),
        Offer::Model { name, .. } => name.clone(),
    }
}

fn verdict(offer: &Offer) -> String {
    match offer {
        Offer::Model {
            fits: Some(verdict),
            ..
        } => verdict.to_string(),
        _ => String::new(),
    }
}
