//! How fast decoding can be at most: a token cannot come faster than what it needs is read.

use super::memory::{Run, place_of_parts, token_bytes};
use crate::gguf::Facts;

/// Bytes that computing one token reads on each device, the host first, with `depth` tokens in
/// the cache: the weights in use (of experts those that a token goes through), keys and values of
/// the tokens that each layer looks back on, and recurrent states. What the host reads through
/// its caches, such as one row of the embedding, is left out.
pub fn read_per_token(facts: &Facts, run: &Run, shares: &[u64], depth: u32) -> Vec<u64> {
    let mut reads = vec![0u64; shares.len() + 1];
    let parts = place_of_parts(facts, run, shares);
    for (part, place) in parts.iter().enumerate() {
        let at = |gpu: &Option<usize>| gpu.map_or(0, |gpu| gpu + 1);
        let pins = run
            .pins
            .iter()
            .filter(|pin| pin.part.index(parts.len() - 1) == Some(part));
        let mut weights = facts.active_part(part);
        for pin in pins {
            weights = weights.saturating_sub(pin.read);
            let gpu = pin.gpu.filter(|gpu| *gpu < shares.len());
            add(&mut reads, at(&gpu), pin.read);
        }
        add(&mut reads, at(place), weights);
        let cache = place.filter(|_| run.offload_kqv);
        add(&mut reads, at(&cache), looked_at(facts, run, part, depth));
    }
    reads
}

/// The output layer: where it is in what [`read_per_token`] tells, and the bytes of its weights.
pub fn output_layer(facts: &Facts, run: &Run, shares: &[u64]) -> (usize, u64) {
    let parts = place_of_parts(facts, run, shares);
    let gpu = parts.last().copied().flatten();
    let bytes = facts.active_part(parts.len().saturating_sub(1));
    (gpu.map_or(0, |gpu| gpu + 1), bytes)
}

fn add(reads: &mut [u64], device: usize, bytes: u64) {
    if let Some(read) = reads.get_mut(device) {
        *read = read.saturating_add(bytes);
    }
}

/// Keys, values and state of one layer that one token reads.
fn looked_at(facts: &Facts, run: &Run, layer: usize, depth: u32) -> u64 {
    let Some(cache) = facts.caches.get(layer) else {
        return 0;
    };
    let tokens = match facts.sliding_window {
        Some(window) if cache.windowed => depth.min(window),
        _ => depth,
    };
    let state = cache.state.saturating_mul(4);
    token_bytes(cache, run.type_k, run.type_v)
        .saturating_mul(tokens.into())
        .saturating_add(state)
}

/// Tokens per second at most: bandwidth / bytes read, the devices one after the other. `None` when
/// the bandwidth of a device that is read from is not known.
pub fn tokens_per_second(reads: &[u64], bandwidths: &[Option<u64>]) -> Option<f64> {
    let mut seconds = 0.0;
    for (index, read) in reads.iter().enumerate().filter(|(_, read)| **read > 0) {
        let bandwidth = bandwidths.get(index).copied().flatten()?;
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let part = *read as f64 / bandwidth as f64;
        seconds += part;
    }
    (seconds > 0.0).then(|| 1.0 / seconds)
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::{llama_8b, run};
    use super::*;

    const GIGABYTES: u64 = 1_000_000_000;

    #[test]
    fn the_ceiling_is_bandwidth_over_bytes_read() {
        let facts = llama_8b();
        let all = Run {
            n_gpu_layers: 33,
            ..run()
        };
        let reads = read_per_token(&facts, &all, &[1], 0);
        assert_eq!(reads, [0, facts.active_bytes]);
        // 128 KiB of keys and values for each token looked back on.
        let deep = read_per_token(&facts, &all, &[1], 1000);
        assert_eq!(deep[1] - reads[1], 1000 * (128 << 10));
        let speed = tokens_per_second(&reads, &[None, Some(1008 * GIGABYTES)]).expect("known");
        assert!((120.0..130.0).contains(&speed), "{speed}");
        assert_eq!(tokens_per_second(&reads, &[None, None]), None);
    }

    #[test]
    fn devices_are_read_one_after_the_other() {
        let one = tokens_per_second(&[100, 0], &[Some(1000), None]);
        let two = tokens_per_second(&[50, 50], &[Some(1000), Some(1000)]);
        assert_eq!((one, two), (Some(10.0), Some(10.0)));
    }
}
