//! What loading a model would come out as on this machine, now.

use crate::engine::{ContextInfo, Device, EngineError, llama};
use crate::gguf::Facts;
use crate::hub;
use crate::library::{About, Beside, Estimate, Model};
use crate::params::LoadParams;
use crate::plan::{self, Override, Peak, Room, Run};
use crate::runtime::bandwidths;

/// Bits a weight is taken to have where nobody says how many parameters there are: about those of
/// Q4_K_M.
const USUAL_BITS: u64 = 5;

/// This machine as it is now, and the parameters that models would be loaded with.
pub struct Estimator {
    params: LoadParams,
    gpus: Vec<Device>,
    room: Room,
    beside: Beside,
    run: Run,
    overrides: Vec<Override>,
    /// Bytes per second, of system memory first, then of the GPUs.
    bandwidths: Vec<Option<u64>>,
}

impl Estimator {
    /// Looks at the machine. `peaks` are what was measured of its devices.
    ///
    /// # Errors
    /// For a parameter that cannot be used, such as an unknown cache type.
    pub fn here(params: &LoadParams, peaks: &[Peak]) -> Result<Self, EngineError> {
        let (gpus, room) = llama::machine(params);
        let names: Vec<&str> = gpus.iter().map(|gpu| gpu.name.as_str()).collect();
        Ok(Self {
            run: llama::run_for(params, gpus.len())?,
            overrides: llama::overrides(&params.model, &names)?,
            bandwidths: bandwidths(&gpus, peaks),
            params: params.clone(),
            gpus,
            room,
            beside: Beside::default(),
        })
    }

    /// The same beside models that are in memory: the one that runs, and the one that is held.
    pub fn beside(self, running: Option<&ContextInfo>, held: Option<&ContextInfo>) -> Self {
        let beside = Beside {
            present: llama::present(&self.gpus, running, held),
            models_max: self.params.models_max,
        };
        Self { beside, ..self }
    }

    /// What becomes of a model; `None` for one that cannot be loaded.
    pub fn model(&self, model: &Model) -> Option<Estimate> {
        let known = model.about.as_ref()?.facts.as_deref()?;
        if self.overrides.is_empty() || !known.weights.is_empty() {
            return Some(self.facts(known));
        }
        // Tensors that are sent elsewhere by name: the index does not have those.
        let about = About::read(&model.files).ok()?;
        about.facts.as_deref().map(|facts| self.facts(facts))
    }

    /// As [`Self::model`], from its facts.
    pub fn facts(&self, facts: &Facts) -> Estimate {
        let run = Run {
            pins: plan::pins(facts, &self.overrides),
            ..self.run.clone()
        };
        let limits = llama::limits(&self.params, facts);
        Estimate::new(
            facts,
            &self.room,
            &self.beside,
            &run,
            &limits,
            &self.bandwidths,
        )
    }
}

/// Models that are not here yet, by the size of their files and the shape of published models.
impl hub::Judge for Estimator {
    fn bytes(&self, n_params: u64, quant: &str) -> Option<u64> {
        plan::typical(n_params, quant, None).map(|(facts, _)| facts.tensor_bytes)
    }

    fn fits(&self, n_params: Option<u64>, bytes: u64) -> Option<hub::MayFit> {
        let n_params = n_params.unwrap_or(bytes.saturating_mul(8) / USUAL_BITS);
        let (facts, _) = plan::typical(n_params, "Q4_K_M", None)?;
        let estimate = self.facts(&plan::of_size(facts, bytes));
        let has_gpus = !self.room.gpus.is_empty();
        Some(hub::MayFit {
            fits: estimate.fits,
            layers: has_gpus.then_some((estimate.n_gpu_layers, estimate.n_layers)),
        })
    }
}
