//! The stages of llama.cpp's chains held against plain ones of their definitions, on random
//! distributions: the same candidates survive, with the same probabilities.

mod distribution;

use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;

use self::distribution::Distribution;
use super::Sampler;
use crate::engine::llama;
use crate::engine::llama::model::Model;
use crate::engine::trace::{Stage, TokenTrace};
use crate::params::{LoadParams, SamplerKind, SamplingParams};

fn guide() -> Rc<Model> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/guide.gguf");
    llama::init();
    llama::open_model(&path, &LoadParams::default(), &mut |_| true)
        .expect("the guide")
        .model
}

/// Everything off but what the test turns on.
fn neutral() -> SamplingParams {
    SamplingParams {
        seed: Some(1),
        order: Vec::new(),
        temp: 1.0,
        dry_sequence_breakers: Vec::new(),
        n_probs: 1000,
        ..SamplingParams::default()
    }
}

fn trace(params: &SamplingParams, seen: &[i32], logits: &[f32], model: &Rc<Model>) -> TokenTrace {
    let mut sampler = Sampler::new(params, 1, 512, model).expect("good values");
    sampler.remember(seen);
    let token = sampler.sample(logits).expect("a token");
    let trace = sampler.take_trace().expect("it is recorded");
    assert_eq!(trace.token, token);
    trace
}

/// Holds what a chain did against the reference, stage by stage.
fn check(
    params: &SamplingParams,
    seen: &[i32],
    logits: &[f32],
    model: &Rc<Model>,
) -> Result<(), TestCaseError> {
    let trace = trace(params, seen, logits, model);
    let mut plain = Distribution::new(logits);
    check_probabilities(&trace, 0, &plain)?;
    let mut entropy = plain.entropy() / std::f64::consts::LN_2;
    entropy -= f64::from(trace.entropy);
    prop_assert!(entropy.abs() < 1e-4, "entropy differs by {}", entropy);
    let mut at = 0;
    for kind in &params.order {
        let before = plain.rows.len();
        plain.apply(*kind, params, seen);
        prop_assume!(!plain.close);
        let ran = trace
            .stages
            .get(at)
            .is_some_and(|stage| stage.stage == super::chain::stage_of(*kind));
        // A stage that llama.cpp leaves out does nothing.
        if !ran {
            prop_assert_eq!(plain.rows.len(), before);
            continue;
        }
        at += 1;
        prop_assert_eq!(
            trace.stages[at - 1].kept as usize,
            plain.rows.len(),
            "{:?}",
            kind
        );
        check_probabilities(&trace, at, &plain)?;
    }
    prop_assert_eq!(at, trace.stages.len());
    Ok(())
}

/// The distribution after so many stages.
fn check_probabilities(
    trace: &TokenTrace,
    stages: usize,
    plain: &Distribution,
) -> Result<(), TestCaseError> {
    let expected = plain.probabilities();
    let mut survivors = 0;
    for candidate in &trace.candidates {
        let p = match stages.checked_sub(1) {
            None => Some(candidate.p),
            Some(at) => candidate.after.get(at).copied(),
        };
        survivors += usize::from(p.is_some());
        match (p, expected.get(&candidate.token)) {
            (Some(p), Some(expected)) => prop_assert!(
                (f64::from(p) - expected).abs() < 1e-5,
                "token {}: {} and not {}",
                candidate.token,
                p,
                expected
            ),
            (None, None) => {}
            (ours, theirs) => prop_assert!(
                false,
                "token {}: {:?} and not {:?}",
                candidate.token,
                ours,
                theirs
            ),
        }
    }
    prop_assert_eq!(survivors, expected.len());
    Ok(())
}

fn logits() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-12.0_f32..12.0, 2..160)
}

/// Few different tokens, so that much repeats.
fn seen() -> impl Strategy<Value = Vec<i32>> {
    prop::collection::vec(0_i32..4, 0..40)
}

fn values() -> impl Strategy<Value = SamplingParams> {
    let cuts = (
        1_i32..60,
        0.05_f32..1.0,
        0.001_f32..0.6,
        0.05_f32..1.0,
        0.1_f32..4.0,
        0.02_f32..0.5,
        0_usize..4,
    );
    let warmth = (
        0.2_f32..3.0,
        prop_oneof![Just(0.0_f32), 0.05_f32..1.5],
        0.3_f32..3.0,
    );
    let repeats = (1_i32..40, 0.8_f32..1.6, -0.5_f32..1.0, -0.5_f32..1.0);
    let dry = (0.1_f32..2.0, 1.05_f32..2.5, 1_i32..5, 2_i32..40);
    (cuts, warmth, repeats, dry).prop_map(|(cuts, warmth, repeats, dry)| SamplingParams {
        top_k: cuts.0,
        top_p: cuts.1,
        min_p: cuts.2,
        typ_p: cuts.3,
        top_n_sigma: cuts.4,
        xtc_probability: 1.0,
        xtc_threshold: cuts.5,
        min_keep: cuts.6,
        temp: warmth.0,
        dynatemp_range: warmth.1,
        dynatemp_exponent: warmth.2,
        penalty_last_n: repeats.0,
        penalty_repeat: repeats.1,
        penalty_freq: repeats.2,
        penalty_present: repeats.3,
        dry_multiplier: dry.0,
        dry_base: dry.1,
        dry_allowed_length: dry.2,
        dry_penalty_last_n: dry.3,
        ..neutral()
    })
}

const KINDS: [SamplerKind; 9] = [
    SamplerKind::Penalties,
    SamplerKind::Dry,
    SamplerKind::TopNSigma,
    SamplerKind::TopK,
    SamplerKind::TypicalP,
    SamplerKind::TopP,
    SamplerKind::MinP,
    SamplerKind::Xtc,
    SamplerKind::Temperature,
];

#[test]
fn each_stage_alone_does_what_its_definition_says() {
    let model = guide();
    for kind in KINDS {
        proptest!(ProptestConfig::with_cases(120), |(values in values(), logits in logits(), seen in seen())| {
            check(&SamplingParams { order: vec![kind], ..values }, &seen, &logits, &model)?;
        });
    }
}

#[test]
fn stages_one_after_another_in_any_order_do_so_too() {
    let model = guide();
    let order = prop::sample::subsequence(KINDS.to_vec(), 2..6).prop_shuffle();
    proptest!(ProptestConfig::with_cases(300), |(mut order in order, values in values(), logits in logits(), seen in seen())| {
        // llama.cpp's top-nσ lowers logits to nothing and removes none, so that what counts or
        // takes logarithms after it meets candidates that cannot be drawn.
        order.sort_by_key(|kind| *kind == SamplerKind::TopNSigma);
        check(&SamplingParams { order, ..values }, &seen, &logits, &model)?;
    });
}

#[test]
fn biases_add_to_logits_and_forbid() {
    let model = guide();
    let bias = prop_oneof![4 => -9.0_f32..9.0, 1 => Just(f32::NEG_INFINITY)];
    let biases = prop::collection::btree_map(1_i32..20, bias, 1..6);
    proptest!(ProptestConfig::with_cases(100), |(biases in biases, logits in logits())| {
        let biases: Vec<_> = biases.into_iter().collect();
        let params = SamplingParams { logit_bias: biases.clone(), ..neutral() };
        let trace = trace(&params, &[], &logits, &model);
        let mut plain = Distribution::new(&logits);
        plain.bias(&biases);
        prop_assert_eq!(trace.stages[0].stage, Stage::LogitBias);
        prop_assert_eq!(trace.stages[0].kept as usize, plain.rows.len());
        check_probabilities(&trace, 1, &plain)?;
    });
}

/// Where only the highest logits are looked at, those of tokens with a bias are, too.
#[test]
fn biased_tokens_are_among_the_highest_wherever_the_model_had_them() {
    let model = guide();
    let logits = || {
        prop::collection::vec(
            prop_oneof![9 => -12.0_f32..12.0, 1 => Just(f32::NEG_INFINITY)],
            2..160,
        )
    };
    let bias = prop_oneof![4 => -20.0_f32..20.0, 1 => Just(f32::NEG_INFINITY)];
    let biases = prop::collection::btree_map(1_i32..60, bias, 1..8);
    proptest!(ProptestConfig::with_cases(200), |(biases in biases, logits in logits(), top_k in 1_i32..20, n_probs in 1_u32..40)| {
        let biases: Vec<_> = biases.into_iter().collect();
        let order = vec![SamplerKind::TopK];
        let params = SamplingParams { logit_bias: biases.clone(), order, top_k, n_probs, ..neutral() };
        let mut plain = Distribution::new(&logits);
        plain.bias(&biases);
        let biased = plain.rows.len();
        plain.apply(SamplerKind::TopK, &params, &[]);
        prop_assume!(!plain.close && biased > 0);
        let trace = trace(&params, &[], &logits, &model);
        let kept: Vec<u32> = trace.stages.iter().map(|stage| stage.kept).collect();
        prop_assert_eq!(kept, [biased as u32, plain.rows.len() as u32]);
        let left = plain.probabilities();
        let mut likeliest = 0;
        for candidate in &trace.candidates {
            let after = candidate.after.get(1).copied();
            likeliest += usize::from(after.is_some());
            let expected = left.get(&candidate.token).copied();
            prop_assert_eq!(after.is_some(), expected.is_some());
            let difference = f64::from(after.unwrap_or(0.0)) - expected.unwrap_or(0.0);
            prop_assert!(difference.abs() < 1e-5);
        }
        prop_assert!(likeliest >= plain.rows.len().min(n_probs as usize));
    });
}

#[test]
fn dry_does_not_reach_across_breakers() {
    let model = guide();
    let vocab = model.vocab();
    // A breaker of one character is every token that holds it.
    let breaks = |token: i32| vocab.text(token).contains('.');
    let breaker = (0..vocab.len() as i32)
        .find(|token| breaks(*token))
        .expect("a full stop");
    let plain_token = (0..vocab.len() as i32).filter(|token| !breaks(*token));
    let alphabet: Vec<i32> = plain_token.skip(500).take(3).chain([breaker]).collect();
    let count = alphabet.iter().max().copied().unwrap_or(0) as usize + 1;
    let text = prop::collection::vec(prop::sample::select(alphabet), 0..40);
    proptest!(ProptestConfig::with_cases(60), |(values in values(), seen in text)| {
        let logits: Vec<f32> = (0..count).map(|at| (at % 7) as f32).collect();
        let params = SamplingParams {
            order: vec![SamplerKind::Dry],
            dry_sequence_breakers: vec![".".into()],
            n_probs: count as u32,
            ..values
        };
        let trace = trace(&params, &seen, &logits, &model);
        let mut plain = Distribution::new(&logits);
        let window = usize::try_from(params.dry_penalty_last_n).unwrap();
        plain.dry(&seen[seen.len().saturating_sub(window)..], &params, breaks);
        check_probabilities(&trace, 1, &plain)?;
    });
}

#[test]
fn greedy_takes_the_likeliest_and_records_that() {
    let model = guide();
    proptest!(ProptestConfig::with_cases(60), |(logits in logits())| {
        let params = SamplingParams { temp: 0.0, n_probs: 5, ..neutral() };
        let trace = trace(&params, &[], &logits, &model);
        let best = Distribution::new(&logits).sorted()[0].0;
        prop_assert_eq!((trace.token, trace.rank), (best, 0));
        prop_assert_eq!(trace.stages.last().map(|stage| (stage.stage, stage.kept)), Some((Stage::Greedy, 1)));
        prop_assert_eq!(trace.chosen().map(|one| one.drawn(&trace.stages)), Some(1.0));
    });
}

#[test]
fn recording_changes_nothing_of_what_is_drawn() {
    let model = guide();
    let order = prop::sample::subsequence(KINDS.to_vec(), 0..6).prop_shuffle();
    let steps = prop::collection::vec(logits(), 1..5);
    proptest!(ProptestConfig::with_cases(100), |(order in order, values in values(), steps in steps, greedy in any::<bool>())| {
        let temp = if greedy { 0.0 } else { values.temp };
        let dynatemp_range = if greedy { 0.0 } else { values.dynatemp_range };
        let values = SamplingParams { order, temp, dynatemp_range, ..values };
        let draw = |n_probs| {
            let params = SamplingParams { n_probs, ..values.clone() };
            let mut sampler = Sampler::new(&params, 7, 512, &model).expect("good values");
            let mut drawn = Vec::new();
            for logits in &steps {
                drawn.push(sampler.sample(logits).expect("a token"));
                if let Some(trace) = sampler.take_trace() {
                    let count = usize::try_from(n_probs).unwrap();
                    assert!(trace.candidates.len() <= 2 * count + 1);
                    assert!(trace.chosen().is_some_and(|one| one.drawn(&trace.stages) > 0.0));
                }
            }
            drawn
        };
        prop_assert_eq!(draw(0), draw(3));
    });
}
