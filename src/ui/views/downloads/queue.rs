//! The downloads: a row each, and below them why the selected one failed.

use ratatui::layout::Rect;

use super::top;
use crate::app::{Download, DownloadQueue, Phase};
use crate::hub::Status;
use crate::theme::Role;
use crate::ui::painter::{Focused, Painter};
use crate::ui::text::{fit, sanitise, units, wrap::Wrapped};
use crate::ui::widgets::gauge::gauge;

/// Rows of downloads at most.
const ROWS: u16 = 6;
/// Rows of the reason of a failure at most.
const REASON: u16 = 3;
/// Columns of a bar.
const BAR: u16 = 12;
/// Columns of a row from which there is room for one.
const BAR_FROM: u16 = 96;

/// Rows that the downloads take.
pub(super) fn rows(queue: &DownloadQueue, width: u16) -> u16 {
    let all = u16::try_from(queue.all.len()).unwrap_or(u16::MAX);
    all.min(ROWS) + reason_rows(queue, width)
}

pub(super) fn draw(
    painter: &mut Painter<'_>,
    inner: Rect,
    queue: &DownloadQueue,
    focused: Focused,
) {
    let reason = reason_rows(queue, inner.width).min(inner.height.saturating_sub(1));
    let list = Rect {
        height: inner.height - reason,
        ..inner
    };
    let visible = queue.all.iter().enumerate();
    let visible = visible.skip(top(queue.selected, list.height));
    for ((index, download), y) in visible.zip(list.y..list.bottom()) {
        if index == queue.selected && focused == Focused::Yes {
            painter.mark(list, y);
        }
        draw_row(painter, list, y, download);
    }
    if let Some(why) = reason_of(queue) {
        let wrapped = Wrapped::new(&why, inner.width);
        for (row, y) in wrapped.rows().iter().zip(list.bottom()..inner.bottom()) {
            painter.text(inner.x, y, inner.right(), row.text(&why), Role::Error);
        }
    }
}

fn reason_of(queue: &DownloadQueue) -> Option<String> {
    match &queue.chosen()?.phase {
        Phase::Failed(why) => Some(sanitise::sanitise(why).into_owned()),
        _ => None,
    }
}

fn reason_rows(queue: &DownloadQueue, width: u16) -> u16 {
    let rows = reason_of(queue).map_or(0, |why| Wrapped::new(&why, width).rows().len());
    u16::try_from(rows).unwrap_or(REASON).min(REASON)
}

fn draw_row(painter: &mut Painter<'_>, list: Rect, y: u16, download: &Download) {
    let width = (list.width / 2).saturating_sub(4);
    let x = list.x + 2;
    let name = download.wanted.to_string();
    let name = fit::tail(&name, usize::from(width), painter.glyphs.ellipsis);
    painter.text(x, y, x + width, &name, Role::Text);
    let mut x = x + width + 2;
    if list.width >= BAR_FROM {
        if let Some(share) = share(download) {
            gauge(painter, x, y, BAR, share, Role::Gauge);
        }
        x += BAR + 1;
    }
    let (text, role) = words(download);
    painter.text(x, y, list.right(), &text, role);
}

/// What is here of what there will be; `None` where a bar says nothing.
fn share(download: &Download) -> Option<f64> {
    let total = download.progress.total?;
    let is_under_way = !matches!(download.phase, Phase::Failed(_) | Phase::Done(_));
    is_under_way.then(|| download.progress.here as f64 / total.max(1) as f64)
}

fn words(download: &Download) -> (String, Role) {
    let progress = &download.progress;
    let here = match progress.total {
        Some(total) => units::bytes_of(progress.here, total),
        None => units::bytes(progress.here),
    };
    match &download.phase {
        Phase::Waiting => ("waits for its turn".into(), Role::Muted),
        Phase::Pausing | Phase::Cancelling => ("stopping …".into(), Role::Muted),
        Phase::Paused => (format!("{here}  paused"), Role::Warning),
        Phase::Done(_) => (format!("{} here", units::bytes(progress.here)), Role::Good),
        Phase::Failed(_) => ("failed".into(), Role::Error),
        Phase::Running => match &progress.status {
            Status::Retrying(why) => (format!("{here}  {why}"), Role::Warning),
            Status::Locked => ("waiting for another that fetches it".into(), Role::Muted),
            Status::Checking => (format!("{here}  checking"), Role::Text),
            Status::Queued | Status::Done | Status::Fetching => {
                (with_rate(download, here), Role::Text)
            }
        },
    }
}

fn with_rate(download: &Download, here: String) -> String {
    let total = download.progress.total;
    let left = total.map(|total| total.saturating_sub(download.progress.here));
    let time = left.and_then(|left| download.rate.time_left_ms(left));
    let rate = download.rate.per_second().map(units::byte_rate);
    let parts = [Some(here), rate, time.map(units::time_left)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}
