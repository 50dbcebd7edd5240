//! Where a model goes: this machine and the parameters in the terms of [`crate::plan`], and what
//! it answers in those of the engine.

use std::path::Path;

use super::load::OpenModel;
use super::threads::Threads;
use super::{backend, context_options};
use crate::engine::{Device, DeviceKind, EngineError, ErrorKind};
use crate::gguf::{self, TensorType};
use crate::params::{FlashAttention, GpuLayers, LoadParams, ModelParams, SplitMode};
use crate::plan::{self, Capacity, Fit, Limits, Part, Room, Run, Shortage, Weights};

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
    let model = &params.model;
    let by_hand = model.cpu_moe
        || model.n_cpu_moe > 0
        || model.n_cpu_ffn > 0
        || !model.override_tensor.is_empty();
    if by_hand && !gpus.is_empty() {
        // Tensors on devices of the user's choice: llama.cpp will say what does not fit.
        return Ok(());
    }
    let limits = limits(params, facts);
    let room = room(&gpus, params, Weights::ToLoad);
    match plan::never_fits(facts, &room, &run(params)?, &limits) {
        None => Ok(()),
        Some(lack) if lack.part == Part::Weights => Err(too_large(path, &lack)),
        Some(lack) => Err(too_long(*limits.contexts(facts).start(), &lack)),
    }
}

/// Whether a second model can be loaded beside the first without getting less for it.
pub(crate) fn fits_beside(facts: &gguf::Facts, params: &LoadParams) -> bool {
    let limits = limits(params, facts);
    let room = room(&gpus(params), params, Weights::ToLoad);
    let fit = run(params).map(|run| plan::fit(facts, &room, &run, &limits));
    fit.is_ok_and(|fit| fit.fits && fit.notes.is_empty())
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
    Ok(plan::fit(facts, &room, &run(params)?, &limits))
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
    let fit = plan::fit(&open.header, &room, &run(params)?, &limits);
    if let Some(shortage) = fit.shortage {
        return Err(too_long(fit.n_ctx, &shortage));
    }
    notes.extend(fit.notes);
    Ok(fit.n_ctx)
}

/// The memory of this machine and its GPUs that may be used, before anything is loaded.
pub(super) fn machine(params: &LoadParams) -> (Vec<Device>, Room) {
    let gpus = gpus(params);
    let room = room(&gpus, params, Weights::ToLoad);
    (gpus, room)
}

/// GPUs that layers may go to, in llama.cpp's order.
pub(super) fn gpus(params: &LoadParams) -> Vec<Device> {
    chosen(devices(), &params.model)
}

/// Which of all devices get layers (`llama_prepare_model_devices`).
fn chosen(all: Vec<Device>, model: &ModelParams) -> Vec<Device> {
    let is_gpu =
        |device: &Device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    let mut gpus: Vec<Device> = all.into_iter().filter(is_gpu).collect();
    if model.devices.is_empty() {
        let remote = |device: &Device| device.backend == "RPC";
        let card = |device: &Device| device.kind == DeviceKind::Gpu && !remote(device);
        if gpus.iter().any(card) {
            gpus.retain(|device| device.kind == DeviceKind::Gpu);
        }
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
        shares: shares(gpus, &params.model.tensor_split),
        weights,
    }
}

/// By what llama.cpp divides layers over GPUs.
fn shares(gpus: &[Device], split: &[f32]) -> Vec<u64> {
    if split.iter().all(|share| *share <= 0.0) {
        return gpus.iter().map(|gpu| gpu.memory_free).collect();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "shares are checked not to be negative, and the cast saturates"
    )]
    let parts = |share: &f32| (f64::from(*share) * 1e6) as u64;
    let given = split.iter().map(parts).chain(std::iter::repeat(0));
    given.take(gpus.len()).collect()
}

/// RAM, with a container's limit respected; no limit where the system does not say.
fn host() -> Capacity {
    let Ok(mut system) = sysinfo::System::new() else {
        return Capacity {
            free: u64::MAX,
            total: u64::MAX,
        };
    };
    system.refresh_memory();
    let (free, total) = (system.available_memory(), system.total_memory());
    let limits = system.cgroup_limits();
    limits.map_or(Capacity { free, total }, |limits| Capacity {
        free: free.min(limits.free_memory),
        total: total.min(limits.total_memory),
    })
}

pub(super) fn run(params: &LoadParams) -> Result<Run, EngineError> {
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
        type_k: cache_type(&context.type_k),
        type_v: cache_type(&context.type_v),
        offload_kqv: context.offload_kqv,
        flash_attn: context_options::flash_attention(context, gpus(params).len())
            != FlashAttention::Off,
    })
}

pub(super) fn limits(params: &LoadParams, facts: &gguf::Facts) -> Limits {
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
        let gpus = chosen(all.to_vec(), &model);
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
