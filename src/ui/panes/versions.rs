//! What the chat pane shows of the tree behind the transcript: which message is selected, and which
//! of its versions stands there.
//!
//! ```text
//!  Chat · message 3 of 8 · version 2 of 3 ─
//! ›│What is a mutex in Rust?            2/3
//!  │
//! ```

use ratatui::layout::Rect;

use crate::app::State;
use crate::params::{Param, Value};
use crate::theme::Role;
use crate::ui::painter::{Painter, Part, part};
use crate::ui::transcript::TranscriptCache;

/// The pane's title: what is selected, else what belongs to the conversation.
pub fn title(state: &State) -> Vec<Part<'static>> {
    let mut title = vec![part("Chat", Role::Accent)];
    let mut fact = |text: String| title.push(part(format!(" · {text}"), Role::Muted));
    let tree = &state.chat.tree;
    if let Some(node) = state.chat.selected
        && let Some(at) = tree.position(node)
    {
        fact(format!("message {} of {}", at + 1, tree.path().len()));
        let (version, versions) = tree.version(node);
        if versions > 1 {
            fact(format!("version {version} of {versions}"));
        }
        return title;
    }
    if let Some(persona) = state.persona() {
        fact(persona.name.clone());
    } else if matches!(state.params.values.get(Param::System), Value::Text(text) if !text.is_empty())
    {
        fact("system prompt".to_owned());
    }
    if let Some(preset) = &state.params.preset {
        fact(preset.clone());
    }
    title
}

/// Marks the messages in view, of which line `top` stands in the first row.
pub fn mark(
    painter: &mut Painter<'_>,
    inner: Rect,
    top: usize,
    state: &State,
    cache: &TranscriptCache,
) {
    let chat = &state.chat;
    let selected = chat.selected.and_then(|node| chat.index_of(node));
    let bottom = top + usize::from(inner.height);
    let row = |line: usize| inner.y + u16::try_from(line.saturating_sub(top)).unwrap_or(u16::MAX);
    let in_view = (0..chat.entries.len())
        .map(|index| (index, cache.lines_of(index)))
        .skip_while(|(_, lines)| lines.end <= top)
        .take_while(|(_, lines)| lines.start < bottom);
    for (index, lines) in in_view {
        if Some(index) == selected {
            for line in lines.start.max(top)..lines.end.min(bottom) {
                let bar = painter.glyphs.border.vertical_left;
                painter.text(inner.x + 1, row(line), inner.x + 2, bar, Role::Key);
            }
        }
        let version = chat.node_at(index).map(|node| chat.tree.version(node));
        if let Some((version, versions)) = version.filter(|(_, versions)| *versions > 1)
            && lines.start >= top
        {
            let text = format!(" {version}/{versions}");
            // Where the text reaches that far, the blank line above, or the one below.
            let own = row(lines.start);
            let places = [own, own.saturating_sub(1), row(lines.end)];
            let is_free = |y: &u16| is_free(painter, inner, *y, text.len());
            let y = places.into_iter().find(is_free).unwrap_or(own);
            let count = [part(text, Role::Warning)];
            painter.text_right(inner.x, y, inner.right(), &count);
        }
    }
}

/// Whether nothing stands in the last columns of a row of the pane.
fn is_free(painter: &Painter<'_>, inner: Rect, y: u16, columns: usize) -> bool {
    if !(inner.y..inner.bottom()).contains(&y) {
        return false;
    }
    let columns = u16::try_from(columns).unwrap_or(inner.width);
    let left = inner.right().saturating_sub(columns).max(inner.x);
    (left..inner.right()).all(|x| painter.buffer[(x, y)].symbol() == " ")
}
