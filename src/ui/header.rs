//! The first line: which model runs, and what is being loaded.
//!
//! ```text
//! llmdeck  Qwen2.5 0.5B · Q8_0 · 494 M · 507.5 MiB · context 4,096             ✓ ready
//! llmdeck  Qwen2.5 0.5B · Q8_0                    loading big.gguf ━━━━━────  42 %
//! ```

use ratatui::layout::Rect;

use super::painter::{Painter, Part, part};
use super::text::units;
use super::widgets::gauge::gauge;
use crate::app::{Held, LoadPhase, State};
use crate::theme::Role;

/// Columns of the bar while loading.
const BAR: u16 = 16;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let x = painter.text(area.x, area.y, area.right(), "llmdeck", Role::Accent) + 2;
    let left = load_state(painter, area, state);
    let Some((model, context)) = &state.model.running else {
        if state.model.loading.is_none() {
            painter.text(x, area.y, left, "no model", Role::Muted);
        }
        return;
    };
    let facts = [
        vec![part(model.name.as_str(), Role::Text)],
        vec![part(model.quant.as_str(), Role::Code)],
        vec![part(units::parameters(model.n_params), Role::Muted)],
        vec![part(units::bytes(model.size_bytes), Role::Muted)],
        vec![part(
            format!("context {}", units::count(u64::from(context.n_ctx))),
            Role::Muted,
        )],
        state.model.held.iter().map(held).collect(),
    ];
    let shown = facts
        .into_iter()
        .filter(|fact| fact.iter().all(|(text, _)| !text.is_empty()))
        .collect::<Vec<_>>();
    painter.facts(x, area.y, left.saturating_sub(2), &shown);
}

/// The model that is held beside the one that runs.
fn held(held: &Held) -> Part<'_> {
    part(format!("held: {}", held.model.model.name), Role::Muted)
}

/// The right end of the line; returns where it begins.
fn load_state(painter: &mut Painter<'_>, area: Rect, state: &State) -> u16 {
    if let Some(load) = &state.model.loading {
        return loading(painter, area, load);
    }
    let parts: [Part<'_>; 2] = match (&state.model.error, &state.model.running) {
        (_, Some(_)) => [
            part(painter.glyphs.done, Role::Good),
            part(" ready", Role::Muted),
        ],
        (Some(_), None) => [
            part(painter.glyphs.failure, Role::Error),
            part(" load failed", Role::Error),
        ],
        (None, None) => return area.right(),
    };
    painter.text_right(area.x + 20, area.y, area.right(), &parts)
}

fn loading(painter: &mut Painter<'_>, area: Rect, load: &LoadPhase) -> u16 {
    let mut parts = what_loads(load);
    let Some(share) = load.progress else {
        parts.push(part(painter.glyphs.ellipsis, Role::Muted));
        return painter.text_right(area.x + 10, area.y, area.right(), &parts);
    };
    let percent = format!(" {:>3.0} %", share * 100.0);
    let right = area.right() - BAR - 6;
    parts.push(part(" ", Role::Muted));
    let left = painter.text_right(area.x + 10, area.y, right, &parts);
    gauge(painter, right, area.y, BAR, f64::from(share), Role::Gauge);
    painter.text(right + BAR, area.y, area.right(), &percent, Role::Text);
    left
}

/// In words, what a load or a retune does.
pub fn what_loads(load: &LoadPhase) -> Vec<Part<'_>> {
    match load.path.as_deref() {
        Some(path) => {
            let name = path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy();
            vec![part("loading ", Role::Muted), part(name, Role::Text)]
        }
        None => vec![part("applying parameters", Role::Muted)],
    }
}
