//! Which model runs, and what is being loaded.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::held::Held;
use crate::engine::{ContextInfo, LoadId, ModelInfo};
use crate::params::Params;

/// The model that runs, if any, and the load in progress, if any.
#[derive(Clone, Debug, Default)]
pub struct ModelState {
    pub running: Option<(Box<ModelInfo>, Box<ContextInfo>)>,
    /// The model that is held beside the one that runs.
    pub held: Option<Held>,
    /// The newest load or retune that is not answered yet.
    pub loading: Option<LoadPhase>,
    /// Threads fewer than without the other processes of this machine.
    pub threads_given_up: u32,
    /// Why the last load or retune failed, until the next one.
    pub error: Option<String>,
    /// The values of every load and retune that is not answered yet, oldest first.
    pub(super) asked: VecDeque<(LoadId, Params)>,
    /// The values the engine confirmed last: what a failed change falls back to.
    pub(super) confirmed: Params,
}

/// A load or a retune in progress.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPhase {
    pub id: LoadId,
    /// `None` for a retune.
    pub path: Option<PathBuf>,
    /// 0 to 1 of the weights; `None` before the first report.
    pub progress: Option<f32>,
}

/// The name of the model that comes with the program.
const GUIDE: &str = "guide";

impl ModelState {
    /// Whether the model that comes with the program runs.
    pub fn is_guide(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|(model, _)| model.name.eq_ignore_ascii_case(GUIDE))
    }

    /// The name of the model that runs; empty without one.
    pub(super) fn name(&self) -> String {
        let running = self.running.as_ref();
        running.map_or_else(String::new, |(model, _)| model.name.clone())
    }

    /// The folder of the user's model that runs, with a `/` at its end.
    pub(super) fn folder(&self) -> Option<String> {
        let (model, _) = self.running.as_ref().filter(|_| !self.is_guide())?;
        let folder = model.path.parent()?.to_str()?.trim_end_matches('/');
        Some(format!("{folder}/")).filter(|_| model.path.is_absolute())
    }

    /// Takes the answer to a load or a retune in: the values it was asked with.
    pub(super) fn answered(&mut self, id: LoadId) -> Option<Params> {
        self.loading.take_if(|phase| phase.id == id);
        let at = self.asked.iter().position(|(other, _)| *other == id)?;
        self.asked.remove(at).map(|(_, values)| values)
    }
}
