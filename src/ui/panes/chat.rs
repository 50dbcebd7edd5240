//! The conversation.
//!
//! ```text
//! ╭ Chat ────────────────────────────────╮
//! │ › What is a mutex?                   │
//! │                                      │
//! │ • A lock that one thread at a time … │
//! │   24.9 tok/s · 120 tokens · seed 42  │
//! ╰────────────────────── ↓ 12 lines below
//! ```

use std::ops::RangeInclusive;

use ratatui::layout::{Constraint, Layout, Rect};

use super::{reply, versions, welcome};
use crate::app::{Entry, Pane, State, Viewport};
use crate::theme::Role;
use crate::ui::painter::{Focused, Frame, Painter, part};
use crate::ui::text::markdown;
use crate::ui::text::{sanitise, units, wrap::RowKind};
use crate::ui::transcript::{self, Page, TranscriptCache, TranscriptLine};

/// Columns for the mark of who speaks.
const GUTTER: u16 = 2;

/// Draws the pane and says what it could show.
pub fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    frame: Frame,
    state: &State,
    cache: &mut TranscriptCache,
) -> Viewport {
    let focused = if state.focus == Pane::Chat && state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let inner = painter.pane(area, &versions::title(state), frame, focused);
    let width = inner.width.saturating_sub(GUTTER);
    let page = Page {
        width,
        glyphs: painter.theme.glyphs,
    };
    cache.update(&state.chat, page);
    let (inner, below) = beside_welcome(inner, state, cache.total());
    if let Some(below) = below {
        welcome::draw(painter, below, state);
    }
    let height = usize::from(inner.height);
    let view = cache.view(&state.chat, height);
    let (top, total) = (view.top, cache.total());
    let code = state.chat.code.and_then(|picked| cache.code(picked));
    cache.highlight(top..total.min(top + height));
    for (row, line) in (inner.y..inner.bottom()).zip(top..total) {
        draw_line(
            painter,
            Rect {
                y: row,
                height: 1,
                ..inner
            },
            state,
            cache,
            cache.line(line),
        );
    }
    versions::mark(painter, inner, top, state, cache);
    if let Some(cursor) = view.cursor
        && let Some(marking) = state.chat.marking
    {
        let marked = marking.from.min(cursor)..=marking.from.max(cursor);
        let marked = cache.line_at(*marked.start())..=cache.line_at(*marked.end());
        mark_lines(painter, inner, top, &marked, cache.line_at(cursor));
    }
    if let Some(lines) = code {
        let seen = lines.start.max(top)..lines.end.min(top + height);
        for line in seen {
            let y = inner.y + u16::try_from(line - top).unwrap_or(u16::MAX);
            let bar = painter.glyphs.focus.vertical_left;
            painter.text(inner.x, y, inner.right(), bar, Role::Focus);
        }
    }
    if !view.is_at_end {
        let below = LinesBelow {
            lines: total.saturating_sub(top + height).max(1),
            is_exact: cache.is_exact_from(view.anchor.entry),
        };
        lines_below(painter, area, inner, frame, below);
    }
    Viewport {
        width,
        height,
        top: view.anchor,
        bottom: view.bottom,
        cursor: view.cursor,
        is_at_end: view.is_at_end,
    }
}

/// Shows which lines are marked; where the cursor is, a glyph says so without colour.
fn mark_lines(
    painter: &mut Painter<'_>,
    inner: Rect,
    top: usize,
    marked: &RangeInclusive<usize>,
    cursor: usize,
) {
    let style = painter.style(Role::Selection);
    for (row, line) in (inner.y..inner.bottom()).zip(top..) {
        if marked.contains(&line) {
            let area = Rect {
                y: row,
                height: 1,
                ..inner
            };
            painter.buffer.set_style(area, style);
            let glyph = match line == cursor {
                true => painter.glyphs.selected,
                false => painter.glyphs.focus.vertical_left,
            };
            painter.text(inner.x, row, inner.right(), glyph, Role::Focus);
        }
    }
}

/// Room for the transcript and, while it has nothing but notes, for the welcome below them.
fn beside_welcome(inner: Rect, state: &State, total: usize) -> (Rect, Option<Rect>) {
    let has_talk = |entry: &Entry| !matches!(entry, Entry::Note { .. });
    if state.chat.entries.iter().any(has_talk) {
        return (inner, None);
    }
    let gap = u16::from(total > 0);
    let notes = u16::try_from(total).unwrap_or(u16::MAX);
    let room = inner.height.saturating_sub(welcome::height(inner, state));
    if total > 0 && room < notes.min(3) + gap {
        return (inner, None);
    }
    let notes = notes.min(room.saturating_sub(gap));
    let [notes, _, below] = Layout::vertical([
        Constraint::Length(notes),
        Constraint::Length(gap),
        Constraint::Min(0),
    ])
    .areas(inner);
    (notes, Some(below))
}

fn draw_line(
    painter: &mut Painter<'_>,
    area: Rect,
    state: &State,
    cache: &TranscriptCache,
    line: TranscriptLine,
) {
    if let Some((glyph, role)) = mark(painter, state, line) {
        painter.text(area.x, area.y, area.right(), glyph, role);
    }
    let beside = Rect {
        x: area.x + GUTTER,
        width: area.width.saturating_sub(GUTTER),
        ..area
    };
    draw_content(painter, beside, state, cache, line);
}

/// Who speaks, in the gutter of the first line of what they say.
fn mark(
    painter: &Painter<'_>,
    state: &State,
    line: TranscriptLine,
) -> Option<(&'static str, Role)> {
    let glyphs = painter.glyphs;
    let (index, (glyph, role)) = match line {
        TranscriptLine::Body {
            entry, first: true, ..
        }
        | TranscriptLine::Markdown {
            entry, first: true, ..
        } => (entry, speaker(painter, state.chat.entries.get(entry)?)),
        TranscriptLine::Thought { entry } | TranscriptLine::Progress { entry, first: true } => {
            (entry, (glyphs.assistant, Role::Accent))
        }
        TranscriptLine::Failure {
            entry, first: true, ..
        } => (entry, (glyphs.failure, Role::Error)),
        _ => return None,
    };
    Some((glyph, in_prompt(state, index, role)))
}

/// What stands beside the gutter.
fn draw_content(
    painter: &mut Painter<'_>,
    area: Rect,
    state: &State,
    cache: &TranscriptCache,
    line: TranscriptLine,
) {
    let entry = |index: usize| state.chat.entries.get(index);
    let said = |index: usize| match entry(index) {
        Some(Entry::Reply(said)) => Some(said),
        _ => None,
    };
    match line {
        TranscriptLine::Body {
            entry: index, row, ..
        } => {
            let Some(entry) = entry(index) else { return };
            let role = match row.kind {
                RowKind::Prose => text_role(entry),
                RowKind::Code => Role::Code,
                RowKind::Fence => Role::Muted,
            };
            let text = row.text(entry.text());
            raw(painter, area, text, in_prompt(state, index, role));
        }
        TranscriptLine::Markdown {
            entry: index, line, ..
        } => {
            if let Some(line) = cache.markdown(index, line) {
                laid_out(painter, area, line, |role| in_prompt(state, index, role));
            }
        }
        TranscriptLine::Thought { entry: index } => {
            if let Some(said) = said(index) {
                reply::thought(painter, area, said, state.chat.thoughts);
            }
        }
        TranscriptLine::ThoughtRow { entry: index, row } => {
            let text = entry(index).map(transcript::thought).unwrap_or_default();
            raw(painter, area, row.text(text), Role::Thinking);
        }
        TranscriptLine::Progress { entry: index, .. } => {
            if let Some(said) = said(index) {
                reply::progress(painter, area, said);
            }
        }
        TranscriptLine::Footer { entry: index } => {
            if let Some(said) = said(index) {
                reply::footer(painter, area, said);
            }
        }
        TranscriptLine::Failure {
            entry: index, row, ..
        } => {
            let reason = entry(index).and_then(transcript::failure);
            let text = row.text(reason.unwrap_or_default());
            raw(painter, area, text, in_prompt(state, index, Role::Error));
        }
        TranscriptLine::Rule => rule(painter, area),
        TranscriptLine::Blank => {}
    }
}

/// Entries that the model no longer sees are muted.
fn in_prompt(state: &State, index: usize, role: Role) -> Role {
    if index < state.chat.left_out {
        Role::Muted
    } else {
        role
    }
}

/// Where the prompt begins.
fn rule(painter: &mut Painter<'_>, area: Rect) {
    let line = painter.glyphs.border.horizontal_top;
    let text = format!("{line}{line} above this line: left out of the prompt ");
    let end = painter.text(area.x, area.y, area.right(), &text, Role::Warning);
    let rest = line.repeat(usize::from(area.right().saturating_sub(end)));
    painter.text(end, area.y, area.right(), &rest, Role::Border);
}

/// A wrapped row, grapheme by grapheme as it was measured.
fn raw(painter: &mut Painter<'_>, area: Rect, text: &str, role: Role) {
    use unicode_segmentation::UnicodeSegmentation;
    let style = painter.style(role);
    let (x, room) = (area.x, usize::from(area.width));
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        painter.buffer.set_stringn(x, area.y, text, room, style);
        return;
    }
    let clean: String = text.graphemes(true).map(sanitise::grapheme).collect();
    painter.buffer.set_stringn(x, area.y, clean, room, style);
}

/// A line of Markdown; its text is harmless already.
fn laid_out(
    painter: &mut Painter<'_>,
    area: Rect,
    line: &markdown::Line,
    role: impl Fn(Role) -> Role,
) {
    let mut x = area.x;
    for (text, look) in line.parts() {
        let style = painter.style(role(look.role)).add_modifier(look.add);
        let room = usize::from(area.right().saturating_sub(x));
        (x, _) = painter.buffer.set_stringn(x, area.y, text, room, style);
    }
}

fn speaker(painter: &Painter<'_>, entry: &Entry) -> (&'static str, Role) {
    match entry {
        Entry::User(_) => (painter.glyphs.user, Role::User),
        Entry::Reply(_) => (painter.glyphs.assistant, Role::Accent),
        Entry::Note { is_error: true, .. } => (painter.glyphs.failure, Role::Error),
        Entry::Note { .. } => (painter.glyphs.note, Role::Muted),
    }
}

fn text_role(entry: &Entry) -> Role {
    match entry {
        Entry::User(_) => Role::User,
        Entry::Reply(_) => Role::Assistant,
        Entry::Note { is_error: true, .. } => Role::Error,
        Entry::Note { .. } => Role::Muted,
    }
}

/// What lies below the view.
#[derive(Clone, Copy)]
struct LinesBelow {
    lines: usize,
    /// False while some of it has never been laid out.
    is_exact: bool,
}

/// Tells that the end is not in view: on the frame where there is one, else over the last line.
fn lines_below(
    painter: &mut Painter<'_>,
    area: Rect,
    inner: Rect,
    frame: Frame,
    below: LinesBelow,
) {
    let about = if below.is_exact { "" } else { "about " };
    let text = format!(
        " {} {about}{} below ",
        painter.glyphs.down,
        units::counted(below.lines, "line")
    );
    let (y, right) = match frame {
        Frame::Box => (area.bottom() - 1, area.right() - 2),
        Frame::Rule => (area.y, inner.right() - 1),
    };
    painter.text_right(inner.x, y, right, &[part(text, Role::Warning)]);
}
