//! What a stage of a chain left of the vocabulary.

use llama_cpp_sys_2 as sys;

use super::head;
use super::softmax::Softmax;
use crate::engine::trace::{CandidateTrace, Stage, StageTrace};

/// The candidates after one stage. Its list is used again for the next token.
#[derive(Debug)]
pub(super) struct Left {
    pub stage: Stage,
    /// Every token is still there, and `rows` are those whose logit is another than the model's.
    /// Biases and penalties change a handful of 150,000: to list the others would take longer than
    /// to choose from them.
    whole: bool,
    /// Token and logit.
    rows: Vec<(i32, f32)>,
}

impl Left {
    /// Nothing yet.
    pub(super) fn new(stage: Stage) -> Self {
        Self {
            stage,
            whole: false,
            rows: Vec::new(),
        }
    }

    /// The stage left these candidates and no others.
    pub(super) fn only(&mut self, stage: Stage, candidates: &[sys::llama_token_data]) {
        (self.stage, self.whole) = (stage, false);
        self.rows.clear();
        // A logit of minus infinity is how some stages and biases remove a token.
        let open = candidates
            .iter()
            .filter(|one| one.logit > f32::NEG_INFINITY);
        self.rows.extend(open.map(|one| (one.id, one.logit)));
    }

    /// The stage left every token, and among the candidates are all whose logit is not the model's.
    pub(super) fn all_but_changed(
        &mut self,
        stage: Stage,
        candidates: &[sys::llama_token_data],
        logits: &[f32],
    ) {
        (self.stage, self.whole) = (stage, true);
        self.rows.clear();
        let changed = candidates
            .iter()
            .filter(|one| one.logit.to_bits() != logit_of(logits, one.id).to_bits());
        self.rows.extend(changed.map(|one| (one.id, one.logit)));
        self.rows.sort_unstable_by_key(|(token, _)| *token);
    }

    /// What the stage comes to, and its probability of each candidate that all stages before left,
    /// too. `candidates` are in the order of their ids; `before` is the model's own distribution and
    /// `scratch` room for a vocabulary.
    pub(super) fn tell(
        &self,
        at: usize,
        logits: &[f32],
        before: &Softmax,
        candidates: &mut [CandidateTrace],
        scratch: &mut Vec<f32>,
    ) -> StageTrace {
        let (kept, mass) = if self.whole {
            self.tell_whole(at, logits, before, candidates, scratch)
        } else {
            self.tell_rows(at, logits, before, candidates)
        };
        StageTrace {
            stage: self.stage,
            kept: u32::try_from(kept).unwrap_or(u32::MAX),
            mass: mass.clamp(0.0, 1.0),
        }
    }

    /// The ids of the `count` likeliest that are left, in no order.
    pub(super) fn likeliest(
        &self,
        count: usize,
        logits: &[f32],
        scratch: &mut Vec<f32>,
        likeliest: &mut Vec<sys::llama_token_data>,
    ) {
        if self.whole {
            self.write_logits(logits, scratch);
            head::highest(scratch, count, likeliest);
            likeliest.retain(|one| one.logit > f32::NEG_INFINITY);
        } else {
            let rows = self.rows.iter();
            likeliest.clear();
            likeliest.extend(rows.map(|&(id, logit)| sys::llama_token_data { id, logit, p: 0.0 }));
            head::cut_to(likeliest, count);
        }
    }

    fn tell_whole(
        &self,
        at: usize,
        logits: &[f32],
        before: &Softmax,
        candidates: &mut [CandidateTrace],
        scratch: &mut Vec<f32>,
    ) -> (usize, f32) {
        let changes = || {
            let rows = self.rows.iter();
            rows.map(|&(token, logit)| (logit_of(logits, token), logit))
        };
        let softmax = before.after(changes()).unwrap_or_else(|| {
            self.write_logits(logits, scratch);
            Softmax::of(scratch)
        });
        for candidate in candidates.iter_mut().filter(|one| one.after.len() == at) {
            let row = self
                .rows
                .binary_search_by_key(&candidate.token, |(token, _)| *token);
            let logit = match row {
                Ok(row) => self.rows[row].1,
                Err(_) => logit_of(logits, candidate.token),
            };
            if logit > f32::NEG_INFINITY {
                candidate.after.push(softmax.p(logit));
            }
        }
        let mut kept = open(logits);
        let mut mass = 1.0;
        for (was, _) in changes().filter(|(was, is)| *was > *is && *is == f32::NEG_INFINITY) {
            kept -= 1;
            mass -= before.p(was);
        }
        (kept, mass)
    }

    fn tell_rows(
        &self,
        at: usize,
        logits: &[f32],
        before: &Softmax,
        candidates: &mut [CandidateTrace],
    ) -> (usize, f32) {
        let softmax = Softmax::of(
            &self
                .rows
                .iter()
                .map(|(_, logit)| *logit)
                .collect::<Vec<_>>(),
        );
        // Most rows are of tokens nobody asked for, where a stage leaves a whole vocabulary.
        let mut hint = 0_u64;
        for candidate in candidates.iter() {
            hint |= 1 << (candidate.token & 63);
        }
        for &(token, logit) in &self.rows {
            if (hint >> (token & 63)) & 1 == 0 {
                continue;
            }
            if let Ok(found) = candidates.binary_search_by_key(&token, |one| one.token)
                && candidates[found].after.len() == at
            {
                candidates[found].after.push(softmax.p(logit));
            }
        }
        let mass = if self.rows.len() == logits.len() {
            1.0
        } else {
            let rows = self.rows.iter();
            rows.map(|(token, _)| before.p(logit_of(logits, *token)))
                .sum()
        };
        (self.rows.len(), mass)
    }

    /// The logits as this stage left them, where it left every token.
    fn write_logits(&self, logits: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(logits);
        for &(token, logit) in &self.rows {
            if let Some(place) = usize::try_from(token).ok().and_then(|at| out.get_mut(at)) {
                *place = logit;
            }
        }
    }
}

/// The model's logit of a token; minus infinity of one that it does not have.
pub(super) fn logit_of(logits: &[f32], token: i32) -> f32 {
    usize::try_from(token)
        .ok()
        .and_then(|at| logits.get(at).copied())
        .unwrap_or(f32::NEG_INFINITY)
}

/// Tokens that can be drawn.
fn open(logits: &[f32]) -> usize {
    let open = |logit: &f32| u32::from(*logit > f32::NEG_INFINITY);
    logits.iter().map(open).sum::<u32>() as usize
}
