//! The path of a model to load, with what completes it.
//!
//! ```text
//! ┏ Load a model ━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ /models/qw▏                          ┃
//! ┃                                      ┃
//! ┃ /models/qwen2.5-0.5b-q8_0.gguf       ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use ratatui::layout::Rect;

use crate::app::{Action, PromptOverlay, State};
use crate::keymap::{Context, Keymap};
use crate::library::Estimate;
use crate::theme::Role;
use crate::ui::painter::{Painter, part};
use crate::ui::text::{fit, sanitise, units, wrap::Wrapped};
use crate::ui::widgets::field;

const WIDTH: u16 = 90;
/// Rows of the frame, the path, the hint, what the load would come out as, and what becomes of the
/// models in memory.
const AROUND: u16 = 6;

pub fn draw(painter: &mut Painter<'_>, screen: Rect, state: &State, prompt: &PromptOverlay) {
    let columns = WIDTH.min(screen.width.saturating_sub(4));
    let error = prompt.error.as_deref().map(sanitise::sanitise);
    let error = error.map(|text| (Wrapped::new(&text, columns.saturating_sub(4)), text));
    let error_rows = error.as_ref().map_or(0, |(rows, _)| rows.rows().len());
    let rows = u16::try_from(prompt.completions.len().max(1) + error_rows).unwrap_or(u16::MAX);
    let height = rows.saturating_add(AROUND).min(screen.height * 3 / 4);
    let inner = painter.overlay(
        screen,
        columns,
        height,
        &[part("Load a model", Role::Accent)],
    );
    field::draw(
        painter,
        Rect { height: 1, ..inner },
        &prompt.line.text,
        Some(prompt.line.cursor),
    );
    let mut y = inner.y + 1;
    painter.text(inner.x, y, inner.right(), &hint(&state.keymap), Role::Muted);
    y += 1;
    let text = prompt.chosen().unwrap_or(prompt.line.text.trim());
    let outlook = state.library.outlook(text);
    if let Some((line, role)) = outlook.as_ref().map(in_words) {
        painter.text(inner.x, y, inner.right(), &line, role);
    }
    y += 1;
    let beside = outlook.as_ref().and_then(|known| known.as_ref().ok());
    let place = state.library.place_named(text);
    if let Some(line) = beside.and_then(|estimate| state.beside(&place, estimate)) {
        painter.text(inner.x, y, inner.right(), &line, Role::Text);
    }
    y += 1;
    if let Some((rows, text)) = &error {
        for row in rows
            .rows()
            .iter()
            .take(usize::from(inner.bottom().saturating_sub(y)))
        {
            painter.text(inner.x, y, inner.right(), row.text(text), Role::Error);
            y += 1;
        }
    }
    let room = usize::from(inner.bottom().saturating_sub(y));
    let shown = if prompt.completions.len() > room {
        room.saturating_sub(1)
    } else {
        room
    };
    // The selected one stays in view.
    let first = prompt
        .selected
        .map_or(0, |at| (at + 1).saturating_sub(shown));
    for (index, completion) in prompt
        .completions
        .iter()
        .enumerate()
        .skip(first)
        .take(shown)
    {
        let clean = sanitise::sanitise(completion);
        let path = fit::tail(&clean, usize::from(inner.width), painter.glyphs.ellipsis);
        painter.text(inner.x, y, inner.right(), &path, Role::Text);
        if state.model.held.is_some()
            && state
                .held_at(&state.library.place_named(completion))
                .is_some()
        {
            painter.text_right(inner.x, y, inner.right(), &[part(" held", Role::Good)]);
        }
        if prompt.selected == Some(index) {
            painter.select(inner, y);
        }
        y += 1;
    }
    if prompt.completions.len() > shown {
        let more = format!(
            "{} {} more",
            painter.glyphs.ellipsis,
            units::count((prompt.completions.len() - shown) as u64)
        );
        painter.text(inner.x, y, inner.right(), &more, Role::Muted);
    }
}

/// What loading the model under the selection would come out as, before it is loaded.
fn in_words(outlook: &Result<Estimate, String>) -> (String, Role) {
    let estimate = match outlook {
        Ok(estimate) => estimate,
        Err(why) => return (why.clone(), Role::Warning),
    };
    let needs = units::bytes(estimate.needs);
    if !estimate.fits {
        let lacks = units::bytes(estimate.lacks);
        let line = format!("does not fit: needs {needs}, {lacks} are missing");
        return (line, Role::Warning);
    }
    let ceiling = estimate.ceiling.map(units::rate);
    let ceiling = ceiling.map_or(String::new(), |rate| format!("; at most {rate} (estimate)"));
    let (gpu, all, n_ctx) = (estimate.n_gpu_layers, estimate.n_layers, estimate.n_ctx);
    let line = format!("fits: n-gpu-layers {gpu} of {all}, ctx-size {n_ctx}, {needs}{ceiling}");
    (line, Role::Text)
}

/// How to fill it in, by the keys in force.
fn hint(keymap: &Keymap) -> String {
    let keys = [
        (Action::Down, "selects"),
        (Action::Complete, "completes"),
        (Action::Accept, "loads or enters"),
    ];
    let keys: Vec<_> = keys
        .into_iter()
        .filter_map(|(action, what)| {
            Some(format!("{} {what}", keymap.hint(Context::Prompt, action)?))
        })
        .collect();
    format!("A name or a file: {}", keys.join(", "))
}
