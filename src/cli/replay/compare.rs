//! A reply beside the same reply made again. Pure.

use crate::engine::Origin;
use crate::engine::trace::{TokenTrace, Trace};
use crate::store::Kept;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub seed: u32,
    /// Tokens compared.
    pub tokens: usize,
    /// `None` = every token is the same.
    pub divergence: Option<Divergence>,
    /// What is not as it was: name, then and now.
    pub differences: Vec<(&'static str, String, String)>,
    /// Whether the sampling was changed while the reply was made.
    pub resampled: bool,
    /// Why it was cut off, where it did not come to its end: then it is compared as far as it went.
    pub cut: Option<String>,
}

/// The first token that is another one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Divergence {
    /// Its place in the reply.
    pub at: usize,
    pub then: Side,
    pub now: Side,
}

/// What one of the two drew there, and from what.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Side {
    /// `None` = the reply had ended.
    pub token: Option<i32>,
    pub text: String,
    /// Candidates: text, the model's probability, and that of being drawn; empty where none were
    /// recorded.
    pub candidates: Vec<(String, f32, f32)>,
}

/// Holds them against each other; `cut` tells why the first one did not come to its end.
pub(super) fn compare(then: &Kept, now: &Kept, cut: Option<String>) -> Outcome {
    let (old, new) = (&then.ids.chosen, &now.ids.chosen);
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let divergence = (same < old.len() || same < new.len()).then(|| Divergence {
        at: same,
        then: side(then, same, &now.trace),
        now: side(now, same, &then.trace),
    });
    Outcome {
        seed: then.origin.seed,
        tokens: old.len(),
        divergence,
        differences: differences(&then.origin, &now.origin),
        resampled: then.origin.resampled,
        cut,
    }
}

/// `other` knows names that this one lacks, where it recorded nothing.
fn side(kept: &Kept, at: usize, other: &Trace) -> Side {
    let name = |token: i32| {
        let knows = kept.trace.pieces.contains_key(&token);
        if knows { &kept.trace } else { other }.text(token)
    };
    let place = |token: &&TokenTrace| token.at as usize == at;
    let candidates = kept.trace.tokens.iter().find(place).map(|token| {
        let candidates = token.candidates.iter();
        candidates
            .map(|one| (name(one.token), one.p, one.drawn(&token.stages)))
            .collect()
    });
    let token = kept.ids.chosen.get(at).copied();
    Side {
        token,
        text: token.map(name).unwrap_or_default(),
        candidates: candidates.unwrap_or_default(),
    }
}

fn differences(then: &Origin, now: &Origin) -> Vec<(&'static str, String, String)> {
    let batches = |origin: &Origin| {
        let prefill = origin.batches.prefill.iter().map(u32::to_string);
        format!(
            "prompt {} reused + {}, {} at once",
            origin.batches.reused,
            prefill.collect::<Vec<_>>().join(" + "),
            origin.batches.sequences
        )
    };
    let layers = |origin: &Origin| origin.n_gpu_layers.to_string();
    let threads =
        |origin: &Origin| format!("{}, prefill {}", origin.n_threads, origin.n_threads_batch);
    let of = |what, text: &dyn Fn(&Origin) -> String| (what, text(then), text(now));
    [
        of("model hash", &|origin| origin.fingerprint.clone()),
        of("program", &|origin| origin.program.clone()),
        of("llama.cpp", &|origin| origin.llama_cpp.clone()),
        of("backend", &|origin| origin.backend.clone()),
        of("devices", &|origin| origin.devices.join(", ")),
        of("GPU layers", &layers),
        of("context", &|origin| origin.n_ctx.to_string()),
        of("threads", &threads),
        of("batch shape", &batches),
    ]
    .into_iter()
    .filter(|(_, then, now)| then != now)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Batches;
    use crate::engine::trace::{CandidateTrace, Ids};

    fn kept(chosen: &[i32], prefill: &[u32]) -> Kept {
        let token = |(at, token): (usize, &i32)| TokenTrace {
            at: at as u32,
            token: *token,
            candidates: vec![CandidateTrace {
                token: *token,
                p: 0.5,
                after: vec![],
            }],
            ..TokenTrace::default()
        };
        Kept {
            origin: Origin {
                batches: Batches {
                    prefill: prefill.to_vec(),
                    ..Batches::default()
                },
                ..Origin::default()
            },
            ids: Ids {
                prompt: vec![9],
                chosen: chosen.to_vec(),
            },
            trace: Trace {
                tokens: chosen.iter().enumerate().map(token).collect(),
                pieces: chosen
                    .iter()
                    .map(|id| (*id, id.to_string().into_bytes().into()))
                    .collect(),
            },
        }
    }

    #[test]
    fn the_same_tokens_are_identical_whatever_differs_around_them() {
        let outcome = compare(&kept(&[1, 2], &[8]), &kept(&[1, 2], &[4, 4]), None);
        assert_eq!((outcome.tokens, outcome.divergence), (2, None));
        assert_eq!(outcome.differences.len(), 1);
        assert_eq!(outcome.differences[0].0, "batch shape");
    }

    #[test]
    fn the_first_other_token_is_told_with_both_distributions() {
        let outcome = compare(&kept(&[1, 2, 3], &[]), &kept(&[1, 5, 3], &[]), None);
        let divergence = outcome.divergence.unwrap();
        assert_eq!(divergence.at, 1);
        assert_eq!(divergence.then.candidates, [("2".to_owned(), 0.5, 0.5)]);
        assert_eq!(divergence.now.text, "5");
    }

    #[test]
    fn a_reply_that_ends_early_diverges_where_it_ends() {
        let divergence = compare(&kept(&[1, 2], &[]), &kept(&[1], &[]), None).divergence;
        assert_eq!(
            divergence.map(|one| (one.at, one.now.token)),
            Some((1, None))
        );
    }
}
