//! From a key press to an action, by what has the keys.

use super::{Action, Effect, Overlay, Pane, State, View, attach, chats, params, perform, view};
use crate::keymap::{Context, Key, KeyCode};

/// Characters at once that nobody types: a terminal or a multiplexer that does not mark its pastes.
const PASTED: usize = 256;

/// What has the keys now.
pub fn context(state: &State) -> Context {
    match &state.overlay {
        Some(Overlay::Help { .. }) => Context::Help,
        Some(Overlay::LoadModel(_) | Overlay::Ask(_)) => Context::Prompt,
        Some(Overlay::Sessions(_)) => Context::Chats,
        Some(
            Overlay::Palette(_)
            | Overlay::Presets(_)
            | Overlay::Themes(_)
            | Overlay::Personas(_)
            | Overlay::Tree(_)
            | Overlay::Resume(_)
            | Overlay::Why(_)
            | Overlay::ContextFull(_)
            | Overlay::Attach(_)
            | Overlay::TemplateFailed(_),
        ) => Context::List,
        None => view::keys_of(state).unwrap_or_else(|| match state.focus {
            Pane::Parameters if state.params.is_typing() => Context::Prompt,
            Pane::Parameters => Context::Parameters,
            Pane::Composer if state.completion.is_open() => Context::Command,
            Pane::Composer if state.chat.editing.is_some() => Context::Editing,
            Pane::Composer => Context::Composer,
            Pane::Log => Context::Log,
            Pane::Chat if state.chat.marking.is_some() => Context::Lines,
            Pane::Chat => Context::Chat,
            Pane::Speed | Pane::Gauges => Context::Figures,
        }),
    }
}

/// Does what a key means, or types it.
pub(super) fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let context = context(state);
    let typed_text = matches!(context, Context::List | Context::Chats | Context::Prompt)
        && key.typed().is_some();
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

/// Takes characters that came together. A message gets them in one piece, up to the first that means
/// something else there; elsewhere each is a key, unless they are so many that they were pasted.
pub(super) fn type_text(state: &mut State, text: &str) -> Vec<Effect> {
    let mut effects = vec![];
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let run = message_run(state, rest);
        if run > 0 {
            state.quit_armed = None;
            state.composer.type_text(&rest[..run]);
            rest = &rest[run..];
        } else if !writes(state) && rest.len() > PASTED {
            effects.extend(paste(state, rest));
            break;
        } else {
            effects.extend(press(state, Key::plain(KeyCode::Char(next))));
            rest = &rest[next.len_utf8()..];
        }
    }
    effects
}

/// Whether characters go into the message.
fn writes(state: &State) -> bool {
    matches!(
        context(state),
        Context::Composer | Context::Command | Context::Editing
    )
}

/// How much of a text goes into the message before a character that does something else.
fn message_run(state: &State, text: &str) -> usize {
    if !writes(state) {
        return 0;
    }
    let bound = state.keymap.characters(context(state));
    text.find(bound.as_slice()).unwrap_or(text.len())
}

/// Puts pasted text where one types.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::LoadModel(prompt)) => {
            prompt.line.insert(text.trim());
            prompt.selected = None;
            return vec![Effect::ListPaths(prompt.line.text.clone())];
        }
        Some(Overlay::Ask(ask)) => {
            ask.line.insert(text.trim());
            return vec![];
        }
        Some(_) => return vec![],
        None => {}
    }
    if view::paste(state, text) {
        return vec![];
    }
    match state.focus {
        Pane::Parameters if state.view == View::Deck && state.params.is_typing() => {
            state.params.paste(text);
        }
        // A paste is meant for the message wherever the focus is.
        _ => {
            state.view = View::Deck;
            if let Some(effect) = attach::dropped(text) {
                state.focus = Pane::Composer;
                return vec![effect];
            }
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
        Some(Overlay::Ask(ask)) => {
            ask.line.type_key(key);
        }
        Some(Overlay::Palette(list)) => list.type_key(key),
        Some(Overlay::Personas(list)) => list.type_key(key),
        Some(Overlay::Tree(list)) => list.type_key(key),
        Some(Overlay::Presets(list)) => list.type_key(key),
        Some(Overlay::Themes(list)) => {
            list.type_key(key);
            return preview_theme(state);
        }
        Some(Overlay::Sessions(list)) => {
            let before = list.filter.clone();
            list.type_key(key);
            if list.filter != before {
                return chats::search(list.filter.clone());
            }
        }
        // Who types has begun something else already; the list of chats keeps what was offered.
        Some(Overlay::Resume(_)) if key.typed().is_some() => {
            state.overlay = None;
            state.focus = Pane::Composer;
            state.composer.type_key(key);
        }
        Some(
            Overlay::ContextFull(_)
            | Overlay::Why(_)
            | Overlay::Resume(_)
            | Overlay::Attach(_)
            | Overlay::TemplateFailed(_)
            | Overlay::Help { .. },
        ) => {}
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
