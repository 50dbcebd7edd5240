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

use ratatui::layout::Rect;

use crate::app::{Download, DownloadsPart, DownloadsState, Offers, Phase, State};
use crate::hub::{Offer, Status};
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, part};
use crate::ui::text::{fit, sanitise, units, wrap::Wrapped};
use crate::ui::widgets::{field, gauge::gauge};

/// Rows of the downloads' pane at most, its frame included.
const DOWNLOADS: u16 = 8;
/// Columns of a bar.
const BAR: u16 = 12;
/// Columns from which there is room for one.
const BAR_FROM: u16 = 96;
/// Columns of a size, a verdict.
const SIZE: u16 = 10;
const FITS: u16 = 9;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let downloads = &state.downloads;
    let rows = u16::try_from(downloads.downloads.len()).unwrap_or(u16::MAX);
    let height = match rows {
        0 => 0,
        rows => rows.saturating_add(2).min(DOWNLOADS).min(area.height / 2),
    };
    let (upper, lower) = (area.height - height, area.bottom() - height);
    let has_keys = |part| {
        if state.overlay.is_none() && downloads.part == part {
            Focused::Yes
        } else {
            Focused::No
        }
    };
    let frame = Size::of(painter.buffer.area).frame();
    let count = match &downloads.list {
        Offers::Here(offers) => format!(" {}", offers.len()),
        _ => String::new(),
    };
    let title = [
        part("Models from the Hub", Role::Accent),
        part(count, Role::Muted),
    ];
    let above = Rect {
        height: upper,
        ..area
    };
    let inner = painter.pane(above, &title, frame, has_keys(DownloadsPart::Offers));
    offers(painter, inner, downloads);
    if height > 0 {
        let count = format!(" {}", downloads.downloads.len());
        let title = [part("Downloads", Role::Accent), part(count, Role::Muted)];
        let below = Rect {
            y: lower,
            height,
            ..area
        };
        let inner = painter.pane(below, &title, frame, has_keys(DownloadsPart::Downloads));
        list(painter, inner, downloads);
    }
}

fn offers(painter: &mut Painter<'_>, inner: Rect, state: &DownloadsState) {
    let x = painter.text(inner.x, inner.y, inner.right(), "/ ", Role::Key);
    let line = Rect {
        x,
        width: inner.right().saturating_sub(x),
        height: 1,
        ..inner
    };
    let cursor = (state.part == DownloadsPart::Offers).then_some(state.line.cursor);
    field::draw(painter, line, &state.line.text, cursor);
    if state.line.text.is_empty() {
        let hint = "words to look for, or a name: org/repo:Q4_K_M";
        painter.text(x + 1, inner.y, inner.right(), hint, Role::Muted);
    }
    let body = Rect {
        y: inner.y + 2,
        height: inner.height.saturating_sub(2),
        ..inner
    };
    match &state.list {
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
            let width = name_width(offers, body.width);
            let shown = usize::from(body.height);
            let top = (state.selected + 1).saturating_sub(shown);
            let visible = offers.iter().enumerate().skip(top);
            for ((index, one), y) in visible.zip(body.y..body.bottom()) {
                let selected = index == state.selected && state.part == DownloadsPart::Offers;
                row_mark(painter, body, y, selected);
                offer(painter, body, y, width, one);
            }
        }
    }
}

/// Columns of the names: as wide as the widest, and never so wide that nothing stands beside them.
fn name_width(offers: &[Offer], columns: u16) -> u16 {
    let widest = offers.iter().map(|offer| fit::width(&name(offer))).max();
    let widest = u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX);
    widest
        .min(columns.saturating_sub(SIZE + FITS + 6))
        .min(columns * 2 / 3)
}

fn name(offer: &Offer) -> String {
    match offer {
        Offer::Repo { repo, .. } => repo.to_string(),
        Offer::Model { wanted, .. } => wanted.to_string(),
    }
}

fn row_mark(painter: &mut Painter<'_>, body: Rect, y: u16, selected: bool) {
    if selected {
        let glyph = painter.glyphs.selected;
        painter.text(body.x, y, body.right(), glyph, Role::Key);
        let row = Rect {
            y,
            height: 1,
            ..body
        };
        painter.tint(row, Role::Selection);
    }
}

fn offer(painter: &mut Painter<'_>, body: Rect, y: u16, width: u16, offer: &Offer) {
    let x = body.x + 2;
    let ellipsis = painter.glyphs.ellipsis;
    let name = name(offer);
    let shown = fit::tail(&name, usize::from(width), ellipsis);
    painter.text(x, y, x + width, &shown, Role::Text);
    let x = x + width + 2;
    match offer {
        Offer::Repo {
            downloads,
            license,
            gated,
            ..
        } => {
            let mut about = format!("{} downloads", units::count(*downloads));
            if !license.is_empty() {
                about += &format!("  {license}");
            }
            if *gated {
                about += "  asks for an agreement";
            }
            painter.text(x, y, body.right(), &about, Role::Muted);
        }
        Offer::Model {
            bytes,
            is_estimate,
            fits,
            about,
            ..
        } => {
            let about_size = if *is_estimate { "~" } else { "" };
            let size = format!("{about_size}{}", units::bytes(*bytes));
            painter.text_right(x, y, x + SIZE, &[part(size, Role::Text)]);
            let (fits, role) = match fits {
                Some(true) => ("fits", Role::Good),
                Some(false) => ("too large", Role::Warning),
                None => ("", Role::Muted),
            };
            let x = x + SIZE + 2;
            painter.text(x, y, body.right(), fits, role);
            painter.text(x + FITS + 2, y, body.right(), about, Role::Muted);
        }
    }
}

fn list(painter: &mut Painter<'_>, inner: Rect, state: &DownloadsState) {
    let shown = usize::from(inner.height);
    let top = (state.chosen + 1).saturating_sub(shown);
    let visible = state.downloads.iter().enumerate().skip(top);
    for ((index, one), y) in visible.zip(inner.y..inner.bottom()) {
        row_mark(
            painter,
            inner,
            y,
            index == state.chosen && state.part == DownloadsPart::Downloads,
        );
        download(painter, inner, y, one);
    }
}

fn download(painter: &mut Painter<'_>, inner: Rect, y: u16, one: &Download) {
    let width = (inner.width / 2).saturating_sub(4);
    let x = inner.x + 2;
    let name = fit::tail(&one.name, usize::from(width), painter.glyphs.ellipsis);
    painter.text(x, y, x + width, &name, Role::Text);
    let x = x + width + 2;
    let share = one
        .progress
        .total
        .map(|total| one.progress.here as f64 / total.max(1) as f64);
    let x = match share {
        Some(share)
            if inner.width >= BAR_FROM
                && !matches!(one.phase, Phase::Failed(_) | Phase::Done(_)) =>
        {
            gauge(painter, x, y, BAR, share, Role::Gauge);
            x + BAR + 1
        }
        _ => x,
    };
    let (text, role) = state_of(one);
    painter.text(x, y, inner.right(), &text, role);
}

fn state_of(one: &Download) -> (String, Role) {
    let progress = &one.progress;
    let here = progress.total.map_or_else(
        || units::bytes(progress.here),
        |total| units::bytes_of(progress.here, total),
    );
    match &one.phase {
        Phase::Waiting => ("waits for its turn".into(), Role::Muted),
        Phase::Pausing | Phase::Cancelling => ("stopping …".into(), Role::Muted),
        Phase::Paused => (format!("{here}  paused"), Role::Warning),
        Phase::Done(_) => (format!("{} here", units::bytes(progress.here)), Role::Good),
        Phase::Failed(why) => (why.replace('\n', "  "), Role::Error),
        Phase::Running => match &progress.status {
            Status::Retrying(why) => (format!("{here}  {why}"), Role::Warning),
            Status::Locked => ("another program downloads it: waiting".into(), Role::Muted),
            Status::Checking => (format!("{here}  checking"), Role::Text),
            Status::Queued | Status::Done | Status::Fetching => (running(one, here), Role::Text),
        },
    }
}

fn running(one: &Download, here: String) -> String {
    let mut parts = vec![here];
    parts.extend(one.rate.per_second().map(units::byte_rate));
    let left = one
        .progress
        .total
        .map(|total| total.saturating_sub(one.progress.here));
    parts.extend(
        left.and_then(|left| one.rate.time_left_ms(left))
            .map(units::time_left),
    );
    parts.join("  ")
}
