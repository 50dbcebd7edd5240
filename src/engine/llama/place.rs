//! Where a model goes: this machine and the parameters in the terms of [`crate::plan`], and what
//! it answers in those of the engine.

use std::collections::HashMap;
use std::path::Path;

use super::load::OpenModel;
use super::threads::Threads;
use super::{backend, context_options};
use crate::engine::{ContextInfo, Device, DeviceKind, DeviceMemory, EngineError, ErrorKind};
use crate::gguf::{self, TensorType};
use crate::host::Memory;
use crate::params::{FlashAttention, GpuLayers, LoadParams, ModelParams, SplitMode};
use crate::plan::{
    self, Capacity, Fit, Limits, Override, Part, Present, Reads, Room, Run, Shortage, Split, Stay,
    Taken, Weights,
};

/// Refuses a model that this machine can never run, whatever else is ended before.
///
/// # Errors
/// [`ErrorKind::NoMemory`] with what it needs and what there is.
pub(crate) fn check_size(
    path: &Path,
    facts: &gguf::Facts,
    params: &LoadParams,
) -> Result<(), EngineError> {
    let gpus = gpus(params);
    let limits = limits(params, facts);
    let room = room(&gpus, params, Weights::ToLoad);
    match plan::never_fits(facts, &room, &run(facts, &gpus, params)?, &limits) {
        None => Ok(()),
        Some(lack) if lack.part == Part::Weights => Err(too_large(path, &lack)),
        Some(lack) => Err(too_long(*limits.contexts(facts).start(), &lack)),
    }
}

/// Which of the models in memory stay while another is loaded, so that it gets no less for them.
pub(crate) fn stays(
    facts: &gguf::Facts,
    params: &LoadParams,
    running: Option<&ContextInfo>,
    held: Option<&ContextInfo>,
) -> Stay {
    let (gpus, room) = machine(params);
    let present = present(&gpus, running, held);
    let limits = limits(params, facts);
    run(facts, &gpus, params).map_or(Stay::Nothing, |run| {
        present.stays(facts, &room, &run, &limits)
    })
}

/// Whether so many bytes more of system memory can be taken beside the weights of a model that is
/// held.
pub(crate) fn host_has(bytes: u64, params: &LoadParams, held: &ContextInfo) -> bool {
    let free = host().free.saturating_sub(held.mapped);
    bytes.saturating_add(params.model.fit_target) <= free
}

/// Layers to put on the GPUs of [`gpus`], before the weights are loaded, with room for the
/// context asked for or the smallest one allowed.
pub(super) fn layers(
    facts: &gguf::Facts,
    gpus: &[Device],
    params: &LoadParams,
) -> Result<Fit, EngineError> {
    let limits = limits(params, facts);
    let limits = Limits {
        n_ctx: *limits.contexts(facts).start(),
        ..limits
    };
    let room = room(gpus, params, Weights::ToLoad);
    Ok(plan::fit(facts, &room, &run(facts, gpus, params)?, &limits))
}

/// The context size to ask llama.cpp for, with the weights in memory.
///
/// # Errors
/// [`ErrorKind::NoMemory`] when its cache cannot fit.
pub(super) fn context_size(
    open: &OpenModel,
    params: &LoadParams,
    notes: &mut Vec<String>,
) -> Result<u32, EngineError> {
    let now = devices();
    let gpus = open.gpus.iter().map(|gpu| {
        let same = now.iter().find(|device| device.name == gpu.name);
        same.unwrap_or(gpu).clone()
    });
    let gpus: Vec<Device> = gpus.collect();
    let mapped = open.mapped;
    let room = Room {
        shares: shares(&open.gpus, &params.model.tensor_split),
        ..room(&gpus, params, Weights::Loaded { mapped })
    };
    let limits = Limits {
        n_gpu_layers: Some(open.n_gpu_layers),
        ..limits(params, &open.header)
    };
    let run = run(&open.header, &gpus, params)?;
    let fit = plan::fit(&open.header, &room, &run, &limits);
    if let Some(shortage) = fit.shortage {
        return Err(too_long(fit.n_ctx, &shortage));
    }
    notes.extend(fit.notes);
    Ok(fit.n_ctx)
}

/// What decoding a token reads on each device that it reads from.
pub(super) fn reads(open: &OpenModel, params: &LoadParams, n_ctx: u32) -> Vec<Reads> {
    let Ok(run) = run(&open.header, &open.gpus, params) else {
        return Vec::new();
    };
    let run = Run {
        n_gpu_layers: open.n_gpu_layers,
        n_ctx,
        ..run
    };
    let shares = shares(&open.gpus, &params.model.tensor_split);
    let at = |depth| plan::read_per_token(&open.header, &run, &shares, depth);
    let (last, output) = plan::output_layer(&open.header, &run, &shares);
    let names = open.gpus.iter().map(|gpu| gpu.name.as_str());
    let all = std::iter::once(plan::HOST)
        .chain(names)
        .zip(at(0).into_iter().zip(at(n_ctx)));
    all.enumerate()
        .filter(|(_, (_, (_, whole)))| *whole > 0)
        .map(|(index, (device, (weights, whole)))| Reads {
            device: device.to_owned(),
            weights,
            output: if index == last {
                output.min(weights)
            } else {
                0
            },
            per_token: whole.saturating_sub(weights) / u64::from(n_ctx.max(1)),
        })
        .collect()
}

/// GPUs that layers may go to, in llama.cpp's order.
pub(super) fn gpus(params: &LoadParams) -> Vec<Device> {
    chosen(devices(), &params.model, &backend::hardware_ids())
}

/// Which of all devices get layers (`llama_prepare_model_devices`).
///
/// A card seen through two backends counts once, through the first: `ids` tells which are the same.
/// Of integrated GPUs, those of one backend count.
fn chosen(all: Vec<Device>, model: &ModelParams, ids: &HashMap<String, String>) -> Vec<Device> {
    let is_gpu =
        |device: &Device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    let mut gpus: Vec<Device> = all.into_iter().filter(is_gpu).collect();
    if model.devices.is_empty() {
        let remote = |device: &Device| device.backend == "RPC";
        let card = |device: &Device| device.kind == DeviceKind::Gpu && !remote(device);
        if gpus.iter().any(card) {
            gpus.retain(|device| device.kind == DeviceKind::Gpu);
        }
        let mut seen: Vec<&String> = Vec::new();
        gpus.retain(|device| match ids.get(&device.name) {
            Some(id) if seen.contains(&id) && card(device) => false,
            Some(id) => {
                seen.push(id);
                true
            }
            None => true,
        });
        let integrated = |device: &&Device| device.kind == DeviceKind::IntegratedGpu;
        let backend = gpus
            .iter()
            .find(integrated)
            .map(|device| device.backend.clone());
        gpus.retain(|device| {
            device.kind != DeviceKind::IntegratedGpu || Some(&device.backend) == backend.as_ref()
        });
        gpus.sort_by_key(|device| !remote(device));
    } else {
        let named = |name: &String| gpus.iter().find(|device| device.name == *name).cloned();
        gpus = model.devices.iter().filter_map(named).collect();
    }
    if model.split_mode == SplitMode::None {
        let main = usize::try_from(model.main_gpu).ok();
        let main = main.and_then(|main| gpus.get(main).cloned());
        gpus = main.into_iter().collect();
    }
    gpus
}

/// llama.cpp's devices; one that does not tell its memory is taken to use the system's, as
/// llama.cpp does.
fn devices() -> Vec<Device> {
    let mut devices = backend::devices();
    for device in devices.iter_mut().filter(|one| one.memory_total == 0) {
        let host = host();
        (device.memory_free, device.memory_total) = (host.free, host.total);
    }
    devices
}

fn room(gpus: &[Device], params: &LoadParams, weights: Weights) -> Room {
    let capacity = |gpu: &Device| Capacity {
        free: gpu.memory_free,
        total: gpu.memory_total,
    };
    Room {
        host: host(),
        gpus: gpus.iter().map(capacity).collect(),
        shares: plan::given_shares(&params.model.tensor_split, gpus.len()),
        weights,
    }
}

/// By what llama.cpp divides layers over GPUs that have so much memory free.
fn shares(gpus: &[Device], split: &[f32]) -> Vec<u64> {
    match plan::given_shares(split, gpus.len()) {
        none if none.is_empty() => gpus.iter().map(|gpu| gpu.memory_free).collect(),
        given => given,
    }
}

/// System memory as the gauges show it; no limit where the system does not say.
fn host() -> Capacity {
    let memory = Memory::now();
    let total = memory.total.unwrap_or(u64::MAX);
    Capacity {
        free: memory.available.unwrap_or(total),
        total,
    }
}

pub(super) fn run(
    facts: &gguf::Facts,
    gpus: &[Device],
    params: &LoadParams,
) -> Result<Run, EngineError> {
    let names: Vec<&str> = gpus.iter().map(|gpu| gpu.name.as_str()).collect();
    Ok(Run {
        pins: plan::pins(facts, &overrides(&params.model, &names)?),
        ..run_for(params, gpus.len())?
    })
}

/// Tensors that the parameters send elsewhere, on a machine with these GPUs.
///
/// # Errors
/// [`ErrorKind::BadParameter`] for a pattern that cannot be read.
pub fn overrides(model: &ModelParams, gpus: &[&str]) -> Result<Vec<Override>, EngineError> {
    let mut all = Vec::new();
    for (pattern, name) in &model.override_tensor {
        let gpu = gpus.iter().position(|gpu| gpu == name);
        let one = Override::new(pattern, gpu).map_err(|why| EngineError {
            kind: ErrorKind::BadParameter,
            what: format!("override-tensor {pattern}={name}"),
            why,
            hint: "give a regular expression that tensor names are searched for".into(),
        })?;
        all.push(one);
    }
    all.extend(Override::cpu_options(
        model.cpu_moe,
        model.n_cpu_moe,
        model.n_cpu_ffn,
    ));
    Ok(all)
}

/// The memory of this machine and its GPUs that may be used, by name, before anything is loaded.
pub fn machine(params: &LoadParams) -> (Vec<Device>, Room) {
    let gpus = gpus(params);
    let room = room(&gpus, params, Weights::ToLoad);
    (gpus, room)
}

/// The models in memory, as far as they take memory of this system and of these GPUs.
pub fn present(
    gpus: &[Device],
    running: Option<&ContextInfo>,
    held: Option<&ContextInfo>,
) -> Present {
    Present {
        running: running.map(|context| taken(context, gpus)),
        held: held.map(|context| taken(context, gpus)),
    }
}

/// What a model with that context takes of system memory and of these GPUs.
pub(super) fn taken(context: &ContextInfo, gpus: &[Device]) -> Taken {
    let of = |name: &str| context.devices.iter().find(|device| device.name == name);
    let is_gpu = |device: &&DeviceMemory| gpus.iter().any(|gpu| gpu.name == device.name);
    let host = context.devices.iter().filter(|device| !is_gpu(device));
    let host = host.map(DeviceMemory::total).fold(0, u64::saturating_add);
    Taken {
        host: host.saturating_sub(context.mapped),
        gpus: gpus
            .iter()
            .map(|gpu| of(&gpu.name).map_or(0, DeviceMemory::total))
            .collect(),
        mapped: context.mapped,
    }
}

/// How the parameters run on a machine with so many GPUs, but for what fitting chooses.
///
/// # Errors
/// [`crate::engine::ErrorKind::BadParameter`] for a name that does not exist.
pub fn run_for(params: &LoadParams, n_gpus: usize) -> Result<Run, EngineError> {
    let context = &params.context;
    let native = context_options::context_params(context, context.n_ctx, Threads::ONE)?;
    // The names are known: `context_params` has checked them.
    let cache_type = |name: &str| TensorType::from_name(name).unwrap_or(TensorType::F16);
    Ok(Run {
        // Chosen by fitting.
        n_ctx: 0,
        n_gpu_layers: 0,
        n_ubatch: native.n_ubatch,
        n_outputs: native.n_outputs_max,
        n_seq: native.n_seq_max,
        kv_unified: native.kv_unified,
        swa_full: native.swa_full,
        split: match params.model.split_mode {
            SplitMode::None | SplitMode::Layer => Split::Layers,
            SplitMode::Row => Split::Rows,
            SplitMode::Tensor => Split::Tensors,
        },
        pins: Vec::new(),
        type_k: cache_type(&context.type_k),
        type_v: cache_type(&context.type_v),
        offload_kqv: context.offload_kqv,
        flash_attn: context_options::flash_attention(context, n_gpus) != FlashAttention::Off,
    })
}

/// What the parameters leave to choose.
pub fn limits(params: &LoadParams, facts: &gguf::Facts) -> Limits {
    let model = &params.model;
    Limits {
        n_ctx: match params.context.n_ctx {
            0 if !model.fit => facts.n_ctx_train,
            n_ctx => n_ctx,
        },
        n_gpu_layers: match model.n_gpu_layers {
            GpuLayers::Auto if model.fit => None,
            GpuLayers::Auto | GpuLayers::All => Some(facts.n_layer.saturating_add(1)),
            GpuLayers::Count(count) => Some(count),
        },
        fit_ctx: model.fit_ctx,
        fit_target: model.fit_target,
    }
}

fn too_large(path: &Path, lack: &Shortage) -> EngineError {
    let hint = match lack.gpu {
        None => "choose a smaller model or a smaller quantisation, or put more layers on a GPU",
        Some(_) => "lower n-gpu-layers, or choose a smaller model or a smaller quantisation",
    };
    EngineError {
        kind: ErrorKind::NoMemory,
        what: format!("loading {}", path.display()),
        why: lack.to_string(),
        hint: hint.into(),
    }
}

pub(super) fn too_long(n_ctx: u32, lack: &Shortage) -> EngineError {
    EngineError {
        kind: ErrorKind::NoMemory,
        what: format!("ctx-size {n_ctx}"),
        why: lack.to_string(),
        hint: "choose a smaller ctx-size or a smaller cache type".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, backend: &str, kind: DeviceKind) -> Device {
        Device {
            name: name.into(),
            description: String::new(),
            backend: backend.into(),
            kind,
            memory_total: 2,
            memory_free: 1,
        }
    }

    fn names(all: &[Device], change: impl Fn(&mut ModelParams)) -> Vec<String> {
        let mut model = LoadParams::default().model;
        change(&mut model);
        let ids = [("Vulkan1", "0000:01:00.0"), ("CUDA0", "0000:01:00.0")];
        let ids = ids.map(|(name, id)| (name.into(), id.into())).into();
        let gpus = chosen(all.to_vec(), &model, &ids);
        gpus.into_iter().map(|gpu| gpu.name).collect()
    }

    #[test]
    fn gpus_come_in_the_order_of_llama_cpp() {
        let cpu = device("CPU", "CPU", DeviceKind::Cpu);
        let small = device("Vulkan0", "Vulkan", DeviceKind::IntegratedGpu);
        let cards = ["CUDA0", "CUDA1"].map(|name| device(name, "CUDA", DeviceKind::Gpu));
        let far = device("RPC0", "RPC", DeviceKind::Gpu);
        let [first, second] = cards;
        let all = [small.clone(), first, second, cpu.clone(), far.clone()];
        assert_eq!(names(&all, |_| ()), ["RPC0", "CUDA0", "CUDA1"]);
        // An integrated GPU counts where no card is in this machine.
        assert_eq!(names(&[cpu, small, far], |_| ()), ["RPC0", "Vulkan0"]);
        // A card that two backends see is one card.
        let again = device("Vulkan1", "Vulkan", DeviceKind::Gpu);
        let twice = [all.as_slice(), &[again]].concat();
        assert_eq!(names(&twice, |_| ()), ["RPC0", "CUDA0", "CUDA1"]);
        let named = |model: &mut ModelParams| model.devices = vec!["CUDA1".into(), "RPC0".into()];
        assert_eq!(names(&all, named), ["CUDA1", "RPC0"]);
        assert!(names(&all, |model| model.devices = vec!["none".into()]).is_empty());
        let one = |model: &mut ModelParams| {
            (model.split_mode, model.main_gpu) = (SplitMode::None, 1);
        };
        assert_eq!(names(&all, one), ["CUDA0"]);
    }

    #[test]
    fn layers_are_divided_by_the_shares_given_or_by_what_is_free() {
        let mut gpus = ["A", "B"].map(|name| device(name, "CUDA", DeviceKind::Gpu));
        gpus[1].memory_free = 3;
        assert_eq!(shares(&gpus, &[]), [1, 3]);
        assert_eq!(shares(&gpus, &[0.0, 0.0]), [1, 3]);
        assert_eq!(shares(&gpus, &[0.5]), [500_000, 0]);
    }

    #[test]
    fn only_what_is_left_automatic_is_fitted() {
        let facts = gguf::Facts {
            n_layer: 32,
            n_ctx_train: 8192,
            ..gguf::Facts::default()
        };
        let set = |fit, n_gpu_layers| {
            let mut params = LoadParams::default();
            (params.model.fit, params.model.n_gpu_layers) = (fit, n_gpu_layers);
            params.context.n_ctx = 0;
            let limits = limits(&params, &facts);
            (limits.n_ctx, limits.n_gpu_layers)
        };
        assert_eq!(set(true, GpuLayers::Auto), (0, None));
        assert_eq!(set(true, GpuLayers::Count(5)), (0, Some(5)));
        assert_eq!(set(false, GpuLayers::Auto), (8192, Some(33)));
    }
}
