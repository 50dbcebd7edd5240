//! Sensors: what the machine says about itself while a model runs.
//!
//! ```text
//! KernelSource (CPU, memory, process) ─► sampler thread ─► watch channel of Samples
//! HeatSource (thermal, RAPL) ─► a thread of its own ──┤
//! gpu: NVIDIA, AMD, Intel, Apple ─► a thread each ────┘
//! ```
//! A source that is not there is an error with a reason, never zero, and what cannot be true is
//! missing as well (`check`). A driver that hangs holds up its own thread only: the others go on
//! and say that it does not answer. Every source reads below a root folder or a library's path that
//! it is given, so that tests bring machines of their own.

mod bandwidth;
mod check;
mod clocks;
mod cpu;
mod energy;
mod files;
mod gpu;
pub mod history;
mod memory;
mod process;
mod quota;
mod rapl;
mod rate;
mod sample;
mod sampler;
mod sources;
mod thermal;

pub use bandwidth::measure_bandwidth;
pub use cpu::CpuSource;
pub use energy::{Busy, Covers, Done, Energy, EnergyMeter, Phase, tokens_per_watt_hour};
pub use gpu::{AmdSource, AppleSource, GpuSource, IntelSource, NvmlSource};
pub use memory::MemorySource;
pub use process::ProcessSource;
pub use rapl::RaplSource;
pub use sample::{
    CpuSample, GpuMemory, GpuSample, Link, MemorySample, Missing, Moment, Pool, ProcessSample,
    Reading, Sample, Throttle, Vendor, Zone,
};
pub use sampler::Sampler;
pub use sources::{Heat, HeatSource, KernelSource, Sources};
pub use thermal::ThermalSource;

/// Every GPU of a vendor, or why none is shown.
pub type GpuReading = Result<Vec<GpuSample>, String>;
