//! One test's result with all that it depends on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Machine, Measured, stats};
use crate::engine::{BenchSample, BenchTest};
use crate::params::{FlashAttention, LoadMode, SplitMode};

/// A result, under llama-bench's names and in its units: nanoseconds and tokens per second. What
/// llama-bench has and this engine does not know (`cpu_mask`, `poll`, `embeddings` …) is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// llama.cpp's version.
    pub build_commit: String,
    /// This program's version.
    pub llmdeck_version: String,
    pub cpu_info: String,
    pub gpu_info: String,
    pub backends: String,
    /// Cores this process may use.
    pub n_cores: usize,
    pub model_filename: String,
    /// The fingerprint of the model's file (`gguf::fingerprint`).
    pub model_hash: String,
    pub model_type: String,
    /// Bytes of tensors.
    pub model_size: u64,
    pub model_n_params: u64,
    pub n_batch: u32,
    pub n_ubatch: u32,
    pub n_threads: u32,
    pub n_threads_batch: u32,
    pub type_k: String,
    pub type_v: String,
    /// Layers that came to lie on GPUs.
    pub n_gpu_layers: u32,
    pub n_cpu_moe: u32,
    pub split_mode: String,
    pub main_gpu: i32,
    pub no_kv_offload: bool,
    /// 1 on, 0 off, -1 automatic.
    pub flash_attn: i32,
    pub devices: String,
    pub tensor_split: String,
    pub tensor_buft_overrides: String,
    pub load_mode: String,
    /// Every load parameter that was not at its default, as it was asked for.
    pub params: BTreeMap<String, String>,
    pub n_prompt: u32,
    pub n_gen: u32,
    pub n_depth: u32,
    /// When the test ended, UTC: `2026-01-31T12:00:00Z`.
    pub test_time: String,
    /// A repetition.
    pub avg_ns: u64,
    pub stddev_ns: u64,
    /// Tokens per second, prompt and generated together.
    pub avg_ts: f64,
    pub stddev_ts: f64,
    /// Milliseconds until the logits for the first new token were there, on average.
    pub ttft_ms: f64,
    pub stddev_ttft_ms: f64,
    pub samples_ns: Vec<u64>,
    pub samples_ts: Vec<f64>,
    pub samples_ttft_ms: Vec<f64>,
}

/// What a record holds beside the measurement itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// llama.cpp's version.
    pub llama_cpp: String,
    pub machine: Machine,
    pub model_hash: String,
    /// UTC, as in [`Record::test_time`].
    pub time: String,
}

impl Record {
    pub fn new(measured: &Measured, origin: Origin) -> Self {
        let Measured {
            instance,
            model,
            context,
            samples,
            ..
        } = measured;
        let BenchTest {
            n_prompt,
            n_gen,
            n_depth,
        } = instance.test;
        let (asked, force) = (&instance.params.model, &context.params.context);
        let tokens = f64::from(n_prompt) + f64::from(n_gen);
        let of = |figure: &dyn Fn(&BenchSample) -> f64| samples.iter().map(figure).collect();
        let ns: Vec<f64> = of(&|sample| nanoseconds(sample.took));
        let rates: Vec<f64> = of(&|sample| tokens / sample.took.as_secs_f64().max(1e-9));
        let first: Vec<f64> = of(&|sample| sample.first_token.as_secs_f64() * 1e3);
        Self {
            build_commit: origin.llama_cpp,
            llmdeck_version: env!("CARGO_PKG_VERSION").to_owned(),
            cpu_info: origin.machine.cpu_info,
            gpu_info: origin.machine.gpu_info,
            backends: origin.machine.backends,
            n_cores: origin.machine.n_cores,
            model_filename: model.path.to_string_lossy().into_owned(),
            model_hash: origin.model_hash,
            model_type: model.description.clone(),
            model_size: model.size_bytes,
            model_n_params: model.n_params,
            n_batch: context.n_batch,
            n_ubatch: context.n_ubatch,
            n_threads: context.n_threads,
            n_threads_batch: context.n_threads_batch,
            type_k: cache_type(&force.type_k),
            type_v: cache_type(&force.type_v),
            n_gpu_layers: context.n_gpu_layers,
            n_cpu_moe: asked.n_cpu_moe,
            split_mode: split_mode(asked.split_mode).to_owned(),
            main_gpu: asked.main_gpu,
            no_kv_offload: !force.offload_kqv,
            flash_attn: match force.flash_attn {
                FlashAttention::Auto => -1,
                FlashAttention::Off => 0,
                FlashAttention::On => 1,
            },
            devices: or(asked.devices.join("/"), "auto"),
            tensor_split: or(
                asked
                    .tensor_split
                    .iter()
                    .map(|share| format!("{share:.2}"))
                    .collect::<Vec<_>>()
                    .join("/"),
                "0.00",
            ),
            tensor_buft_overrides: or(
                asked
                    .override_tensor
                    .iter()
                    .map(|(pattern, buffer)| format!("{pattern}={buffer}"))
                    .collect::<Vec<_>>()
                    .join(";"),
                "none",
            ),
            load_mode: load_mode(asked.load_mode).to_owned(),
            params: instance.given.clone(),
            n_prompt,
            n_gen,
            n_depth,
            test_time: origin.time,
            avg_ns: whole(stats::mean(&ns)),
            stddev_ns: whole(stats::stddev(&ns)),
            avg_ts: stats::mean(&rates),
            stddev_ts: stats::stddev(&rates),
            ttft_ms: stats::mean(&first),
            stddev_ttft_ms: stats::stddev(&first),
            samples_ns: ns.iter().copied().map(whole).collect(),
            samples_ts: rates,
            samples_ttft_ms: first,
        }
    }

    pub fn test(&self) -> BenchTest {
        BenchTest {
            n_prompt: self.n_prompt,
            n_gen: self.n_gen,
            n_depth: self.n_depth,
        }
    }

    /// Whether two records differ in nothing but time, program and figures.
    pub fn is_comparable(&self, other: &Self) -> bool {
        self.settings() == other.settings()
    }

    /// The record without what may differ between comparable ones.
    fn settings(&self) -> Self {
        Self {
            build_commit: String::new(),
            llmdeck_version: String::new(),
            // The hash says which model it is, wherever it lies.
            model_filename: String::new(),
            model_type: String::new(),
            test_time: String::new(),
            avg_ns: 0,
            stddev_ns: 0,
            avg_ts: 0.0,
            stddev_ts: 0.0,
            ttft_ms: 0.0,
            stddev_ttft_ms: 0.0,
            samples_ns: Vec::new(),
            samples_ts: Vec::new(),
            samples_ttft_ms: Vec::new(),
            ..self.clone()
        }
    }
}

/// The name of the cache type in force: none given is llama.cpp's default.
fn cache_type(name: &str) -> String {
    or(name.to_owned(), "f16")
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}

fn split_mode(mode: SplitMode) -> &'static str {
    match mode {
        SplitMode::None => "none",
        SplitMode::Layer => "layer",
        SplitMode::Row => "row",
        SplitMode::Tensor => "tensor",
    }
}

fn load_mode(mode: LoadMode) -> &'static str {
    match mode {
        LoadMode::Auto => "auto",
        LoadMode::None => "none",
        LoadMode::Mmap => "mmap",
        LoadMode::Mlock => "mlock",
        LoadMode::MmapMlock => "mmap+mlock",
        LoadMode::DirectIo => "dio",
    }
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to int saturates"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::{Tests, plan};
    use crate::engine::{ContextInfo, ModelInfo};
    use crate::params::{Param, Params, Value};

    /// A record of a test whose repetitions took those milliseconds.
    pub fn record(test: &Tests, threads: i64, milliseconds: &[u64]) -> Record {
        let swept = [(Param::Threads, vec![Value::Int(threads)])];
        let instance = plan(&Params::default(), &swept, test).unwrap().remove(0);
        let sample = |ms: &u64| BenchSample {
            took: Duration::from_millis(*ms),
            first_token: Duration::from_millis(ms / 2),
        };
        let context = ContextInfo {
            params: instance.params.clone(),
            n_threads: u32::try_from(threads).unwrap(),
            n_threads_batch: u32::try_from(threads).unwrap(),
            n_batch: 2048,
            n_ubatch: 512,
            ..ContextInfo::default()
        };
        let measured = Measured {
            instance,
            model: ModelInfo {
                path: "/models/a,b \"c\".gguf".into(),
                description: "llama 7B Q4_0".into(),
                size_bytes: 3_822_000_000,
                n_params: 6_740_000_000,
                ..ModelInfo::default()
            },
            context,
            samples: milliseconds.iter().map(sample).collect(),
        };
        let origin = Origin {
            llama_cpp: "b1".into(),
            machine: Machine {
                cpu_info: "a processor".into(),
                gpu_info: String::new(),
                backends: "CPU".into(),
                n_cores: 2,
            },
            model_hash: "ab".repeat(32),
            time: "2026-01-31T12:00:00Z".into(),
        };
        Record::new(&measured, origin)
    }

    pub fn pp512() -> Tests {
        Tests {
            n_prompt: vec![512],
            n_gen: vec![],
            pairs: vec![],
            n_depth: vec![0],
        }
    }

    #[test]
    fn figures_are_llama_benchs() {
        let record = record(&pp512(), 1, &[100, 200]);
        assert_eq!((record.avg_ns, record.stddev_ns), (150_000_000, 70_710_678));
        assert_eq!(record.samples_ts, [5120.0, 2560.0]);
        assert_eq!(record.avg_ts, 3840.0);
        assert!((record.stddev_ts - 1810.193).abs() < 1e-3);
        assert_eq!(record.ttft_ms, 75.0);
        assert_eq!(record.params["threads"], "1");
    }

    #[test]
    fn time_and_program_do_not_matter_for_comparing_but_parameters_do() {
        let one = record(&pp512(), 1, &[100]);
        let later = Record {
            test_time: "2026-02-01T00:00:00Z".into(),
            build_commit: "b2".into(),
            model_filename: "/elsewhere.gguf".into(),
            ..record(&pp512(), 1, &[90, 91])
        };
        assert!(one.is_comparable(&later));
        assert!(!one.is_comparable(&record(&pp512(), 2, &[100])));
        let other_model = Record {
            model_hash: "0".into(),
            ..later
        };
        assert!(!one.is_comparable(&other_model));
    }
}
