//! Softmax over a whole vocabulary in one pass, for what is recorded of a token.
//!
//! With 150,000 tokens the standard library's `exp` takes about a millisecond, a twentieth of a
//! step of a small model. The one here is a polynomial without branches, so that the compiler
//! computes eight or sixteen at once.

/// The normaliser of a softmax: p of a logit is e^(logit − max) / sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Softmax {
    max: f32,
    /// Σ e^(logit − max)
    sum: f64,
    /// Σ (logit − max) · e^(logit − max)
    weighted: f64,
}

/// Values a step of the loops takes at once.
const LANES: usize = 16;
/// Values summed in single precision before they are added in double.
const BLOCK: usize = 1024;
/// Logits this far below the highest count as nothing: e^-80 of a vocabulary is below rounding.
const FLOOR: f32 = -80.0;

impl Softmax {
    pub(super) fn of(logits: &[f32]) -> Self {
        let max = highest(logits);
        if !max.is_finite() {
            return Self {
                max,
                ..Self::default()
            };
        }
        let (mut sum, mut weighted) = (0.0, 0.0);
        for block in logits.chunks(BLOCK) {
            let (mut sums, mut weights) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            let mut chunks = block.chunks_exact(LANES);
            for chunk in &mut chunks {
                for lane in 0..LANES {
                    let below = at_least(chunk[lane] - max, FLOOR);
                    let power = exp(below);
                    sums[lane] += power;
                    weights[lane] += below * power;
                }
            }
            for logit in chunks.remainder() {
                let below = at_least(logit - max, FLOOR);
                sums[0] += exp(below);
                weights[0] += below * exp(below);
            }
            sum += sums.iter().copied().map(f64::from).sum::<f64>();
            weighted += weights.iter().copied().map(f64::from).sum::<f64>();
        }
        Self { max, sum, weighted }
    }

    /// The same after some logits became others, given as pairs of old and new; its entropy is not.
    /// `None` where what is left of the sum would be too little of it to be exact, or a new logit is
    /// the highest of all: then it has to be summed anew.
    pub(super) fn after(&self, changes: impl Iterator<Item = (f32, f32)>) -> Option<Self> {
        let power = |logit: f32| f64::from(logit - self.max).exp();
        let (mut taken, mut given) = (0.0, 0.0);
        for (old, new) in changes {
            if new.is_nan() || new > self.max {
                return None;
            }
            taken += power(old);
            given += power(new);
        }
        (taken <= self.sum / 2.0).then_some(Self {
            sum: self.sum - taken + given,
            ..*self
        })
    }

    /// The probability of a logit, 0 to 1.
    pub(super) fn p(&self, logit: f32) -> f32 {
        if self.sum > 0.0 {
            (f64::from(logit - self.max).exp() / self.sum) as f32
        } else {
            0.0
        }
    }

    /// Shannon entropy in bits: −Σ p log₂ p = (ln sum − weighted / sum) / ln 2.
    pub(super) fn entropy(&self) -> f32 {
        if self.sum > 0.0 {
            let nats = self.sum.ln() - self.weighted / self.sum;
            (nats / std::f64::consts::LN_2).max(0.0) as f32
        } else {
            0.0
        }
    }
}

/// Logits higher than this one.
pub(super) fn rank(logits: &[f32], logit: f32) -> u32 {
    logits
        .iter()
        .map(|other| u32::from(*other > logit))
        .sum::<u32>()
}

fn highest(logits: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = logits.chunks_exact(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            lanes[lane] = at_least(chunk[lane], lanes[lane]);
        }
    }
    let rest = chunks.remainder().iter().chain(&lanes);
    rest.fold(f32::NEG_INFINITY, |max, logit| at_least(*logit, max))
}

/// The greater one; `least` where the value is no number.
fn at_least(value: f32, least: f32) -> f32 {
    if value > least { value } else { least }
}

/// e^x for x from -87 to 0, to within 2 units in the last place: 2^n times a polynomial of what is
/// left, of degree 6 with Cephes' coefficients for single precision (`expf`).
fn exp(x: f32) -> f32 {
    // Added and taken away, it leaves the nearest whole number: the mantissa has no room for more.
    const ROUND: f32 = 12_582_912.0;
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    // ln 2 in two parts, so that the difference keeps its last bits.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let power = p * r * r + r + 1.0;
    // The last bits of `rounded` are n, from -116 to 0. Added to the exponent they multiply by 2^n.
    f32::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_double_precision_gives(logits in prop::collection::vec(-60.0_f32..60.0, 1..3000)) {
            let ours = Softmax::of(&logits);
            let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - max).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let mut entropy = 0.0;
            for (logit, power) in logits.iter().zip(&powers) {
                let p = power / sum;
                prop_assert!((f64::from(ours.p(*logit)) - p).abs() < 1e-6);
                if p > 0.0 { entropy -= p * p.log2(); }
            }
            prop_assert!((f64::from(ours.entropy()) - entropy).abs() < 1e-4, "{} {entropy}", ours.entropy());
        }

        #[test]
        fn powers_are_right_to_the_last_places(x in -80.0_f32..=0.0) {
            let exact = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) - exact).abs() <= 4e-7 * exact);
        }
    }

    #[test]
    fn what_cannot_be_and_what_is_no_number_counts_nothing() {
        let logits = [1.0, f32::NEG_INFINITY, 1.0, f32::NAN];
        let softmax = Softmax::of(&logits);
        assert!((softmax.p(1.0) - 0.5).abs() < 1e-6);
        assert!((softmax.entropy() - 1.0).abs() < 1e-5);
        assert_eq!(softmax.p(f32::NEG_INFINITY), 0.0);
        assert_eq!(Softmax::of(&[]).p(0.0), 0.0);
        assert_eq!(Softmax::of(&[f32::NEG_INFINITY; 3]).entropy(), 0.0);
        assert_eq!(rank(&logits, 1.0), 0);
        assert_eq!(rank(&[3.0, 1.0, 2.0], 1.0), 2);
    }
}
