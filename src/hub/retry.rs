//! How long to wait before the next try.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::Patience;

/// Tries that brought nothing, one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    patience: Patience,
    failed: u32,
}

impl Backoff {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            failed: 0,
        }
    }

    /// Something came: the next failure is the first again.
    pub(super) fn progressed(&mut self) {
        self.failed = 0;
    }

    /// The pause before the next try, twice as long each time, or what the server asks for if that
    /// is longer. `None` when enough was tried, or the server asks for too much.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failed += 1;
        if self.failed >= self.patience.tries {
            return None;
        }
        if asked.is_some_and(|asked| asked > self.patience.longest_retry_after) {
            return None;
        }
        let factor = 1u32 << (self.failed - 1).min(16);
        let own = self.patience.first_pause.saturating_mul(factor);
        let own = own.min(self.patience.longest_pause);
        Some(asked.unwrap_or_default().max(own))
    }

    /// Tries that failed in a row, and how many there are at most.
    pub(super) fn count(&self) -> (u32, u32) {
        (self.failed, self.patience.tries)
    }
}

/// A `Retry-After` header: seconds, or a date (RFC 9110 section 10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let patience = Patience {
            tries: 10,
            ..Patience::default()
        };
        let mut backoff = Backoff::new(patience);
        let pauses: Vec<u64> = std::iter::from_fn(|| backoff.next(None))
            .map(|pause| pause.as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        backoff.progressed();
        assert_eq!(backoff.next(None), Some(Duration::from_secs(1)));
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_too_much() {
        let mut backoff = Backoff::new(Patience::default());
        let seconds = Duration::from_secs;
        assert_eq!(backoff.next(Some(seconds(20))), Some(seconds(20)));
        assert_eq!(backoff.next(Some(seconds(0))), Some(seconds(2)));
        assert_eq!(backoff.next(Some(seconds(301))), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("Thu, 01 Jan 2026 00:01:00 GMT", now),
            Some(Duration::from_secs(60))
        );
        assert_eq!(
            retry_after("Wed, 31 Dec 2025 00:00:00 GMT", now),
            Some(Duration::ZERO)
        );
        for wrong in ["", "-1", "soon", "99999999999999999999"] {
            assert_eq!(retry_after(wrong, now), None, "{wrong}");
        }
    }
}
