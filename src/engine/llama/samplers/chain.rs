//! The stages of a chain, as llama.cpp's `common/sampling.cpp` puts them together.

use std::ffi::{CString, c_char};
use std::rc::Rc;

use llama_cpp_sys_2 as sys;

use super::bad;
use super::native::Native;
use crate::engine::EngineError;
use crate::engine::llama::model::Model;
use crate::engine::trace::Stage;
use crate::params::{Mirostat, SamplerKind, SamplingParams};

/// What a chain is made of, as far as its owner has to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// What each of llama.cpp's stages is, in order; `None` = it draws from what is left.
    pub stages: Vec<Option<Stage>>,
    /// Only the most likely token counts: no candidates are needed.
    pub plain_greedy: bool,
    /// Looks at earlier tokens, so it has to be told of the prompt.
    pub has_memory: bool,
    /// Points into the model's vocabulary.
    pub needs_model: bool,
    /// The first stage keeps that many of the highest logits; biases alone come before.
    pub top_k: Option<usize>,
    /// The tokens with a bias.
    pub biased: Vec<i32>,
}

/// Builds the chain; `n_ctx` stands in for "the whole context" in windows of tokens.
pub(super) fn build_chain(
    params: &SamplingParams,
    seed: u32,
    n_ctx: u32,
    model: &Rc<Model>,
) -> Result<(Native, Shape), EngineError> {
    let chain = Native::chain();
    let chain = chain.ok_or_else(|| bad("sampling", "llama.cpp made no sampler chain"))?;
    let mut builder = Builder {
        params,
        seed,
        n_ctx,
        model,
        chain,
        shape: Shape::default(),
    };
    builder.add_biases();
    match params.mirostat {
        Mirostat::Off => {
            builder.add_ordered()?;
            builder.add_last();
        }
        Mirostat::V1 | Mirostat::V2 => builder.add_mirostat(),
    }
    let Builder {
        mut chain, shape, ..
    } = builder;
    if shape.needs_model {
        chain.keep(model);
    }
    Ok((chain, shape))
}

pub(super) fn stage_of(kind: SamplerKind) -> Stage {
    match kind {
        SamplerKind::Penalties => Stage::Penalties,
        SamplerKind::Dry => Stage::Dry,
        SamplerKind::TopNSigma => Stage::TopNSigma,
        SamplerKind::TopK => Stage::TopK,
        SamplerKind::TypicalP => Stage::TypicalP,
        SamplerKind::TopP => Stage::TopP,
        SamplerKind::MinP => Stage::MinP,
        SamplerKind::Xtc => Stage::Xtc,
        SamplerKind::Temperature => Stage::Temperature,
        SamplerKind::Infill => Stage::Infill,
        SamplerKind::AdaptiveP => Stage::AdaptiveP,
    }
}

/// A chain while it grows.
struct Builder<'a> {
    params: &'a SamplingParams,
    seed: u32,
    n_ctx: u32,
    model: &'a Rc<Model>,
    chain: Native,
    shape: Shape,
}

impl Builder<'_> {
    /// Adds a sampler that was made for this chain, or nothing for null.
    fn add(&mut self, stage: Option<Stage>, sampler: *mut sys::llama_sampler) {
        if !sampler.is_null() {
            self.shape.stages.push(stage);
            // SAFETY: both are alive; the chain takes ownership of the sampler.
            unsafe { sys::llama_sampler_chain_add(self.chain.as_ptr(), sampler) };
        }
    }

    fn add_biases(&mut self) {
        let biases = biases(self.params, self.model);
        self.shape.biased = biases.iter().map(|bias| bias.token).collect();
        if !biases.is_empty() {
            let count = i32::try_from(biases.len()).unwrap_or(i32::MAX);
            // SAFETY: the list is copied during the call.
            self.add(Some(Stage::LogitBias), unsafe {
                sys::llama_sampler_init_logit_bias(self.n_vocab(), count, biases.as_ptr())
            });
        }
    }

    /// The stages that do something, in the order given.
    fn add_ordered(&mut self) -> Result<(), EngineError> {
        let params = self.params;
        let greedy = is_greedy(params);
        let is_idle =
            |kind: SamplerKind| is_neutral(kind, params) || (greedy && keeps_the_most_likely(kind));
        let mut kinds = params.order.clone();
        kinds.retain(|kind| !is_idle(*kind));
        let is_memory = |kind| matches!(kind, &SamplerKind::Penalties | &SamplerKind::Dry);
        self.shape.has_memory = kinds.iter().any(is_memory);
        self.shape.needs_model = kinds.contains(&SamplerKind::Infill);
        self.shape.plain_greedy = greedy && kinds.is_empty() && self.shape.biased.is_empty();
        if kinds.first() == Some(&SamplerKind::TopK) {
            self.shape.top_k = usize::try_from(params.top_k).ok();
        }
        for kind in kinds {
            let sampler = self.sampler(kind)?;
            self.add(Some(stage_of(kind)), sampler);
        }
        Ok(())
    }

    /// What chooses the token.
    fn add_last(&mut self) {
        let (params, seed) = (self.params, self.seed);
        let adapts =
            params.adaptive_target >= 0.0 && params.order.contains(&SamplerKind::AdaptiveP);
        // SAFETY: plain numbers.
        let (stage, sampler) = unsafe {
            if is_greedy(params) {
                (Some(Stage::Greedy), sys::llama_sampler_init_greedy())
            } else if adapts {
                let (target, decay) = (params.adaptive_target, params.adaptive_decay);
                let sampler = sys::llama_sampler_init_adaptive_p(target, decay, seed);
                (Some(Stage::AdaptiveP), sampler)
            } else {
                (None, sys::llama_sampler_init_dist(seed))
            }
        };
        self.add(stage, sampler);
    }

    /// In place of all that, after the temperature.
    fn add_mirostat(&mut self) {
        /// llama.cpp's number of candidates for its estimate.
        const CANDIDATES: i32 = 100;
        let (tau, eta) = (self.params.mirostat_tau, self.params.mirostat_eta);
        let (n_vocab, seed) = (self.n_vocab(), self.seed);
        // SAFETY: plain numbers.
        let (temperature, mirostat) = unsafe {
            let mirostat = match self.params.mirostat {
                Mirostat::V1 => {
                    sys::llama_sampler_init_mirostat(n_vocab, seed, tau, eta, CANDIDATES)
                }
                _ => sys::llama_sampler_init_mirostat_v2(seed, tau, eta),
            };
            (sys::llama_sampler_init_temp(self.params.temp), mirostat)
        };
        self.add(Some(Stage::Temperature), temperature);
        self.add(Some(Stage::Mirostat), mirostat);
    }

    fn n_vocab(&self) -> i32 {
        i32::try_from(self.model.vocab().len()).unwrap_or(i32::MAX)
    }

    fn sampler(&self, kind: SamplerKind) -> Result<*mut sys::llama_sampler, EngineError> {
        let (params, vocab, n_ctx) = (self.params, self.model.vocab(), self.n_ctx);
        let window = |tokens: i32| {
            if tokens < 0 {
                i32::try_from(n_ctx).unwrap_or(i32::MAX)
            } else {
                tokens
            }
        };
        let breakers = if kind == SamplerKind::Dry {
            c_strings(&params.dry_sequence_breakers)?
        } else {
            Vec::new()
        };
        let mut breaker_list: Vec<*const c_char> =
            breakers.iter().map(|text| text.as_ptr()).collect();
        // SAFETY: plain numbers, or text and lists that live during the call and are copied; the
        // vocabulary that infill points to lives as long as the model, which the chain then keeps.
        Ok(unsafe {
            match kind {
                SamplerKind::Penalties => sys::llama_sampler_init_penalties(
                    self.n_vocab(),
                    window(params.penalty_last_n),
                    params.penalty_repeat,
                    params.penalty_freq,
                    params.penalty_present,
                ),
                SamplerKind::Dry => sys::llama_sampler_init_dry(
                    vocab.as_ptr(),
                    params.dry_multiplier,
                    params.dry_base,
                    params.dry_allowed_length,
                    window(params.dry_penalty_last_n),
                    breaker_list.as_mut_ptr(),
                    breaker_list.len(),
                ),
                SamplerKind::TopNSigma => sys::llama_sampler_init_top_n_sigma(params.top_n_sigma),
                SamplerKind::TopK => sys::llama_sampler_init_top_k(params.top_k),
                SamplerKind::TypicalP => {
                    sys::llama_sampler_init_typical(params.typ_p, params.min_keep)
                }
                SamplerKind::TopP => sys::llama_sampler_init_top_p(params.top_p, params.min_keep),
                SamplerKind::MinP => sys::llama_sampler_init_min_p(params.min_p, params.min_keep),
                SamplerKind::Xtc => sys::llama_sampler_init_xtc(
                    params.xtc_probability,
                    params.xtc_threshold,
                    params.min_keep,
                    self.seed,
                ),
                SamplerKind::Temperature => sys::llama_sampler_init_temp_ext(
                    params.temp,
                    params.dynatemp_range,
                    params.dynatemp_exponent,
                ),
                SamplerKind::Infill => sys::llama_sampler_init_infill(vocab.as_ptr()),
                // It chooses the token itself, so it stands at the end of the chain.
                SamplerKind::AdaptiveP => std::ptr::null_mut(),
            }
        })
    }
}

/// Temperature zero, unless the dynamic range lifts it.
fn is_greedy(params: &SamplingParams) -> bool {
    params.temp <= 0.0 && params.dynatemp_range <= 0.0
}

/// Stages that never remove the most likely token, so that they cannot matter before greedy.
fn keeps_the_most_likely(kind: SamplerKind) -> bool {
    matches!(
        kind,
        SamplerKind::TopNSigma
            | SamplerKind::TopK
            | SamplerKind::TopP
            | SamplerKind::MinP
            | SamplerKind::Temperature
    )
}

/// Stages whose values make them do nothing (llama.cpp's conditions for each).
#[expect(clippy::float_cmp, reason = "neutral values are exact")]
fn is_neutral(kind: SamplerKind, params: &SamplingParams) -> bool {
    match kind {
        SamplerKind::Penalties => {
            params.penalty_last_n == 0
                || (params.penalty_repeat == 1.0
                    && params.penalty_freq == 0.0
                    && params.penalty_present == 0.0)
        }
        SamplerKind::Dry => {
            params.dry_multiplier == 0.0 || params.dry_base < 1.0 || params.dry_penalty_last_n == 0
        }
        SamplerKind::TopNSigma => params.top_n_sigma <= 0.0,
        SamplerKind::TopK => params.top_k <= 0,
        SamplerKind::TypicalP => params.typ_p >= 1.0,
        SamplerKind::TopP => params.top_p >= 1.0,
        SamplerKind::MinP => params.min_p <= 0.0,
        SamplerKind::Xtc => params.xtc_probability <= 0.0 || params.xtc_threshold > 0.5,
        SamplerKind::Temperature => params.temp == 1.0 && params.dynatemp_range <= 0.0,
        SamplerKind::Infill => false,
        SamplerKind::AdaptiveP => true,
    }
}

fn biases(params: &SamplingParams, model: &Model) -> Vec<sys::llama_logit_bias> {
    let vocab = model.vocab();
    let never = |token: i32| sys::llama_logit_bias {
        token,
        bias: f32::NEG_INFINITY,
    };
    let mut list: Vec<_> = params
        .logit_bias
        .iter()
        .map(|&(token, bias)| sys::llama_logit_bias { token, bias })
        .collect();
    list.extend(vocab.suppressed().iter().copied().map(never));
    if params.ignore_eos {
        list.extend(
            (0..i32::try_from(vocab.len()).unwrap_or(0))
                .filter(|&token| vocab.is_end(token))
                .map(never),
        );
    }
    list
}

fn c_strings(texts: &[String]) -> Result<Vec<CString>, EngineError> {
    texts
        .iter()
        .map(|text| {
            CString::new(text.as_str())
                .map_err(|_| bad("dry-sequence-breaker", "it holds a zero byte"))
        })
        .collect()
}
