//! Every stage once more, slow and plain, from its definition, and both held against each other on
//! random distributions: the same candidates survive, with the same probabilities.
//!
//! Sources: top-p, Holtzman et al. 2020; typical, Meister et al. 2023; min-p, Nguyen et al. 2024;
//! top-nσ, Tang et al. 2024; repetition penalty, Keskar et al. 2019, with llama.cpp's product for
//! negative logits; XTC and DRY, their authors' descriptions in text-generation-webui (pull
//! requests 6335 and 5677).

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;

use super::Sampler;
use crate::engine::llama;
use crate::engine::llama::model::Model;
use crate::engine::trace::{Stage, TokenTrace};
use crate::params::{LoadParams, SamplerKind, SamplingParams};

/// Candidates that can still be drawn: token and logit.
#[derive(Clone, Debug)]
struct Distribution {
    rows: Vec<(i32, f64)>,
    /// Some stage decided between values so near to each other that rounding decides.
    close: bool,
}

/// Relative distance under which single precision may decide otherwise.
const CLOSE: f64 = 2e-5;

impl Distribution {
    fn new(logits: &[f32]) -> Self {
        Self {
            rows: (0..)
                .zip(logits.iter().map(|logit| f64::from(*logit)))
                .collect(),
            close: false,
        }
    }

    /// Token, logit and probability, the most likely first.
    fn sorted(&self) -> Vec<(i32, f64, f64)> {
        let max = self.rows.iter().map(|row| row.1).fold(f64::MIN, f64::max);
        let sum: f64 = self.rows.iter().map(|row| (row.1 - max).exp()).sum();
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .map(|&(token, logit)| (token, logit, (logit - max).exp() / sum))
            .collect();
        rows.sort_by(|a, b| b.1.total_cmp(&a.1));
        rows
    }

    fn probabilities(&self) -> BTreeMap<i32, f64> {
        self.sorted()
            .into_iter()
            .map(|(token, _, p)| (token, p))
            .collect()
    }

    fn entropy(&self) -> f64 {
        let ps = self.sorted().into_iter().map(|row| row.2);
        ps.filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
    }

    /// Notes a decision between two values.
    fn compare(&mut self, a: f64, b: f64) {
        self.close |= (a - b).abs() <= CLOSE * a.abs().max(b.abs()).max(1e-3);
    }

    fn keep(&mut self, rows: Vec<(i32, f64, f64)>) {
        self.rows = rows
            .into_iter()
            .map(|(token, logit, _)| (token, logit))
            .collect();
    }

    fn top_k(&mut self, k: usize) {
        let mut rows = self.sorted();
        if let [.., last, next] = &rows[..rows.len().min(k + 1)]
            && rows.len() > k
        {
            self.compare(last.1, next.1);
        }
        rows.truncate(k);
        self.keep(rows);
    }

    fn top_p(&mut self, p: f64, min_keep: usize) {
        let mut rows = self.sorted();
        let mut sum = 0.0;
        let mut kept = rows.len();
        for (at, row) in rows.iter().enumerate() {
            sum += row.2;
            self.compare(sum, p);
            if sum >= p && at + 1 >= min_keep {
                kept = at + 1;
                break;
            }
        }
        rows.truncate(kept);
        self.keep(rows);
    }

    fn min_p(&mut self, min_p: f64, min_keep: usize) {
        let rows = self.sorted();
        let least = rows[0].2 * min_p;
        let mut kept = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            self.compare(row.2, least);
            if row.2 >= least || at < min_keep {
                kept.push(row);
            }
        }
        self.keep(kept);
    }

    fn typical(&mut self, mass: f64, min_keep: usize) {
        let entropy = self.entropy();
        let mut rows = self.sorted();
        let surprise = |p: f64| (-p.ln() - entropy).abs();
        rows.sort_by(|a, b| surprise(a.2).total_cmp(&surprise(b.2)));
        let mut sum = 0.0;
        let mut kept = rows.len();
        for (at, row) in rows.iter().enumerate() {
            sum += row.2;
            self.compare(sum, mass);
            if sum > mass && at + 1 >= min_keep {
                kept = at + 1;
                break;
            }
        }
        if let (Some(last), Some(next)) = (rows.get(kept - 1), rows.get(kept)) {
            self.compare(surprise(last.2), surprise(next.2));
        }
        rows.truncate(kept);
        self.keep(rows);
    }

    fn top_n_sigma(&mut self, n: f64) {
        if self.rows.len() < 2 {
            return;
        }
        let count = self.rows.len() as f64;
        let mean = self.rows.iter().map(|row| row.1).sum::<f64>() / count;
        let variance = self
            .rows
            .iter()
            .map(|row| (row.1 - mean).powi(2))
            .sum::<f64>()
            / count;
        let rows = self.sorted();
        let least = rows[0].1 - n * variance.sqrt();
        let mut kept = Vec::new();
        for row in rows {
            self.compare(row.1, least);
            if row.1 >= least {
                kept.push(row);
            }
        }
        self.keep(kept);
    }

    /// As it acts when chance lets it.
    fn xtc(&mut self, threshold: f64, min_keep: usize) {
        let rows = self.sorted();
        for row in &rows {
            self.compare(row.2, threshold);
        }
        let above = rows.iter().filter(|row| row.2 >= threshold).count();
        let removed = above.saturating_sub(1);
        if rows.len() - removed >= min_keep {
            self.keep(rows[removed..].to_vec());
        }
    }

    fn temperature(&mut self, temp: f64, range: f64, exponent: f64) {
        let temp = if range > 0.0 {
            if self.rows.len() < 2 {
                return;
            }
            let (low, high) = ((temp - range).max(0.0), temp + range);
            let most = (self.rows.len() as f64).ln();
            let unsure = self.entropy() / most;
            let dynamic = low + (high - low) * unsure.powf(exponent);
            // Near nothing, single precision has few digits left of either.
            self.close |= unsure < 0.05 || dynamic < 0.2;
            dynamic
        } else {
            temp
        };
        for row in &mut self.rows {
            row.1 /= temp;
        }
    }

    fn penalties(&mut self, seen: &[i32], repeat: f64, frequency: f64, presence: f64) {
        for (token, logit) in &mut self.rows {
            let count = seen.iter().filter(|one| *one == token).count();
            if count == 0 {
                continue;
            }
            *logit = if *logit > 0.0 {
                *logit / repeat
            } else {
                *logit * repeat
            };
            *logit -= count as f64 * frequency + presence;
        }
    }

    /// `breaks` tells the tokens that a repetition does not reach across.
    fn dry(&mut self, seen: &[i32], params: &SamplingParams, breaks: impl Fn(i32) -> bool) {
        let allowed = usize::try_from(params.dry_allowed_length).unwrap();
        let since_break = seen
            .iter()
            .rev()
            .take_while(|token| !breaks(**token))
            .count();
        for (token, logit) in &mut self.rows {
            // The longest end of the text that stood before this token once already.
            let longest = (1..seen.len())
                .filter(|at| seen[*at] == *token)
                .map(|at| {
                    let before = seen[..at].iter().rev().zip(seen.iter().rev());
                    before.take_while(|(a, b)| a == b).count().min(since_break)
                })
                .max()
                .unwrap_or(0);
            if longest >= allowed && seen.len() > allowed && longest > 0 && !breaks(*token) {
                let beyond = (longest - allowed) as i32;
                *logit -=
                    f64::from(params.dry_multiplier) * f64::from(params.dry_base).powi(beyond);
            }
        }
    }

    fn bias(&mut self, biases: &[(i32, f32)]) {
        for (token, logit) in &mut self.rows {
            let added = biases.iter().filter(|bias| bias.0 == *token);
            *logit += added.map(|bias| f64::from(bias.1)).sum::<f64>();
        }
        self.rows.retain(|row| row.1 > f64::NEG_INFINITY);
    }

    fn apply(&mut self, kind: SamplerKind, params: &SamplingParams, seen: &[i32]) {
        let wide = f64::from;
        let window = |last: i32| &seen[seen.len().saturating_sub(usize::try_from(last).unwrap())..];
        match kind {
            SamplerKind::TopK => self.top_k(usize::try_from(params.top_k).unwrap()),
            SamplerKind::TopP => self.top_p(wide(params.top_p), params.min_keep),
            SamplerKind::MinP => self.min_p(wide(params.min_p), params.min_keep),
            SamplerKind::TypicalP => self.typical(wide(params.typ_p), params.min_keep),
            SamplerKind::TopNSigma => self.top_n_sigma(wide(params.top_n_sigma)),
            SamplerKind::Xtc => self.xtc(wide(params.xtc_threshold), params.min_keep),
            SamplerKind::Temperature => self.temperature(
                wide(params.temp),
                wide(params.dynatemp_range),
                wide(params.dynatemp_exponent),
            ),
            SamplerKind::Penalties => self.penalties(
                window(params.penalty_last_n),
                wide(params.penalty_repeat),
                wide(params.penalty_freq),
                wide(params.penalty_present),
            ),
            SamplerKind::Dry => self.dry(window(params.dry_penalty_last_n), params, |_| false),
            SamplerKind::Infill | SamplerKind::AdaptiveP => {}
        }
    }
}

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
        check_probabilities(&trace, 1, &plain)?;
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
