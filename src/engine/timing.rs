//! What a reply took, measured by the engine's own clock.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Timings of one reply, under llama.cpp's names. Times are milliseconds, rates tokens per second.
/// While a reply runs they cover what has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Waiting for a slot, before the first prompt token was decoded.
    pub queue_ms: f64,
    /// From the command's arrival to the first token sampled.
    pub ttft_ms: f64,
    /// Prompt tokens found in the KV cache.
    pub cache_n: u32,
    /// Prompt tokens decoded anew.
    pub prompt_n: u32,
    pub prompt_ms: f64,
    pub prompt_per_second: f64,
    /// Tokens generated.
    pub predicted_n: u32,
    /// From the first token to the last, without what the model was changed, measured or prefilled
    /// again meanwhile.
    pub predicted_ms: f64,
    /// Over the whole reply: (predicted_n - 1) / predicted_ms, since the first token is prefill's.
    pub predicted_per_second: f64,
    /// Over the last second.
    pub recent_per_second: f64,
}

/// Tokens per second over a sliding window of one second.
#[derive(Clone, Debug, Default)]
pub struct TokenRate {
    /// (milliseconds since the first token, tokens) of the last second
    pub(super) steps: std::collections::VecDeque<(f64, u32)>,
}

impl TokenRate {
    /// Notes tokens that came at a time, in milliseconds since the first token of the reply.
    pub fn record(&mut self, at_ms: f64, tokens: u32) {
        self.forget(at_ms);
        self.steps.push_back((at_ms, tokens));
    }

    /// Tokens per second over the last second before that time, or since the first token when
    /// that is more recent. The first token itself has no duration and should not be recorded.
    pub fn per_second(&mut self, now_ms: f64) -> f64 {
        self.forget(now_ms);
        let tokens: u32 = self.steps.iter().map(|&(_, tokens)| tokens).sum();
        rate(f64::from(tokens), now_ms.min(WINDOW_MS))
    }

    fn forget(&mut self, now_ms: f64) {
        while self
            .steps
            .front()
            .is_some_and(|&(at_ms, _)| at_ms <= now_ms - WINDOW_MS)
        {
            self.steps.pop_front();
        }
    }
}

const WINDOW_MS: f64 = 1000.0;

/// Per second; zero while no time has passed.
fn rate(count: f64, ms: f64) -> f64 {
    if ms > 0.0 { count * 1000.0 / ms } else { 0.0 }
}

/// The clock of one reply. Times are taken from outside, so that it can be tested without waiting.
#[derive(Clone, Debug)]
pub(crate) struct ReplyClock {
    arrived: Instant,
    started: Option<Instant>,
    prefilled: Option<Instant>,
    first: Option<Instant>,
    last: Option<Instant>,
    /// Since when prompt tokens, and then tokens of the reply, were computed: later than the start
    /// and the first token by what did not count.
    prompt_since: Option<Instant>,
    since: Option<Instant>,
    /// What does not count of the time to the next token.
    paused: Duration,
    pub cache_n: u32,
    pub prompt_n: u32,
    predicted_n: u32,
    rate: TokenRate,
}

impl ReplyClock {
    pub(crate) fn new(arrived: Instant) -> Self {
        Self {
            arrived,
            started: None,
            prefilled: None,
            first: None,
            last: None,
            prompt_since: None,
            since: None,
            paused: Duration::ZERO,
            cache_n: 0,
            prompt_n: 0,
            predicted_n: 0,
            rate: TokenRate::default(),
        }
    }

    /// The first step with tokens of this reply begins.
    pub(crate) fn start(&mut self, now: Instant) {
        self.started.get_or_insert(now);
        self.prompt_since.get_or_insert(now);
    }

    /// Something else was done for so long: the model was changed or measured, or a lost cache
    /// filled again. That is part of no speed; of the TTFT it is.
    pub(crate) fn pause(&mut self, time: Duration) {
        if self.started.is_some() {
            self.paused += time;
        }
    }

    /// Prompt tokens were decoded.
    pub(crate) fn prefilled(&mut self, now: Instant, tokens: u32) {
        let paused = std::mem::take(&mut self.paused);
        self.prompt_since = self.prompt_since.map(|since| (since + paused).min(now));
        self.prefilled = Some(now);
        self.prompt_n += tokens;
    }

    /// A token was sampled.
    pub(crate) fn token(&mut self, now: Instant) {
        let paused = std::mem::take(&mut self.paused);
        self.predicted_n += 1;
        match (self.since, self.last) {
            (Some(since), Some(last)) => {
                // Never before the last token, whose time is in the window.
                let since = (since + paused).min(since + now.duration_since(last));
                self.rate.record(ms(since, now), 1);
                self.since = Some(since);
            }
            _ => (self.first, self.since) = (Some(now), Some(now)),
        }
        self.last = Some(now);
    }

    /// Everything so far.
    pub(crate) fn timings(&mut self, now: Instant) -> Timings {
        let started = self.started.unwrap_or(now);
        let spent = |since: Option<Instant>, until: Option<Instant>| {
            since
                .zip(until)
                .map_or(0.0, |(since, until)| ms(since, until))
        };
        let prompt_ms = spent(self.prompt_since, self.prefilled);
        let predicted_ms = spent(self.since, self.last);
        Timings {
            queue_ms: ms(self.arrived, started),
            ttft_ms: self.first.map_or(0.0, |first| ms(self.arrived, first)),
            cache_n: self.cache_n,
            prompt_n: self.prompt_n,
            prompt_ms,
            prompt_per_second: rate(f64::from(self.prompt_n), prompt_ms),
            predicted_n: self.predicted_n,
            predicted_ms,
            predicted_per_second: rate(f64::from(self.predicted_n.saturating_sub(1)), predicted_ms),
            recent_per_second: self
                .since
                .map_or(0.0, |since| self.rate.per_second(ms(since, now))),
        }
    }
}

fn ms(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_forgets_what_is_older_than_a_second() {
        let mut rate = TokenRate::default();
        for step in 1..=30 {
            rate.record(f64::from(step) * 100.0, 1);
        }
        assert!((rate.per_second(3000.0) - 10.0).abs() < 1e-9);
        assert!((rate.per_second(3500.0) - 5.0).abs() < 1e-9);
        assert!(rate.per_second(9000.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_decoding_is_no_part_of_its_speed() {
        let arrived = Instant::now();
        let at = |ms| arrived + Duration::from_millis(ms);
        let mut clock = ReplyClock::new(arrived);
        // While it waits for a slot nothing of it is computed.
        clock.pause(Duration::from_millis(5));
        clock.start(at(10));
        clock.pause(Duration::from_millis(1000));
        clock.prefilled(at(1210), 40);
        clock.token(at(1212));
        clock.token(at(1262));
        // A change of four seconds, and some milliseconds around it.
        clock.pause(Duration::from_millis(4000));
        clock.token(at(5312));
        let timings = clock.timings(at(5312));
        assert!((timings.ttft_ms - 1212.0).abs() < 1e-6);
        assert!((timings.prompt_per_second - 200.0).abs() < 1e-6);
        assert!((timings.predicted_ms - 100.0).abs() < 1e-6);
        assert!((timings.predicted_per_second - 20.0).abs() < 1e-6);
        assert!((timings.recent_per_second - 20.0).abs() < 1e-6);
        // No pause is longer than the time it lies in.
        clock.pause(Duration::from_secs(60));
        clock.token(at(5362));
        let timings = clock.timings(at(5362));
        assert!((timings.predicted_ms - 100.0).abs() < 1e-6);
    }

    #[test]
    fn the_first_token_belongs_to_prefill() {
        let arrived = Instant::now();
        let at = |ms| arrived + Duration::from_millis(ms);
        let mut clock = ReplyClock::new(arrived);
        clock.start(at(10));
        clock.prefilled(at(210), 40);
        clock.token(at(212));
        clock.token(at(262));
        clock.token(at(312));
        let timings = clock.timings(at(312));
        assert!((timings.queue_ms - 10.0).abs() < 1e-6);
        assert!((timings.ttft_ms - 212.0).abs() < 1e-6);
        assert!((timings.prompt_per_second - 200.0).abs() < 1e-6);
        assert!((timings.predicted_per_second - 20.0).abs() < 1e-6);
        assert!((timings.recent_per_second - 20.0).abs() < 1e-6);
        assert_eq!((timings.prompt_n, timings.predicted_n), (40, 3));
    }
}
