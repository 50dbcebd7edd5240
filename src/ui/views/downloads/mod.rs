//! Models from the Hub, and what of them comes here.
//!
//! ```text
//! ╭ Models from the Hub 14 ──────────────────────────────────────────────────╮
//! │ / words, or org/repo:Q4_K_M▏                                             │
//! │ ▸ Qwen/Qwen3-8B-GGUF:Q4_K_M        ~4.7 GiB  fits       a good all-rounder│
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ╭ Downloads 1 ─────────────────────────────────────────────────────────────╮
//! │   Qwen/Qwen3-8B-GGUF:Q4_K_M  ━━━━━━────── 1.2 / 4.7 GiB 98.2 MiB/s  37 s │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```

mod find;
mod queue;

use std::borrow::Cow;

use ratatui::layout::{Constraint, Layout, Rect};

use crate::app::{DownloadsPart, Offers, State};
use crate::hub::Question;
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Frame, Painter, part};

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let downloads = &state.downloads;
    let frame = Size::of(painter.buffer.area).frame();
    // What the frame takes of them.
    let (columns, rows) = match frame {
        Frame::Box => (4, 2),
        Frame::Rule => (0, 1),
    };
    let below = match queue::rows(&downloads.queue, area.width.saturating_sub(columns)) {
        0 => 0,
        inner => inner.saturating_add(rows).min(area.height / 2),
    };
    let [upper, lower] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area);
    let has_keys = |part| {
        if state.overlay.is_none() && downloads.part == part {
            Focused::Yes
        } else {
            Focused::No
        }
    };

    let focused = has_keys(DownloadsPart::Find);
    let title: Cow<'_, str> = match downloads.find.question() {
        Some(Question::Models(repo)) => repo.as_str().into(),
        _ => "Models from the Hub".into(),
    };
    let count = match &downloads.find.list {
        Offers::Here(offers) => format!(" {}", offers.len()),
        _ => String::new(),
    };
    let title = [part(title, Role::Accent), part(count, Role::Muted)];
    let inner = painter.pane(upper, &title, frame, focused);
    find::draw(painter, inner, &downloads.find, focused);

    if below > 0 {
        let focused = has_keys(DownloadsPart::Queue);
        let count = format!(" {}", downloads.queue.all.len());
        let title = [part("Downloads", Role::Accent), part(count, Role::Muted)];
        let inner = painter.pane(lower, &title, frame, focused);
        queue::draw(painter, inner, &downloads.queue, focused);
    }
}

/// The first row shown, so that the selected one is.
fn top(selected: usize, rows: u16) -> usize {
    (selected + 1).saturating_sub(usize::from(rows))
}
