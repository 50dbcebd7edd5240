//! AMD GPUs through amdgpu's files in `/sys` (Documentation/gpu/amdgpu/thermal.rst,
//! driver-misc.rst; hwmon units of Documentation/hwmon/sysfs-interface.rst).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::check::{self, megahertz, millicelsius, percent, used, watts};
use super::super::files;
use super::super::{GpuMemory, GpuReading, GpuSample, Pool, Reading, Vendor};
use super::amd_metrics::Metrics;
use super::card::{Card, cards, share_of_process};

pub(super) const NOT_TOLD: &str = "not reported by this GPU";
/// How often cards that came or went are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

pub struct AmdSource {
    root: PathBuf,
    looked: Option<Instant>,
    cards: Vec<Found>,
}

/// A card and what does not change about it.
struct Found {
    card: Card,
    hwmon: Option<PathBuf>,
    memory: GpuMemory,
}

impl AmdSource {
    /// `root` is where `/sys` and `/proc` are found: `/`.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            looked: None,
            cards: Vec::new(),
        }
    }

    /// Every AMD GPU, or why none is shown. May block for as long as the driver does.
    pub fn read(&mut self, now: Instant) -> GpuReading {
        let is_due = |looked: Instant| now.duration_since(looked) >= LOOK_AGAIN;
        if self.looked.is_none_or(is_due) {
            self.looked = Some(now);
            let found = cards(&self.root, "0x1002", "AMD").into_iter();
            let found = found.map(|card| Found {
                hwmon: card.hwmon(),
                memory: memory_of(&card.device()),
                card,
            });
            self.cards = found.collect();
        }
        if self.cards.is_empty() {
            return Err("no AMD GPU found".to_owned());
        }
        let samples = (0..).zip(&self.cards);
        Ok(samples
            .map(|(index, found)| sample(&self.root, index, found))
            .collect())
    }
}

/// Whether the GPU is part of the CPU, which its table of metrics shows.
fn memory_of(device: &Path) -> GpuMemory {
    match Metrics::read(device) {
        Some(metrics) if metrics.is_of_cpu() => GpuMemory::Shared,
        _ => GpuMemory::Own,
    }
}

fn sample(root: &Path, index: u32, found: &Found) -> GpuSample {
    let device = found.card.device();
    let bytes = |file: &str| told(files::number::<u64>(&device.join(file)));
    let (own_used, own_total) = (bytes("mem_info_vram_used"), bytes("mem_info_vram_total"));
    let (gtt_used, gtt_total) = (bytes("mem_info_gtt_used"), bytes("mem_info_gtt_total"));
    let is_shared = found.memory == GpuMemory::Shared;
    let (used_now, total, regions): (_, _, &[&str]) = match found.memory {
        GpuMemory::Own => (own_used, own_total, &["vram"]),
        GpuMemory::Shared => (
            sum(own_used, gtt_used),
            sum(own_total, gtt_total),
            &["vram", "gtt"],
        ),
    };
    let total = total.and_then(check::size);
    let mut sample = GpuSample::silent(index, Vendor::Amd, &found.card.name, NOT_TOLD);
    sample.id.clone_from(&found.card.address);
    sample.memory = found.memory;
    sample.load = told(files::number::<u32>(&device.join("gpu_busy_percent"))).and_then(whole);
    sample.memory_total = total;
    sample.memory_used = total.and_then(|total| used(used_now?, total));
    sample.memory_process = share_of_process(root, &found.card.address, regions);
    sample.set_aside = match is_shared {
        true => own_total.and_then(|total| used(own_used?, total).map(|used| Pool { used, total })),
        false => Ok(Pool { used: 0, total: 0 }),
    };
    let metrics = Metrics::read(&device).ok_or(NOT_TOLD);
    sample.throttle = metrics
        .as_ref()
        .map_err(|why| *why)
        .and_then(Metrics::throttle);
    let link = metrics.as_ref().map_err(|why| *why).and_then(Metrics::link);
    sample.link = link.or_else(|_| told(found.card.link()));
    sample.clock_max = highest(&device.join("pp_dpm_sclk"));
    if let Some(chip) = &found.hwmon {
        let value = |file: &str| told(files::number::<i64>(&chip.join(file)));
        let power = value("power1_average").or_else(|_| value("power1_input"));
        sample.temperature = value("temp1_input").and_then(millicelsius);
        sample.power = power.and_then(micro).and_then(watts);
        sample.power_limit = value("power1_cap").and_then(micro).and_then(watts);
        sample.clock = value("freq1_input").and_then(micro).and_then(megahertz);
        sample.memory_clock = value("freq2_input").and_then(micro).and_then(megahertz);
        sample.fan = value("pwm1").and_then(|pwm| fraction(pwm, 255));
    }
    sample
}

/// What is not there, this GPU does not tell.
fn told<T>(reading: Reading<T>) -> Reading<T> {
    reading.map_err(|reason| match reason {
        files::NOT_REPORTED => NOT_TOLD,
        other => other,
    })
}

fn sum(one: Reading<u64>, other: Reading<u64>) -> Reading<u64> {
    one?.checked_add(other?).ok_or(check::NONSENSE)
}

#[expect(clippy::cast_precision_loss, reason = "checked to be small")]
fn whole(value: u32) -> Reading<f32> {
    percent(value as f32)
}

/// From millionths: microwatts to watts, hertz to megahertz.
#[expect(
    clippy::cast_precision_loss,
    clippy::unnecessary_wraps,
    reason = "checked by the caller"
)]
fn micro(value: i64) -> Reading<f64> {
    Ok(value as f64 / 1e6)
}

/// A share of a whole in percent.
#[expect(clippy::cast_precision_loss, reason = "checked to be small")]
fn fraction(part: i64, whole: i64) -> Reading<f32> {
    percent(part as f32 / whole as f32 * 100.0)
}

/// The highest step of a table like `0: 500Mhz *`.
fn highest(table: &Path) -> Reading<f32> {
    let text = told(files::text(table))?;
    let steps = text.lines().filter_map(|line| {
        let (_, step) = line.split_once(':')?;
        let step = step.trim().trim_end_matches('*').trim().to_lowercase();
        step.strip_suffix("mhz")?.trim().parse::<f64>().ok()
    });
    let most = steps.filter(|step| step.is_finite()).fold(0.0, f64::max);
    if most > 0.0 {
        megahertz(most)
    } else {
        Err(NOT_TOLD)
    }
}
