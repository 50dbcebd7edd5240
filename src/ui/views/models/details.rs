//! Everything about a model.
//!
//! ```text
//! qwen3:latest
//! arch        qwen3
//! fits here   on GPU, ctx 16384; needs 7.0 GiB
//!
//! Metadata, 26
//! general.architecture                      qwen3
//!
//! Tensors, 290
//! blk.0.attn_q.weight                       Q4_K      1024 x 2048      1.1 MiB
//! ```

use ratatui::layout::Rect;

use crate::app::{DetailRow, Details, State};
use crate::library::TensorRow;
use crate::theme::Role;
use crate::ui::painter::Painter;
use crate::ui::text::units;

/// Columns of the names of facts, and at most of the keys of the header.
const NAME: u16 = 12;
const KEY: u16 = 48;
/// Columns of a tensor's type, and of its shape.
const KIND: usize = 8;
const SHAPE: usize = 22;

pub fn draw(painter: &mut Painter<'_>, inner: Rect, state: &State, details: &Details) {
    let rows = state.detail_rows();
    let shown = rows.iter().skip(details.scrolled.top);
    for (row, y) in shown.zip(inner.y..inner.bottom()) {
        draw_row(painter, Rect { y, ..inner }, row);
    }
}

fn draw_row(painter: &mut Painter<'_>, area: Rect, row: &DetailRow<'_>) {
    let Rect { x, y, .. } = area;
    let right = area.right();
    let key = (area.width / 2).min(KEY);
    let mut pair = |width: u16, name: &str, text: &str| {
        painter.text(x, y, x + width.saturating_sub(1), name, Role::Muted);
        painter.text(x + width, y, right, text, Role::Text);
    };
    match row {
        DetailRow::Fact(name, text) => pair(NAME, name, text),
        DetailRow::Metadata(name, text) => pair(key, name, text),
        DetailRow::Tensor(tensor) => pair(key, &tensor.name, &about(tensor)),
        DetailRow::Heading(text) => {
            painter.text(x, y, right, text, Role::Accent);
        }
        DetailRow::Problem(why) => {
            painter.text(x, y, right, why, Role::Error);
        }
        DetailRow::Reading => {
            let text = format!("reading the header {}", painter.glyphs.ellipsis);
            painter.text(x, y, right, &text, Role::Muted);
        }
        DetailRow::Blank => {}
    }
}

fn about(tensor: &TensorRow) -> String {
    let dims: Vec<_> = tensor.dims.iter().map(u64::to_string).collect();
    let (kind, shape) = (tensor.kind, dims.join(" x "));
    format!(
        "{kind:<KIND$} {shape:<SHAPE$} {}",
        units::bytes(tensor.bytes)
    )
}
