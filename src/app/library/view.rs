//! What keys do in the view of models.

use super::{Details, Question, Removing, Stand};
use crate::app::update::{IsError, notice};
use crate::app::{Action, Effect, LineEdit, State, View, retune};
use crate::keymap::Key;
use crate::library::{Command, Favourite, only_a_name, why_kept};

/// Rows of the screen around the details: header, status line, frame.
const AROUND: u16 = 4;

/// Shows the view: what came and went since the last look is looked at.
pub(in crate::app) fn enter(state: &mut State) -> Vec<Effect> {
    if let Some((running, _)) = &state.model.running {
        let path = running.path.clone();
        state.library.arrange_on(Some(Stand { path, named: None }));
    }
    vec![Effect::Library(Command::Look)]
}

/// What the view makes of an action; `None` when it means what it means everywhere.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    // Any other key answers the question with no.
    let removing = state.library.removing.take();
    let effects = match action {
        Action::Cancel if removing.is_some() => vec![],
        Action::RemoveModel => remove(state, removing),
        Action::Accept if state.library.list.is_typing => {
            state.library.list.is_typing = false;
            vec![]
        }
        Action::Accept => load(state),
        Action::Favourite => favour(state),
        Action::ModelDetails => show_details(state),
        Action::Cancel => return cancel(state).then(Vec::new),
        Action::Filter | Action::FitFilter | Action::SortModels => {
            show_others(state, action);
            vec![]
        }
        _ => return move_by(state, action),
    };
    clamp(state);
    Some(effects)
}

/// Types into the filter.
pub(in crate::app) fn type_key(state: &mut State, key: Key) {
    let library = &mut state.library;
    if library.list.is_typing && library.list.filter.type_key(key) {
        library.arrange();
    }
}

/// Pastes into the filter; false where it is not being typed.
pub(in crate::app) fn paste(state: &mut State, text: &str) -> bool {
    let library = &mut state.library;
    if library.list.is_typing {
        library.list.filter.insert(text.trim());
        library.arrange();
    }
    library.list.is_typing
}

/// The screen has another size.
pub(in crate::app) fn resized(state: &mut State) {
    clamp(state);
}

/// Keeps the last page of the details in view.
pub(super) fn clamp(state: &mut State) {
    let height = usize::from(state.size.1.saturating_sub(AROUND));
    let rows = state.detail_rows().len();
    if let Some(details) = &mut state.library.details {
        details.scrolled.fit(rows, height);
    }
}

fn move_by(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    if let Some(details) = &mut state.library.details {
        details.scrolled.perform(action)?;
        clamp(state);
        return Some(vec![]);
    }
    let page = isize::try_from(state.size.1 / 2).unwrap_or(1);
    let rows = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::HalfPageUp => -page / 2,
        Action::HalfPageDown => page / 2,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::Top => isize::MIN / 2,
        Action::Bottom => isize::MAX / 2,
        _ => return None,
    };
    state.library.list.move_by(rows);
    Some(vec![])
}

/// Goes one step back; false where the view itself is the next to close.
fn cancel(state: &mut State) -> bool {
    let library = &mut state.library;
    if library.details.take().is_some() {
        return true;
    }
    let was_filtered = library.list.is_typing || !library.list.filter.text.is_empty();
    library.list.is_typing = false;
    library.list.filter = LineEdit::default();
    library.arrange();
    was_filtered
}

fn show_others(state: &mut State, action: Action) {
    let library = &mut state.library;
    library.details = None;
    let list = &mut library.list;
    match action {
        Action::Filter => list.is_typing = true,
        Action::FitFilter => list.subset = list.subset.other(),
        _ => list.order = list.order.next(),
    }
    library.arrange();
}

fn load(state: &mut State) -> Vec<Effect> {
    let Some(model) = state.library.chosen() else {
        return vec![];
    };
    if let Some(error) = &model.error {
        let why = format!("{} cannot be loaded: {error}", model.name);
        return notice(state, why, IsError::Yes);
    }
    let name = state.library.chosen_name().map(|(name, _)| name.into());
    let path = name.unwrap_or_else(|| model.path.clone());
    let called = model.name.clone();
    state.library.details = None;
    state.view = View::Deck;
    retune::load_as(state, path, Some(&called))
}

fn favour(state: &State) -> Vec<Effect> {
    let library = &state.library;
    let Some(model) = library.chosen() else {
        return vec![];
    };
    let mark = match library.known(model).is_some_and(|known| known.favourite) {
        true => Favourite::No,
        false => Favourite::Yes,
    };
    let command = Command::Favourite(model.path.clone(), mark);
    vec![Effect::Library(command)]
}

fn show_details(state: &mut State) -> Vec<Effect> {
    let library = &mut state.library;
    if library.details.take().is_some() {
        return vec![];
    }
    let Some(model) = library.chosen() else {
        return vec![];
    };
    let (path, files) = (model.path.clone(), model.files.clone());
    let named = library.list.chosen().and_then(|row| row.named.clone());
    library.details = Some(Details::new(path, named));
    vec![Effect::Library(Command::Read(files))]
}

/// Asks twice, then removes; refuses what another tool brought.
fn remove(state: &mut State, before: Option<Removing>) -> Vec<Effect> {
    let library = &mut state.library;
    let Some(model) = library.chosen() else {
        return vec![];
    };
    if let Some((name, _)) = library.chosen_name() {
        let why = only_a_name(name, &model.path);
        return notice(state, why, IsError::Yes);
    }
    if !library.known(model).is_some_and(|known| known.removable) {
        let why = why_kept(model);
        return notice(state, why, IsError::Yes);
    }
    let path = model.path.clone();
    let question = match before.filter(|before| before.path == path) {
        None => Question::Whether,
        Some(before) if before.question == Question::Whether => Question::ForGood,
        Some(_) => return vec![Effect::Library(Command::Remove(path))],
    };
    library.removing = Some(Removing { path, question });
    vec![]
}
