//! What a reply is made with, for making it again.

use super::Running;
use crate::engine::Origin;
use crate::engine::llama;

impl Running {
    /// What is the same for every reply of this model in this context.
    pub(super) fn origin(&self) -> Origin {
        let info = &self.context_info;
        Origin {
            model: self.path.clone(),
            fingerprint: self.open.info.fingerprint.clone(),
            program: concat!("llmdeck ", env!("CARGO_PKG_VERSION")).to_owned(),
            llama_cpp: llama::version(),
            backend: llama::system_info(),
            devices: info.devices.iter().map(|one| one.name.clone()).collect(),
            n_gpu_layers: info.n_gpu_layers,
            n_ctx: info.n_ctx,
            n_threads: info.n_threads,
            n_threads_batch: info.n_threads_batch,
            ..Origin::default()
        }
    }
}
