//! How fast bytes come, and when the last one will be here.

use std::collections::VecDeque;

/// Milliseconds that a rate is taken over.
const WINDOW_MS: u64 = 10_000;
/// Samples kept.
const SAMPLES: usize = 64;

/// Bytes over time: the mean over the last ten seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rate {
    /// Milliseconds on any clock, and bytes so far.
    samples: VecDeque<(u64, u64)>,
}

impl Rate {
    /// Notes that so many bytes are here. Fewer than before begin anew.
    pub fn note(&mut self, at_ms: u64, bytes: u64) {
        if self.samples.back().is_some_and(|(_, last)| bytes < *last) {
            self.samples.clear();
        }
        while self.samples.len() >= SAMPLES
            || self.samples.len() > 2 && self.samples[1].0.saturating_add(WINDOW_MS) < at_ms
        {
            self.samples.pop_front();
        }
        self.samples.push_back((at_ms, bytes));
    }

    /// Bytes per second; `None` until some time has passed.
    pub fn per_second(&self) -> Option<f64> {
        let ((first_ms, first), (last_ms, last)) = (self.samples.front()?, self.samples.back()?);
        let ms = last_ms.checked_sub(*first_ms).filter(|ms| *ms > 0)?;
        Some((last - first) as f64 * 1000.0 / ms as f64)
    }

    /// Milliseconds until so many more bytes are here at this rate; `None` while nothing comes.
    pub fn time_left_ms(&self, bytes: u64) -> Option<f64> {
        let rate = self.per_second().filter(|rate| *rate > 0.0)?;
        Some(bytes as f64 * 1000.0 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        rate.note(0, 1000);
        assert_eq!(rate.per_second(), None);
        for second in 1..=30 {
            rate.note(second * 1000, 1000 + second * 500);
        }
        assert_eq!(rate.per_second(), Some(500.0));
        assert_eq!(rate.time_left_ms(1000), Some(2000.0));
        for second in 31..=60 {
            rate.note(second * 1000, 16_000);
        }
        assert_eq!((rate.per_second(), rate.time_left_ms(1)), (Some(0.0), None));
        rate.note(61_000, 0);
        assert_eq!(rate.per_second(), None);
    }
}
