//! Measurements.
//!
//! ```text
//! ╭ Measurements 12 ─────────────────────────────────────────────────────────╮
//! │ when              model              test      tok/s          change     │
//! │ 2026-01-31 12:00  qwen2 0.5B Q8_0    tg128     28.71 ± 0.12   +3.1 %     │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::State;
use crate::bench::history::{self, Compared};
use crate::bench::test_name;
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, part};

/// Where the columns begin.
const COLUMNS: [u16; 5] = [0, 18, 42, 58, 74];

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let focused = if state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let mut title = vec![part("Measurements", Role::Accent)];
    if let Some(Ok(records)) = &state.bench.history {
        title.push(part(format!(" {}", records.len()), Role::Muted));
    }
    let inner = painter.pane(area, &title, frame, focused);
    match &state.bench.history {
        None => line(painter, inner, 0, "reading the results …", Role::Muted),
        Some(Err(why)) => line(painter, inner, 0, why, Role::Error),
        Some(Ok(records)) if records.is_empty() => {
            line(painter, inner, 0, "no results yet", Role::Muted);
        }
        Some(Ok(records)) => {
            let heads = ["when", "model", "test", "tok/s", "change"];
            cells(painter, inner, 0, &heads.map(str::to_owned), Role::Muted);
            let mut compared = history::compare(records);
            compared.sort_by(|a, b| b.record.test_time.cmp(&a.record.test_time));
            let shown = compared.iter().skip(state.bench.scroll);
            for (row, compared) in (1..inner.height).zip(shown) {
                cells(painter, inner, row, &of(compared), Role::Text);
            }
        }
    }
}

fn of(compared: &Compared<'_>) -> [String; 5] {
    let record = compared.record;
    let time: String = record.test_time.chars().take(16).collect();
    [
        time.replace('T', " "),
        record.model_type.clone(),
        test_name(record.test()),
        format!("{:.2} ± {:.2}", record.avg_ts, record.stddev_ts),
        compared
            .change
            .map(history::change_in_words)
            .unwrap_or_default(),
    ]
}

fn cells(painter: &mut Painter<'_>, inner: Rect, row: u16, cells: &[String; 5], role: Role) {
    for (index, cell) in cells.iter().enumerate() {
        let x = inner.x + COLUMNS[index];
        let next = COLUMNS
            .get(index + 1)
            .map_or(inner.right(), |next| inner.x + next - 1);
        painter.text(x, inner.y + row, next.min(inner.right()), cell, role);
    }
}

fn line(painter: &mut Painter<'_>, inner: Rect, row: u16, text: &str, role: Role) {
    painter.text(inner.x, inner.y + row, inner.right(), text, role);
}
