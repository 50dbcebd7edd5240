//! What a counter counts in a second.

use std::time::Instant;

use super::{Missing, Reading};

/// A rate is what happened between two readings, so the first one has none.
pub(super) const FIRST_READING: Missing = "known from the second reading on";
/// A driver that was loaded anew begins at 0.
const COUNTED_BACK: Missing = "the counter began anew";

/// A counter that is read now and then. What it counted is told once it was read twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    last: Option<(Instant, u64)>,
}

impl Counter {
    /// How many a second since the reading before.
    pub(super) fn per_second(&mut self, now: Instant, count: u64) -> Reading<f64> {
        let last = self.last;
        let counted = self.since(now, count)?;
        let seconds = last.map_or(0.0, |(at, _)| now.duration_since(at).as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let counted = counted as f64;
        if seconds > 0.0 {
            Ok(counted / seconds)
        } else {
            Err(FIRST_READING)
        }
    }

    /// How many since the reading before.
    pub(super) fn since(&mut self, now: Instant, count: u64) -> Reading<u64> {
        let (_, before) = self.last.replace((now, count)).ok_or(FIRST_READING)?;
        count.checked_sub(before).ok_or(COUNTED_BACK)
    }

    /// Forgets the reading before: what comes after a gap is not measured across it.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The rate of a counter that may not be there.
    pub(super) fn rate(&mut self, now: Instant, count: Reading<u64>) -> Reading<f64> {
        match count {
            Ok(count) => self.per_second(now, count),
            Err(reason) => {
                self.forget();
                Err(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_is_what_was_counted_over_the_time() {
        let start = Instant::now();
        let mut counter = Counter::default();
        assert_eq!(counter.per_second(start, 100), Err(FIRST_READING));
        let later = start + Duration::from_millis(500);
        assert_eq!(counter.per_second(later, 150), Ok(100.0));
        assert_eq!(counter.per_second(later, 150), Err(FIRST_READING));
    }

    #[test]
    fn a_counter_that_goes_back_or_away_begins_anew() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut counter = Counter::default();
        assert_eq!(counter.rate(at(0), Ok(100)), Err(FIRST_READING));
        assert_eq!(counter.rate(at(1), Ok(5)), Err(COUNTED_BACK));
        assert_eq!(counter.rate(at(2), Ok(6)), Ok(1.0));
        assert_eq!(counter.rate(at(3), Err("gone")), Err("gone"));
        assert_eq!(counter.rate(at(4), Ok(7)), Err(FIRST_READING));
    }
}
