//! How far a view of rows is scrolled.

use super::Action;

/// The first visible row, and what the last layout knew of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrolled {
    pub top: usize,
    height: usize,
}

impl Scrolled {
    /// Moves as an action says; `None` when it is no movement. [`Self::fit`] keeps it in bounds.
    pub(super) fn perform(&mut self, action: Action) -> Option<()> {
        let page = self.height.saturating_sub(1).max(1);
        self.top = match action {
            Action::Up => self.top.saturating_sub(1),
            Action::Down => self.top.saturating_add(1),
            Action::HalfPageUp => self.top.saturating_sub(page / 2),
            Action::HalfPageDown => self.top.saturating_add(page / 2),
            Action::PageUp | Action::ChatPageUp => self.top.saturating_sub(page),
            Action::PageDown | Action::ChatPageDown => self.top.saturating_add(page),
            Action::Top => 0,
            Action::Bottom => usize::MAX,
            _ => return None,
        };
        Some(())
    }

    /// Keeps the last page in view, of so many rows and a window so high.
    pub(super) fn fit(&mut self, rows: usize, height: usize) {
        self.height = height;
        self.top = self.top.min(rows.saturating_sub(height));
    }
}
