//! Whether a model fits a machine and how fast it can be, from its header alone.

use crate::gguf::Facts;
use crate::plan::{self, Limits, Room, Run};

/// What a load would come out as.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Whether all of it fits into what is free now.
    pub fits: bool,
    /// Layers on GPUs, the output counted as one.
    pub n_gpu_layers: u32,
    /// Layers there are, counted so.
    pub n_layers: u32,
    /// Tokens of the context that fits.
    pub n_ctx: u32,
    /// Bytes on all devices together.
    pub needs: u64,
    /// Bytes that are missing.
    pub lacks: u64,
    /// Tokens per second at most: bandwidth / bytes read; `None` where a bandwidth is not known.
    pub ceiling: Option<f64>,
}

impl Estimate {
    /// Plans a model. `bandwidths` are bytes per second, of system memory first, then of the GPUs.
    pub fn new(
        facts: &Facts,
        room: &Room,
        run: &Run,
        limits: &Limits,
        bandwidths: &[Option<u64>],
    ) -> Self {
        let verdict = plan::judge(facts, room, run, limits);
        let fit = &verdict.fit;
        let placed = fit.placement.gpus.iter().chain([&fit.placement.host]);
        let run = Run {
            n_ctx: fit.n_ctx,
            n_gpu_layers: fit.n_gpu_layers,
            ..run.clone()
        };
        let shares: Vec<u64> = room.gpus.iter().map(|gpu| gpu.free).collect();
        let reads = plan::read_per_token(facts, &run, &shares, 0);
        Self {
            fits: verdict.fits,
            n_gpu_layers: fit.n_gpu_layers,
            n_layers: facts.n_layer.saturating_add(1),
            n_ctx: fit.n_ctx,
            needs: placed
                .map(|memory| memory.total())
                .fold(0, u64::saturating_add),
            lacks: verdict.lacks.iter().map(plan::Lack::bytes).sum(),
            ceiling: plan::tokens_per_second(&reads, bandwidths),
        }
    }
}
