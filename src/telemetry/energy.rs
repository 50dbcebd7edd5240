//! Joules per token, from measured power.
//!
//! The joules between two samples are those of the CPU (RAPL) and of every GPU that tells its
//! power. While a reply is computed they belong to prefill and decoding in proportion to the time
//! the engine measured for each; what the machine takes without any work is measured while nothing
//! is computed, and taken off:
//!
//! ```text
//! joules per token = (joules while computing - idle watts x seconds computing) / tokens
//! tokens per watt-hour = 3600 / joules per token
//! ```

use std::collections::VecDeque;

use super::{GpuSample, Sample};

/// Idle samples whose mean is what the machine takes without work: a minute of them.
const IDLE_SAMPLES: usize = 120;
/// Fewer say nothing.
const LEAST_IDLE: usize = 6;
/// After work clocks and fans take a while to come down.
const SETTLE_MS: u64 = 5000;
/// Less work than that, in milliseconds, is not measured by two samples a second.
const LEAST_WORK_MS: f64 = 2000.0;
/// Samples further apart than this say nothing of what was between.
const GAP_MS: u64 = 3000;

/// What the model has computed so far, counted up over replies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    pub prompt_ms: f64,
    pub prompt_n: u64,
    pub decode_ms: f64,
    pub decode_n: u64,
}

/// Whether the model computes now, or loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    No,
    Yes,
}

/// What one kind of work took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Phase {
    /// Joules measured, idle power included.
    pub joules: f64,
    pub ms: f64,
    pub tokens: u64,
}

/// What was measured of a stretch of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    pub prompt: Phase,
    pub decode: Phase,
}

/// Which sensors the joules come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covers {
    pub cpu: bool,
    pub gpus: usize,
}

#[derive(Clone, Debug, Default)]
pub struct EnergyMeter {
    before: Option<Before>,
    covers: Covers,
    idle: VecDeque<f64>,
    idle_since: Option<u64>,
    /// Joules and milliseconds that no work was counted for yet.
    open: (f64, f64),
    done: Done,
    total: Energy,
}

#[derive(Clone, Debug)]
struct Before {
    ms: u64,
    /// Joules of each GPU's counter.
    gpus: Vec<Option<f64>>,
}

impl EnergyMeter {
    /// Takes a sample in, with what was computed until then.
    pub fn take(&mut self, sample: &Sample, done: Done, busy: Busy) {
        let ms = sample.at.ms;
        let gpus = sample.gpus.as_deref().unwrap_or_default();
        let counters = gpus.iter().map(|gpu| gpu.energy.ok()).collect();
        let before = self.before.replace(Before { ms, gpus: counters });
        let worked = Worked::between(&self.done, &done);
        self.done = done;
        let elapsed = before.as_ref().map(|before| ms.saturating_sub(before.ms));
        let (Some(before), Some(elapsed @ 1..=GAP_MS)) = (before, elapsed) else {
            self.open = (0.0, 0.0);
            self.idle_since = None;
            return;
        };
        let seconds = elapsed as f64 / 1000.0;
        let (joules, covers) = measured(sample, gpus, &before.gpus, seconds);
        if covers != self.covers {
            // Other sensors: what came before cannot be compared with what comes.
            *self = Self {
                before: self.before.take(),
                covers,
                done: self.done,
                ..Self::default()
            };
            return;
        }
        if covers == Covers::default() {
            return;
        }
        self.open.0 += joules;
        self.open.1 += elapsed as f64;
        if worked.ms() > 0.0 {
            self.idle_since = None;
            self.count(&worked);
        } else if busy == Busy::No {
            self.open = (0.0, 0.0);
            let since = *self.idle_since.get_or_insert(ms);
            if ms - since >= SETTLE_MS {
                if self.idle.len() == IDLE_SAMPLES {
                    self.idle.pop_front();
                }
                self.idle.push_back(joules / seconds);
            }
        } else {
            self.idle_since = None;
        }
    }

    /// Gives the joules since work was counted last to the work that was done meanwhile.
    fn count(&mut self, worked: &Worked) {
        let (joules, open_ms) = std::mem::take(&mut self.open);
        let whole = open_ms.max(worked.ms());
        let share = |ms: f64| joules * ms / whole;
        self.total
            .prompt
            .add(share(worked.prompt_ms), worked.prompt_ms, worked.prompt_n);
        self.total
            .decode
            .add(share(worked.decode_ms), worked.decode_ms, worked.decode_n);
    }

    /// Watts without any work; `None` before that was measured.
    pub fn idle_watts(&self) -> Option<f64> {
        (self.idle.len() >= LEAST_IDLE)
            .then(|| self.idle.iter().sum::<f64>() / self.idle.len() as f64)
    }

    /// Everything measured since the sensors were the same.
    pub fn total(&self) -> Energy {
        self.total
    }

    pub fn covers(&self) -> Covers {
        self.covers
    }
}

impl Phase {
    fn add(&mut self, joules: f64, ms: f64, tokens: u64) {
        self.joules += joules;
        self.ms += ms;
        self.tokens += tokens;
    }

    /// Joules for a token above what the machine takes idle; `None` when too little was measured,
    /// or no more than idle.
    pub fn joules_per_token(&self, idle_watts: f64) -> Option<f64> {
        let net = self.net(idle_watts);
        (self.tokens > 0 && self.ms >= LEAST_WORK_MS && net > 0.0).then(|| net / self.tokens as f64)
    }

    /// Joules above idle.
    pub fn net(&self, idle_watts: f64) -> f64 {
        self.joules - idle_watts * self.ms / 1000.0
    }

    /// What was added since another reading of the same meter.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            joules: (self.joules - before.joules).max(0.0),
            ms: (self.ms - before.ms).max(0.0),
            tokens: self.tokens.saturating_sub(before.tokens),
        }
    }
}

/// Tokens for a watt-hour, which is 3600 joules.
pub fn tokens_per_watt_hour(joules_per_token: f64) -> f64 {
    3600.0 / joules_per_token
}

/// What was computed between two samples.
struct Worked {
    prompt_ms: f64,
    prompt_n: u64,
    decode_ms: f64,
    decode_n: u64,
}

impl Worked {
    fn between(before: &Done, now: &Done) -> Self {
        Self {
            prompt_ms: (now.prompt_ms - before.prompt_ms).max(0.0),
            prompt_n: now.prompt_n.saturating_sub(before.prompt_n),
            decode_ms: (now.decode_ms - before.decode_ms).max(0.0),
            decode_n: now.decode_n.saturating_sub(before.decode_n),
        }
    }

    fn ms(&self) -> f64 {
        self.prompt_ms + self.decode_ms
    }
}

/// Joules of all sensors over the time between two samples. A counter is believed before a power
/// that is read now and then.
fn measured(
    sample: &Sample,
    gpus: &[GpuSample],
    counters: &[Option<f64>],
    seconds: f64,
) -> (f64, Covers) {
    let mut covers = Covers::default();
    let mut joules = 0.0;
    if let Ok(watts) = sample.cpu.power {
        covers.cpu = true;
        joules += f64::from(watts) * seconds;
    }
    for (index, gpu) in gpus.iter().enumerate() {
        let before = counters.get(index).copied().flatten();
        let counted = gpu.energy.ok().zip(before);
        let counted = counted.map(|(now, before)| now - before);
        let most = 10_000.0 * seconds;
        let counted = counted.filter(|joules| (0.0..=most).contains(joules));
        let power = gpu.power.ok().map(|watts| f64::from(watts) * seconds);
        if let Some(used) = counted.or(power) {
            covers.gpus += 1;
            joules += used;
        }
    }
    (joules, covers)
}

#[cfg(test)]
mod tests {
    use super::super::{Moment, Vendor};
    use super::*;

    fn sample(ms: u64, watts: f32) -> Sample {
        let mut sample = Sample {
            at: Moment { ms, unix_ms: 0 },
            ..Sample::default()
        };
        sample.cpu.power = Ok(watts);
        sample
    }

    #[test]
    fn decoding_costs_what_it_takes_above_idle() {
        let mut meter = EnergyMeter::default();
        for half in 0..40 {
            meter.take(&sample(half * 500, 20.0), Done::default(), Busy::No);
        }
        assert_eq!(meter.idle_watts(), Some(20.0));
        let mut done = Done::default();
        for half in 40..60_u32 {
            done.decode_ms += 500.0;
            done.decode_n += 5;
            meter.take(&sample(u64::from(half) * 500, 70.0), done, Busy::Yes);
        }
        // 70 W, of which 20 W are idle, over 10 tokens a second.
        let decode = meter.total().decode;
        assert_eq!((decode.tokens, decode.ms), (100, 10_000.0));
        assert!((decode.joules_per_token(20.0).unwrap() - 5.0).abs() < 1e-9);
        assert!((tokens_per_watt_hour(5.0) - 720.0).abs() < 1e-9);
        assert_eq!(meter.total().prompt.joules_per_token(20.0), None);
        assert_eq!(meter.covers(), Covers { cpu: true, gpus: 0 });
    }

    #[test]
    fn work_that_is_told_late_gets_the_energy_of_all_its_time() {
        let mut meter = EnergyMeter::default();
        for half in 0..=20 {
            meter.take(&sample(half * 500, 100.0), Done::default(), Busy::Yes);
        }
        let done = Done {
            prompt_ms: 8000.0,
            prompt_n: 800,
            decode_ms: 0.0,
            decode_n: 0,
        };
        meter.take(&sample(10_500, 100.0), done, Busy::Yes);
        let prompt = meter.total().prompt;
        // Of 10 s at 100 W eight were prefill.
        assert!((prompt.joules - 800.0).abs() < 1e-9, "{prompt:?}");
    }

    #[test]
    fn counters_are_believed_before_readings_and_gaps_not_at_all() {
        let gpu = |joules: f64| {
            let mut gpu = GpuSample::silent(0, Vendor::Nvidia, "GPU", "not told");
            (gpu.energy, gpu.power) = (Ok(joules), Ok(999.0));
            gpu
        };
        let with = |ms, joules| Sample {
            gpus: Ok(vec![gpu(joules)]),
            ..sample(ms, 10.0)
        };
        let (joules, covers) = measured(&with(500, 150.0), &[gpu(150.0)], &[Some(100.0)], 0.5);
        assert!((joules - 55.0).abs() < 1e-9);
        assert_eq!(covers, Covers { cpu: true, gpus: 1 });
        // A counter that began anew is not one.
        let (joules, _) = measured(&with(500, 1.0), &[gpu(1.0)], &[Some(100.0)], 0.5);
        assert!((joules - 504.5).abs() < 1e-9);
        let mut meter = EnergyMeter::default();
        let done = Done {
            decode_ms: 1000.0,
            decode_n: 10,
            ..Done::default()
        };
        meter.take(&with(0, 0.0), Done::default(), Busy::Yes);
        meter.take(&with(500, 0.0), Done::default(), Busy::Yes);
        meter.take(&with(60_000, 6000.0), done, Busy::Yes);
        assert_eq!(meter.total(), Energy::default());
    }

    #[test]
    fn no_sensor_is_no_figure() {
        let mut meter = EnergyMeter::default();
        for half in 0..100 {
            let mut blind = sample(half * 500, 0.0);
            blind.cpu.power = Err("no permission to read it");
            meter.take(&blind, Done::default(), Busy::No);
        }
        assert_eq!(
            (meter.idle_watts(), meter.covers()),
            (None, Covers::default())
        );
    }
}
