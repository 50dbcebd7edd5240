//! Drivers report nonsense now and then: a reading that cannot be true is missing.

use super::{Link, Missing, Reading};

pub(super) const NONSENSE: Missing = "nonsense reading";

/// A number within what can be; NaN never is.
fn within<T: PartialOrd>(value: T, least: T, most: T) -> Reading<T> {
    if value >= least && value <= most {
        Ok(value)
    } else {
        Err(NONSENSE)
    }
}

/// A load in percent. Rounding may carry a sum a little over 100; that is 100.
pub(super) fn percent(value: f32) -> Reading<f32> {
    within(value, 0.0, 100.5).map(|value| value.min(100.0))
}

/// A temperature of silicon in degrees Celsius. Sensors that are switched off say 0 or -273.
pub(super) fn celsius(value: f32) -> Reading<f32> {
    if value > 0.0 {
        within(value, 0.0, 150.0)
    } else {
        Err(NONSENSE)
    }
}

/// A temperature as the kernel writes it: thousandths of a degree.
pub(super) fn millicelsius(value: i64) -> Reading<f32> {
    #[expect(clippy::cast_precision_loss, reason = "it is checked to be small")]
    celsius(value as f32 / 1000.0)
}

/// Power in watts; 10 kW is more than any board takes.
pub(super) fn watts(value: f64) -> Reading<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    within(value, 0.0, 10_000.0).map(|value| value as f32)
}

/// A clock in MHz; a sleeping one has 0, and 20 GHz is more than any has.
pub(super) fn megahertz(value: f64) -> Reading<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    within(value, 0.0, 20_000.0).map(|value| value as f32)
}

/// A PCI Express link: no generation has more than 256 GT/s, no slot more than 32 lanes.
pub(super) fn link(gigatransfers: f32, lanes: u32) -> Reading<Link> {
    within(gigatransfers, 1.0, 256.0)?;
    within(lanes, 1, 32)?;
    Ok(Link {
        gigatransfers,
        lanes,
    })
}

/// A rate in bytes per second; 100 TB/s is more than any link or memory does.
pub(super) fn byte_rate(value: f64) -> Reading<f64> {
    within(value, 0.0, 1e14)
}

/// How often a second something happened.
pub(super) fn event_rate(value: f64) -> Reading<f64> {
    within(value, 0.0, 1e12)
}

/// Joules counted; a counter of 10^12 is a megawatt over eleven days.
pub(super) fn joules(value: f64) -> Reading<f64> {
    within(value, 0.0, 1e12)
}

/// A number of bytes in use, which cannot exceed the total.
pub(super) fn used(used: u64, total: u64) -> Reading<u64> {
    within(used, 0, total)
}

/// A size of memory in bytes: there is some, and 1 PiB is more than any machine has.
pub(super) fn size(bytes: u64) -> Reading<u64> {
    within(bytes, 1, 1 << 50)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn impossible_readings_are_missing() {
        for value in [f32::NAN, f32::INFINITY, -1.0, 101.0, 6553.5, 1e30] {
            assert_eq!(percent(value), Err(NONSENSE), "{value} %");
        }
        for value in [f32::NAN, -273.0, 0.0, 255.0, 1e30] {
            assert_eq!(celsius(value), Err(NONSENSE), "{value} °C");
        }
        for value in [f64::NAN, f64::NEG_INFINITY, -1.0, 1e30] {
            assert_eq!(watts(value), Err(NONSENSE), "{value} W");
            assert_eq!(megahertz(value), Err(NONSENSE), "{value} MHz");
            assert_eq!(byte_rate(value), Err(NONSENSE), "{value} B/s");
            assert_eq!(event_rate(value), Err(NONSENSE), "{value} /s");
            assert_eq!(joules(value), Err(NONSENSE), "{value} J");
        }
        assert_eq!(millicelsius(i64::MIN), Err(NONSENSE));
        assert_eq!(used(2, 1), Err(NONSENSE));
        assert_eq!((size(0), size(u64::MAX)), (Err(NONSENSE), Err(NONSENSE)));
    }

    #[test]
    fn possible_readings_pass() {
        assert_eq!(percent(0.0), Ok(0.0));
        assert_eq!(percent(100.0001), Ok(100.0));
        assert_eq!(celsius(41.5), Ok(41.5));
        assert_eq!(millicelsius(41_500), Ok(41.5));
        assert_eq!(watts(349.5), Ok(349.5));
        assert_eq!(used(1, 1), Ok(1));
        assert_eq!(size(1 << 40), Ok(1 << 40));
    }

    proptest! {
        #[test]
        fn what_passes_is_a_number_in_its_range(bits: u64, short: u32) {
            let (wide, narrow) = (f64::from_bits(bits), f32::from_bits(short));
            prop_assert!(percent(narrow).is_ok_and(|value| (0.0..=100.0).contains(&value)) || percent(narrow) == Err(NONSENSE));
            prop_assert!(celsius(narrow).is_ok_and(|value| value > 0.0 && value <= 150.0) || celsius(narrow) == Err(NONSENSE));
            prop_assert!(watts(wide).is_ok_and(|value| (0.0..=10_000.0).contains(&value)) || watts(wide) == Err(NONSENSE));
            prop_assert!(byte_rate(wide).is_ok_and(f64::is_finite) || byte_rate(wide) == Err(NONSENSE));
        }
    }
}
