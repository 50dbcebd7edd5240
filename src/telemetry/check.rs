//! Drivers report nonsense now and then: a reading that cannot be true is missing.

use super::{Missing, Reading};

pub(super) const NONSENSE: Missing = "nonsense reading";

/// A load in percent. Rounding may carry a sum a little over 100; that is 100.
pub(super) fn percent(value: f32) -> Reading<f32> {
    if (0.0..=100.5).contains(&value) {
        Ok(value.min(100.0))
    } else {
        Err(NONSENSE)
    }
}

/// A temperature of silicon in degrees Celsius. Sensors that are switched off say 0 or -273.
pub(super) fn celsius(value: f32) -> Reading<f32> {
    if value > 0.0 && value <= 150.0 {
        Ok(value)
    } else {
        Err(NONSENSE)
    }
}

/// Power from milliwatts, in watts; 10 kW is more than any board takes.
pub(super) fn watts(milliwatts: u32) -> Reading<f32> {
    let value = milliwatts as f32 / 1000.0;
    if value <= 10_000.0 {
        Ok(value)
    } else {
        Err(NONSENSE)
    }
}

/// A number of bytes in use, which cannot exceed the total.
pub(super) fn used(used: u64, total: u64) -> Reading<u64> {
    if used <= total {
        Ok(used)
    } else {
        Err(NONSENSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_readings_are_missing() {
        for value in [f32::NAN, f32::INFINITY, -1.0, 101.0, 6553.5] {
            assert_eq!(percent(value), Err(NONSENSE), "{value} %");
        }
        for value in [f32::NAN, -273.0, 0.0, 255.0] {
            assert_eq!(celsius(value), Err(NONSENSE), "{value} °C");
        }
        assert_eq!(watts(u32::MAX), Err(NONSENSE));
        assert_eq!(used(2, 1), Err(NONSENSE));
    }

    #[test]
    fn possible_readings_pass() {
        assert_eq!(percent(0.0), Ok(0.0));
        assert_eq!(percent(100.0001), Ok(100.0));
        assert_eq!(celsius(41.5), Ok(41.5));
        assert_eq!(watts(349_500), Ok(349.5));
        assert_eq!(used(1, 1), Ok(1));
    }
}
