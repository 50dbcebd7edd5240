//! Which figures are drawn, how high, and in which unit.

use crate::app::State;
use crate::telemetry::history::{GpuSeries, Series};
use crate::telemetry::{GpuSample, Sample};

/// One figure over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub label: &'static str,
    pub series: Series,
    /// The value at the top; `None` = the next round one above what is shown.
    pub top: Option<f32>,
    /// What values are divided by before they are shown, and what stands behind them.
    unit: (f32, &'static str),
}

const GIB: (f32, &str) = (1_073_741_824.0, "GiB");
const MEGABYTES: (f32, &str) = (1e6, "MB/s");
const GIGABYTES: (f32, &str) = (1e9, "GB/s");

/// The charts, the most telling first. Those of a GPU are there where one is; what few machines
/// have, where it was ever read.
pub fn of(state: &State) -> Vec<Chart> {
    let (metrics, sample) = (&state.metrics, state.gauges.latest.as_ref());
    let gpus = sample.and_then(|sample| sample.gpus.as_deref().ok());
    let gpu = gpus.and_then(|gpus| gpus.get(metrics.window.gpu));
    let mut charts = vec![
        chart("tok/s", Series::Decode, None, (1.0, "tok/s")),
        chart("prompt", Series::Prompt, None, (1.0, "tok/s")),
    ];
    if let Some(gpu) = gpu {
        charts.extend(of_gpu(gpu, metrics.window.gpu));
    }
    charts.extend(of_machine(sample, gpu.is_some()));
    charts.retain(|chart| chart.is_core() || metrics.history.has(chart.series));
    charts
}

fn of_gpu(gpu: &GpuSample, index: usize) -> [Chart; 5] {
    let series = |of| Series::Gpu(index, of);
    let limit = gpu.power_limit.ok().filter(|limit| *limit > 0.0);
    #[expect(clippy::cast_precision_loss, reason = "the height of a chart")]
    let memory = gpu.memory_total.ok().map(|total| total as f32);
    [
        chart("GPU load", series(GpuSeries::Load), Some(100.0), (1.0, "%")),
        chart(
            "GPU clock",
            series(GpuSeries::Clock),
            gpu.clock_max.ok(),
            (1.0, "MHz"),
        ),
        chart(
            "GPU temp",
            series(GpuSeries::Temperature),
            Some(100.0),
            (1.0, "C"),
        ),
        chart("GPU power", series(GpuSeries::Power), limit, (1.0, "W")),
        chart("GPU mem", series(GpuSeries::Memory), memory, GIB),
    ]
}

fn of_machine(sample: Option<&Sample>, has_gpu: bool) -> Vec<Chart> {
    let memory = sample.and_then(|sample| sample.memory.total.ok());
    #[expect(clippy::cast_precision_loss, reason = "the height of a chart")]
    let memory = memory.map(|total| total as f32);
    let clock = sample.and_then(|sample| sample.cpu.clock_max.ok());
    let cpu = chart("CPU", Series::CpuLoad, Some(100.0), (1.0, "%"));
    let bandwidth = chart("bandwidth", Series::Bandwidth, None, GIGABYTES);
    let ram = chart("RAM", Series::Memory, memory, GIB);
    let rest = [
        chart("CPU clock", Series::CpuClock, clock, (1.0, "MHz")),
        chart("CPU temp", Series::CpuTemperature, Some(100.0), (1.0, "C")),
        chart("CPU power", Series::CpuPower, None, (1.0, "W")),
    ];
    let trouble = [
        chart("swap", Series::Swap, None, MEGABYTES),
        chart("faults", Series::MajorFaults, None, (1.0, "/s")),
        chart("disk reads", Series::DiskRead, None, MEGABYTES),
    ];
    let mut charts = vec![cpu, bandwidth];
    if has_gpu {
        charts.push(ram);
        charts.extend(rest);
    } else {
        charts.extend(rest);
        charts.insert(1, ram);
    }
    charts.extend(trouble);
    charts
}

fn chart(
    label: &'static str,
    series: Series,
    top: Option<f32>,
    unit: (f32, &'static str),
) -> Chart {
    let top = top.filter(|top| *top > 0.0);
    Chart {
        label,
        series,
        top,
        unit,
    }
}

impl Chart {
    /// Shown even before it had a value: what one looks for first.
    fn is_core(&self) -> bool {
        matches!(
            self.series,
            Series::Decode | Series::Prompt | Series::CpuLoad | Series::Memory | Series::Gpu(_, _)
        )
    }

    /// A value with its unit: `24.9 tok/s`.
    pub fn text(&self, value: f32) -> String {
        format!("{} {}", self.short(value), self.unit.1)
    }

    /// A value without its unit.
    pub fn short(&self, value: f32) -> String {
        let value = value / self.unit.0;
        match value {
            _ if value >= 99.95 => format!("{value:.0}"),
            _ if self.unit.1 == "%" || self.unit.1 == "C" => format!("{value:.0}"),
            _ if value >= 9.995 => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        }
    }
}

/// The next 1, 2, 3, 5 or 8 times a power of ten, so that the scale does not jump with every value.
pub fn round_up(value: f32) -> f32 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f32.powf(value.log10().floor());
    let steps = [1.0, 2.0, 3.0, 5.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits_and_their_unit() {
        let load = chart("CPU", Series::CpuLoad, Some(100.0), (1.0, "%"));
        assert_eq!(load.text(7.4), "7 %");
        let memory = chart("RAM", Series::Memory, Some(0.0), GIB);
        assert_eq!(
            (memory.text(5.5 * GIB.0).as_str(), memory.top),
            ("5.50 GiB", None)
        );
        let rate = chart("tok/s", Series::Decode, None, (1.0, "tok/s"));
        assert_eq!(
            [0.5, 24.94, 1880.4].map(|value| rate.text(value)),
            ["0.50 tok/s", "24.9 tok/s", "1880 tok/s"]
        );
    }

    #[test]
    fn the_scale_is_round_and_high_enough() {
        for value in [0.3, 7.0, 24.9, 99.0, 450.0, 3e9] {
            let top = round_up(value);
            assert!(top >= value * 0.999 && top < value * 3.0, "{value} {top}");
        }
        assert_eq!(round_up(-1.0), 1.0);
    }
}
