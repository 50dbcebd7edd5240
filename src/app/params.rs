//! The parameter pane: what is selected, what is typed, what waits to be applied.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::overlay::LineEdit;
use super::update::{IsError, notice};
use super::{Action, Effect, Foresight, State, retune};
use crate::keymap::Key;
use crate::params::{
    Cost, Group, Overrides, Param, Params, Source, Spec, Support, TABLE, Value, spec,
};

/// All values, what is selected, and the changes not applied yet.
#[derive(Clone, Debug)]
pub struct ParamsState {
    pub values: Params,
    /// Values found to be fastest, by the path of the model they are for.
    pub tuned: BTreeMap<PathBuf, Overrides>,
    /// The preset in force.
    pub preset: Option<String>,
    /// Changes that need a new context or a reload, made but not applied.
    pub pending: Overrides,
    /// What applying them would do.
    pub foresight: Option<Foresight>,
    pub filter: LineEdit,
    /// Whether keys go to the filter.
    pub filtering: bool,
    /// The parameters the filter lets through, in table order.
    pub visible: Vec<Param>,
    /// Index into `visible`.
    pub selected: usize,
    /// A value being typed.
    pub edit: Option<ParamEdit>,
}

/// A value being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamEdit {
    pub param: Param,
    pub line: LineEdit,
    /// Why the text was refused.
    pub error: Option<String>,
}

impl Default for ParamsState {
    fn default() -> Self {
        Self {
            values: Params::default(),
            tuned: BTreeMap::new(),
            preset: None,
            pending: Overrides::new(),
            foresight: None,
            filter: LineEdit::default(),
            filtering: false,
            visible: listed(|_| true),
            selected: 0,
            edit: None,
        }
    }
}

impl ParamsState {
    /// The parameter the selection stands on.
    pub fn selected(&self) -> Option<Param> {
        self.visible.get(self.selected).copied()
    }

    /// The value as it would be with the pending changes.
    pub fn shown(&self, param: Param) -> Value {
        self.pending
            .get(&param)
            .cloned()
            .unwrap_or_else(|| self.values.get(param))
    }

    /// Whether keys are text here.
    pub fn is_typing(&self) -> bool {
        self.filtering || self.edit.is_some()
    }

    /// Ends typing a value, else takes the filter away; true when there was either.
    pub(super) fn stop_typing(&mut self) -> bool {
        if self.edit.take().is_some() {
            return true;
        }
        let filtered = self.filtering || !self.filter.text.is_empty();
        if filtered {
            self.clear_filter();
        }
        filtered
    }

    /// Shows all parameters again; the selected one stays selected.
    fn clear_filter(&mut self) {
        let selected = self.selected();
        self.filter = LineEdit::default();
        self.filtering = false;
        self.narrow();
        let at = self.visible.iter().position(|one| Some(*one) == selected);
        self.selected = at.unwrap_or(0);
    }

    pub(super) fn move_by(&mut self, rows: isize) {
        let last = self.visible.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
    }

    pub(super) fn paste(&mut self, text: &str) {
        match &mut self.edit {
            Some(edit) => edit.line.insert(text.trim()),
            None => {
                self.filter.insert(text.trim());
                self.narrow();
            }
        }
    }

    fn narrow(&mut self) {
        let wanted = self.filter.text.to_lowercase().replace('_', "-");
        let mentions = |text: &str| text.to_lowercase().contains(&wanted);
        self.visible = listed(|spec| {
            let mut names = spec.short.iter().chain(spec.aliases);
            mentions(spec.name) || names.any(|name| mentions(name))
        });
        // Who types the beginning of a name means that one, wherever else the text occurs.
        let begins = |param: &Param| spec(*param).name.starts_with(wanted.as_str());
        self.selected = self.visible.iter().position(begins).unwrap_or(0);
    }
}

/// The parameters that pass, in table order; those this build cannot act on come last.
fn listed(passes: impl Fn(&Spec) -> bool) -> Vec<Param> {
    let mut rows: Vec<&Spec> = TABLE.iter().filter(|spec| passes(spec)).collect();
    rows.sort_by_key(|spec| spec.support != Support::Yes);
    rows.into_iter().map(|spec| spec.param).collect()
}

/// Types into the value or the filter.
pub(super) fn type_key(params: &mut ParamsState, key: Key) {
    match &mut params.edit {
        Some(edit) => {
            let changed = edit.line.type_key(key);
            edit.error.take_if(|_| changed);
        }
        None if params.filtering && params.filter.type_key(key) => params.narrow(),
        None => {}
    }
}

/// Does an action of the pane.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::ResetAll => {
            state.params.pending.clear();
            return reset(state, |_| true);
        }
        Action::Filter => {
            state.params.clear_filter();
            state.params.filtering = true;
            return vec![];
        }
        Action::Apply => return apply(state),
        Action::Discard => {
            if state.params.stop_typing() {
                return vec![];
            }
            if state.params.pending.is_empty() {
                return super::perform::perform(state, Action::Cancel);
            }
            state.params.pending.clear();
            return vec![];
        }
        _ => {}
    }
    let Some(param) = state.params.selected() else {
        return vec![];
    };
    let spec = spec(param);
    let value = state.params.shown(param);
    match action {
        Action::StepDown => give(state, param, spec.step(&value, -1)),
        Action::StepUp | Action::Toggle => give(state, param, spec.step(&value, 1)),
        Action::BigStepDown => give(state, param, spec.step(&value, -10)),
        Action::BigStepUp => give(state, param, spec.step(&value, 10)),
        Action::EditValue => {
            let line = LineEdit::new(spec.format(&value));
            state.params.edit = Some(ParamEdit {
                param,
                line,
                error: None,
            });
            vec![]
        }
        Action::ResetOne => {
            if state.params.pending.remove(&param).is_some() {
                return vec![];
            }
            reset(state, |other| other == param)
        }
        _ => vec![],
    }
}

/// Enter while typing a value or a filter.
pub(super) fn accept(state: &mut State) -> Vec<Effect> {
    state.params.filtering = false;
    let Some(edit) = &mut state.params.edit else {
        return vec![];
    };
    match spec(edit.param).parse(&edit.line.text) {
        Ok(value) => {
            let param = edit.param;
            state.params.edit = None;
            give(state, param, value)
        }
        Err(error) => {
            edit.error = Some(error.to_string());
            vec![]
        }
    }
}

/// Applies what is pending, in one go.
pub(super) fn apply(state: &mut State) -> Vec<Effect> {
    if state.params.pending.is_empty() {
        return notice(
            state,
            "Nothing is pending; sampling changes apply at once.",
            IsError::No,
        );
    }
    let pending = std::mem::take(&mut state.params.pending);
    let below = below_session(state);
    retune::change(state, |params| {
        params.values = params.values.with(&pending);
        // What was reset is the session's no more.
        for (param, _) in pending
            .iter()
            .filter(|(param, value)| below.get(**param) == **value)
        {
            params.values.reset(*param);
        }
    })
}

/// The values without what the session changed.
fn below_session(state: &State) -> Params {
    let mut values = state.params.values.clone();
    values.reset_all();
    values
}

/// Takes changes of the session back, each as a change of its own: at once, or when applied.
fn reset(state: &mut State, wanted: impl Fn(Param) -> bool) -> Vec<Effect> {
    let below = below_session(state);
    let changed: Vec<Param> = TABLE
        .iter()
        .map(|spec| spec.param)
        .filter(|param| wanted(*param) && state.params.values.source(*param) == Source::Session)
        .collect();
    let (waiting, free): (Vec<_>, Vec<_>) = changed.into_iter().partition(|param| {
        waits(state, *param) && state.params.values.get(*param) != below.get(*param)
    });
    let pending = waiting.into_iter().map(|param| (param, below.get(param)));
    state.params.pending.extend(pending);
    retune::change(state, |params| {
        for param in free {
            params.values.reset(param);
        }
    })
}

/// Whether a change of it waits to be applied.
fn waits(state: &State, param: Param) -> bool {
    !matches!(spec(param).cost, Cost::Free | Cost::NextReply) && state.model.running.is_some()
}

/// Uses a preset. What the session changed in the sampling gives way to it.
///
/// # Errors
/// When there is none of that name: a sentence that names those there are.
pub(super) fn use_preset(state: &mut State, name: &str) -> Result<Vec<Effect>, String> {
    let Some(preset) = state.presets.iter().find(|preset| preset.name == name) else {
        let names: Vec<_> = state
            .presets
            .iter()
            .map(|preset| preset.name.as_str())
            .collect();
        return Err(format!(
            "There is no preset '{name}'; there are {}.",
            names.join(", ")
        ));
    };
    let values = preset.values.clone();
    let mut effects = retune::change(state, |params| {
        for spec in TABLE.iter().filter(|spec| spec.group == Group::Sampling) {
            params.values.reset(spec.param);
        }
        params.values.replace(Source::Preset, values);
        params.preset = Some(name.to_owned());
    });
    effects.extend(notice(state, format!("Preset {name}"), IsError::No));
    Ok(effects)
}

/// Gives one value: at once when it is free, else it waits to be applied.
fn give(state: &mut State, param: Param, value: Value) -> Vec<Effect> {
    if let Err(error) = spec(param).check(&value) {
        return notice(state, error.to_string(), IsError::Yes);
    }
    if !waits(state, param) {
        return retune::change(state, |params| {
            // Just checked.
            let _ = params.values.set(Source::Session, param, value);
        });
    }
    if state.params.values.get(param) == value {
        state.params.pending.remove(&param);
    } else {
        state.params.pending.insert(param, value);
    }
    vec![]
}
