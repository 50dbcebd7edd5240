//! Context parameters in llama.cpp's form.

use llama_cpp_sys_2 as sys;

use super::options::bad;
use super::threads::Threads;
use crate::engine::EngineError;
use crate::gguf;
use crate::params::{ContextParams, FlashAttention, Rope};

/// Sequences that can live at once when the user leaves the number to the engine.
const AUTO_SEQUENCES: u32 = 4;
/// Numbers in a block of every quantised type that a cache can be kept in (`QK8_0` and the like).
const BLOCK: u32 = 32;
/// llama.cpp's defaults, for parameters left at zero.
const DEFAULT_BATCH: u32 = 2048;
const DEFAULT_UBATCH: u32 = 512;

/// Context parameters with every "automatic" decided; `n_ctx` is the number after fitting.
pub(crate) fn context_params(
    params: &ContextParams,
    n_ctx: u32,
    threads: Threads,
) -> Result<sys::llama_context_params, EngineError> {
    // SAFETY: returns a plain struct.
    let mut native = unsafe { sys::llama_context_default_params() };
    native.n_ctx = n_ctx;
    native.n_seq_max = sequences(params)?;
    native.kv_unified = is_unified(params);
    let n_batch = if params.n_batch == 0 {
        DEFAULT_BATCH
    } else {
        params.n_batch
    };
    // Every sequence must be able to decode one token beside one prefill token.
    native.n_batch = n_batch.max(native.n_seq_max + 1);
    native.n_ubatch = if params.n_ubatch == 0 {
        DEFAULT_UBATCH
    } else {
        params.n_ubatch
    }
    .min(native.n_batch);
    // One row of logits a sequence, instead of one a token: on large vocabularies that is
    // hundreds of MiB of compute buffer.
    native.n_outputs_max = native.n_seq_max;
    native.n_outputs_max_per_seq = 1;
    (native.n_threads, native.n_threads_batch) = (threads.single, threads.batch);
    native.flash_attn_type = match params.flash_attn {
        FlashAttention::Auto => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
        FlashAttention::On => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
        FlashAttention::Off => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
    };
    native.type_k = cache_type("cache-type-k", &params.type_k)?;
    native.type_v = cache_type("cache-type-v", &params.type_v)?;
    if params.flash_attn == FlashAttention::Off && !has_plain_values(params) {
        return Err(bad(
            format!("cache-type-v {}", params.type_v),
            "llama.cpp multiplies quantised values only with flash attention, and flash-attn is off"
                .into(),
            "set flash-attn to auto or on, or cache-type-v to f16".into(),
        ));
    }
    native.offload_kqv = params.offload_kqv;
    native.swa_full = params.swa_full;
    native.no_perf = true;
    rope(&params.rope, &mut native)?;
    Ok(native)
}

/// What "automatic" flash attention means on this machine: off without a GPU.
///
/// ggml's flash attention on the CPU walks the cache a key at a time, while its matrix product uses
/// wide blocks. Measured on a 0.5-billion-parameter model, one thread, 1,182 tokens deep: 8.2
/// tokens per second without against 4.0 with it, and prefill 46 against 42. A quantised V cache
/// works only with it.
pub(crate) fn flash_attention(params: &ContextParams, n_gpus: usize) -> FlashAttention {
    match params.flash_attn {
        FlashAttention::Auto if n_gpus == 0 && has_plain_values(params) => FlashAttention::Off,
        asked => asked,
    }
}

fn has_plain_values(params: &ContextParams) -> bool {
    is_plain(&params.type_v)
}

/// Whether a cache type keeps each number by itself.
fn is_plain(name: &str) -> bool {
    matches!(name, "" | "f16" | "f32" | "bf16")
}

/// Refuses quantised caches of heads that their blocks do not divide. llama.cpp does so with flash
/// attention only, and without it computes nonsense from blocks that belong to two heads.
pub(crate) fn check_heads(facts: &gguf::Facts, params: &ContextParams) -> Result<(), EngineError> {
    let [window_key, window_value] = facts.window_lengths;
    let caches = [
        (
            "cache-type-k",
            &params.type_k,
            [facts.key_length, window_key],
        ),
        (
            "cache-type-v",
            &params.type_v,
            [facts.value_length, window_value],
        ),
    ];
    for (parameter, kind, heads) in caches.iter().filter(|(_, kind, _)| !is_plain(kind)) {
        if let Some(odd) = heads.iter().find(|head| !head.is_multiple_of(BLOCK)) {
            return Err(bad(
                format!("{parameter} {kind}"),
                format!("it packs {BLOCK} numbers together, and a head of this model has {odd}"),
                "choose f16, bf16 or f32".into(),
            ));
        }
    }
    Ok(())
}

/// Whether all sequences share the cells of one cache.
pub(crate) fn is_unified(params: &ContextParams) -> bool {
    params.kv_unified || params.n_seq_max == 0
}

/// Caches beside each other. What is saved from so many goes back into as many only
/// (`llama_kv_cache::state_read`).
pub(crate) fn streams(params: &ContextParams) -> u32 {
    match is_unified(params) {
        true => 1,
        false => params.n_seq_max,
    }
}

/// Sequences that can live at once.
pub(crate) fn sequences(params: &ContextParams) -> Result<u32, EngineError> {
    // SAFETY: a plain query.
    let most = u32::try_from(unsafe { sys::llama_max_parallel_sequences() }).unwrap_or(u32::MAX);
    match params.n_seq_max {
        0 => Ok(AUTO_SEQUENCES),
        count if count > most => Err(bad(
            format!("parallel {count}"),
            format!("llama.cpp runs at most {most} sequences"),
            String::new(),
        )),
        count => Ok(count),
    }
}

/// ggml's type of that name, of those llama.cpp can keep a cache in; empty = `f16`.
pub(crate) fn cache_type(parameter: &str, name: &str) -> Result<sys::ggml_type, EngineError> {
    // The list of llama.cpp's own option (`kv_cache_types` in common/arg.cpp).
    const TYPES: [(&str, sys::ggml_type); 9] = [
        ("f32", sys::GGML_TYPE_F32),
        ("f16", sys::GGML_TYPE_F16),
        ("bf16", sys::GGML_TYPE_BF16),
        ("q8_0", sys::GGML_TYPE_Q8_0),
        ("q4_0", sys::GGML_TYPE_Q4_0),
        ("q4_1", sys::GGML_TYPE_Q4_1),
        ("iq4_nl", sys::GGML_TYPE_IQ4_NL),
        ("q5_0", sys::GGML_TYPE_Q5_0),
        ("q5_1", sys::GGML_TYPE_Q5_1),
    ];
    let wanted = if name.is_empty() { "f16" } else { name };
    TYPES
        .iter()
        .find(|(known, _)| *known == wanted)
        .map(|&(_, kind)| kind)
        .ok_or_else(|| {
            let known: Vec<&str> = TYPES.iter().map(|(known, _)| *known).collect();
            bad(
                format!("{parameter} {name}"),
                "no such cache type".into(),
                format!("one of: {}", known.join(", ")),
            )
        })
}

fn rope(rope: &Rope, native: &mut sys::llama_context_params) -> Result<(), EngineError> {
    native.rope_scaling_type = match rope.scaling.as_str() {
        "" => sys::LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED,
        "none" => sys::LLAMA_ROPE_SCALING_TYPE_NONE,
        "linear" => sys::LLAMA_ROPE_SCALING_TYPE_LINEAR,
        "yarn" => sys::LLAMA_ROPE_SCALING_TYPE_YARN,
        other => {
            return Err(bad(
                format!("rope-scaling {other}"),
                "no such scaling".into(),
                "one of: none, linear, yarn".into(),
            ));
        }
    };
    let values = [
        rope.freq_base,
        rope.freq_scale,
        rope.yarn_ext_factor,
        rope.yarn_attn_factor,
        rope.yarn_beta_slow,
        rope.yarn_beta_fast,
    ];
    if values.iter().any(|value| !value.is_finite()) {
        return Err(bad(
            "rope parameters".into(),
            "a value is not a number".into(),
            String::new(),
        ));
    }
    // llama.cpp marks "from the model" by zero for RoPE and by a negative number for YaRN, where
    // zero has a meaning of its own.
    native.rope_freq_base = rope.freq_base.max(0.0);
    native.rope_freq_scale = rope.freq_scale.max(0.0);
    native.yarn_orig_ctx = rope.yarn_orig_ctx;
    native.yarn_ext_factor = rope.yarn_ext_factor;
    native.yarn_attn_factor = rope.yarn_attn_factor;
    native.yarn_beta_slow = rope.yarn_beta_slow;
    native.yarn_beta_fast = rope.yarn_beta_fast;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ErrorKind;
    use crate::params::LoadParams;

    #[test]
    fn unknown_cache_types_are_refused_with_what_is_known() {
        let error = cache_type("cache-type-k", "q9").unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadParameter);
        assert!(error.to_string().contains("q8_0"), "{error}");
    }

    #[test]
    fn automatic_flash_attention_is_off_without_a_gpu_unless_the_cache_needs_it() {
        let mut params = LoadParams::default().context;
        assert_eq!(flash_attention(&params, 0), FlashAttention::Off);
        assert_eq!(flash_attention(&params, 1), FlashAttention::Auto);
        params.type_v = "q8_0".into();
        assert_eq!(flash_attention(&params, 0), FlashAttention::Auto);
        params.flash_attn = FlashAttention::On;
        params.type_v = "f16".into();
        assert_eq!(flash_attention(&params, 0), FlashAttention::On);
    }

    #[test]
    fn logits_are_held_for_sequences_not_for_batches() {
        let mut params = LoadParams::default();
        params.context.n_seq_max = 0;
        let native = context_params(
            &params.context,
            512,
            Threads {
                single: 2,
                batch: 3,
            },
        )
        .unwrap();
        assert_eq!((native.n_seq_max, native.n_outputs_max), (4, 4));
        assert!(native.kv_unified && native.n_threads_batch == 3);
    }

    #[test]
    fn blocks_must_divide_the_heads() {
        let facts = |key_length, value_length| gguf::Facts {
            key_length,
            value_length,
            window_lengths: [key_length, value_length],
            ..gguf::Facts::default()
        };
        let quantised = ContextParams {
            type_k: "q8_0".into(),
            type_v: "q4_0".into(),
            ..crate::params::LoadParams::default().context
        };
        assert!(check_heads(&facts(128, 64), &quantised).is_ok());
        let error = check_heads(&facts(48, 64), &quantised).unwrap_err();
        assert_eq!(error.what, "cache-type-k q8_0");
        let error = check_heads(&facts(64, 80), &quantised).unwrap_err();
        assert_eq!(error.what, "cache-type-v q4_0");
        assert!(
            check_heads(
                &facts(48, 80),
                &crate::params::LoadParams::default().context
            )
            .is_ok()
        );
    }
}
