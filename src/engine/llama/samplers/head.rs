//! The most likely candidates, where a chain begins by keeping only those.
//!
//! A vocabulary has up to 260,000 tokens and a top-k stage keeps about 40. Choosing them while the
//! logits are read spares filling and sorting a list of them all, which takes 0.3 to 1 ms a token
//! on 150,000 tokens.

use llama_cpp_sys_2 as sys;

/// Logits that are looked at together.
const CHUNK: usize = 32;

/// Fills `candidates` with those of the `count` highest logits, in no order.
pub(super) fn highest(logits: &[f32], count: usize, candidates: &mut Vec<sys::llama_token_data>) {
    candidates.clear();
    // Twice the room, so that cutting back is rare.
    let room = count.saturating_mul(2).max(1);
    let mut least = f32::NEG_INFINITY;
    for (ids, chunk) in (0..).step_by(CHUNK).zip(logits.chunks(CHUNK)) {
        // Nearly every chunk has none that is high enough, and a look at all at once tells.
        if !chunk
            .iter()
            .fold(false, |any, logit| any | (*logit > least))
        {
            continue;
        }
        for (id, &logit) in (ids..).zip(chunk) {
            if logit > least {
                candidates.push(sys::llama_token_data { id, logit, p: 0.0 });
            }
            if candidates.len() == room {
                least = cut(candidates, count);
            }
        }
    }
    if candidates.len() > count {
        cut(candidates, count);
    }
}

/// Adds tokens that are not among the candidates, with their logits.
pub(super) fn add(logits: &[f32], tokens: &[i32], candidates: &mut Vec<sys::llama_token_data>) {
    for &id in tokens {
        let logit = usize::try_from(id).ok().and_then(|at| logits.get(at));
        if let Some(&logit) = logit
            && candidates.iter().all(|one| one.id != id)
        {
            candidates.push(sys::llama_token_data { id, logit, p: 0.0 });
        }
    }
}

/// Cuts a list of any length to the highest.
pub(super) fn cut_to(candidates: &mut Vec<sys::llama_token_data>, count: usize) {
    if candidates.len() > count {
        cut(candidates, count);
    }
}

/// Cuts back to the highest; gives the lowest of them.
fn cut(candidates: &mut Vec<sys::llama_token_data>, count: usize) -> f32 {
    let last = count.saturating_sub(1);
    candidates.select_nth_unstable_by(last, |a, b| b.logit.total_cmp(&a.logit));
    candidates.truncate(count);
    candidates
        .last()
        .map_or(f32::NEG_INFINITY, |data| data.logit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(logits: &[f32], count: usize) -> Vec<i32> {
        let mut candidates = Vec::new();
        highest(logits, count, &mut candidates);
        let mut ids: Vec<i32> = candidates.iter().map(|data| data.id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn fewer_logits_than_asked_for_are_all_there() {
        assert_eq!(ids(&[1.0, f32::NEG_INFINITY, 2.0], 40), [0, 2]);
        assert_eq!(ids(&[], 40), [0; 0]);
    }

    proptest! {
        #[test]
        fn they_are_those_that_sorting_gives(mut logits in prop::collection::hash_set(-1000_i32..1000, 1..400), count in 1_usize..60) {
            let logits: Vec<f32> = logits.drain().map(|logit| logit as f32).collect();
            let mut sorted: Vec<usize> = (0..logits.len()).collect();
            sorted.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
            sorted.truncate(count);
            let mut sorted: Vec<i32> = sorted.into_iter().map(|id| id as i32).collect();
            sorted.sort_unstable();
            prop_assert_eq!(ids(&logits, count), sorted);
        }
    }
}
