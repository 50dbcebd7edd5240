//! From a key press to an action, by what has the keys.

use super::{Action, Effect, Overlay, Pane, State, View, params, perform, sessions, view};
use crate::keymap::{Context, Key};

/// What has the keys now.
pub fn context(state: &State) -> Context {
    match &state.overlay {
        Some(Overlay::Help { .. }) => Context::Help,
        Some(Overlay::LoadModel(_)) => Context::Prompt,
        Some(
            Overlay::Palette(_)
            | Overlay::Presets(_)
            | Overlay::Themes(_)
            | Overlay::Sessions(_)
            | Overlay::Resume(_)
            | Overlay::ContextFull(_),
        ) => Context::List,
        None => state
            .view
            .context(state)
            .unwrap_or_else(|| match state.focus {
                Pane::Parameters if state.params.is_typing() => Context::Prompt,
                Pane::Parameters => Context::Parameters,
                Pane::Composer => Context::Composer,
                Pane::Log => Context::Log,
                Pane::Chat => Context::Chat,
                Pane::Speed | Pane::Gauges => Context::Figures,
            }),
    }
}

/// Does what a key means, or types it.
pub(super) fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let context = context(state);
    let typed_text = matches!(context, Context::List | Context::Prompt) && key.typed().is_some();
    // Where one types, plain characters are text whatever the keymap says.
    let action = if typed_text {
        None
    } else {
        state.keymap.action(context, key)
    };
    match action {
        Some(action) if action == Action::Interrupt => perform::perform(state, action),
        Some(action) => {
            state.quit_armed = None;
            perform::perform(state, action)
        }
        None => {
            state.quit_armed = None;
            type_key(state, key)
        }
    }
}

/// Puts pasted text where one types.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::LoadModel(prompt)) => {
            prompt.line.insert(text.trim());
            prompt.selected = None;
            return vec![Effect::ListPaths(prompt.line.text.clone())];
        }
        Some(_) => return vec![],
        None => {}
    }
    match state.focus {
        Pane::Parameters if state.view == View::Deck && state.params.is_typing() => {
            state.params.paste(text);
        }
        // A paste is meant for the message wherever the focus is.
        _ => {
            state.view = View::Deck;
            state.focus = Pane::Composer;
            state.composer.paste(text);
        }
    }
    vec![]
}

fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::LoadModel(prompt)) => {
            if prompt.line.type_key(key) {
                prompt.error = None;
                prompt.selected = None;
                return vec![Effect::ListPaths(prompt.line.text.clone())];
            }
        }
        Some(Overlay::Palette(list)) => list.type_key(key),
        Some(Overlay::Presets(list)) => list.type_key(key),
        Some(Overlay::Themes(list)) => {
            list.type_key(key);
            return preview_theme(state);
        }
        Some(Overlay::Sessions(list)) => {
            let before = list.filter.clone();
            list.type_key(key);
            if list.filter != before {
                return sessions::search(list.filter.clone());
            }
        }
        // Who types has begun something else already; the list of chats keeps what was offered.
        Some(Overlay::Resume(_)) if key.typed().is_some() => {
            state.overlay = None;
            state.focus = Pane::Composer;
            state.composer.type_key(key);
        }
        Some(Overlay::ContextFull(_) | Overlay::Resume(_) | Overlay::Help { .. }) => {}
        None if state.view != View::Deck => return view::type_key(state, key),
        None => match state.focus {
            Pane::Composer => state.composer.type_key(key),
            Pane::Parameters => params::type_key(&mut state.params, key),
            // Figures have no use for letters: they are the beginning of a message.
            Pane::Speed | Pane::Gauges if key.typed().is_some() => {
                state.focus = Pane::Composer;
                state.composer.type_key(key);
            }
            _ => {}
        },
    }
    vec![]
}

/// Shows the theme the selection stands on.
pub(super) fn preview_theme(state: &State) -> Vec<Effect> {
    match &state.overlay {
        Some(Overlay::Themes(list)) => list
            .chosen()
            .map(|name| Effect::UseTheme(name.clone()))
            .into_iter()
            .collect(),
        _ => vec![],
    }
}
