//! What is kept of every moment, and where.

use super::super::{GpuSample, Sample};

/// GPUs whose figures are kept; a machine with more shows the first ones.
pub const MOST_GPUS: usize = 8;

/// One figure over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Series {
    /// Tokens generated per second.
    Decode,
    /// Prompt tokens per second.
    Prompt,
    /// Bytes per second that decoding reads: bytes per token by the header, times tokens per second.
    Bandwidth,
    /// Percent.
    CpuLoad,
    /// MHz, mean of the cores.
    CpuClock,
    /// Degrees Celsius.
    CpuTemperature,
    /// Watts.
    CpuPower,
    /// Bytes of RAM in use.
    Memory,
    /// Bytes per second from and to swap.
    Swap,
    /// Page faults of this process that waited for a disk, per second.
    MajorFaults,
    /// Bytes per second fetched from disks for this process.
    DiskRead,
    /// A figure of the GPU with that index.
    Gpu(usize, GpuSeries),
}

/// A figure of one GPU over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GpuSeries {
    /// Percent.
    Load,
    /// MHz.
    Clock,
    /// Degrees Celsius.
    Temperature,
    /// Watts.
    Power,
    /// Bytes in use.
    Memory,
}

/// Figures of the model at the time of a sample; `None` = nothing was computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// As [`Series::Decode`].
    pub decode: Option<f64>,
    /// As [`Series::Prompt`].
    pub prompt: Option<f64>,
    /// As [`Series::Bandwidth`].
    pub bandwidth: Option<f64>,
}

const MACHINE: [Series; 11] = [
    Series::Decode,
    Series::Prompt,
    Series::Bandwidth,
    Series::CpuLoad,
    Series::CpuClock,
    Series::CpuTemperature,
    Series::CpuPower,
    Series::Memory,
    Series::Swap,
    Series::MajorFaults,
    Series::DiskRead,
];

impl GpuSeries {
    pub const ALL: [Self; 5] = [
        Self::Load,
        Self::Clock,
        Self::Temperature,
        Self::Power,
        Self::Memory,
    ];
}

impl Series {
    pub(super) const COUNT: usize = MACHINE.len() + MOST_GPUS * GpuSeries::ALL.len();

    /// Every series there can be, in the order of exports.
    pub fn all() -> impl Iterator<Item = Self> {
        let gpus = (0..MOST_GPUS)
            .flat_map(|gpu| GpuSeries::ALL.into_iter().map(move |of| Self::Gpu(gpu, of)));
        MACHINE.into_iter().chain(gpus)
    }

    /// Where it is kept; a GPU beyond the last one is not.
    pub(super) fn index(self) -> Option<usize> {
        match self {
            Self::Gpu(gpu, _) if gpu >= MOST_GPUS => None,
            Self::Gpu(gpu, of) => Some(MACHINE.len() + gpu * GpuSeries::ALL.len() + of as usize),
            other => MACHINE.iter().position(|series| *series == other),
        }
    }

    /// The name in exports, its unit at the end: `gpu0_power_watts`.
    pub fn name(self) -> String {
        match self {
            Self::Decode => "decode_tokens_per_second".into(),
            Self::Prompt => "prompt_tokens_per_second".into(),
            Self::Bandwidth => "decode_bytes_per_second".into(),
            Self::CpuLoad => "cpu_load_percent".into(),
            Self::CpuClock => "cpu_clock_mhz".into(),
            Self::CpuTemperature => "cpu_temperature_celsius".into(),
            Self::CpuPower => "cpu_power_watts".into(),
            Self::Memory => "memory_used_bytes".into(),
            Self::Swap => "swap_bytes_per_second".into(),
            Self::MajorFaults => "major_faults_per_second".into(),
            Self::DiskRead => "disk_read_bytes_per_second".into(),
            Self::Gpu(gpu, of) => {
                let what = match of {
                    GpuSeries::Load => "load_percent",
                    GpuSeries::Clock => "clock_mhz",
                    GpuSeries::Temperature => "temperature_celsius",
                    GpuSeries::Power => "power_watts",
                    GpuSeries::Memory => "memory_used_bytes",
                };
                format!("gpu{gpu}_{what}")
            }
        }
    }

    /// What a sample says of it, with what the model did.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "seven digits are kept"
    )]
    pub(super) fn of(self, sample: &Sample, work: &Work) -> Option<f32> {
        let wide = |value: f64| value as f32;
        let value = match self {
            Self::Decode => work.decode.map(wide),
            Self::Prompt => work.prompt.map(wide),
            Self::Bandwidth => work.bandwidth.map(wide),
            Self::CpuLoad => sample.cpu.load.ok(),
            Self::CpuClock => sample.cpu.clock.ok(),
            Self::CpuTemperature => sample.cpu.temperature.ok(),
            Self::CpuPower => sample.cpu.power.ok(),
            Self::Memory => sample.memory.used.ok().map(|bytes| bytes as f32),
            Self::Swap => match (sample.memory.swap_in, sample.memory.swap_out) {
                (Ok(read), Ok(written)) => Some(wide(read + written)),
                _ => None,
            },
            Self::MajorFaults => sample.process.major_faults.ok().map(wide),
            Self::DiskRead => sample.process.disk_read.ok().map(wide),
            Self::Gpu(gpu, of) => {
                let gpu = sample.gpus.as_ref().ok()?.get(gpu)?;
                of_gpu(gpu, of)
            }
        };
        value.filter(|value| value.is_finite())
    }
}

#[expect(clippy::cast_precision_loss, reason = "seven digits are kept")]
fn of_gpu(gpu: &GpuSample, of: GpuSeries) -> Option<f32> {
    match of {
        GpuSeries::Load => gpu.load.ok(),
        GpuSeries::Clock => gpu.clock.ok(),
        GpuSeries::Temperature => gpu.temperature.ok(),
        GpuSeries::Power => gpu.power.ok(),
        GpuSeries::Memory => gpu.memory_used.ok().map(|bytes| bytes as f32),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_series_has_a_place_and_a_name_of_its_own() {
        let places: BTreeSet<usize> = Series::all().filter_map(Series::index).collect();
        assert_eq!(places, (0..Series::COUNT).collect());
        let names: BTreeSet<String> = Series::all().map(Series::name).collect();
        assert_eq!(names.len(), Series::COUNT);
        assert_eq!(Series::Gpu(MOST_GPUS, GpuSeries::Load).index(), None);
    }
}
