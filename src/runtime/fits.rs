//! Whether models fit that are not here yet: an estimate from the size of their files and the shape
//! of published models.

use crate::engine::llama;
use crate::hub::Judge;
use crate::params::{LoadParams, Params};
use crate::plan::{self, Room};

/// Bits a weight is taken to have where nobody says how many parameters there are.
const USUAL_BITS: u64 = 5;

/// This machine, as it was when it was asked.
#[derive(Clone, Debug)]
pub struct Fits {
    params: LoadParams,
    room: Room,
}

/// Whether a model fits, by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayFit {
    pub fits: bool,
    /// Layers on GPUs and all layers, where there are GPUs.
    pub layers: Option<(u32, u32)>,
}

impl Fits {
    /// The machine as it is now.
    pub fn here() -> Self {
        let params = Params::default().load();
        let (_, room) = llama::machine(&params);
        Self { params, room }
    }

    /// Judges files of so many bytes; `None` where nothing can be said.
    pub fn judge(&self, n_params: Option<u64>, bytes: u64) -> Option<MayFit> {
        let n_params = n_params.unwrap_or(bytes.saturating_mul(8) / USUAL_BITS);
        let (facts, _) = plan::typical(n_params, "Q4_K_M", None)?;
        let facts = plan::of_size(facts, bytes);
        let run = llama::run_for(&self.params, self.room.gpus.len()).ok()?;
        let limits = llama::limits(&self.params, &facts);
        let verdict = plan::judge(&facts, &self.room, &run, &limits);
        let all = facts.n_layer.saturating_add(1);
        let layers = (!self.room.gpus.is_empty()).then_some((verdict.fit.n_gpu_layers, all));
        Some(MayFit {
            fits: verdict.fits,
            layers,
        })
    }
}

impl Judge for Fits {
    fn bytes(&self, n_params: u64, quant: &str) -> Option<u64> {
        plan::typical(n_params, quant, None).map(|(facts, _)| facts.tensor_bytes)
    }

    fn fits(&self, n_params: Option<u64>, bytes: u64) -> Option<bool> {
        self.judge(n_params, bytes).map(|verdict| verdict.fits)
    }
}
