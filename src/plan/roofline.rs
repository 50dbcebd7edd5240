//! The roofline: what a model can reach at most on devices whose peaks were measured.
//!
//! Decoding reads every weight in use once for each token, so memory bounds it; a prompt uses each
//! weight for many tokens at once, so products of matrices bound it. Devices with layers of one
//! model work one after the other.

/// What the main memory and the processor are called among devices, as in llama.cpp.
pub const HOST: &str = "CPU";

/// Weights up to this size may stay in the processor's caches, so that memory is no bound.
const MAY_BE_CACHED: u64 = 64 << 20;

/// What a device reached at most when it was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Peak {
    /// llama.cpp's name: `CPU`, `CUDA0`.
    pub device: String,
    /// Bytes that it reads from its memory each second.
    pub bytes_per_second: u64,
    /// Additions and multiplications each second in products of matrices; `None` = not measured.
    pub operations_per_second: Option<f64>,
}

/// Bytes that decoding one token reads from the memory of one device, estimated from the header:
/// the weights in use (of experts those that a token goes through) and the cache of the tokens
/// before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// llama.cpp's name, as in [`Peak`].
    pub device: String,
    pub weights: u64,
    /// Of these the output layer's: a prompt needs them for its last token alone.
    pub output: u64,
    /// For each token in the context.
    pub per_token: u64,
}

impl Reads {
    /// Bytes for one token with so many before it.
    pub fn at(&self, depth: u32) -> u64 {
        let cache = self.per_token.saturating_mul(depth.into());
        self.weights.saturating_add(cache)
    }
}

/// Bytes that one token reads from all devices with `depth` tokens before it; `None` when that is
/// not known.
pub fn bytes_read(reads: &[Reads], depth: u32) -> Option<u64> {
    let all = reads.iter().map(|reads| reads.at(depth));
    all.reduce(u64::saturating_add)
}

/// The peak of a device.
pub fn peak_of<'a>(peaks: &'a [Peak], device: &str) -> Option<&'a Peak> {
    peaks.iter().find(|peak| peak.device == device)
}

/// Tokens per second that decoding reaches at most: 1 / Σ (bytes read / bytes per second) over the
/// devices. `None` where caches may hold all weights, or the peak of a device is not known.
#[expect(clippy::cast_precision_loss, reason = "an estimate of three digits")]
pub fn decode_ceiling(reads: &[Reads], peaks: &[Peak], depth: u32) -> Option<f64> {
    let weights: u64 = reads.iter().map(|reads| reads.weights).sum();
    if weights <= MAY_BE_CACHED {
        return None;
    }
    let seconds = reads.iter().map(|reads| {
        let peak = peak_of(peaks, &reads.device)?.bytes_per_second;
        Some(reads.at(depth) as f64 / peak as f64)
    });
    rate(seconds.sum::<Option<f64>>()?)
}

/// Prompt tokens per second at most: 1 / Σ (2 × parameters in use / operations per second), because
/// each parameter is multiplied and added once for each token. Of `n_params` parameters in
/// `size_bytes` those count that a token reads, but for the output layer's. `None` where a device
/// was not measured.
#[expect(clippy::cast_precision_loss, reason = "an estimate of three digits")]
pub fn prefill_ceiling(
    reads: &[Reads],
    peaks: &[Peak],
    n_params: u64,
    size_bytes: u64,
) -> Option<f64> {
    let seconds = reads.iter().map(|reads| {
        let weights = reads.weights.saturating_sub(reads.output);
        let share = weights as f64 / size_bytes.max(1) as f64;
        let operations = peak_of(peaks, &reads.device)?.operations_per_second?;
        Some(2.0 * n_params as f64 * share.min(1.0) / operations)
    });
    rate(seconds.sum::<Option<f64>>()?)
}

/// How often a second something happens that takes so many seconds.
fn rate(seconds: f64) -> Option<f64> {
    (seconds > 0.0 && seconds.is_finite()).then(|| 1.0 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(device: &str, weights: u64, per_token: u64) -> Reads {
        Reads {
            device: device.to_owned(),
            weights,
            output: 0,
            per_token,
        }
    }

    fn peak(device: &str, bytes_per_second: u64, operations: f64) -> Peak {
        Peak {
            device: device.to_owned(),
            bytes_per_second,
            operations_per_second: Some(operations).filter(|rate| *rate > 0.0),
        }
    }

    #[test]
    fn decoding_is_bound_by_what_it_reads() {
        let host = [peak(HOST, 20_000_000_000, 0.0)];
        let ceiling = |weights, depth| decode_ceiling(&[reads(HOST, weights, 1000)], &host, depth);
        assert_eq!(ceiling(100_000_000, 0), Some(200.0));
        assert_eq!(ceiling(100_000_000, 100_000), Some(100.0));
        // Caches may hold all of it.
        assert_eq!(ceiling(2_800_000, 0), None);
        assert_eq!(decode_ceiling(&[], &host, 0), None);
    }

    #[test]
    fn devices_work_one_after_the_other() {
        let peaks = [
            peak(HOST, 20_000_000_000, 0.0),
            peak("CUDA0", 1_000_000_000_000, 0.0),
        ];
        let both = [
            reads(HOST, 200_000_000, 0),
            reads("CUDA0", 10_000_000_000, 0),
        ];
        // 10 ms and 10 ms.
        let ceiling = decode_ceiling(&both, &peaks, 0).expect("both are known");
        assert!((ceiling - 50.0).abs() < 1e-9, "{ceiling}");
        assert_eq!(decode_ceiling(&both, &peaks[..1], 0), None);
        assert_eq!(bytes_read(&both, 9), Some(10_200_000_000));
        assert_eq!(bytes_read(&[], 0), None);
    }

    #[test]
    fn a_prompt_is_bound_by_the_parameters_that_a_token_uses() {
        let ceiling = |operations, n_params, size_bytes| {
            let peaks = [peak(HOST, 1, operations)];
            prefill_ceiling(&[reads(HOST, 1_000, 0)], &peaks, n_params, size_bytes)
        };
        // A dense model uses all of them, a mixture of experts a tenth.
        assert_eq!(ceiling(2e6, 1_000, 1_000), Some(1000.0));
        assert_eq!(ceiling(2e6, 10_000, 10_000), Some(1000.0));
        assert_eq!(ceiling(0.0, 1_000, 1_000), None);
        assert_eq!(ceiling(2e6, 0, 0), None);
        // The output layer computes for the last token alone.
        let half = Reads {
            output: 500,
            ..reads(HOST, 1_000, 0)
        };
        let peaks = [peak(HOST, 1, 2e6)];
        assert_eq!(prefill_ceiling(&[half], &peaks, 1_000, 1_000), Some(2000.0));
    }
}
