//! What fills the screen between the header and the status line.

use super::{Action, Effect, State, context, prompt};
use crate::keymap::{Context, Key};

/// The one view that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// The panes: chat, composer, figures, parameters, log.
    #[default]
    Deck,
    /// The prompt that the model saw.
    Prompt,
    /// What fills the context.
    Context,
}

impl View {
    /// What has the keys in it; `None` where the pane with focus has.
    pub(super) fn context(self) -> Option<Context> {
        match self {
            Self::Deck => None,
            Self::Prompt | Self::Context => Some(Context::Page),
        }
    }
}

/// Shows a view; shown already, the deck comes back.
pub(super) fn toggle(state: &mut State, view: View) -> Vec<Effect> {
    if state.view == view {
        state.view = View::Deck;
        return vec![];
    }
    state.view = view;
    match view {
        View::Deck => vec![],
        View::Prompt => prompt::enter(state),
        View::Context => context::enter(state),
    }
}

/// What the view makes of an action; `None` when it means what it means everywhere.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let own = match state.view {
        View::Deck => return None,
        View::Prompt => prompt::perform(state, action),
        View::Context => context::perform(state, action),
    };
    own.or_else(|| match action {
        Action::Cancel | Action::FocusNext | Action::FocusPrevious => {
            state.view = View::Deck;
            Some(vec![])
        }
        _ => None,
    })
}

/// Types where a view takes text; in others a letter is the beginning of nothing.
pub(super) fn type_key(state: &mut State, _key: Key) -> Vec<Effect> {
    match state.view {
        View::Deck | View::Prompt | View::Context => vec![],
    }
}
