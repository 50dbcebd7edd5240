//! One round of readings.

/// A reading, or why there is none (`no driver`, `not reported by this GPU`).
pub type Reading<T> = Result<T, Missing>;

/// Why a reading is missing, in a few words for the screen.
pub type Missing = &'static str;

/// All readings of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub cpu: CpuSample,
    pub memory: MemorySample,
    /// Each GPU found, or why none is shown.
    pub gpus: Result<Vec<GpuSample>, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CpuSample {
    /// Percent of all cores, 0 to 100.
    pub load: Reading<f32>,
    /// Percent of each core, 0 to 100.
    pub cores: Vec<f32>,
    /// Degrees Celsius.
    pub temperature: Reading<f32>,
}

/// Bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct MemorySample {
    pub total: Reading<u64>,
    /// Not available to programs: total less what the kernel calls available.
    pub used: Reading<u64>,
    /// No swap configured is `Err("none configured")`.
    pub swap_total: Reading<u64>,
    pub swap_used: Reading<u64>,
    /// Resident memory of this process.
    pub process: Reading<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GpuSample {
    pub index: u32,
    pub name: String,
    /// Percent, 0 to 100.
    pub load: Reading<f32>,
    /// Bytes.
    pub memory_used: Reading<u64>,
    pub memory_total: Reading<u64>,
    /// Degrees Celsius.
    pub temperature: Reading<f32>,
    /// Watts.
    pub power: Reading<f32>,
    pub power_limit: Reading<f32>,
}
