//! Why it is slow: facts from the state, findings from the facts, and what mends them.

use super::overlay::{Overlay, PickList};
use super::update::{IsError, notice};
use super::{Effect, Entry, ReplyState, State, retune};
use crate::diagnose::{self, Context, Disk, Facts, Finding, Fix, Gpu, Machine, Model, Reply};
use crate::params::{FlashAttention, Param, Source, spec};
use crate::plan::{HOST, Reads, peak_of};
use crate::telemetry::{GpuMemory, GpuSample, Reading, Sample, Throttle};

/// Tokens of a reply before its speed says something.
const ENOUGH: u32 = 16;
/// Bytes of a reply looked at for what goes wrong with it, from its end.
const TAIL: usize = 8 * 1024;

/// What was found, and what it is found from.
#[derive(Clone, Debug, Default)]
pub struct WhyState {
    /// As of the latest sample; at most three.
    pub findings: Vec<Finding>,
    /// What of this machine never changes.
    pub machine: Machine,
    /// Seconds that the last load took.
    pub(super) load_seconds: Option<f64>,
}

/// Judges anew, after a sample.
pub(super) fn judge(state: &mut State) {
    state.why.findings = diagnose::diagnose(&facts(state));
}

/// Shows what was found.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    if state.model.running.is_none() {
        return notice(state, retune::no_model(state), IsError::No);
    }
    judge(state);
    if state.why.findings.is_empty() {
        let said = "Nothing is found that holds it back. F3 shows what memory allows.";
        return notice(state, said, IsError::No);
    }
    let items = state.why.findings.iter().map(|finding| {
        let about = [
            Some(finding.evidence.clone()),
            finding.gain.as_ref().map(diagnose::Gain::words),
            Some(match &finding.fix {
                Fix::Set(param, value) => {
                    let spec = spec(*param);
                    format!("Enter sets {} {}", spec.name, spec.format(value))
                }
                Fix::Do(what) => what.clone(),
            }),
        ];
        let about: Vec<String> = about.into_iter().flatten().collect();
        (finding.clone(), finding.what.clone(), about.join(" · "))
    });
    state.overlay = Some(Overlay::Why(PickList::new(items.collect())));
    vec![]
}

/// Does what mends the chosen finding, as the parameter editor would.
pub(super) fn mend(state: &mut State, list: &PickList<Finding>) -> Vec<Effect> {
    let Some(finding) = list.chosen() else {
        return vec![];
    };
    match &finding.fix {
        Fix::Do(what) => notice(state, what.clone(), IsError::No),
        Fix::Set(param, value) => retune::set(state, *param, value.clone()),
    }
}

/// Everything that is known.
pub fn facts(state: &State) -> Facts {
    let mut facts = Facts {
        machine: state.why.machine.clone(),
        reply: reply(state),
        ..Facts::default()
    };
    if let Some((model, running)) = &state.model.running {
        let asked = &running.params.context;
        facts.model = Model {
            size_bytes: Some(model.size_bytes),
            n_layer: Some(model.n_layer + 1),
            n_ctx_train: Some(model.n_ctx_train).filter(|trained| *trained > 0),
            has_chat_template: Some(model.has_chat_template),
        };
        facts.context = Context {
            n_ctx: Some(running.n_ctx),
            used: state.context_used(),
            n_gpu_layers: Some(running.n_gpu_layers),
            n_ubatch: Some(running.n_ubatch),
            n_threads: Some(running.n_threads),
            threads_by_hand: Some(is_by_hand(state, Param::Threads)),
            flash_attn: match asked.flash_attn {
                FlashAttention::On => Some(true),
                FlashAttention::Off => Some(false),
                FlashAttention::Auto => None,
            },
            kv_offload: Some(asked.offload_kqv),
            cache_type: Some(match asked.type_k.as_str() {
                "" => "f16".to_owned(),
                name => name.to_owned(),
            }),
            kv_bytes: Some(running.devices.iter().map(|device| device.kv).sum()),
            weights_per_token: sum(&running.reads, |reads| reads.weights),
            kv_per_token: sum(&running.reads, |reads| reads.per_token),
        };
        facts.disk = disk(state, model.size_bytes);
    }
    if let Some(sample) = &state.gauges.latest {
        measure(&mut facts, sample, state);
    }
    facts
}

/// Over all devices; `None` when nothing is known.
fn sum(reads: &[Reads], what: impl Fn(&Reads) -> u64) -> Option<u64> {
    reads.iter().map(what).reduce(u64::saturating_add)
}

fn is_by_hand(state: &State, param: Param) -> bool {
    let values = &state.params.values;
    values.source(param) != Source::Default && values.get(param) != spec(param).default_value()
}

fn reply(state: &State) -> Reply {
    let timings = &state.speed.timings;
    let last = state.chat.last_reply();
    let streams = last.is_some_and(|reply| reply.state == ReplyState::Streaming);
    let known = |rate: f64, tokens: u32| (tokens >= ENOUGH && rate > 0.0).then_some(rate);
    let prompted = timings.prompt_n + timings.cache_n > 0;
    let text = state
        .chat
        .entries
        .iter()
        .rev()
        .find_map(|entry| match entry {
            Entry::Reply(reply) => Some(reply.text.as_str()),
            _ => None,
        });
    let missed = state.speed.missed.as_ref();
    Reply {
        decoding: Some(streams),
        decode: known(timings.predicted_per_second, timings.predicted_n),
        prefill: known(timings.prompt_per_second, timings.prompt_n),
        prompt_new: prompted.then_some(timings.prompt_n),
        prompt_reused: prompted.then_some(timings.cache_n),
        could_reuse: missed.map(|(tokens, _)| *tokens),
        missed_because: missed.map(|(_, why)| why.to_string()),
        missed_advice: missed.map(|(_, why)| why.advice().to_owned()),
        degenerate: text
            .and_then(|text| diagnose::degenerate(tail(text)))
            .map(|wrong| wrong.to_string()),
    }
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(TAIL);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at));
    start.map_or("", |start| &text[start..])
}

/// Only a load that took a while says something of a disk: memory may have held the file.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn disk(state: &State, size: u64) -> Disk {
    let seconds = state.why.load_seconds.filter(|seconds| *seconds > 0.0);
    Disk {
        load_rate: seconds.map(|seconds| size as f64 / seconds),
        load_seconds: seconds,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes per second, three digits count"
)]
fn measure(facts: &mut Facts, sample: &Sample, state: &State) {
    let number = |reading: &Reading<f32>| reading.ok().map(f64::from);
    let (cpu, memory, process) = (&sample.cpu, &sample.memory, &sample.process);
    let cores = cpu.cores.len() as f64;
    let all = number(&cpu.load).map(|load| load / 100.0 * cores);
    let own = number(&process.cpu).map(|percent| percent / 100.0);
    let machine = &mut facts.machine;
    machine.n_cores = Some(state.bench.n_cores)
        .filter(|cores| *cores > 0)
        .and_then(|cores| u32::try_from(cores).ok());
    machine.cores_taken = all.zip(own).map(|(all, own)| (all - own).max(0.0));
    machine.cpu_load = number(&cpu.load);
    machine.memory_total = memory.total.ok();
    machine.memory_available = match (memory.total, memory.used) {
        (Ok(total), Ok(used)) => Some(total.saturating_sub(used)),
        _ => None,
    };
    machine.swap_used = memory.swap_used.ok();
    machine.swap_in = memory.swap_in.ok();
    machine.major_faults = process.major_faults.ok();
    machine.bandwidth = peak_of(&state.gauges.peaks, HOST).map(|peak| peak.bytes_per_second as f64);
    if let Ok(gpus) = &sample.gpus {
        facts.gpus = gpus.iter().map(gpu).collect();
        let usable = facts.context.n_gpu_layers.unwrap_or(0) > 0;
        let unused = gpus.iter().filter(|_| !usable && !has_gpu_backend());
        facts.machine.unused_gpus = unused.map(|gpu| gpu.name.clone()).collect();
    }
}

fn gpu(sample: &GpuSample) -> Gpu {
    let number = |reading: &Reading<f32>| reading.ok().map(f64::from);
    let own = sample.memory == GpuMemory::Own;
    let free = match (sample.memory_total, sample.memory_used) {
        (Ok(total), Ok(used)) if own => Some(total.saturating_sub(used)),
        _ => None,
    };
    Gpu {
        name: sample.name.clone(),
        load: number(&sample.load),
        memory_total: sample.memory_total.ok().filter(|_| own),
        memory_free: free,
        temperature: number(&sample.temperature),
        power: number(&sample.power),
        power_limit: number(&sample.power_limit),
        clock: number(&sample.clock),
        clock_max: number(&sample.clock_max),
        throttled: sample
            .throttle
            .as_ref()
            .ok()
            .and_then(|reasons| throttled(reasons)),
    }
}

fn throttled(reasons: &[Throttle]) -> Option<String> {
    let words: Vec<&str> = reasons.iter().map(|reason| reason.what()).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Whether this build can compute on GPUs.
fn has_gpu_backend() -> bool {
    cfg!(any(
        feature = "cuda",
        feature = "vulkan",
        feature = "metal",
        feature = "rocm"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Event, update};
    use crate::engine::{Command, ContextInfo, Missed, ModelInfo};

    fn press(state: &mut State, key: &str) -> Vec<Effect> {
        update(state, Event::Key(key.parse().unwrap()))
    }

    /// A model with a prompt that was computed in pieces of 32 tokens.
    fn small_batches() -> State {
        let mut state = State::new((80, 24));
        let context = ContextInfo {
            n_ctx: 4096,
            n_ubatch: 32,
            ..ContextInfo::default()
        };
        let model = ModelInfo {
            has_chat_template: true,
            ..ModelInfo::default()
        };
        state.model.running = Some((Box::new(model), Box::new(context)));
        state
            .params
            .values
            .set(
                Source::Session,
                Param::UbatchSize,
                crate::params::Value::Int(32),
            )
            .unwrap();
        state.speed.timings.prompt_n = 900;
        state
    }

    #[test]
    fn what_is_found_is_shown_and_one_key_mends_it() {
        let mut state = small_batches();
        press(&mut state, "alt+w");
        let Some(Overlay::Why(list)) = &state.overlay else {
            panic!("{:?}", state.notice);
        };
        assert!(
            list.items[0].2.contains("Enter sets ubatch-size 512"),
            "{list:?}"
        );
        let effects = press(&mut state, "enter");
        let retuned = effects.iter().any(|effect| {
            matches!(effect,
            Effect::Engine(Command::Retune { params, .. }) if params.context.n_ubatch == 512)
        });
        assert!(retuned, "{effects:?}");
    }

    #[test]
    fn where_nothing_is_proven_nothing_is_claimed() {
        let mut state = small_batches();
        state.speed.timings.prompt_n = 20;
        press(&mut state, "alt+w");
        assert_eq!(state.overlay, None);
        assert!(
            state
                .notice
                .is_some_and(|notice| notice.text.contains("Nothing is found"))
        );
    }

    #[test]
    fn a_prompt_that_was_not_reused_is_told_with_its_reason() {
        let mut state = small_batches();
        state.speed.timings.prompt_n = 900;
        let why = Missed::Retuned("the K cache changes from f16 to q8_0".into());
        state.speed.missed = Some((800, why));
        let found = diagnose::diagnose(&facts(&state));
        let missed = found
            .iter()
            .find(|finding| finding.rule == "prompt-cache-missed");
        assert!(
            missed.unwrap().evidence.contains("the K cache changes"),
            "{found:?}"
        );
    }
}
