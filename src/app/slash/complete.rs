//! What completes a command while it is typed.
//!
//! The placeholder of a command in the table says what its argument is: `PRESET`, `FILE`, or the very
//! words, as in `[on|off]`.

use super::{COMMANDS, Command, first_word, is_command};
use crate::app::{Effect, Pane, State};
use crate::library::Command as LibraryCommand;
use crate::params::{Kind, Support, TABLE, find, spec};

/// The list above the composer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    pub items: Vec<Candidate>,
    /// Index into `items`; `None` = what is typed counts.
    pub selected: Option<usize>,
    /// The line it was made for.
    line: String,
}

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole line with it.
    pub line: String,
    pub label: String,
    pub about: String,
}

impl Completion {
    pub fn is_open(&self) -> bool {
        !self.items.is_empty()
    }

    /// Whether one was chosen.
    pub(in crate::app) fn is_chosen(&self) -> bool {
        self.is_open() && self.selected.is_some()
    }

    /// Takes the list away until something else is typed; false when there was none.
    pub(in crate::app) fn close(&mut self) -> bool {
        let was_open = self.is_open();
        self.items.clear();
        self.selected = None;
        was_open
    }

    /// Moves the selection; before the first one lies what is typed.
    pub(in crate::app) fn move_by(&mut self, rows: isize) {
        let last = self.items.len();
        let at = self.selected.map_or(0, |at| at + 1);
        self.selected = at.saturating_add_signed(rows).min(last).checked_sub(1);
    }
}

/// Follows what is in the composer.
pub(in crate::app) fn follow(state: &mut State) -> Vec<Effect> {
    let Some(line) = command_line(state) else {
        if !state.completion.line.is_empty() {
            state.completion = Completion::default();
        }
        return vec![];
    };
    if line == state.completion.line {
        return vec![];
    }
    let line = line.to_owned();
    let (items, effects) = match argument(&line) {
        Some((_, "FILE", typed)) => (vec![], vec![Effect::ListPaths(typed.to_owned())]),
        Some((_, "MODEL", typed)) => {
            let mut effects = vec![Effect::ListPaths(typed.to_owned())];
            // Once, when the name of a model begins.
            if !names_a_model(&state.completion.line) {
                effects.push(Effect::Library(LibraryCommand::Judge));
            }
            (vec![], effects)
        }
        Some((command, what, typed)) => (arguments(state, command, what, typed), vec![]),
        None => (commands(&line), vec![]),
    };
    state.completion = Completion {
        items: unless_done(items, &line),
        selected: None,
        line,
    };
    effects
}

/// Takes the selected way, or the first one, into the composer.
pub(in crate::app) fn take(state: &mut State) -> Vec<Effect> {
    let at = state.completion.selected.unwrap_or(0);
    if let Some(candidate) = state.completion.items.get(at) {
        state.composer.set(&candidate.line);
    }
    vec![]
}

/// Takes the answer to [`Effect::ListPaths`], and the names of models that begin so.
pub(in crate::app) fn paths(
    state: &mut State,
    typed: &str,
    models: Vec<String>,
    found: Vec<String>,
) {
    let line = &state.completion.line;
    let names = match argument(line) {
        Some((_, "FILE", wanted)) if wanted == typed => vec![],
        Some((_, "MODEL", wanted)) if wanted == typed => models,
        _ => return,
    };
    let before = &line[..line.len() - typed.len()];
    let items = names.into_iter().chain(found).map(|word| Candidate {
        line: format!("{before}{word}"),
        label: word,
        about: String::new(),
    });
    state.completion.items = unless_done(items.collect(), line);
    judged(state);
}

/// Says of each model what a load of it would come out as, where that is known by now.
pub(in crate::app) fn judged(state: &mut State) {
    if !names_a_model(&state.completion.line) {
        return;
    }
    let mut items = std::mem::take(&mut state.completion.items);
    for item in &mut items {
        item.about = outlook(state, &item.label).unwrap_or_default();
    }
    state.completion.items = items;
}

/// What a load of the model of that name would come out as, in a few words.
fn outlook(state: &State, name: &str) -> Option<String> {
    let estimate = match state.library.outlook(name)? {
        Ok(estimate) => estimate,
        Err(why) => return Some(why),
    };
    let fits = format!("fits: {}", estimate.in_words());
    let place = state.library.place_named(name);
    let beside = state.beside(&place, &estimate);
    Some(
        std::iter::once(fits)
            .chain(beside)
            .collect::<Vec<_>>()
            .join("; "),
    )
}

fn names_a_model(line: &str) -> bool {
    matches!(argument(line), Some((_, "MODEL", _)))
}

/// The command being typed. What is recalled from the history is not.
fn command_line(state: &State) -> Option<&str> {
    let [line] = state.composer.area.lines() else {
        return None;
    };
    let is_typed = state.focus == Pane::Composer
        && state.chat.editing.is_none()
        && !state.composer.is_walking();
    Some(line.as_str()).filter(|line| is_typed && is_command(line))
}

/// The command, what its argument is, and what is typed of it.
fn argument(line: &str) -> Option<(&'static Command, &'static str, &str)> {
    let rest = line.strip_prefix('/')?;
    let (name, typed) = rest.split_once(' ')?;
    let command = COMMANDS
        .iter()
        .find(|command| command.names.contains(&name))?;
    let what = command.argument.trim_matches(['[', ']']);
    let what = what.split_once(' ').map_or(what, |(first, _)| first);
    Some((command, what, typed.trim_start()))
}

/// Commands by the beginning of any of their names.
fn commands(line: &str) -> Vec<Candidate> {
    let typed = line.strip_prefix('/').unwrap_or(line);
    if first_word(typed).0 != typed {
        return vec![];
    }
    let fits = |command: &Command, names: &[&str]| {
        let name = names.iter().find(|name| name.starts_with(typed))?;
        let space = if command.argument.is_empty() { "" } else { " " };
        Some(Candidate {
            line: format!("/{name}{space}"),
            label: format!("/{name} {}", command.argument)
                .trim_end()
                .to_owned(),
            about: command.what.to_owned(),
        })
    };
    // Those that are called so before those that are also called so.
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for command in COMMANDS {
        let (own, aliases) = command.names.split_at(command.names.len().min(1));
        first.extend(fits(command, own));
        if !own.iter().any(|name| name.starts_with(typed)) {
            others.extend(fits(command, aliases));
        }
    }
    first.append(&mut others);
    first
}

fn arguments(state: &State, command: &Command, what: &str, typed: &str) -> Vec<Candidate> {
    let name = command.names.first().copied().unwrap_or_default();
    let described = |name: &str, about: &str| (name.to_owned(), about.to_owned());
    let plain = |word: &str| described(word, "");
    let words: Vec<(String, String)> = match what {
        "PARAMETER" => match typed.split_once(' ') {
            Some((parameter, value)) => return values(name, parameter, value),
            None => parameters(state),
        },
        "PRESET" => state
            .presets
            .iter()
            .map(|one| described(&one.name, &one.description))
            .collect(),
        "PERSONA" => state
            .personas
            .iter()
            .map(|one| described(&one.name, &one.description))
            .collect(),
        "THEME" => state.themes.iter().map(|theme| plain(theme)).collect(),
        words if words.chars().any(char::is_lowercase) => words.split('|').map(plain).collect(),
        _ => vec![],
    };
    let space = if what == "PARAMETER" { " " } else { "" };
    // What begins so before what only has it somewhere.
    let (begins, others): (Vec<_>, Vec<_>) = words
        .into_iter()
        .filter(|(word, _)| word.contains(typed))
        .partition(|(word, _)| word.starts_with(typed));
    let candidate = |(word, about): (String, String)| Candidate {
        line: format!("/{name} {word}{space}"),
        label: word,
        about,
    };
    begins.into_iter().chain(others).map(candidate).collect()
}

/// Every parameter with its value and what it does.
fn parameters(state: &State) -> Vec<(String, String)> {
    TABLE
        .iter()
        .filter(|row| row.support == Support::Yes)
        .map(|row| {
            let value = row.format(&state.params.values.get(row.param));
            (row.name.to_owned(), format!("{value}  {}", row.help))
        })
        .collect()
}

/// The values of a parameter that has a few.
fn values(command: &str, parameter: &str, typed: &str) -> Vec<Candidate> {
    let Some(row) = find(parameter).map(|row| spec(row.param)) else {
        return vec![];
    };
    let words: &[&str] = match row.kind {
        Kind::Choice(words) => words,
        Kind::Bool => &["on", "off"],
        _ => &[],
    };
    let fitting = words.iter().filter(|word| word.starts_with(typed.trim()));
    fitting
        .map(|word| Candidate {
            line: format!("/{command} {parameter} {word}"),
            label: (*word).to_owned(),
            about: String::new(),
        })
        .collect()
}

/// Nothing, when the line is already what the only way would make of it.
fn unless_done(items: Vec<Candidate>, line: &str) -> Vec<Candidate> {
    match items.as_slice() {
        [only] if only.line.trim_end() == line.trim_end() => vec![],
        _ => items,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(state: &State) -> Vec<&str> {
        let items = state.completion.items.iter();
        items.map(|item| item.line.as_str()).collect()
    }

    fn typed(state: &mut State, line: &str) -> Vec<Effect> {
        state.composer.set(line);
        follow(state)
    }

    #[test]
    fn commands_parameters_values_and_files_are_completed() {
        let mut state = State::new((80, 24));
        typed(&mut state, "/pres");
        assert_eq!(lines(&state), ["/preset "]);
        typed(&mut state, "/set flash");
        assert_eq!(lines(&state), ["/set flash-attn "]);
        typed(&mut state, "/set flash-attn o");
        assert_eq!(lines(&state), ["/set flash-attn on", "/set flash-attn off"]);
        let effects = typed(&mut state, "/model /mod");
        assert!(
            matches!(&effects[..], [Effect::ListPaths(typed), Effect::Library(_)] if typed == "/mod")
        );
        paths(&mut state, "/other", vec![], vec!["/other/".into()]);
        assert!(!state.completion.is_open());
        paths(&mut state, "/mod", vec![], vec!["/models/".into()]);
        assert_eq!(lines(&state), ["/model /models/"]);
        typed(&mut state, "/load mo");
        let names = vec!["mocha:1b".to_owned()];
        paths(&mut state, "mo", names.clone(), vec!["models/".into()]);
        assert_eq!(lines(&state), ["/load mocha:1b", "/load models/"]);
        typed(&mut state, "/export md mo");
        paths(&mut state, "mo", names, vec!["models/".into()]);
        assert!(!state.completion.is_open());
        typed(&mut state, "/pin o");
        assert_eq!(lines(&state), ["/pin off"]);
        // What is whole needs no list, and what is no command has none.
        for line in [
            "/pin off",
            "/usr/bin",
            "hello",
            "/nothing",
            "/set nothing x",
            "",
        ] {
            typed(&mut state, line);
            assert_eq!(lines(&state), [""; 0], "{line}");
        }
    }

    #[test]
    fn the_selection_begins_before_the_first_and_a_closed_list_stays_closed() {
        let mut state = State::new((80, 24));
        typed(&mut state, "/re");
        assert!(lines(&state).len() > 2);
        assert!(!state.completion.is_chosen());
        state.completion.move_by(1);
        assert_eq!(state.completion.selected, Some(0));
        state.completion.move_by(-1);
        assert_eq!(state.completion.selected, None);
        assert!(state.completion.close());
        follow(&mut state);
        assert!(!state.completion.is_open());
        typed(&mut state, "/reg");
        take(&mut state);
        assert_eq!(state.composer.text(), "/regen");
    }
}
