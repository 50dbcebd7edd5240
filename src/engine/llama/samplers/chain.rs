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
    let mut chain =
        Native::chain().ok_or_else(|| bad("sampling", "llama.cpp made no sampler chain"))?;
    let biases = biases(params, model);
    let mut shape = Shape {
        biased: biases.iter().map(|bias| bias.token).collect(),
        ..Shape::default()
    };
    let mut list = Vec::new();
    let mut add = |stage: Option<Stage>, sampler: *mut sys::llama_sampler| {
        if !sampler.is_null() {
            list.push(stage);
            // SAFETY: both are alive; the chain takes ownership of the sampler.
            unsafe { sys::llama_sampler_chain_add(chain.as_ptr(), sampler) };
        }
    };
    let vocab = model.vocab();
    let n_vocab = i32::try_from(vocab.len()).unwrap_or(i32::MAX);
    if !biases.is_empty() {
        let count = i32::try_from(biases.len()).unwrap_or(i32::MAX);
        // SAFETY: the list is copied during the call.
        add(Some(Stage::LogitBias), unsafe {
            sys::llama_sampler_init_logit_bias(n_vocab, count, biases.as_ptr())
        });
    }
    // SAFETY for all constructions below: they take plain numbers, or text and lists that they
    // copy; the vocabulary lives as long as the model, which the chain keeps when it needs it.
    match params.mirostat {
        Mirostat::Off => {
            let greedy = is_greedy(params);
            let mut stages = 0;
            for &kind in &params.order {
                if is_neutral(kind, params) || (greedy && keeps_the_most_likely(kind)) {
                    continue;
                }
                if stages == 0 && kind == SamplerKind::TopK {
                    shape.top_k = usize::try_from(params.top_k).ok();
                }
                stages += 1;
                shape.has_memory |= matches!(kind, SamplerKind::Penalties | SamplerKind::Dry);
                shape.needs_model |= kind == SamplerKind::Infill;
                add(
                    Some(stage_of(kind)),
                    stage(kind, params, seed, n_ctx, model)?,
                );
            }
            shape.plain_greedy = greedy && stages == 0 && biases.is_empty();
            let adapts =
                params.adaptive_target >= 0.0 && params.order.contains(&SamplerKind::AdaptiveP);
            let last = match (greedy, adapts) {
                (true, _) => Some(Stage::Greedy),
                (false, true) => Some(Stage::AdaptiveP),
                (false, false) => None,
            };
            // SAFETY: plain numbers.
            add(last, unsafe {
                if greedy {
                    sys::llama_sampler_init_greedy()
                } else if adapts {
                    sys::llama_sampler_init_adaptive_p(
                        params.adaptive_target,
                        params.adaptive_decay,
                        seed,
                    )
                } else {
                    sys::llama_sampler_init_dist(seed)
                }
            });
        }
        Mirostat::V1 => {
            // SAFETY: plain numbers.
            add(Some(Stage::Temperature), unsafe {
                sys::llama_sampler_init_temp(params.temp)
            });
            // SAFETY: plain numbers; 100 is llama.cpp's number of candidates for its estimate.
            add(Some(Stage::Mirostat), unsafe {
                sys::llama_sampler_init_mirostat(
                    n_vocab,
                    seed,
                    params.mirostat_tau,
                    params.mirostat_eta,
                    100,
                )
            });
        }
        Mirostat::V2 => {
            // SAFETY: plain numbers.
            add(Some(Stage::Temperature), unsafe {
                sys::llama_sampler_init_temp(params.temp)
            });
            // SAFETY: plain numbers.
            add(Some(Stage::Mirostat), unsafe {
                sys::llama_sampler_init_mirostat_v2(seed, params.mirostat_tau, params.mirostat_eta)
            });
        }
    }
    shape.stages = list;
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

fn stage(
    kind: SamplerKind,
    params: &SamplingParams,
    seed: u32,
    n_ctx: u32,
    model: &Rc<Model>,
) -> Result<*mut sys::llama_sampler, EngineError> {
    let window = |tokens: i32| {
        if tokens < 0 {
            i32::try_from(n_ctx).unwrap_or(i32::MAX)
        } else {
            tokens
        }
    };
    let vocab = model.vocab();
    let n_vocab = i32::try_from(vocab.len()).unwrap_or(i32::MAX);
    let breakers = if kind == SamplerKind::Dry {
        c_strings(&params.dry_sequence_breakers)?
    } else {
        Vec::new()
    };
    let mut breaker_list: Vec<*const c_char> = breakers.iter().map(|text| text.as_ptr()).collect();
    // SAFETY: plain numbers, or text and lists that live during the call and are copied; the
    // vocabulary that infill points to lives as long as the model, which the chain then keeps.
    Ok(unsafe {
        match kind {
            SamplerKind::Penalties => sys::llama_sampler_init_penalties(
                n_vocab,
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
            SamplerKind::TypicalP => sys::llama_sampler_init_typical(params.typ_p, params.min_keep),
            SamplerKind::TopP => sys::llama_sampler_init_top_p(params.top_p, params.min_keep),
            SamplerKind::MinP => sys::llama_sampler_init_min_p(params.min_p, params.min_keep),
            SamplerKind::Xtc => sys::llama_sampler_init_xtc(
                params.xtc_probability,
                params.xtc_threshold,
                params.min_keep,
                seed,
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
