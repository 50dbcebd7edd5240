//! Every stage from its definition, slow and plain.
//!
//! Sources: top-p, Holtzman et al. 2020; typical, Meister et al. 2023; min-p, Nguyen et al. 2024;
//! top-nσ, Tang et al. 2024; repetition penalty, Keskar et al. 2019, with llama.cpp's product for
//! negative logits; XTC and DRY, their authors' descriptions in text-generation-webui (pull
//! requests 6335 and 5677).

use std::collections::BTreeMap;

use crate::params::{SamplerKind, SamplingParams};

/// Candidates that can still be drawn: token and logit.
#[derive(Clone, Debug)]
pub(super) struct Distribution {
    pub rows: Vec<(i32, f64)>,
    /// Some stage decided between values so near to each other that rounding decides.
    pub close: bool,
}

/// Relative distance under which single precision may decide otherwise.
const CLOSE: f64 = 2e-5;

impl Distribution {
    pub(super) fn new(logits: &[f32]) -> Self {
        Self {
            rows: (0..)
                .zip(logits.iter().map(|logit| f64::from(*logit)))
                .collect(),
            close: false,
        }
    }

    /// Token, logit and probability, the most likely first.
    pub(super) fn sorted(&self) -> Vec<(i32, f64, f64)> {
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

    pub(super) fn probabilities(&self) -> BTreeMap<i32, f64> {
        self.sorted()
            .into_iter()
            .map(|(token, _, p)| (token, p))
            .collect()
    }

    pub(super) fn entropy(&self) -> f64 {
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
        // Where single precision has no such small number, llama.cpp's entropy is none either.
        let smallest = rows.iter().map(|row| row.2).fold(1.0, f64::min);
        if smallest < f64::from(f32::MIN_POSITIVE) {
            self.compare(smallest, smallest);
        }
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
    pub(super) fn dry(
        &mut self,
        seen: &[i32],
        params: &SamplingParams,
        breaks: impl Fn(i32) -> bool,
    ) {
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

    pub(super) fn bias(&mut self, biases: &[(i32, f32)]) {
        for (token, logit) in &mut self.rows {
            let added = biases.iter().filter(|bias| bias.0 == *token);
            *logit += added.map(|bias| f64::from(bias.1)).sum::<f64>();
        }
        self.rows.retain(|row| row.1 > f64::NEG_INFINITY);
    }

    pub(super) fn apply(&mut self, kind: SamplerKind, params: &SamplingParams, seen: &[i32]) {
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
