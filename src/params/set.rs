//! Values layered over the defaults, each with its source.

use std::collections::BTreeMap;

use super::{Param, Value, ValueError, spec};

/// Values given by one source.
pub type Overrides = BTreeMap<Param, Value>;

/// Where a value in force comes from; later ones win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Default,
    /// Recommended in the model file under `general.sampling.*`.
    Model,
    /// What Ollama keeps beside the model: its Modelfile.
    Ollama,
    /// Found by `llmdeck tune` for this model on this machine.
    Tuned,
    /// The `[params]` table of the user's configuration.
    Config,
    /// Given to a model by name in a models preset of llama-server.
    ModelsPreset,
    Preset,
    /// Given on the command line, by `/set` or in the parameter pane.
    Session,
}

/// All parameters in force: the table's defaults under seven layers of overrides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    pub(super) model: Overrides,
    pub(super) ollama: Overrides,
    pub(super) tuned: Overrides,
    pub(super) config: Overrides,
    pub(super) models_preset: Overrides,
    pub(super) preset: Overrides,
    pub(super) session: Overrides,
}

impl Params {
    /// The defaults under values as they were written down, by name: what today's table does not
    /// take is left out.
    pub fn written(values: &BTreeMap<String, String>) -> Self {
        let mut params = Self::default();
        for spec in super::TABLE {
            let value = values.get(spec.name).map(|text| spec.parse(text));
            if let Some(Ok(value)) = value {
                params.preset.insert(spec.param, value);
            }
        }
        params
    }

    /// The value in force.
    pub fn get(&self, param: Param) -> Value {
        self.given(param)
            .map_or_else(|| spec(param).default_value(), |(_, value)| value.clone())
    }

    /// Where the value in force comes from.
    pub fn source(&self, param: Param) -> Source {
        self.given(param)
            .map_or(Source::Default, |(source, _)| source)
    }

    /// Gives one value. The defaults are the table's: giving one to [`Source::Default`] changes
    /// nothing.
    ///
    /// # Errors
    /// When the value is not allowed; nothing changes then.
    pub fn set(&mut self, source: Source, param: Param, value: Value) -> Result<(), ValueError> {
        spec(param).check(&value)?;
        if let Some(layer) = self.layer(source) {
            layer.insert(param, value);
        }
        Ok(())
    }

    /// Takes the session's value back.
    pub fn reset(&mut self, param: Param) {
        self.session.remove(&param);
    }

    /// Takes all of the session's values back.
    pub fn reset_all(&mut self) {
        self.session.clear();
    }

    /// Replaces everything one source gave. Values that are not allowed are left out.
    pub fn replace(&mut self, source: Source, values: Overrides) {
        if let Some(layer) = self.layer(source) {
            *layer = values;
            layer.retain(|param, value| spec(*param).check(value).is_ok());
        }
    }

    /// Takes everything one source gave from another set.
    pub fn take_from(&mut self, source: Source, mut other: Params) {
        if let (Some(own), Some(others)) = (self.layer(source), other.layer(source)) {
            own.clone_from(others);
        }
    }

    /// A copy with more session values on top; for pending changes.
    pub fn with(&self, changes: &Overrides) -> Params {
        let mut copy = self.clone();
        let allowed = changes
            .iter()
            .filter(|(param, value)| spec(**param).check(value).is_ok());
        copy.session
            .extend(allowed.map(|(param, value)| (*param, value.clone())));
        copy
    }

    /// The topmost layer's value, if any layer has one.
    fn given(&self, param: Param) -> Option<(Source, &Value)> {
        [
            (Source::Session, &self.session),
            (Source::Preset, &self.preset),
            (Source::ModelsPreset, &self.models_preset),
            (Source::Config, &self.config),
            (Source::Tuned, &self.tuned),
            (Source::Ollama, &self.ollama),
            (Source::Model, &self.model),
        ]
        .into_iter()
        .find_map(|(source, layer)| layer.get(&param).map(|value| (source, value)))
    }

    fn layer(&mut self, source: Source) -> Option<&mut Overrides> {
        match source {
            Source::Default => None,
            Source::Model => Some(&mut self.model),
            Source::Ollama => Some(&mut self.ollama),
            Source::Tuned => Some(&mut self.tuned),
            Source::Config => Some(&mut self.config),
            Source::ModelsPreset => Some(&mut self.models_preset),
            Source::Preset => Some(&mut self.preset),
            Source::Session => Some(&mut self.session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sources_win_and_are_named() {
        let mut params = Params::default();
        assert_eq!(params.get(Param::Temp), Value::Float(0.8));
        assert_eq!(params.source(Param::Temp), Source::Default);
        let sources = [
            Source::Model,
            Source::Ollama,
            Source::Tuned,
            Source::Config,
            Source::ModelsPreset,
            Source::Preset,
            Source::Session,
        ];
        for (index, source) in sources.into_iter().enumerate() {
            params
                .set(source, Param::Temp, Value::Float(index as f64))
                .unwrap();
            assert_eq!(params.get(Param::Temp), Value::Float(index as f64));
            assert_eq!(params.source(Param::Temp), source);
        }
        params
            .set(Source::Model, Param::Temp, Value::Float(9.0))
            .unwrap();
        assert_eq!(params.get(Param::Temp), Value::Float(6.0));
        params.reset(Param::Temp);
        assert_eq!(params.source(Param::Temp), Source::Preset);
        params.replace(Source::Preset, Overrides::new());
        assert_eq!(params.source(Param::Temp), Source::ModelsPreset);
    }

    #[test]
    fn a_refused_value_changes_nothing() {
        let mut params = Params::default();
        assert!(
            params
                .set(Source::Session, Param::Temp, Value::Float(-1.0))
                .is_err()
        );
        assert!(
            params
                .set(Source::Session, Param::ReasoningBudget, Value::Int(3))
                .is_err()
        );
        params.replace(
            Source::Config,
            Overrides::from([(Param::Temp, Value::Int(1))]),
        );
        assert_eq!(params, Params::default());
    }

    #[test]
    fn pending_changes_lie_on_top_of_a_copy() {
        let params = Params::default();
        let changes = Overrides::from([(Param::CtxSize, Value::Int(8192))]);
        assert_eq!(params.with(&changes).get(Param::CtxSize), Value::Int(8192));
        assert_eq!(params.get(Param::CtxSize), Value::Int(0));
    }
}
