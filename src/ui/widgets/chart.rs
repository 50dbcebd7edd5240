//! A chart of the latest values as bars, oldest left, with its scale.
//!
//! ```text
//!  30 ▂▅▇▇▇▇▆▇▇▇
//!     ██████████
//!   0 ██████████
//! ```

use ratatui::layout::Rect;
use ratatui::widgets::{Sparkline, Widget};

use crate::theme::Role;
use crate::ui::painter::Painter;

/// Columns of the scale and the space after it.
pub const SCALE: u16 = 6;

/// Draws as many of the latest values as fit.
pub fn chart(painter: &mut Painter<'_>, area: Rect, values: impl ExactSizeIterator<Item = f64>) {
    if area.height == 0 || area.width <= SCALE || values.len() == 0 {
        return;
    }
    let plot = Rect {
        x: area.x + SCALE,
        width: area.width - SCALE,
        ..area
    };
    let hidden = values.len().saturating_sub(usize::from(plot.width));
    let shown: Vec<f64> = values
        .skip(hidden)
        .map(|value| {
            if value.is_finite() {
                value.max(0.0)
            } else {
                0.0
            }
        })
        .collect();
    let top = round_up(shown.iter().copied().fold(0.0, f64::max));
    let label = |value: f64| {
        format!(
            "{:>5}",
            if top < 10.0 {
                format!("{value:.1}")
            } else {
                format!("{value:.0}")
            }
        )
    };
    painter.text(area.x, area.y, plot.x, &label(top), Role::Muted);
    if area.height > 1 {
        painter.text(area.x, area.bottom() - 1, plot.x, &label(0.0), Role::Muted);
    }
    // Hundredths, because bars are whole numbers.
    let data: Vec<u64> = shown.iter().map(|value| (value * 100.0) as u64).collect();
    let bars = painter.glyphs.bars.clone();
    Sparkline::default()
        .data(data)
        .max((top * 100.0) as u64)
        .bar_set(bars)
        .style(painter.style(Role::Chart))
        .render(plot, painter.buffer);
}

/// The next 1, 2, 3, 5 or 8 times a power of ten, so that the scale does not jump with every value.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 3.0, 5.0, 8.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= value)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_round_and_high_enough() {
        for (value, top) in [
            (0.0, 1.0),
            (24.9, 30.0),
            (0.3, 0.3),
            (99.0, 100.0),
            (450.0, 500.0),
        ] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}");
        }
    }
}
