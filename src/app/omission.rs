//! What of the chat is left out of the prompt, and that it is saved with the chat.

use super::{ChatState, Effect, Entry, State, saving};
use crate::chat::NodeId;
use crate::store::{Command, Omission};

impl ChatState {
    /// What is left out of the prompt, if anything is.
    pub(super) fn omission(&self) -> Option<Omission<NodeId>> {
        let in_prompt = self.left_out..self.entries.len();
        let before = in_prompt.clone().find_map(|index| self.node_at(index))?;
        (self.left_out > 0).then(|| Omission {
            before,
            summary: self.summary.clone(),
        })
    }

    /// Leaves the messages before one of the open path out of the prompt.
    pub(super) fn leave_out(&mut self, omission: Omission<NodeId>) {
        let Some(index) = self.index_of(omission.before).filter(|index| *index > 0) else {
            return;
        };
        self.left_out = index;
        self.summary = omission.summary;
        if let Some(summary) = &self.summary {
            let note = Entry::Note {
                text: format!("The turns above are in the prompt as this summary:\n{summary}"),
                is_error: false,
            };
            self.entries.insert(index, note);
        }
    }

    /// Leaves the oldest turn that is still in the prompt out of it.
    /// False when only the newest turn is left.
    pub fn leave_out_oldest(&mut self) -> bool {
        let turns = |entry: &Entry| matches!(entry, Entry::User(_));
        let mut starts = (self.left_out..self.entries.len()).filter(|at| turns(&self.entries[*at]));
        let second = starts.nth(1);
        if let Some(second) = second {
            self.left_out = second;
        }
        second.is_some()
    }
}

/// Saves what is left out when it is not what was saved last.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let chat = &state.chat;
    let saved = &mut state.sessions.left_out;
    if (saved.0, &saved.1) == (chat.left_out, &chat.summary) {
        return vec![];
    }
    *saved = (chat.left_out, chat.summary.clone());
    let leave_out = Command::LeaveOut {
        chat: chat.conversation,
        omission: chat.omission(),
    };
    saving::store(state, leave_out)
}

/// What is left out now came from the store.
pub(super) fn is_saved(state: &mut State) {
    state.sessions.left_out = (state.chat.left_out, state.chat.summary.clone());
}
