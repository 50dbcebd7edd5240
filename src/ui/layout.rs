//! Where everything goes, for every size of the screen.
//!
//! ```text
//! compact (under 120x30)     wide                            full (180x50 and more)
//! ┌ header ──────────────┐   ┌ header ──────────┬─────────┐   ┌ header ─────────┬────────┬────────┐
//! │ chat, or the chosen  │   │ chat             │ speed   │   │ chat            │ speed  │ gauges │
//! │ side pane            │   │                  ├─────────┤   │                 ├────────┴────────┤
//! ├──────────────────────┤   │                  │ gauges  │   │                 │ parameters      │
//! │ composer             │   │                  ├─────────┤   │                 │                 │
//! │ strip of figures     │   ├──────────────────┤ params  │   ├─────────────────┼─────────────────┤
//! │ status               │   │ composer         │ or log  │   │ composer        │ log             │
//! └──────────────────────┘   └ status ──────────┴─────────┘   └ status ─────────┴─────────────────┘
//! ```

use ratatui::layout::{Constraint, Layout, Rect};

use super::painter::Frame;
use crate::app::Pane;

/// The least columns and rows that can show something useful.
pub const SMALLEST: (u16, u16) = (60, 18);

/// How much there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    TooSmall,
    Compact,
    Wide,
    Full,
}

impl Size {
    pub fn of(screen: Rect) -> Self {
        match (screen.width, screen.height) {
            (width, height) if width < SMALLEST.0 || height < SMALLEST.1 => Self::TooSmall,
            (180.., 50..) => Self::Full,
            (120.., 30..) => Self::Wide,
            _ => Self::Compact,
        }
    }

    /// Boxes cost columns and rows: narrow screens do with a line above each pane.
    pub fn frame(self) -> Frame {
        if self == Self::Compact {
            Frame::Rule
        } else {
            Frame::Box
        }
    }
}

/// What the arrangement depends on beside the size.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    pub focus: Pane,
    /// The side pane chosen where there is no room for all.
    pub side: Option<Pane>,
    /// Rows of the gauges, without their frame.
    pub gauge_rows: u16,
}

/// The rectangle of each part; `None` = not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub status: Rect,
    pub strip: Option<Rect>,
    pub chat: Option<Rect>,
    pub composer: Option<Rect>,
    pub speed: Option<Rect>,
    pub gauges: Option<Rect>,
    pub parameters: Option<Rect>,
    pub log: Option<Rect>,
}

/// The rows of a screen that one view fills: header, body, status line.
pub fn whole(screen: Rect) -> (Rect, Rect, Rect) {
    let [header, body, status] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(screen);
    (header, body, status)
}

/// Arranges a screen; `composer_rows` tells how many rows the composer's text takes at a width.
pub fn arrange(screen: Rect, wishes: &Wishes, composer_rows: impl Fn(u16) -> u16) -> Areas {
    let (header, body, status) = whole(screen);
    let areas = Areas {
        header,
        status,
        ..Areas::default()
    };
    match Size::of(screen) {
        Size::TooSmall => Areas::default(),
        Size::Compact => compact(areas, body, wishes, composer_rows),
        Size::Wide => wide(areas, body, wishes, composer_rows),
        Size::Full => full(areas, body, wishes, composer_rows),
    }
}

fn compact(areas: Areas, body: Rect, wishes: &Wishes, composer_rows: impl Fn(u16) -> u16) -> Areas {
    // A side pane that takes the keys gets the composer's room too.
    let composing = wishes.side.is_none() || wishes.focus == Pane::Composer;
    let composer = if composing {
        composer_height(composer_rows(body.width), 1, body.height)
    } else {
        0
    };
    let [main, composer, strip] = Layout::vertical([
        Constraint::Min(0),
        Constraint::Length(composer),
        Constraint::Length(1),
    ])
    .areas(body);
    let composer = composing.then_some(composer);
    let areas = Areas {
        composer,
        strip: Some(strip),
        ..areas
    };
    match wishes.side {
        Some(Pane::Parameters) => Areas {
            parameters: Some(main),
            ..areas
        },
        Some(Pane::Speed) => Areas {
            speed: Some(main),
            ..areas
        },
        Some(Pane::Gauges) => Areas {
            gauges: Some(main),
            ..areas
        },
        Some(Pane::Log) => Areas {
            log: Some(main),
            ..areas
        },
        Some(Pane::Chat | Pane::Composer) | None => Areas {
            chat: Some(main),
            ..areas
        },
    }
}

fn wide(areas: Areas, body: Rect, wishes: &Wishes, composer_rows: impl Fn(u16) -> u16) -> Areas {
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(60), Constraint::Min(0)]).areas(body);
    let (chat, composer) = chat_column(left, composer_rows);
    // The speed pane gives its chart up first.
    let gauges = (wishes.gauge_rows + 2).min(body.height / 3);
    let speed = if body.height >= 46 { 16 } else { 13 };
    let [speed, gauges, rest] = Layout::vertical([
        Constraint::Length(speed),
        Constraint::Length(gauges),
        Constraint::Min(8),
    ])
    .areas(right);
    let log = wishes.focus == Pane::Log || wishes.side == Some(Pane::Log);
    Areas {
        chat: Some(chat),
        composer: Some(composer),
        speed: Some(speed),
        gauges: Some(gauges),
        parameters: (!log).then_some(rest),
        log: log.then_some(rest),
        ..areas
    }
}

fn full(areas: Areas, body: Rect, wishes: &Wishes, composer_rows: impl Fn(u16) -> u16) -> Areas {
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(55), Constraint::Min(0)]).areas(body);
    let (chat, composer) = chat_column(left, composer_rows);
    let top = (wishes.gauge_rows + 2).clamp(18, body.height / 3 + 2);
    let [top, parameters, log] = Layout::vertical([
        Constraint::Length(top),
        Constraint::Fill(3),
        Constraint::Fill(1),
    ])
    .areas(right);
    let [speed, gauges] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(top);
    Areas {
        chat: Some(chat),
        composer: Some(composer),
        speed: Some(speed),
        gauges: Some(gauges),
        parameters: Some(parameters),
        log: Some(log),
        ..areas
    }
}

/// Chat over composer, both in boxes.
fn chat_column(column: Rect, composer_rows: impl Fn(u16) -> u16) -> (Rect, Rect) {
    let height = composer_height(
        composer_rows(column.width.saturating_sub(4)),
        2,
        column.height,
    );
    let [chat, composer] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(height)]).areas(column);
    (chat, composer)
}

/// As many rows as the text takes, at most a third of the column.
fn composer_height(rows: u16, frame: u16, column: u16) -> u16 {
    (rows.max(1) + frame).min((column / 3).max(frame + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PANES: [Option<Pane>; 5] = [
        None,
        Some(Pane::Parameters),
        Some(Pane::Speed),
        Some(Pane::Gauges),
        Some(Pane::Log),
    ];

    fn shown(areas: &Areas) -> Vec<Rect> {
        let optional = [
            areas.strip,
            areas.chat,
            areas.composer,
            areas.speed,
            areas.gauges,
            areas.parameters,
            areas.log,
        ];
        [areas.header, areas.status]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .collect()
    }

    proptest! {
        #[test]
        fn parts_fill_the_screen_without_overlap(
            width in 60u16..300, height in 18u16..100, side in 0usize..5, rows in 1u16..60, gauge_rows in 4u16..40, composing: bool,
        ) {
            let screen = Rect::new(0, 0, width, height);
            let focus = if composing { Pane::Composer } else { PANES[side].unwrap_or(Pane::Chat) };
            let areas = arrange(screen, &Wishes { focus, side: PANES[side], gauge_rows }, |_| rows);
            let parts = shown(&areas);
            let covered: u32 = parts.iter().map(|part| part.area()).sum();
            prop_assert_eq!(covered, screen.area());
            for (index, one) in parts.iter().enumerate() {
                prop_assert!(one.area() > 0, "{:?}", areas);
                prop_assert!(parts[index + 1..].iter().all(|other| !one.intersects(*other)), "{:?}", areas);
            }
        }
    }
}
