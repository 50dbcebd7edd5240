//! A bar of one line: `━━━━━━─────`.

use crate::theme::Role;
use crate::ui::painter::Painter;

/// Draws a bar of `width` columns, filled to `share` (0 to 1) in a role.
pub fn gauge(painter: &mut Painter<'_>, x: u16, y: u16, width: u16, share: f64, role: Role) {
    let full = filled(width, share);
    let (full_glyph, empty_glyph) = (painter.glyphs.gauge_full, painter.glyphs.gauge_empty);
    painter.text(x, y, x + full, &full_glyph.repeat(usize::from(full)), role);
    painter.text(
        x + full,
        y,
        x + width,
        &empty_glyph.repeat(usize::from(width - full)),
        Role::GaugeEmpty,
    );
}

/// The role of a store that fills up: memory, the context.
pub fn fill_role(share: f64) -> Role {
    match share {
        _ if share >= 0.95 => Role::Error,
        _ if share >= 0.85 => Role::Warning,
        _ => Role::Gauge,
    }
}

/// Full and empty are shown only when they are true.
fn filled(width: u16, share: f64) -> u16 {
    if !share.is_finite() || share <= 0.0 || width == 0 {
        return 0;
    }
    if share >= 1.0 {
        return width;
    }
    let columns = (share * f64::from(width)).round() as u16;
    columns.clamp(1, width.saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_honest() {
        assert_eq!(filled(10, 0.0), 0);
        assert_eq!(filled(10, 0.001), 1);
        assert_eq!(filled(10, 0.5), 5);
        assert_eq!(filled(10, 0.999), 9);
        assert_eq!(filled(10, 1.0), 10);
        assert_eq!(filled(10, f64::NAN), 0);
        assert_eq!(filled(0, 0.5), 0);
        assert_eq!(filled(1, 0.5), 1);
    }
}
