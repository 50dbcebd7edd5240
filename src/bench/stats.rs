//! Means, deviations and confidence intervals.
//!
//! Sources: sample deviation with Bessel's correction, as llama-bench has it; Student's t interval
//! (Student, "The probable error of a mean", Biometrika 6, 1908); Welch's interval for the
//! difference of two means with the Welch–Satterthwaite degrees of freedom (Welch, "The
//! generalization of Student's problem when several different population variances are involved",
//! Biometrika 34, 1947).

use statrs::distribution::{ContinuousCDF, StudentsT};

/// An estimate and the bounds that hold it with the stated confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

impl Interval {
    /// The same of a function that only grows.
    #[must_use]
    pub fn map(self, grows: impl Fn(f64) -> f64) -> Self {
        Self {
            low: grows(self.low),
            middle: grows(self.middle),
            high: grows(self.high),
        }
    }
}

/// 0 for no samples, as in llama-bench.
pub fn mean(samples: &[f64]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    samples.iter().sum::<f64>() / count(samples)
}

/// The sample standard deviation; 0 for fewer than two samples, as in llama-bench.
pub fn stddev(samples: &[f64]) -> f64 {
    variance(samples).unwrap_or(0.0).sqrt()
}

/// The mean with the bounds that hold it with a chance of 1 - `error`:
/// mean ± t(1 - error/2, n - 1) · s/√n. `None` for fewer than two samples.
pub fn mean_interval(samples: &[f64], error: f64) -> Option<Interval> {
    let variance = variance(samples)?;
    let n = count(samples);
    Some(around(mean(samples), variance / n, n - 1.0, error))
}

/// How much greater the mean of `after` is than that of `before`, with a chance of 1 - `error` to
/// be within the bounds, whatever their variances are. `None` for fewer than two samples of either.
pub fn welch(before: &[f64], after: &[f64], error: f64) -> Option<Interval> {
    let difference = mean(after) - mean(before);
    let [a, b] = [before, after].map(|samples| variance(samples).map(|v| v / count(samples)));
    let (a, b) = (a?, b?);
    let part = |v: f64, samples: &[f64]| v * v / (count(samples) - 1.0);
    let freedom = (a + b) * (a + b) / (part(a, before) + part(b, after));
    Some(around(difference, a + b, freedom, error))
}

/// `squared_error` is the square of the estimate's standard error.
fn around(middle: f64, squared_error: f64, freedom: f64, error: f64) -> Interval {
    // Samples without any spread tell nothing of how far they are off; the bounds are the value.
    let half = if squared_error > 0.0 {
        quantile(1.0 - error / 2.0, freedom) * squared_error.sqrt()
    } else {
        0.0
    };
    Interval {
        low: middle - half,
        middle,
        high: middle + half,
    }
}

/// The quantile of Student's t distribution; infinite where there is none. More than a thousand
/// degrees of freedom are taken for a thousand, which makes it less than 0.2 % larger.
pub fn quantile(chance: f64, freedom: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, freedom.min(1000.0)) {
        Ok(distribution) => distribution.inverse_cdf(chance),
        Err(_) => f64::INFINITY,
    }
}

fn variance(samples: &[f64]) -> Option<f64> {
    if samples.len() < 2 {
        return None;
    }
    let mean = mean(samples);
    let squares: f64 = samples.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some(squares / (count(samples) - 1.0))
}

fn count(samples: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
    let count = samples.len() as f64;
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-3
    }

    #[test]
    fn figures_are_those_of_the_tables() {
        let samples = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert!(near(mean(&samples), 5.0) && near(stddev(&samples), 2.138));
        assert_eq!((mean(&[]), stddev(&[3.0])), (0.0, 0.0));
        assert_eq!(mean_interval(&[3.0], 0.05), None);
        // Student's t at 97.5 % with 4, 7 and a thousand degrees of freedom.
        assert!(near(quantile(0.975, 4.0), 2.776));
        assert!(near(quantile(0.975, 7.0), 2.365));
        assert!(near(quantile(0.975, 1e9), 1.962));
        let interval = mean_interval(&samples, 0.05).unwrap();
        assert!(near(
            interval.high - interval.middle,
            2.365 * 2.138 / 8_f64.sqrt()
        ));
    }

    #[test]
    fn welchs_example_comes_out() {
        // Two samples of Wikipedia's article on Welch's test: t = -2.46 with 25.0 degrees.
        let a = [
            27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7,
            21.4,
        ];
        let b = [
            27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5,
            24.4,
        ];
        let interval = welch(&a, &b, 0.05).unwrap();
        let error = (interval.high - interval.low) / 2.0 / quantile(0.975, 25.0);
        assert!(
            (interval.middle / error - 2.46).abs() < 0.02,
            "{interval:?}"
        );
        assert!(interval.low > 0.0);
    }

    #[test]
    fn samples_without_spread_have_no_width() {
        assert_eq!(
            welch(&[2.0, 2.0], &[3.0, 3.0], 0.05),
            Some(Interval {
                low: 1.0,
                middle: 1.0,
                high: 1.0
            })
        );
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_middle_and_grows_with_confidence(samples in prop::collection::vec(0.1_f64..1e6, 2..20)) {
            let wide = mean_interval(&samples, 0.01).unwrap();
            let narrow = mean_interval(&samples, 0.1).unwrap();
            prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.middle);
            prop_assert!(narrow.middle <= narrow.high && narrow.high <= wide.high);
        }
    }
}
