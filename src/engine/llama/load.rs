//! From a path to a model that can chat, and from a model to a context.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use super::context::{Context, Interrupt};
use super::context_options;
use super::file::{failure, validate};
use super::model::{Model, ModelFacts};
use super::options::ModelOptions;
use super::threads::Threads;
use super::{logs, place, report};
use crate::engine::templates::Templates;
use crate::engine::{
    ContextInfo, Device, DeviceMemory, EngineError, ErrorKind, ModelInfo, PrefixSharing,
};
use crate::gguf;
use crate::params::{ContextParams, GpuLayers, LoadParams, ThreadParams};

/// A model ready for contexts.
#[derive(Debug)]
pub(crate) struct OpenModel {
    pub model: Rc<Model>,
    pub facts: ModelFacts,
    pub info: ModelInfo,
    /// Compiled at load, so that a broken template is known before it is needed.
    pub templates: Templates,
    pub n_gpu_layers: u32,
    /// GPUs that layers could go to, as they were before the load.
    pub gpus: Vec<Device>,
    pub header: gguf::Facts,
    /// Bytes of weights in the page cache, which count as free memory and are not.
    pub mapped: u64,
    weights: Vec<DeviceMemory>,
    notes: Vec<String>,
}

/// Checks parameters by name and range, so that nothing running is given up for a typing error.
///
/// # Errors
/// [`ErrorKind::BadParameter`].
pub(crate) fn check(params: &LoadParams) -> Result<(), EngineError> {
    ModelOptions::new(&params.model, 0)?;
    context_options::context_params(&params.context, params.context.n_ctx, Threads::ONE)?;
    Ok(())
}

/// Loads the weights. `progress` gets 0 to 1 and stops the load by returning false.
///
/// # Errors
/// [`ErrorKind::Cancelled`] when `progress` stopped it, otherwise what llama.cpp's log says.
pub(crate) fn open_model(
    path: &Path,
    params: &LoadParams,
    progress: &mut dyn FnMut(f32) -> bool,
) -> Result<OpenModel, EngineError> {
    let mut header = validate(path)?;
    logs::clear();
    let gpus = place::gpus(params);
    let fit = place::layers(&header, &gpus, params)?;
    let mut notes = fit.notes;
    let native_layers = i32::try_from(fit.n_gpu_layers).unwrap_or(i32::MAX);
    let options = ModelOptions::new(&params.model, native_layers)?;
    let cancelled = Cell::new(!progress(0.0));
    let stopped = || failure(path, ErrorKind::Cancelled, "the load was stopped", "");
    if cancelled.get() {
        return Err(stopped());
    }
    let mut watch = |done: f32| {
        let go_on = progress(done);
        cancelled.set(cancelled.get() || !go_on);
        go_on
    };
    let loaded = Model::load(path, &options, &mut watch);
    let lines = logs::lines();
    let Ok(model) = loaded else {
        if cancelled.get() {
            return Err(stopped());
        }
        let why = logs::reason(&lines).unwrap_or_else(|| "llama.cpp gave no reason".into());
        let hint = hint_for(&why);
        return Err(failure(path, kind_of(&why, ErrorKind::BadData), why, hint));
    };
    let facts = model.facts();
    can_chat(path, &model, &facts)?;
    let source = model.chat_template();
    let vocab = model.vocab();
    let (bos, eos) = (vocab.text(vocab.bos()), vocab.text(vocab.eos()));
    let templates = Templates::new(source.as_deref(), bos, eos);
    if let Some(error) = templates.problem() {
        notes.push(format!(
            "{error}; replies will fail until chat-template names another"
        ));
    }
    let info = super::info::model_info(path, &model, &facts, source.is_some());
    // llama.cpp knows more than the header says.
    let state = header.caches.iter().any(|layer| layer.state > 0);
    header.rough_cache |= facts.n_swa > 0 && header.sliding_window.is_none();
    header.rough_cache |= facts.is_recurrent && !state;
    Ok(OpenModel {
        facts,
        info,
        templates,
        n_gpu_layers: report::gpu_layers(&lines).unwrap_or(0),
        weights: report::device_memory(&lines),
        mapped: report::mapped_bytes(&lines),
        notes,
        gpus,
        header,
        model: Rc::new(model),
    })
}

/// Makes a context and tells what it came out as.
///
/// # Errors
/// What llama.cpp's log says; [`ErrorKind::NoMemory`] where the cache cannot fit.
pub(crate) fn open_context(
    open: &OpenModel,
    params: &LoadParams,
    interrupt: &Arc<Interrupt>,
) -> Result<(Context, ContextInfo), EngineError> {
    let mut notes = open.notes.clone();
    let n_ctx = place::context_size(open, params, &mut notes)?;
    let threads = Threads::resolve(params.threads, open.facts.size_bytes);
    notes.extend(threads.crowded());
    let flash_attn = context_options::flash_attention(&params.context, place::gpus(params).len());
    let asked = ContextParams {
        flash_attn,
        ..params.context.clone()
    };
    let native = context_options::context_params(&asked, n_ctx, threads)?;
    logs::clear();
    let context = Context::new(&open.model, native, threads, interrupt);
    let lines = logs::lines();
    let what = format!("making a context of {n_ctx} tokens for {}", open.info.name);
    let Ok(context) = context else {
        let why = logs::reason(&lines).unwrap_or_else(|| "llama.cpp gave no reason".into());
        return Err(EngineError {
            kind: kind_of(&why, ErrorKind::BadParameter),
            what,
            hint: hint_for(&why).to_owned(),
            why,
        });
    };
    let devices = add(&open.weights, report::device_memory(&lines));
    let mut in_force = params.clone();
    if !open.gpus.is_empty() {
        in_force.model.n_gpu_layers = GpuLayers::Count(open.n_gpu_layers);
    }
    in_force.context = ContextParams {
        n_ctx: context.n_ctx(),
        n_batch: context.n_batch(),
        n_ubatch: context.n_ubatch(),
        n_seq_max: context.n_seq_max(),
        kv_unified: native.kv_unified,
        ..params.context.clone()
    };
    let running = context.threads();
    notes.extend(running.refused(threads));
    in_force.threads = ThreadParams {
        n_threads: running.single,
        n_threads_batch: running.batch,
    };
    let reads = place::reads(open, params, context.n_ctx());
    let info = ContextInfo {
        reads,
        params: in_force,
        n_ctx: context.n_ctx_seq(),
        n_batch: context.n_batch(),
        n_ubatch: context.n_ubatch(),
        n_seq_max: context.n_seq_max(),
        sharing: sharing(&open.facts, params, native.kv_unified),
        n_threads: running.single.unsigned_abs(),
        n_threads_batch: running.batch.unsigned_abs(),
        n_gpu_layers: open.n_gpu_layers,
        devices,
        mapped: open.mapped,
        notes,
    };
    Ok((context, info))
}

/// What llama.cpp's memory of that model allows.
fn sharing(facts: &ModelFacts, params: &LoadParams, unified: bool) -> PrefixSharing {
    if facts.is_recurrent {
        PrefixSharing::Recurrent
    } else if !unified {
        PrefixSharing::SplitCache
    } else if facts.n_swa > 0 && !params.context.swa_full {
        PrefixSharing::InWindow
    } else {
        PrefixSharing::Whole
    }
}

/// Refuses models that load but cannot hold a conversation.
fn can_chat(path: &Path, model: &Model, facts: &ModelFacts) -> Result<(), EngineError> {
    let flag = |key: &str| model.arch_meta(key);
    let why = if facts.n_layer == 0 || facts.n_params == 0 {
        "it holds a vocabulary and no weights"
    } else if !facts.has_decoder || facts.has_encoder {
        "it is an encoder, made for embeddings or translation"
    } else if flag("attention.causal").as_deref() == Some("false")
        || flag("pooling_type").is_some_and(|kind| kind != "0")
    {
        "it is an embedding model"
    } else if facts.is_diffusion {
        "it is a diffusion model, which does not write token by token"
    } else if !model.vocab().has_tokenizer() {
        "it brings no tokenizer"
    } else {
        return Ok(());
    };
    Err(failure(
        path,
        ErrorKind::BadData,
        why,
        "load a chat or instruct model",
    ))
}

fn add(weights: &[DeviceMemory], context: Vec<DeviceMemory>) -> Vec<DeviceMemory> {
    let mut devices = weights.to_vec();
    for more in context {
        match devices.iter_mut().find(|device| device.name == more.name) {
            Some(device) => {
                device.kv += more.kv;
                device.compute += more.compute;
            }
            None => devices.push(more),
        }
    }
    devices
}

fn kind_of(why: &str, otherwise: ErrorKind) -> ErrorKind {
    let why = why.to_lowercase();
    let memory = [
        "alloc",
        "out of memory",
        "not enough memory",
        "insufficient memory",
    ];
    if memory.iter().any(|sign| why.contains(sign)) {
        ErrorKind::NoMemory
    } else {
        otherwise
    }
}

/// A way out for what llama.cpp says; empty where none is known.
fn hint_for(why: &str) -> &'static str {
    let why = why.to_lowercase();
    let known = [
        (
            "flash_attn",
            "switch flash-attn on, or take another cache type",
        ),
        ("memory", "a smaller ctx-size or quantisation needs less"),
        ("alloc", "a smaller ctx-size or quantisation needs less"),
        (
            "unknown model architecture",
            "this version of llama.cpp does not know it",
        ),
        ("tensor", "another conversion of the model may work"),
    ];
    let hint = known.iter().find(|(sign, _)| why.contains(sign));
    hint.map_or("the log has llama.cpp's own words", |(_, hint)| *hint)
}
