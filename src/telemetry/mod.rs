//! Sensors: what the machine says about itself while a model runs.
//!
//! ```text
//! CpuSource, MemorySource (with Cgroup), ThermalSource ─► sampler thread ─► watch channel of Samples
//! NvmlSource ─► a thread of its own ─► latest reading ──────────┘
//! ```
//! A source that is not there is an error with a reason, never zero. A driver that hangs holds up
//! its own thread only: the others go on and say that it does not answer. Nothing is read that
//! is not shown.

mod bandwidth;
mod cgroup;
mod check;
mod cpu;
mod memory;
mod nvml;
mod sample;
mod sampler;
mod thermal;

pub use bandwidth::measure_bandwidth;
pub use cgroup::Cgroup;
pub use cpu::CpuSource;
pub use memory::MemorySource;
pub use nvml::NvmlSource;
pub use sample::{CpuSample, GpuSample, MemorySample, Missing, Reading, Sample};
pub use sampler::{GpuReading, Sampler, Sources};
pub use thermal::ThermalSource;
