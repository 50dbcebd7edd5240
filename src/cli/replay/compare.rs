//! A reply beside the same reply made again. Pure.

use crate::engine::Origin;
use crate::engine::trace::{TokenTrace, Trace};
use crate::params::{Param, Params, TABLE};
use crate::store::Kept;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub seed: u32,
    /// Tokens of the reply, with those at its beginning that are given again and not drawn.
    pub tokens: usize,
    pub given: usize,
    /// The places of tokens that were taken by hand.
    pub by_hand: Vec<u32>,
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
    /// Whether the candidates of `then` were not recorded, and computed with its values: now, or
    /// when somebody looked at them.
    pub is_computed: bool,
    pub then: Side,
    pub now: Side,
}

/// What one of the two drew there, and from what.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Side {
    /// `None` = the reply had ended.
    pub token: Option<i32>,
    pub name: Name,
    /// Empty where none were recorded.
    pub candidates: Vec<Candidate>,
}

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Name {
    pub text: String,
    /// The same for people: see [`Trace::quoted`].
    pub quoted: String,
}

/// What could have been drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub token: i32,
    pub name: Name,
    /// The model's probability, and that of being drawn.
    pub p: f32,
    pub drawn_p: f32,
}

/// The place of the first token that is another one.
pub(super) fn diverges_at(then: &Kept, now: &Kept) -> Option<usize> {
    let (old, new) = (&then.ids.chosen, &now.ids.chosen);
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    (same < old.len() || same < new.len()).then_some(same)
}

/// What is known of the token at that place.
pub(super) fn recorded(trace: &Trace, at: usize) -> Option<&TokenTrace> {
    trace.tokens.iter().find(|token| token.at as usize == at)
}

/// Holds them against each other. `computed` = candidates of the first one where it recorded none,
/// computed later; `cut` tells why it did not come to its end.
pub(super) fn compare(
    then: &Kept,
    now: &Kept,
    computed: Option<&Trace>,
    cut: Option<String>,
) -> Outcome {
    let divergence = diverges_at(then, now).map(|at| Divergence {
        at,
        is_computed: computed.is_some()
            || u32::try_from(at).is_ok_and(|at| then.marks.is_computed_later(at)),
        then: side(then, computed.unwrap_or(&then.trace), at, &now.trace),
        now: side(now, &now.trace, at, &then.trace),
    });
    Outcome {
        seed: then.origin.seed,
        tokens: then.ids.chosen.len(),
        given: then.origin.begun_with as usize,
        by_hand: then.marks.by_hand.clone(),
        divergence,
        differences: differences(&then.origin, &now.origin),
        resampled: then.origin.resampled,
        cut,
    }
}

/// Parameters that are others now: name, then and now. How much is recorded changes no token.
pub(super) fn changed(then: &Params, now: &Params) -> Vec<(&'static str, String, String)> {
    let specs = TABLE.iter().filter(|spec| spec.param != Param::NProbs);
    specs
        .map(|spec| (spec, then.get(spec.param), now.get(spec.param)))
        .filter(|(_, then, now)| then != now)
        .map(|(spec, then, now)| (spec.name, spec.format(&then), spec.format(&now)))
        .collect()
}

/// `other` knows names that this trace lacks, where it recorded nothing.
fn side(kept: &Kept, trace: &Trace, at: usize, other: &Trace) -> Side {
    let name = |token: i32| {
        let knows = trace.pieces.contains_key(&token);
        let knows = if knows { trace } else { other };
        Name {
            text: knows.text(token),
            quoted: knows.quoted(token),
        }
    };
    let candidates = recorded(trace, at).map(|token| {
        let candidates = token.candidates.iter();
        candidates
            .map(|one| Candidate {
                token: one.token,
                name: name(one.token),
                p: one.p,
                drawn_p: one.drawn(&token.stages),
            })
            .collect()
    });
    let token = kept.ids.chosen.get(at).copied();
    Side {
        token,
        name: token.map(name).unwrap_or_default(),
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
    use crate::params::{Source, Value};

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
            ..Kept::default()
        }
    }

    #[test]
    fn the_same_tokens_are_identical_whatever_differs_around_them() {
        let outcome = compare(&kept(&[1, 2], &[8]), &kept(&[1, 2], &[4, 4]), None, None);
        assert_eq!((outcome.tokens, outcome.divergence), (2, None));
        assert_eq!(outcome.differences.len(), 1);
        assert_eq!(outcome.differences[0].0, "batch shape");
    }

    #[test]
    fn the_first_other_token_is_told_with_both_distributions() {
        let outcome = compare(&kept(&[1, 2, 3], &[]), &kept(&[1, 5, 3], &[]), None, None);
        let divergence = outcome.divergence.unwrap();
        assert_eq!(divergence.at, 1);
        assert_eq!(divergence.then.candidates[0].name.text, "2");
        assert!(!divergence.is_computed);
        assert_eq!(divergence.now.name.text, "5");
    }

    #[test]
    fn a_reply_that_ends_early_diverges_where_it_ends() {
        let divergence = compare(&kept(&[1, 2], &[]), &kept(&[1], &[]), None, None).divergence;
        assert_eq!(
            divergence.map(|one| (one.at, one.now.token)),
            Some((1, None))
        );
    }

    #[test]
    fn what_was_not_recorded_is_taken_from_what_was_computed() {
        let mut then = kept(&[1, 2], &[]);
        let computed = std::mem::take(&mut then.trace);
        let now = kept(&[1, 5], &[]);
        let outcome = compare(&then, &now, Some(&computed), None);
        let divergence = outcome.divergence.unwrap();
        assert!(divergence.is_computed);
        assert_eq!(divergence.then.name.text, "2");
        assert_eq!(divergence.then.candidates[0].token, 2);

        // As well as where it was computed and kept before.
        then.trace = computed;
        for (computed_later, is_computed) in [(1, false), (2, true)] {
            then.marks.computed_later = computed_later;
            let divergence = compare(&then, &now, None, None).divergence;
            assert_eq!(divergence.map(|one| one.is_computed), Some(is_computed));
        }
    }

    #[test]
    fn parameters_that_are_others_now_are_named() {
        let then = Params::default();
        let mut now = then.clone();
        for (param, value) in [
            (Param::Temp, Value::Float(0.0)),
            (Param::NProbs, Value::Int(20)),
        ] {
            now.set(Source::Session, param, value).unwrap();
        }
        let changed = changed(&then, &now);
        assert_eq!(changed, [("temp", "0.8".to_owned(), "greedy".to_owned())]);
    }
}
