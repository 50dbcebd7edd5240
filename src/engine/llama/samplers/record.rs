//! What a chain did to the likeliest candidates of one token.

use llama_cpp_sys_2 as sys;

use super::head;
use super::left::{Left, logit_of};
use super::softmax::{Softmax, rank};
use crate::engine::trace::{CandidateTrace, Stage, TokenTrace};

/// Watches the stages of a chain, one token after another.
#[derive(Debug)]
pub(super) struct Recorder {
    /// Candidates kept of each token.
    count: usize,
    /// What each stage left. The lists are used again for the next token.
    left: Vec<Left>,
    /// How many of `left` belong to the present token.
    stages: usize,
    /// No stage removed a token yet, other than by a logit of minus infinity.
    whole: bool,
    /// The likeliest before the chain; empty where they are still to be found.
    highest: Vec<sys::llama_token_data>,
    /// Room for the likeliest after it.
    last: Vec<sys::llama_token_data>,
    /// Room for a vocabulary.
    scratch: Vec<f32>,
    finished: Option<TokenTrace>,
}

impl Recorder {
    /// Keeps so many of the likeliest candidates of each token.
    pub(super) fn new(count: usize) -> Self {
        Self {
            count: count.max(1),
            left: Vec::new(),
            stages: 0,
            whole: true,
            highest: Vec::new(),
            last: Vec::new(),
            scratch: Vec::new(),
            finished: None,
        }
    }

    /// Takes the last token's record.
    pub(super) fn take(&mut self) -> Option<TokenTrace> {
        self.finished.take()
    }

    /// A chain begins. `likeliest` are the tokens of the highest logits where they were looked for
    /// already, else none.
    pub(super) fn begin(&mut self, likeliest: &[sys::llama_token_data]) {
        (self.stages, self.whole) = (0, true);
        self.highest.clear();
        if likeliest.len() >= self.count {
            self.highest.extend_from_slice(likeliest);
            head::cut_to(&mut self.highest, self.count);
        }
    }

    /// A stage left these candidates of those logits.
    pub(super) fn after(
        &mut self,
        stage: Stage,
        candidates: &[sys::llama_token_data],
        logits: &[f32],
    ) {
        // These lower and raise a few logits and leave every token where it is.
        self.whole &= matches!(stage, Stage::LogitBias | Stage::Penalties | Stage::Dry);
        if self.stages == self.left.len() {
            self.left.push(Left::new(stage));
        }
        let left = &mut self.left[self.stages];
        self.stages += 1;
        if self.whole {
            left.all_but_changed(stage, candidates, logits);
        } else {
            left.only(stage, candidates);
        }
    }

    /// One token alone is left.
    pub(super) fn after_greedy(&mut self, token: i32) {
        let only = sys::llama_token_data {
            id: token,
            logit: 0.0,
            p: 1.0,
        };
        self.after(Stage::Greedy, &[only], &[]);
    }

    /// The token was chosen from those logits.
    pub(super) fn end(&mut self, logits: &[f32], token: i32) {
        let before = Softmax::of(logits);
        let mut candidates: Vec<CandidateTrace> = self
            .wanted(logits, token)
            .into_iter()
            .map(|token| CandidateTrace {
                token,
                p: before.p(logit_of(logits, token)),
                after: Vec::with_capacity(self.stages),
            })
            .collect();
        let scratch = &mut self.scratch;
        let stages = self.left[..self.stages].iter().enumerate();
        let stages = stages
            .map(|(at, left)| left.tell(at, logits, &before, &mut candidates, scratch))
            .collect();
        candidates.sort_by(|a, b| b.p.total_cmp(&a.p).then(a.token.cmp(&b.token)));
        self.finished = Some(TokenTrace {
            // Whoever keeps the reply knows.
            at: 0,
            token,
            rank: rank(logits, logit_of(logits, token)),
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
            last.likeliest(self.count, logits, &mut self.scratch, &mut self.last);
            wanted.extend(self.last.iter().map(|one| one.id));
        }
        wanted.push(token);
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}
