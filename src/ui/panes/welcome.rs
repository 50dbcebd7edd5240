//! What an empty conversation shows: what runs, how to begin, and why a load failed.
//!
//! ```text
//!                     llmdeck
//!            Qwen2.5 0.5B · Q8_0 is ready
//!
//!              Enter  send
//!             Ctrl-P  commands
//!                 F1  help
//!
//!        Everything stays on this machine.
//! ```

use std::borrow::Cow;

use ratatui::layout::Rect;

use crate::app::{self, Action, State};
use crate::keymap::Context;
use crate::theme::Role;
use crate::ui::header::what_loads;
use crate::ui::painter::{Painter, Part, part, parts_width};
use crate::ui::text::{fit, sanitise, wrap::Wrapped};
use crate::ui::widgets::gauge::gauge;

/// Columns of the bar while loading.
const BAR: u16 = 40;

/// Rows that it takes.
pub fn height(area: Rect, state: &State) -> u16 {
    let questions = questions(area, state).len();
    let rows = least_height(area, state) + questions + usize::from(questions > 0) * 2;
    u16::try_from(rows).unwrap_or(u16::MAX)
}

/// Rows without the questions.
fn least_height(area: Rect, state: &State) -> usize {
    let failure = failure(area, state);
    let failure = failure.map_or(0, |(rows, _)| rows.rows().len() + 1);
    6 + first_keys(state).len() + failure
}

/// Why no model runs, unless a note above says so.
fn failure(area: Rect, state: &State) -> Option<(Wrapped, Cow<'_, str>)> {
    let error = state.model.error.as_deref();
    let error = error.filter(|_| state.model.running.is_none() && state.chat.entries.is_empty())?;
    let text = sanitise::sanitise(error);
    let columns = area.width.saturating_sub(4).min(76);
    Some((Wrapped::new(&text, columns), text))
}

/// What the model that comes with the program can be asked, where there is room for it.
fn questions(area: Rect, state: &State) -> &'static [&'static str] {
    let rows = least_height(area, state) + app::QUESTIONS.len() + 2;
    if state.model.is_guide() && rows <= usize::from(area.height) {
        app::QUESTIONS
    } else {
        &[]
    }
}

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let failure = failure(area, state);
    let keys = first_keys(state);
    let mut y = area.y + area.height.saturating_sub(height(area, state)) / 2;
    let mut line = |painter: &mut Painter<'_>, parts: &[Part<'_>]| {
        let width = parts_width(parts) as u16;
        let x = area.x + area.width.saturating_sub(width) / 2;
        if y < area.bottom() {
            painter.parts(x, y, area.right(), parts);
        }
        y += 1;
        y - 1
    };
    line(painter, &[part("llmdeck", Role::Accent)]);
    line(painter, &model_line(painter, state));
    let bar_row = line(painter, &[]);
    if let Some(share) = state.model.loading.as_ref().and_then(|load| load.progress) {
        let width = BAR.min(area.width);
        gauge(
            painter,
            area.x + (area.width - width) / 2,
            bar_row,
            width,
            f64::from(share),
            Role::Gauge,
        );
    }
    line(painter, &[]);
    if let Some((rows, text)) = &failure {
        for row in rows.rows() {
            line(painter, &[part(row.text(text), Role::Error)]);
        }
        line(painter, &[]);
    }
    let widest = keys
        .iter()
        .map(|(key, _)| fit::width(key))
        .max()
        .unwrap_or(0);
    let what = keys
        .iter()
        .map(|(_, what)| fit::width(what))
        .max()
        .unwrap_or(0);
    for (key, text) in &keys {
        line(
            painter,
            &[
                part(format!("{key:>widest$}"), Role::Key),
                part(format!("  {text:<what$}"), Role::Text),
            ],
        );
    }
    line(painter, &[]);
    let questions = questions(area, state);
    if !questions.is_empty() {
        let key = state
            .keymap
            .hint(Context::Composer, Action::HistoryPrevious);
        let how = key.map(|key| format!(" ({key} writes it)"));
        let title = format!("Ask, for instance{}", how.unwrap_or_default());
        line(painter, &[part(title, Role::Muted)]);
    }
    for question in questions {
        line(painter, &[part(*question, Role::Text)]);
    }
    if !questions.is_empty() {
        line(painter, &[]);
    }
    line(
        painter,
        &[part("Everything stays on this machine.", Role::Muted)],
    );
}

fn model_line<'a>(painter: &Painter<'_>, state: &'a State) -> Vec<Part<'a>> {
    match (&state.model.loading, &state.model.running) {
        (Some(load), _) => what_loads(load),
        (None, Some((model, _))) => {
            let quant = format!(" {} {} is ready", painter.glyphs.dot, model.quant);
            vec![
                part(model.name.as_str(), Role::Text),
                part(quant, Role::Muted),
            ]
        }
        (None, None) => vec![part("No model is loaded.", Role::Muted)],
    }
}

/// The keys worth knowing first, whatever has the keys now.
fn first_keys(state: &State) -> Vec<(String, &'static str)> {
    [
        (Action::Send, "send"),
        (Action::Palette, "find an action"),
        (Action::Help, "help"),
    ]
    .into_iter()
    .filter_map(|(action, what)| Some((state.keymap.hint(Context::Composer, action)?, what)))
    .collect()
}
