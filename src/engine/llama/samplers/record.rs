//! What a chain did to the likeliest candidates of one token.

use llama_cpp_sys_2 as sys;

use super::head;
use super::softmax::{Softmax, rank};
use crate::engine::trace::{CandidateTrace, Stage, StageTrace, TokenTrace};

/// Watches the stages of a chain, one token after another.
#[derive(Debug)]
pub(super) struct Recorder {
    /// Candidates kept of each token.
    count: usize,
    /// What each stage left, as (token, logit). The lists are used again for the next token.
    left: Vec<Left>,
    /// How many of `left` belong to the present token.
    stages: usize,
    /// The likeliest before the chain; empty where they are still to be found.
    highest: Vec<sys::llama_token_data>,
    /// Room for the likeliest after it.
    last: Vec<sys::llama_token_data>,
    finished: Option<TokenTrace>,
}

#[derive(Debug)]
struct Left {
    stage: Stage,
    rows: Vec<(i32, f32)>,
}

impl Recorder {
    /// Keeps so many of the likeliest candidates of each token.
    pub(super) fn new(count: usize) -> Self {
        Self {
            count: count.max(1),
            left: Vec::new(),
            stages: 0,
            highest: Vec::new(),
            last: Vec::new(),
            finished: None,
        }
    }

    /// Takes the last token's record.
    pub(super) fn take(&mut self) -> Option<TokenTrace> {
        self.finished.take()
    }

    /// A chain begins with these candidates. Where they are fewer than the vocabulary they are its
    /// likeliest, and it need not be searched again.
    pub(super) fn begin(&mut self, candidates: &[sys::llama_token_data], n_vocab: usize) {
        self.stages = 0;
        self.highest.clear();
        if (self.count..n_vocab).contains(&candidates.len()) {
            self.highest.extend_from_slice(candidates);
            head::cut_to(&mut self.highest, self.count);
        }
    }

    /// A stage left these candidates.
    pub(super) fn after(&mut self, stage: Stage, candidates: &[sys::llama_token_data]) {
        if self.stages == self.left.len() {
            self.left.push(Left {
                stage,
                rows: Vec::new(),
            });
        }
        let left = &mut self.left[self.stages];
        self.stages += 1;
        left.stage = stage;
        left.rows.clear();
        // A logit of minus infinity is how some stages and biases remove a token.
        let open = candidates
            .iter()
            .filter(|one| one.logit > f32::NEG_INFINITY);
        left.rows.extend(open.map(|one| (one.id, one.logit)));
    }

    /// One token alone is left.
    pub(super) fn after_greedy(&mut self, token: i32) {
        let only = sys::llama_token_data {
            id: token,
            logit: 0.0,
            p: 1.0,
        };
        self.after(Stage::Greedy, &[only]);
    }

    /// The token was chosen from those logits.
    pub(super) fn end(&mut self, logits: &[f32], token: i32) {
        let before = Softmax::of(logits);
        let logit = |token: i32| {
            usize::try_from(token)
                .ok()
                .and_then(|at| logits.get(at).copied())
                .unwrap_or(f32::NEG_INFINITY)
        };
        let mut candidates: Vec<CandidateTrace> = self
            .wanted(logits, token)
            .into_iter()
            .map(|token| CandidateTrace {
                token,
                p: before.p(logit(token)),
                after: Vec::with_capacity(self.stages),
            })
            .collect();
        let mut stages = Vec::with_capacity(self.stages);
        for (at, left) in self.left[..self.stages].iter().enumerate() {
            let mass = if left.rows.len() == logits.len() {
                1.0
            } else {
                let kept = left.rows.iter();
                kept.map(|(token, _)| before.p(logit(*token))).sum::<f32>()
            };
            stages.push(StageTrace {
                stage: left.stage,
                kept: u32::try_from(left.rows.len()).unwrap_or(u32::MAX),
                mass: mass.min(1.0),
            });
            left.add_to(at, &mut candidates);
        }
        candidates.sort_by(|a, b| b.p.total_cmp(&a.p).then(a.token.cmp(&b.token)));
        self.finished = Some(TokenTrace {
            // Whoever keeps the reply knows.
            at: 0,
            token,
            rank: rank(logits, logit(token)),
            entropy: before.entropy(),
            stages,
            candidates,
        });
    }

    /// The tokens to tell about, by id: the likeliest before the chain and after it, and the one
    /// chosen.
    fn wanted(&mut self, logits: &[f32], token: i32) -> Vec<i32> {
        if self.highest.is_empty() {
            head::highest(logits, self.count, &mut self.highest);
        }
        let mut wanted: Vec<i32> = self.highest.iter().map(|one| one.id).collect();
        if let Some(last) = self.left[..self.stages].last() {
            let rows = last.rows.iter();
            self.last.clear();
            self.last
                .extend(rows.map(|&(id, logit)| sys::llama_token_data { id, logit, p: 0.0 }));
            head::cut_to(&mut self.last, self.count);
            wanted.extend(self.last.iter().map(|one| one.id));
        }
        wanted.push(token);
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}

impl Left {
    /// Adds this stage's probability to the candidates that all stages before left, too.
    /// `candidates` are in the order of their ids.
    fn add_to(&self, at: usize, candidates: &mut [CandidateTrace]) {
        let logits: Vec<f32> = self.rows.iter().map(|(_, logit)| *logit).collect();
        let softmax = Softmax::of(&logits);
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
    }
}
