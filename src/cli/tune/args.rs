//! The flags of `llmdeck tune`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::tune;

/// Finds the load parameters with which a model runs fastest on this machine, and keeps them for
/// it. Parameters given as flags or set in the configuration stay as they are.
#[derive(Args, Clone, Debug)]
pub struct TuneArgs {
    /// The GGUF model file; the same as --model
    #[arg(value_name = "MODEL")]
    pub file: Option<PathBuf>,
    /// What is to be fast
    #[arg(long = "for", value_name = "GOAL", default_value = "balanced")]
    pub goal: Goal,
    /// How long the search may take: 120s, 5m
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = duration)]
    pub budget: Duration,
    /// Tokens in the KV cache while it is measured
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub depth: u32,
    /// Try quantised KV caches too, which cost some quality
    #[arg(long)]
    pub cache_types: bool,
    /// Print what was found, but keep nothing
    #[arg(long, conflicts_with = "undo")]
    pub dry_run: bool,
    /// Take back what was found for the model on this machine
    #[arg(long)]
    pub undo: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    Decode,
    Prefill,
    /// A prompt, and a reply a quarter as long
    Balanced,
}

impl From<Goal> for tune::Goal {
    fn from(goal: Goal) -> Self {
        match goal {
            Goal::Decode => Self::Decode,
            Goal::Prefill => Self::Prefill,
            Goal::Balanced => Self::Balanced,
        }
    }
}

/// Seconds, or a number with `s` or `m`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    number
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| (1..=86_400).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time from 1s to 24 hours, such as 120s or 5m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_minutes() {
        for (text, seconds) in [("120s", 120), ("90", 90), ("5m", 300)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        for text in [
            "",
            "s",
            "0",
            "1h",
            "-5",
            "9999999m",
            "18446744073709551615m",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
