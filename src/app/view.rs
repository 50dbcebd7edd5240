//! What fills the screen between the header and the status line.

use super::{
    Action, Effect, State, bench, compare, context, downloads, library, metrics, prompt, tokens,
};
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
    /// Measurements: what to measure, results, history.
    Bench,
    /// Models from the Hub, and downloads.
    Downloads,
    /// The last hour on one time axis.
    Metrics,
    /// A walk through the tokens of a reply.
    Tokens,
    /// Presets side by side.
    Compare,
    /// The models on this machine.
    Models,
}

/// What has the keys in the view; `None` where the pane with focus has.
pub(super) fn keys_of(state: &State) -> Option<Context> {
    match state.view {
        View::Deck => None,
        View::Prompt | View::Context => Some(Context::Page),
        View::Bench => Some(Context::Bench),
        View::Downloads => Some(downloads::context(state)),
        View::Metrics => Some(Context::Metrics),
        View::Tokens => Some(Context::Tokens),
        View::Compare => Some(compare::context(state)),
        View::Models if state.library.list.is_typing => Some(Context::Prompt),
        View::Models => Some(Context::Models),
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
        View::Deck | View::Metrics => vec![],
        View::Prompt => prompt::enter(state),
        View::Context => context::enter(state),
        View::Bench => bench::enter(state),
        View::Downloads => downloads::enter(state),
        View::Tokens => tokens::enter(state),
        View::Compare => compare::enter(state),
        View::Models => library::enter(state),
    }
}

/// What the view makes of an action; `None` when it means what it means everywhere.
pub(super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let own = match state.view {
        View::Deck => return None,
        View::Prompt => prompt::perform(state, action),
        View::Context => context::perform(state, action),
        View::Bench => bench::perform(state, action),
        View::Downloads => downloads::perform(state, action),
        View::Metrics => metrics::perform(state, action),
        View::Tokens => tokens::perform(state, action),
        View::Compare => compare::perform(state, action),
        View::Models => library::perform(state, action),
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
pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    match state.view {
        View::Deck | View::Bench | View::Metrics | View::Tokens | View::Prompt | View::Context => {
            vec![]
        }
        View::Downloads => downloads::type_key(state, key),
        View::Compare => compare::type_key(state, key),
        View::Models => {
            library::type_key(state, key);
            vec![]
        }
    }
}

/// Pastes where a view takes text; false where it takes none.
pub(super) fn paste(state: &mut State, text: &str) -> bool {
    match state.view {
        View::Deck | View::Bench | View::Metrics | View::Tokens | View::Prompt | View::Context => {
            false
        }
        View::Downloads => {
            downloads::paste(state, text);
            true
        }
        View::Compare => compare::paste(state, text),
        View::Models => library::paste(state, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Event, Pane, context, update};

    fn press(state: &mut State, key: &str) {
        update(state, Event::Key(key.parse().unwrap()));
    }

    #[test]
    fn a_view_has_the_keys_until_it_is_left() {
        let mut state = State::new((80, 24));
        press(&mut state, "f12");
        assert_eq!(state.view, View::Bench);
        assert_eq!(context(&state), Context::Bench);
        press(&mut state, "x");
        assert!(state.composer.is_empty(), "a letter is no message there");
        press(&mut state, "esc");
        assert_eq!(state.view, View::Deck);
        assert_eq!(context(&state), Context::Composer);
    }

    #[test]
    fn panes_and_pasted_text_bring_the_deck_back() {
        let mut state = State::new((80, 24));
        press(&mut state, "f12");
        press(&mut state, "f2");
        assert_eq!((state.view, state.focus), (View::Deck, Pane::Parameters));
        press(&mut state, "f12");
        update(&mut state, Event::Paste("hello".into()));
        assert_eq!(state.view, View::Deck);
        assert!(!state.composer.is_empty());
    }
}
