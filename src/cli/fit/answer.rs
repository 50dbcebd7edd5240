//! From a model and a machine to the answer.

use super::machine::Machine;
use super::report::{Device, Model, Report};
use super::subject::Subject;
use crate::cli::Failure;
use crate::engine::llama;
use crate::gguf::Facts;
use crate::params::{GpuLayers, LoadParams};
use crate::plan::{self, Capacity, Limits, Memory, Room, Run, Verdict, size};

/// Plans the model on the machine.
///
/// # Errors
/// For a parameter that cannot be used, such as an unknown cache type.
pub(super) fn answer(
    subject: &Subject,
    machine: &Machine,
    params: &LoadParams,
    depth: u32,
) -> Result<Report, Failure> {
    let facts = &subject.facts;
    let run = run(facts, machine, params)?;
    let limits = limits(facts, machine, params);
    let verdict = plan::judge(facts, &machine.room, &run, &limits);
    let swapped = swapped(facts, machine, &run, &limits, &verdict);
    let all = facts.n_layer.saturating_add(1);
    let n_gpu_layers = match limits.n_gpu_layers {
        // All memory is system memory to the plan, but the GPU computes what it is asked to.
        asked if machine.is_unified() => asked.unwrap_or(all).min(all),
        _ => verdict.fit.n_gpu_layers,
    };
    let max_n_gpu_layers = match (machine.is_unified(), verdict.max_ctx_size) {
        (true, fits) => fits.map(|_| all),
        // With swap it fits as it was chosen.
        (false, _) => verdict.max_n_gpu_layers.or(swapped.map(|_| n_gpu_layers)),
    };
    let fits = verdict.fits || swapped.is_some();
    let placement = &verdict.fit.placement;
    let memories = || placement.gpus.iter().chain([&placement.host]);
    let sum = |part: fn(&Memory) -> u64| memories().map(part).fold(0, u64::saturating_add);
    Ok(Report {
        model: model(facts),
        n_ctx: verdict.fit.n_ctx,
        n_gpu_layers,
        weights_bytes: sum(|memory| memory.weights),
        kv_bytes: sum(|memory| memory.kv),
        compute_bytes: sum(|memory| memory.compute),
        margin_bytes: limits.fit_target,
        devices: devices(machine, &verdict, swapped.is_some()),
        fits,
        max_n_gpu_layers,
        max_ctx_size: verdict.max_ctx_size,
        tokens_per_second_ceiling: ceiling(facts, machine, &run, &verdict, depth),
        depth,
        reasons: reasons(subject, machine, &verdict, swapped)
            .into_iter()
            .chain(beside(machine, params, &verdict, depth))
            .collect(),
    })
}

fn run(facts: &Facts, machine: &Machine, params: &LoadParams) -> Result<Run, Failure> {
    let names: Vec<&str> = machine.gpus.iter().map(|name| short(name)).collect();
    let overrides = llama::overrides(&params.model, &names)?;
    Ok(Run {
        pins: plan::pins(facts, &overrides),
        ..llama::run_for(params, machine.n_gpus)?
    })
}

/// `CUDA0 (NVIDIA …)` → `CUDA0`
fn short(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

/// What may be chosen: where nothing is known of system memory, all of the model has to be on GPUs.
fn limits(facts: &Facts, machine: &Machine, params: &LoadParams) -> Limits {
    let limits = llama::limits(params, facts);
    let automatic = params.model.n_gpu_layers == GpuLayers::Auto;
    if machine.host.is_none() && automatic {
        let all = facts.n_layer.saturating_add(1);
        return Limits {
            n_gpu_layers: Some(all),
            ..limits
        };
    }
    limits
}

/// Bytes that would lie in swap, if all fits with it.
fn swapped(
    facts: &Facts,
    machine: &Machine,
    run: &Run,
    limits: &Limits,
    verdict: &Verdict,
) -> Option<u64> {
    let lacking: u64 = verdict
        .lacks
        .iter()
        .filter(|lack| lack.gpu.is_none())
        .map(plan::Lack::bytes)
        .sum();
    let swap = machine.swap.filter(|free| *free > 0)?;
    if verdict.fits || lacking == 0 {
        return None;
    }
    let host = Capacity {
        free: machine.room.host.free.saturating_add(swap),
        ..machine.room.host
    };
    let room = Room {
        host,
        ..machine.room.clone()
    };
    let same = Limits {
        n_ctx: verdict.fit.n_ctx,
        n_gpu_layers: Some(verdict.fit.n_gpu_layers),
        ..*limits
    };
    plan::judge(facts, &room, run, &same)
        .fits
        .then_some(lacking)
}

fn model(facts: &Facts) -> Model {
    Model {
        name: facts.name.clone(),
        arch: facts.arch.clone(),
        n_params: facts.n_params,
        quant: facts.quant.to_owned(),
        size_bytes: facts.tensor_bytes,
        n_layer: facts.n_layer,
    }
}

fn devices(machine: &Machine, verdict: &Verdict, swap: bool) -> Vec<Device> {
    let placement = &verdict.fit.placement;
    let known = |bytes: u64| (bytes != u64::MAX).then_some(bytes);
    let device = |name: &str, memory: &Memory, has: Capacity, gpu: Option<usize>| Device {
        name: name.to_owned(),
        total: known(has.total),
        free: known(has.free),
        weights: memory.weights,
        kv: memory.kv,
        compute: memory.compute,
        fits: (gpu.is_none() && swap) || verdict.lacks.iter().all(|lack| lack.gpu != gpu),
    };
    let gpus = machine.gpus.iter().zip(&placement.gpus).enumerate();
    let gpus = gpus
        .map(|(index, (name, memory))| device(name, memory, machine.room.gpus[index], Some(index)));
    let name = machine.host.as_deref().unwrap_or("system memory");
    gpus.chain([device(name, &placement.host, machine.room.host, None)])
        .collect()
}

fn ceiling(
    facts: &Facts,
    machine: &Machine,
    run: &Run,
    verdict: &Verdict,
    depth: u32,
) -> Option<f64> {
    let run = Run {
        n_ctx: verdict.fit.n_ctx,
        n_gpu_layers: verdict.fit.n_gpu_layers,
        ..run.clone()
    };
    let reads = plan::read_per_token(facts, &run, &machine.room.division(), depth);
    plan::tokens_per_second(&reads, &machine.bandwidths)
}

fn reasons(
    subject: &Subject,
    machine: &Machine,
    verdict: &Verdict,
    swapped: Option<u64>,
) -> Vec<String> {
    let mut reasons = Vec::new();
    for lack in verdict
        .lacks
        .iter()
        .filter(|lack| swapped.is_none() || lack.gpu.is_some())
    {
        let name = lack.gpu.map_or_else(
            || {
                machine
                    .host
                    .clone()
                    .unwrap_or_else(|| "system memory".into())
            },
            |gpu| machine.gpus.get(gpu).cloned().unwrap_or_default(),
        );
        let Memory {
            weights,
            kv,
            compute,
        } = lack.needs;
        reasons.push(format!(
            "{name}: {} are missing: weights {}, cache {}, compute {}, {} to stay free; {} of {} are free",
            size(lack.bytes()),
            size(weights),
            size(kv),
            size(compute),
            size(lack.spare),
            size(lack.has.free),
            size(lack.has.total),
        ));
    }
    if let Some(bytes) = swapped {
        reasons.push(format!(
            "system memory: {} would lie in swap, which is slow",
            size(bytes)
        ));
    }
    let host_lacks = verdict.lacks.iter().any(|lack| lack.gpu.is_none());
    if machine.swap.is_none() && host_lacks {
        reasons.push("swap: how much of it is free is not known, so none is counted".to_owned());
    }
    if !verdict.fits && swapped.is_none() {
        reasons.extend(ways_out(subject, machine, verdict));
    }
    reasons.extend(verdict.fit.notes.iter().cloned());
    let facts = &subject.facts;
    if facts.n_ctx_train > 0 && verdict.fit.n_ctx > facts.n_ctx_train {
        reasons.push(format!(
            "ctx-size: the model was trained for {} tokens",
            facts.n_ctx_train
        ));
    }
    if facts.rough_cache {
        reasons.push(format!(
            "the cache of {} follows rules that are not modelled: the figure is an upper bound",
            facts.arch
        ));
    }
    reasons.extend(machine.notes.iter().cloned());
    reasons.extend(subject.notes.iter().cloned());
    reasons
}

/// What of the question the answer cannot take into account.
fn beside(machine: &Machine, params: &LoadParams, verdict: &Verdict, depth: u32) -> Vec<String> {
    let asked = match params.model.n_gpu_layers {
        GpuLayers::Auto | GpuLayers::Count(0) => None,
        GpuLayers::Count(count) => Some(count.to_string()),
        GpuLayers::All => Some("all".to_owned()),
    };
    let no_gpu = asked.filter(|_| machine.n_gpus == 0).map(|asked| {
        format!("n-gpu-layers: {asked} asked for, but there is no GPU to put layers on")
    });
    let n_ctx = verdict.fit.n_ctx;
    let deeper = (depth > n_ctx).then(|| {
        format!("depth: a context of {n_ctx} tokens never holds {depth}; the ceiling is for more than fits in it")
    });
    no_gpu.into_iter().chain(deeper).collect()
}

/// What would fit instead.
fn ways_out(subject: &Subject, machine: &Machine, verdict: &Verdict) -> Vec<String> {
    let mut ways = Vec::new();
    let all = subject.facts.n_layer.saturating_add(1);
    let rest = machine.host.as_deref().unwrap_or("system memory");
    match verdict.max_n_gpu_layers {
        _ if machine.gpus.is_empty() => {}
        Some(layers) if layers < verdict.fit.n_gpu_layers => ways.push(format!(
            "n-gpu-layers: at most {layers} of {all} fit, the rest in {rest}"
        )),
        Some(_) => {}
        None => ways.push(format!(
            "n-gpu-layers: it fits with no number of them, the rest in {rest}"
        )),
    }
    match verdict.max_ctx_size {
        Some(n_ctx) if n_ctx < verdict.fit.n_ctx => {
            ways.push(format!("ctx-size: at most {n_ctx} fits with these layers"));
        }
        Some(_) => {}
        None => ways.push("ctx-size: not even 256 tokens fit with these layers".into()),
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::{Hardware, Kind};

    fn machine(swap: Option<u64>) -> Machine {
        let memory = Hardware {
            id: String::new(),
            name: "RAM".into(),
            kind: Kind::Ram,
            memory: 2 << 30,
            bandwidth: None,
            source: String::new(),
        };
        let machine = Machine::of(&[memory], &LoadParams::default().model).expect("usable");
        Machine { swap, ..machine }
    }

    #[test]
    fn swap_that_is_not_known_is_not_counted_and_said_so() {
        let (facts, _) = plan::typical(8_000_000_000, "Q4_K_M", None).expect("a quantisation");
        let subject = Subject {
            facts,
            notes: Vec::new(),
        };
        let answer = |swap| {
            let params = LoadParams::default();
            answer(&subject, &machine(swap), &params, 0).expect("an answer")
        };
        let said = |report: &Report, word: &str| report.reasons.iter().any(|it| it.contains(word));
        let (unknown, none, large) = (answer(None), answer(Some(0)), answer(Some(64 << 30)));
        assert!(!unknown.fits && said(&unknown, "swap: how much of it is free is not known"));
        assert!(!none.fits && !said(&none, "swap"));
        assert!(large.fits && said(&large, "would lie in swap"));
    }
}
