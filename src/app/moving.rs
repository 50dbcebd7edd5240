//! Lines, pages and ends, up and down, in whatever has the keys.

use super::overlay::Overlay;
use super::{Anchor, Cursor, Effect, Pane, Scroll, State, help, keys};

/// How far a movement goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Line,
    HalfPage,
    Page,
    All,
}

/// In which direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Towards {
    Start,
    End,
}

impl Step {
    /// Rows, negative towards the start, for a view of so many rows.
    fn rows(self, towards: Towards, height: usize) -> isize {
        let page = isize::try_from(height.saturating_sub(1).max(1)).unwrap_or(isize::MAX);
        let rows = match self {
            Self::Line => 1,
            Self::HalfPage => (page / 2).max(1),
            Self::Page => page,
            // Half of the range, so that adding it to any position cannot overflow.
            Self::All => isize::MAX / 2,
        };
        if towards == Towards::Start {
            -rows
        } else {
            rows
        }
    }
}

/// Moves in what has the keys: an overlay, a list, a pane.
pub(super) fn step(state: &mut State, step: Step, towards: Towards) -> Vec<Effect> {
    let height = usize::from(state.size.1) / 2;
    let rows = step.rows(towards, height);
    match &mut state.overlay {
        Some(Overlay::Help { top }) => {
            let room = help::room(state.size.1);
            let last = help::last_top(&state.keymap, state.size.1);
            let rows = step.rows(towards, room);
            *top = top.saturating_add_signed(rows).min(last);
        }
        Some(Overlay::Palette(list)) => list.move_by(rows),
        Some(Overlay::Presets(list)) => list.move_by(rows),
        Some(Overlay::ContextFull(list)) => list.move_by(rows),
        Some(Overlay::Attach(offer)) => offer.list.move_by(rows),
        Some(Overlay::TemplateFailed(list)) => list.move_by(rows),
        Some(Overlay::Sessions(list)) => list.move_by(rows),
        Some(Overlay::Resume(list)) => list.move_by(rows),
        Some(Overlay::Why(list)) => list.move_by(rows),
        Some(Overlay::Themes(list)) => {
            list.move_by(rows);
            return keys::preview_theme(state);
        }
        Some(Overlay::Personas(list)) => list.move_by(rows),
        Some(Overlay::Tree(list)) => list.move_by(rows),
        Some(Overlay::LoadModel(prompt)) => prompt.move_by(rows),
        Some(Overlay::Ask(_)) => {}
        None if state.completion.is_open() => state.completion.move_by(rows),
        None => match state.focus {
            // The row whose value is being typed stays.
            Pane::Parameters if state.params.edit.is_some() => {}
            Pane::Parameters => state.params.move_by(rows),
            Pane::Log => state.log.scroll_by(-rows),
            _ => return scroll_chat(state, step, towards),
        },
    }
    vec![]
}

/// Scrolls the chat, or moves the cursor there while lines are marked.
pub(super) fn scroll_chat(state: &mut State, step: Step, towards: Towards) -> Vec<Effect> {
    if state.focus == Pane::Chat
        && let Some(marking) = &mut state.chat.marking
    {
        match (step, towards) {
            (Step::All, Towards::Start) => marking.cursor = Cursor::From(Anchor::default(), 0),
            (Step::All, Towards::End) => marking.cursor = Cursor::End,
            _ => marking.move_by(step.rows(towards, state.chat.viewport.height)),
        }
        return vec![];
    }
    match (step, towards) {
        (Step::All, Towards::Start) => state.chat.scroll = Scroll::to_entry(0),
        (Step::All, Towards::End) => state.chat.scroll = Scroll::End,
        _ => {
            let rows = step.rows(towards, state.chat.viewport.height);
            state.chat.scroll_by(rows);
        }
    }
    vec![]
}
