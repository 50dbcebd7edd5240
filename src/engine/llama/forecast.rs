//! What a change of load parameters would come to on this machine.

use super::load::OpenModel;
use super::{context_options, place};
use crate::engine::{
    Change, ContextInfo, DeviceForecast, DeviceMemory, EngineError, Forecast, KvOutcome,
};
use crate::params::LoadParams;
use crate::plan::{self, Memory};

/// The model that is held beside the one that changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Neighbour<'a> {
    Stays(&'a ContextInfo),
    Goes(&'a ContextInfo),
}

/// Places the model anew in the memory that is free once what runs now has given its own back, and
/// a neighbour that goes too. The tokens in the cache are for the caller to fill in.
///
/// # Errors
/// For parameters that llama.cpp does not know, and a cache that cannot fit.
pub(crate) fn forecast(
    open: &OpenModel,
    now: &ContextInfo,
    change: Change,
    params: &LoadParams,
    neighbour: Option<Neighbour<'_>>,
) -> Result<Forecast, EngineError> {
    if change == Change::Live {
        let same = |device: &DeviceMemory| DeviceForecast {
            name: device.name.clone(),
            before: device.clone(),
            after: device.clone(),
            total: 0,
        };
        return Ok(Forecast {
            change,
            n_ctx: now.n_ctx,
            n_gpu_layers: now.n_gpu_layers,
            devices: now.devices.iter().map(same).collect(),
            kv: KvOutcome::Untouched,
            fits: true,
            notes: Vec::new(),
        });
    }
    let (gpus, room) = place::machine(params);
    let held = |name: &str| now.devices.iter().find(|device| device.name == name);
    let on_gpus = |device: &&DeviceMemory| gpus.iter().any(|gpu| gpu.name == device.name);
    let host = now.devices.iter().filter(|device| !on_gpus(device));
    let host = host.fold(DeviceMemory::default(), add);
    let room = room.without(&place::taken(now, &gpus));
    let room = match neighbour {
        Some(Neighbour::Stays(held)) => room.beside(&place::taken(held, &gpus)),
        Some(Neighbour::Goes(held)) => room.without(&place::taken(held, &gpus)),
        None => room,
    };
    let mut limits = place::limits(params, &open.header);
    if change == Change::NewContext {
        limits.n_gpu_layers = Some(open.n_gpu_layers);
    }
    let run = place::run(&open.header, &gpus, params)?;
    let fit = plan::fit(&open.header, &room, &run, &limits);
    if let Some(shortage) = fit.shortage {
        return Err(place::too_long(fit.n_ctx, &shortage));
    }
    let after = |name: &str, memory: Memory| DeviceMemory {
        name: name.to_owned(),
        weights: memory.weights,
        kv: memory.kv,
        compute: memory.compute,
    };
    // Weights that stay where they are take what llama.cpp said they do, with those it keeps twice
    // in an order that the processor likes better.
    let stay = |before: &DeviceMemory, after: DeviceMemory| match change {
        Change::NewContext => DeviceMemory {
            weights: before.weights,
            ..after
        },
        Change::Live | Change::Reload => after,
    };
    let before = DeviceMemory {
        name: HOST.into(),
        ..host
    };
    let mut devices = vec![DeviceForecast {
        name: HOST.into(),
        after: stay(&before, after(HOST, fit.placement.host)),
        before,
        total: room.host.total,
    }];
    for ((gpu, capacity), memory) in gpus.iter().zip(&room.gpus).zip(&fit.placement.gpus) {
        let before = held(&gpu.name).cloned().unwrap_or_default();
        let after = stay(&before, after(&gpu.name, *memory));
        if before.total() + after.total() > 0 {
            devices.push(DeviceForecast {
                name: gpu.name.clone(),
                before,
                after,
                total: capacity.total,
            });
        }
    }
    Ok(Forecast {
        change,
        n_ctx: plan::n_ctx_seq(fit.n_ctx, run.n_seq, run.kv_unified),
        n_gpu_layers: if change == Change::Reload {
            fit.n_gpu_layers
        } else {
            now.n_gpu_layers
        },
        devices,
        kv: KvOutcome::Untouched,
        fits: fit.fits,
        notes: fit.notes,
    })
}

/// Why llama.cpp would not take the saved cache over, if it is known beforehand: without flash
/// attention the values lie the other way round.
pub(crate) fn turns_values(before: &LoadParams, after: &LoadParams) -> bool {
    let resolved = |params: &LoadParams| {
        context_options::flash_attention(&params.context, place::gpus(params).len())
    };
    resolved(before) != resolved(after)
}

/// llama.cpp's name of system memory.
const HOST: &str = "CPU";

fn add(sum: DeviceMemory, more: &DeviceMemory) -> DeviceMemory {
    DeviceMemory {
        name: sum.name,
        weights: sum.weights.saturating_add(more.weights),
        kv: sum.kv.saturating_add(more.kv),
        compute: sum.compute.saturating_add(more.compute),
    }
}
