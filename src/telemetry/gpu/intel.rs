//! Intel GPUs through the files of i915 and xe in `/sys` (Documentation/ABI/testing:
//! sysfs-driver-intel-i915-hwmon, sysfs-driver-intel-xe-hwmon; Documentation/gpu/i915.rst,
//! Documentation/gpu/xe/xe_gt_freq.rst and xe_gt_idle).
//!
//! Neither driver tells a load. Both count how long the GPU was powered down (RC6): the load shown
//! is the share of time in which it was not.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::check::{self, joules, megahertz, millicelsius, percent, used, watts};
use super::super::files;
use super::super::rate::Counter;
use super::super::{GpuMemory, GpuReading, GpuSample, Pool, Reading, Vendor};
use super::card::{Card, cards, share_of_process};

const NOT_TOLD: &str = "not reported by this GPU";
/// How often cards that came or went are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Where a driver keeps what, below the card's folder; the first that is there counts.
const CLOCKS: &[&str] = &[
    "device/tile0/gt0/freq0/act_freq",
    "gt/gt0/rps_act_freq_mhz",
    "gt_act_freq_mhz",
];
const HIGHEST_CLOCKS: &[&str] = &[
    "device/tile0/gt0/freq0/rp0_freq",
    "gt/gt0/rps_RP0_freq_mhz",
    "gt_RP0_freq_mhz",
];
const IDLE_MS: &[&str] = &[
    "device/tile0/gt0/gtidle/idle_residency_ms",
    "gt/gt0/rc6_residency_ms",
    "power/rc6_residency_ms",
];
/// Why the clock is low, by i915 and by xe; each file holds 0 or 1.
const THROTTLE: &[(&str, &str, super::super::Throttle)] = {
    use super::super::Throttle;
    &[
        ("reason_pl1", "pl1", Throttle::PowerLimit),
        ("reason_pl2", "pl2", Throttle::PowerLimit),
        ("reason_thermal", "thermal", Throttle::Heat),
        ("reason_prochot", "prochot", Throttle::Overheat),
    ]
};

pub struct IntelSource {
    root: PathBuf,
    looked: Option<Instant>,
    cards: Vec<Found>,
}

/// A card, what does not change about it, and its counters.
struct Found {
    card: Card,
    hwmon: Option<PathBuf>,
    energy: Counter,
    idle: Counter,
}

impl IntelSource {
    /// `root` is where `/sys` and `/proc` are found: `/`.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            looked: None,
            cards: Vec::new(),
        }
    }

    /// Every Intel GPU, or why none is shown. May block for as long as the driver does.
    pub fn read(&mut self, now: Instant) -> GpuReading {
        let is_due = |looked: Instant| now.duration_since(looked) >= LOOK_AGAIN;
        if self.looked.is_none_or(is_due) {
            self.looked = Some(now);
            self.look();
        }
        if self.cards.is_empty() {
            return Err("no Intel GPU found".to_owned());
        }
        let root = &self.root;
        let samples = (0..).zip(&mut self.cards);
        Ok(samples
            .map(|(index, found)| found.sample(root, index, now))
            .collect())
    }

    /// Cards that stayed keep their counters.
    fn look(&mut self) {
        let mut before = std::mem::take(&mut self.cards);
        for card in cards(&self.root, "0x8086", "Intel") {
            let known = before.iter().position(|found| found.card == card);
            self.cards.push(match known {
                Some(index) => before.swap_remove(index),
                None => Found {
                    hwmon: card.hwmon(),
                    card,
                    energy: Counter::default(),
                    idle: Counter::default(),
                },
            });
        }
    }
}

impl Found {
    fn sample(&mut self, root: &Path, index: u32, now: Instant) -> GpuSample {
        let mut sample = GpuSample::silent(index, Vendor::Intel, &self.card.name, NOT_TOLD);
        sample.id.clone_from(&self.card.address);
        sample.load = self.load(now);
        sample.clock = self.first(CLOCKS).and_then(clock);
        sample.clock_max = self.first(HIGHEST_CLOCKS).and_then(clock);
        sample.throttle = self.throttle();
        self.memory(root, &mut sample);
        let Some(chip) = &self.hwmon else {
            return sample;
        };
        let value = |file: &str| told(files::number::<i64>(&chip.join(file)));
        let first = |files: &[&str]| {
            let mut found = files.iter().map(|file| value(file));
            found.find(Result::is_ok).unwrap_or(Err(NOT_TOLD))
        };
        // xe numbers the package 2; its channel 1 of energy is the card, 2 the package.
        sample.temperature = first(&["temp1_input", "temp2_input"]).and_then(millicelsius);
        let energy = first(&["energy1_input", "energy2_input"]).and_then(count);
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let counted = energy.and_then(|energy| joules(energy as f64 / 1e6));
        sample.energy = counted;
        sample.power = self
            .energy
            .rate(now, energy)
            .and_then(|microwatts| watts(microwatts / 1e6));
        #[expect(clippy::cast_precision_loss, reason = "checked to be small")]
        let limit = first(&["power1_max", "power2_max", "power1_rated_max"])
            .and_then(|microwatts| watts(microwatts as f64 / 1e6));
        // A limit of 0 is one that is switched off.
        sample.power_limit = limit.and_then(|limit| {
            if limit > 0.0 {
                Ok(limit)
            } else {
                Err("no limit")
            }
        });
        sample
    }

    /// The part of the time in which the GPU was not powered down.
    fn load(&mut self, now: Instant) -> Reading<f32> {
        let idle = self.first(IDLE_MS).and_then(count);
        let idle_ms = self.idle.rate(now, idle)?;
        #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
        let busy = (100.0 - idle_ms / 10.0).clamp(-1.0, 100.0) as f32;
        // The counter is a little coarse: a GPU that slept all the time may have slept a bit more.
        percent(busy.max(0.0)).and_then(|busy| match idle_ms <= 1100.0 {
            true => Ok(busy),
            false => Err(check::NONSENSE),
        })
    }

    /// A card without sensors of its own is part of the CPU and works in the machine's memory.
    fn memory(&self, root: &Path, sample: &mut GpuSample) {
        let value = |file: &str| told(files::number::<u64>(&self.card.folder.join(file)));
        let regions: &[&str] = match self.hwmon {
            Some(_) => {
                let total = value("lmem_total_bytes").and_then(check::size);
                let free = value("lmem_avail_bytes");
                sample.memory_total = total;
                sample.memory_used =
                    total.and_then(|total| total.checked_sub(free?).ok_or(check::NONSENSE));
                sample.memory_used = sample.memory_used.and_then(|now| used(now, total?));
                sample.set_aside = Ok(Pool { used: 0, total: 0 });
                &["local0", "vram0"]
            }
            None => {
                sample.memory = GpuMemory::Shared;
                sample.set_aside = Ok(Pool { used: 0, total: 0 });
                &["system0", "system", "gtt"]
            }
        };
        sample.memory_process = share_of_process(root, &self.card.address, regions);
    }

    fn throttle(&self) -> Reading<Vec<super::super::Throttle>> {
        let i915 = self.card.folder.join("gt/gt0");
        let xe = self.card.folder.join("device/tile0/gt0/freq0/throttle");
        let mut told_one = false;
        let mut reasons = Vec::new();
        for (old, new, reason) in THROTTLE {
            let old = i915.join(format!("throttle_{old}"));
            let value = files::number::<u8>(&old)
                .or_else(|_| files::number::<u8>(&xe.join(format!("reason_{new}"))));
            told_one |= value.is_ok();
            if value == Ok(1) && !reasons.contains(reason) {
                reasons.push(*reason);
            }
        }
        if told_one { Ok(reasons) } else { Err(NOT_TOLD) }
    }

    fn first(&self, files: &[&str]) -> Reading<i64> {
        let mut found = files
            .iter()
            .map(|file| files::number::<i64>(&self.card.folder.join(file)));
        found
            .find(|value| *value != Err(files::NOT_REPORTED))
            .unwrap_or(Err(NOT_TOLD))
    }
}

fn told<T>(reading: Reading<T>) -> Reading<T> {
    reading.map_err(|reason| match reason {
        files::NOT_REPORTED => NOT_TOLD,
        other => other,
    })
}

fn count(value: i64) -> Reading<u64> {
    u64::try_from(value).map_err(|_| check::NONSENSE)
}

#[expect(clippy::cast_precision_loss, reason = "checked to be small")]
fn clock(mhz: i64) -> Reading<f32> {
    megahertz(mhz as f64)
}
