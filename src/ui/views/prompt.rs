//! The prompt that the model saw.
//!
//! ```text
//! ╭ Prompt of the last reply  23 tokens, 4 special ──────────────────────────╮
//! │ <|im_start|>user                                                         │
//! │ What is a mutex?<|im_end|>                                               │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::{PieceKind, PromptForm, PromptState, Shown, State};
use crate::engine::PromptOf;
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, Part, part};
use crate::ui::text::{units, wrap::Wrapped};

/// Columns of a token's number in the list, and of its id.
const NUMBER: u16 = 8;
const ID: u16 = 10;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let focused = match state.overlay {
        None => Focused::Yes,
        Some(_) => Focused::No,
    };
    let title = title(&state.prompt);
    let inner = painter.pane(area, &title, frame, focused);
    match &state.prompt.shown {
        None => {
            painter.text(
                inner.x,
                inner.y,
                inner.right(),
                "asking the engine …",
                Role::Muted,
            );
        }
        Some(Err(why)) => {
            let wrapped = Wrapped::new(why, inner.width);
            for (row, y) in wrapped.rows().iter().zip(inner.y..inner.bottom()) {
                painter.text(inner.x, y, inner.right(), row.text(why), Role::Error);
            }
        }
        Some(Ok(shown)) => match state.prompt.form {
            PromptForm::Text => text(painter, inner, shown, state.prompt.scrolled.top),
            PromptForm::Tokens => tokens(painter, inner, shown, state.prompt.scrolled.top),
        },
    }
}

fn title(prompt: &PromptState) -> Vec<Part<'static>> {
    let Some(Ok(shown)) = &prompt.shown else {
        return vec![part("Prompt", Role::Accent)];
    };
    let of = match shown.of {
        PromptOf::Reply => "Prompt of the last reply",
        PromptOf::Now => "Prompt, as it would be now",
    };
    let count = format!(
        "  {} tokens, {} special",
        units::count(shown.n_tokens() as u64),
        units::count(shown.n_special() as u64)
    );
    vec![part(of, Role::Accent), part(count, Role::Muted)]
}

/// The template's text is muted, its control tokens stand out, what was said is as usual.
fn text(painter: &mut Painter<'_>, inner: Rect, shown: &Shown, top: usize) {
    for (row, y) in shown.text.iter().skip(top).zip(inner.y..inner.bottom()) {
        let parts: Vec<Part<'_>> = row
            .iter()
            .map(|piece| {
                let role = match piece.kind {
                    PieceKind::Special => Role::Key,
                    PieceKind::Template => Role::Muted,
                    PieceKind::Content => Role::Text,
                };
                part(piece.text.as_str(), role)
            })
            .collect();
        painter.parts(inner.x, y, inner.right(), &parts);
    }
}

fn tokens(painter: &mut Painter<'_>, inner: Rect, shown: &Shown, top: usize) {
    for (at, y) in (top..shown.n_tokens()).zip(inner.y..inner.bottom()) {
        let Some((id, piece, is_special)) = shown.token(at) else {
            return;
        };
        let (role, mark) = match is_special {
            true => (Role::Key, "  special"),
            false => (Role::Text, ""),
        };
        let number = [part(units::count(at as u64), Role::Muted)];
        painter.text_right(inner.x, y, inner.x + NUMBER, &number);
        let id = [part(id.to_string(), Role::Muted)];
        painter.text_right(inner.x + NUMBER, y, inner.x + NUMBER + ID, &id);
        let x = inner.x + NUMBER + ID + 2;
        let end = painter.text(x, y, inner.right(), &piece, role);
        painter.text(end, y, inner.right(), mark, Role::Muted);
    }
}
