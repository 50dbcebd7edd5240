//! The sampler chain of a reply, built as llama.cpp's `common/sampling.cpp` builds it.

mod chain;
mod grammar;
mod head;
mod left;
mod native;
mod record;
#[cfg(test)]
mod reference;
mod softmax;

use std::rc::Rc;

use llama_cpp_sys_2 as sys;

use self::chain::{Shape, build_chain};
pub(crate) use self::grammar::DetachedGrammar;
use self::grammar::{Grammar, grammar_source};
use self::native::Native;
use self::record::Recorder;
use super::model::Model;
use crate::engine::trace::{Stage, TokenTrace};
use crate::engine::{EngineError, ErrorKind};
use crate::params::SamplingParams;

/// Chooses tokens for one reply.
#[derive(Debug)]
pub(crate) struct Sampler {
    chain: Native,
    grammar: Option<Grammar>,
    params: SamplingParams,
    seed: u32,
    n_ctx: u32,
    shape: Shape,
    /// Reused for every token: a vocabulary's worth of candidates.
    candidates: Vec<sys::llama_token_data>,
    /// Watches the stages where that is asked for.
    recorder: Option<Recorder>,
}

/// The sampler could not choose or take a token.
#[derive(Debug)]
pub(crate) struct SamplingFailed(pub &'static str);

impl Sampler {
    /// Builds the chain. `n_ctx` stands in for "the whole context" in the windows of penalties.
    ///
    /// # Errors
    /// [`ErrorKind::BadParameter`] for a grammar or schema that does not compile and for
    /// penalties that are not numbers.
    pub(crate) fn new(
        params: &SamplingParams,
        seed: u32,
        n_ctx: u32,
        model: &Rc<Model>,
    ) -> Result<Self, EngineError> {
        check(params)?;
        let (chain, shape) = build_chain(params, seed, n_ctx, model)?;
        let grammar = grammar_source(params)?
            .map(|source| Grammar::new(source, model))
            .transpose()?;
        let shape = Shape {
            plain_greedy: shape.plain_greedy && grammar.is_none(),
            ..shape
        };
        Ok(Self {
            chain,
            grammar,
            params: params.clone(),
            seed,
            n_ctx,
            shape,
            candidates: Vec::new(),
            recorder: recorder(params),
        })
    }

    /// Records so many of the likeliest candidates of each token from the next one on; 0 = none.
    pub(crate) fn record(&mut self, n_probs: u32) {
        self.params.n_probs = n_probs;
        self.recorder = recorder(&self.params);
    }

    /// How the last token came about, where that is recorded.
    pub(crate) fn take_trace(&mut self) -> Option<TokenTrace> {
        self.recorder.as_mut().and_then(Recorder::take)
    }

    /// Takes tokens into account that a reply begins with and that were not drawn here.
    ///
    /// # Errors
    /// When the grammar does not allow them.
    pub(crate) fn begin_with(&mut self, tokens: &[i32]) -> Result<(), SamplingFailed> {
        self.remember(tokens);
        match &mut self.grammar {
            Some(grammar) => tokens.iter().try_for_each(|token| grammar.accept(*token)),
            None => Ok(()),
        }
    }

    /// Other parameters from the next token on; the grammar goes on where it is unless it changed.
    ///
    /// # Errors
    /// As [`Self::new`]; nothing changes then.
    pub(crate) fn rebuild(
        &mut self,
        params: &SamplingParams,
        seed: u32,
        tokens: &[i32],
        model: &Rc<Model>,
    ) -> Result<(), EngineError> {
        let mut other = Self::new(params, seed, self.n_ctx, model)?;
        if (&params.grammar, &params.json_schema)
            == (&self.params.grammar, &self.params.json_schema)
        {
            other.grammar = self.grammar.take();
        }
        other.remember(tokens);
        *self = other;
        Ok(())
    }

    /// Tells the chain of tokens that are there already: the prompt, or all so far.
    pub(crate) fn remember(&mut self, tokens: &[i32]) {
        if self.shape.has_memory {
            for &token in tokens {
                // SAFETY: the chain is alive; none of its samplers throws when it takes a token.
                unsafe { sys::llama_sampler_accept(self.chain.as_ptr(), token) };
            }
        }
    }

    /// Lets go of everything that points into the model, before it is freed.
    /// [`Self::attach`] must follow before the next token.
    pub(crate) fn detach(&mut self) -> Option<DetachedGrammar> {
        if self.shape.needs_model
            && let Some(empty) = Native::chain()
        {
            self.chain = empty;
        }
        self.grammar.take().map(Grammar::detach)
    }

    /// The counterpart of [`Self::detach`] with the model loaded again. `tokens` is the whole
    /// sequence.
    ///
    /// # Errors
    /// When a grammar that compiled before does not any more.
    pub(crate) fn attach(
        &mut self,
        grammar: Option<DetachedGrammar>,
        tokens: &[i32],
        model: &Rc<Model>,
    ) -> Result<(), EngineError> {
        if self.shape.needs_model {
            self.chain = build_chain(&self.params, self.seed, self.n_ctx, model)?.0;
            self.remember(tokens);
        }
        if let Some(grammar) = grammar {
            self.grammar = Some(Grammar::attach(grammar, model)?);
        }
        Ok(())
    }

    /// Chooses the next token from a row of logits and takes it into account.
    ///
    /// # Errors
    /// When no token is left to choose or the grammar fails.
    pub(crate) fn sample(&mut self, logits: &[f32]) -> Result<i32, SamplingFailed> {
        self.sample_or(logits, None)
    }

    /// As [`Self::sample`], but takes a given token whatever was drawn.
    ///
    /// # Errors
    /// As [`Self::sample`].
    pub(crate) fn sample_or(
        &mut self,
        logits: &[f32],
        given: Option<i32>,
    ) -> Result<i32, SamplingFailed> {
        if self.shape.plain_greedy {
            let best = logits
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
            let best = best
                .and_then(|(token, _)| i32::try_from(token).ok())
                .ok_or(SamplingFailed("there are no logits"))?;
            if let Some(recorder) = &mut self.recorder {
                recorder.begin(&[]);
                recorder.after_greedy(best);
                recorder.end(logits, given.unwrap_or(best));
            }
            return Ok(given.unwrap_or(best));
        }
        let likeliest = self.choose_candidates(logits);
        self.begin_record(likeliest);
        let mut token = self.apply_chain(logits)?;
        // As llama.cpp does: the grammar checks the one token chosen, which is cheap, and only
        // when it refuses are all tokens checked and one chosen again.
        if let Some(grammar) = &self.grammar
            && !grammar.allows(token)
        {
            self.fill(logits);
            self.begin_record(0);
            self.apply_grammar(logits);
            token = self.apply_chain(logits)?;
        }
        let token = given.unwrap_or(token);
        if let Some(grammar) = &mut self.grammar {
            grammar.accept(token)?;
        }
        // SAFETY: the chain is alive; none of its samplers throws when it takes a token.
        unsafe { sys::llama_sampler_accept(self.chain.as_ptr(), token) };
        if let Some(recorder) = &mut self.recorder {
            recorder.end(logits, token);
        }
        Ok(token)
    }

    /// Fills the candidates with as many as the chain needs. So many of them, from the first one
    /// on, are the likeliest of all; 0 = it was not looked which those are.
    fn choose_candidates(&mut self, logits: &[f32]) -> usize {
        let Some(count) = self.shape.top_k else {
            self.fill(logits);
            return 0;
        };
        // A token that biases lift among the highest, or leave there, is one of the highest without
        // them when as many more are looked at as have a bias, or has one itself.
        let biased = &self.shape.biased;
        head::highest(logits, count + biased.len(), &mut self.candidates);
        let likeliest = self.candidates.len();
        head::add(logits, biased, &mut self.candidates);
        // Of logits that are all minus infinity none is high.
        if likeliest == 0 {
            self.fill(logits);
        }
        likeliest
    }

    fn begin_record(&mut self, likeliest: usize) {
        if let Some(recorder) = &mut self.recorder {
            recorder.begin(&self.candidates[..likeliest]);
        }
    }

    fn fill(&mut self, logits: &[f32]) {
        self.candidates.clear();
        self.candidates
            .extend((0..).zip(logits).map(|(id, &logit)| sys::llama_token_data {
                id,
                logit,
                p: 0.0,
            }));
    }

    fn view(&mut self) -> sys::llama_token_data_array {
        sys::llama_token_data_array {
            data: self.candidates.as_mut_ptr(),
            size: self.candidates.len(),
            selected: -1,
            sorted: false,
        }
    }

    fn apply_grammar(&mut self, logits: &[f32]) {
        let mut view = self.view();
        if let Some(grammar) = &self.grammar {
            // SAFETY: the view describes `candidates`, which nothing else touches; a grammar only
            // lowers logits in place.
            unsafe { sys::llama_sampler_apply(grammar.native.as_ptr(), &raw mut view) };
            if let Some(recorder) = &mut self.recorder {
                recorder.after(Stage::Grammar, &self.candidates, logits);
            }
        }
    }

    fn apply_chain(&mut self, logits: &[f32]) -> Result<i32, SamplingFailed> {
        let mut view = self.view();
        match &mut self.recorder {
            // SAFETY: the view describes `candidates`, which nothing else touches meanwhile.
            None => unsafe { sys::llama_sampler_apply(self.chain.as_ptr(), &raw mut view) },
            Some(recorder) => {
                apply_stages(&self.chain, &self.shape.stages, &mut view, logits, recorder);
            }
        }
        let selected = usize::try_from(view.selected)
            .ok()
            .filter(|&selected| selected < view.size);
        let Some(selected) = selected else {
            return Err(SamplingFailed("the sampler chain left no token to choose"));
        };
        // SAFETY: samplers leave `size` valid candidates at `data`, and the index is below it.
        Ok(unsafe { (*view.data.add(selected)).id })
    }
}

/// What applying the chain does, with a look at what each stage left.
fn apply_stages(
    chain: &Native,
    stages: &[Option<Stage>],
    view: &mut sys::llama_token_data_array,
    logits: &[f32],
    recorder: &mut Recorder,
) {
    for (at, stage) in (0..).zip(stages) {
        // SAFETY: the chain is alive and gives one of its stages or null; the view describes
        // candidates that nothing else touches meanwhile.
        let left = unsafe {
            let sampler = sys::llama_sampler_chain_get(chain.as_ptr(), at);
            if sampler.is_null() {
                return;
            }
            sys::llama_sampler_apply(sampler, view);
            // A stage leaves `size` candidates at `data`, which it may have moved onwards.
            std::slice::from_raw_parts(view.data, view.size)
        };
        match stage {
            Some(Stage::Greedy) => {
                let chosen = usize::try_from(view.selected).ok();
                if let Some(one) = chosen.and_then(|at| left.get(at)) {
                    recorder.after_greedy(one.id);
                }
            }
            Some(stage) => recorder.after(*stage, left, logits),
            None => {}
        }
    }
}

fn recorder(params: &SamplingParams) -> Option<Recorder> {
    let count = usize::try_from(params.n_probs).ok();
    count.filter(|count| *count > 0).map(Recorder::new)
}

/// The conditions that llama.cpp's `common_sampler_init` puts on penalties.
fn check(params: &SamplingParams) -> Result<(), EngineError> {
    if !params.penalty_repeat.is_finite()
        || params.penalty_repeat <= 0.0
        || !params.penalty_repeat.recip().is_finite()
    {
        return Err(bad(
            &format!("repeat-penalty {}", params.penalty_repeat),
            "it must be a number above zero",
        ));
    }
    if !params.penalty_freq.is_finite() || !params.penalty_present.is_finite() {
        return Err(bad(
            "frequency-penalty and presence-penalty",
            "they must be finite numbers",
        ));
    }
    Ok(())
}

fn bad(what: &str, why: &str) -> EngineError {
    EngineError {
        kind: ErrorKind::BadParameter,
        what: what.to_owned(),
        why: why.to_owned(),
        hint: String::new(),
    }
}
