//! From the values in force to the typed view that the engine takes.

use super::text;
use super::{
    ContextParams, FlashAttention, GpuLayers, LazyMode, LoadMode, LoadParams, Mirostat,
    ModelParams, Param, Params, ReplyParams, Rope, SamplingParams, ShelfParams, SplitMode,
    TemplateParams, ThreadParams, Value,
};

const MIB: u64 = 1024 * 1024;

impl Params {
    /// The typed view for loading.
    pub fn load(&self) -> LoadParams {
        LoadParams {
            model: self.model_params(),
            context: self.context_params(),
            threads: self.thread_params(),
            shelf: ShelfParams {
                ram: self.bytes_of(Param::CacheRam),
                disk: self.bytes_of(Param::CacheDisk),
            },
            models_max: self.uint32(Param::ModelsMax),
        }
    }

    /// The typed view for sampling.
    pub fn sampling(&self) -> SamplingParams {
        SamplingParams {
            seed: u32::try_from(self.int(Param::Seed)).ok(),
            order: text::samplers(&self.text(Param::Samplers)).unwrap_or_default(),
            temp: self.float(Param::Temp),
            dynatemp_range: self.float(Param::DynatempRange),
            dynatemp_exponent: self.float(Param::DynatempExp),
            top_k: self.int32(Param::TopK),
            top_p: self.float(Param::TopP),
            min_p: self.float(Param::MinP),
            typ_p: self.float(Param::Typical),
            top_n_sigma: self.float(Param::TopNSigma),
            xtc_probability: self.float(Param::XtcProbability),
            xtc_threshold: self.float(Param::XtcThreshold),
            penalty_last_n: self.int32(Param::RepeatLastN),
            penalty_repeat: self.float(Param::RepeatPenalty),
            penalty_freq: self.float(Param::FrequencyPenalty),
            penalty_present: self.float(Param::PresencePenalty),
            dry_multiplier: self.float(Param::DryMultiplier),
            dry_base: self.float(Param::DryBase),
            dry_allowed_length: self.int32(Param::DryAllowedLength),
            dry_penalty_last_n: self.int32(Param::DryPenaltyLastN),
            dry_sequence_breakers: text::breakers(&self.text(Param::DrySequenceBreaker))
                .unwrap_or_default(),
            adaptive_target: self.float(Param::AdaptiveTarget),
            adaptive_decay: self.float(Param::AdaptiveDecay),
            mirostat: match self.int(Param::Mirostat) {
                1 => Mirostat::V1,
                2 => Mirostat::V2,
                _ => Mirostat::Off,
            },
            mirostat_tau: self.float(Param::MirostatEnt),
            mirostat_eta: self.float(Param::MirostatLr),
            min_keep: usize::try_from(self.int(Param::MinKeep)).unwrap_or_default(),
            logit_bias: text::biases(&self.text(Param::LogitBias)).unwrap_or_default(),
            ignore_eos: self.bool(Param::IgnoreEos),
            grammar: self.text(Param::Grammar),
            json_schema: self.text(Param::JsonSchema),
            n_probs: u32::try_from(self.int(Param::NProbs)).unwrap_or_default(),
        }
    }

    /// The typed view for replies.
    pub fn reply(&self) -> ReplyParams {
        ReplyParams {
            max_tokens: u32::try_from(self.int(Param::NPredict)).ok(),
            stop: text::list(&self.text(Param::Stop)).unwrap_or_default(),
            keep: self.int32(Param::Keep),
            context_shift: self.bool(Param::ContextShift),
            system: self.text(Param::System),
            thinking: match self.text(Param::Reasoning).as_str() {
                "on" => Some(true),
                "off" => Some(false),
                _ => None,
            },
            reasoning_effort: self.unless(Param::ReasoningEffort, "default"),
            template: TemplateParams {
                source: self.text(Param::ChatTemplate),
                file: self.text(Param::ChatTemplateFile),
                variables: self.text(Param::ChatTemplateKwargs),
            },
        }
    }

    fn model_params(&self) -> ModelParams {
        ModelParams {
            n_gpu_layers: match self.int(Param::NGpuLayers) {
                -1 => GpuLayers::Auto,
                layers => u32::try_from(layers).map_or(GpuLayers::All, GpuLayers::Count),
            },
            split_mode: match self.text(Param::SplitMode).as_str() {
                "none" => SplitMode::None,
                "row" => SplitMode::Row,
                "tensor" => SplitMode::Tensor,
                _ => SplitMode::Layer,
            },
            tensor_split: text::shares(&self.text(Param::TensorSplit)).unwrap_or_default(),
            main_gpu: self.int32(Param::MainGpu),
            devices: text::devices(&self.text(Param::Device)),
            override_tensor: text::patterns(&self.text(Param::OverrideTensor)).unwrap_or_default(),
            cpu_moe: self.bool(Param::CpuMoe),
            n_cpu_moe: self.uint32(Param::NCpuMoe),
            n_cpu_ffn: self.uint32(Param::NCpuFfn),
            load_mode: match self.text(Param::LoadMode).as_str() {
                "none" => LoadMode::None,
                "mmap" => LoadMode::Mmap,
                "mlock" => LoadMode::Mlock,
                "mmap+mlock" => LoadMode::MmapMlock,
                "dio" => LoadMode::DirectIo,
                _ => LoadMode::Auto,
            },
            lazy_mode: match self.text(Param::LazyMode).as_str() {
                "on" => LazyMode::On,
                "off" => LazyMode::Off,
                _ => LazyMode::Auto,
            },
            fit: self.bool(Param::Fit),
            fit_target: u64::from(self.uint32(Param::FitTarget)) * MIB,
            fit_ctx: self.uint32(Param::FitCtx),
        }
    }

    fn context_params(&self) -> ContextParams {
        ContextParams {
            n_ctx: self.uint32(Param::CtxSize),
            n_batch: self.uint32(Param::BatchSize),
            n_ubatch: self.uint32(Param::UbatchSize),
            n_seq_max: self.uint32(Param::Parallel),
            kv_unified: self.bool(Param::KvUnified),
            flash_attn: match self.text(Param::FlashAttn).as_str() {
                "on" => FlashAttention::On,
                "off" => FlashAttention::Off,
                _ => FlashAttention::Auto,
            },
            type_k: self.text(Param::CacheTypeK),
            type_v: self.text(Param::CacheTypeV),
            offload_kqv: self.bool(Param::KvOffload),
            swa_full: self.bool(Param::SwaFull),
            rope: self.rope(),
        }
    }

    fn rope(&self) -> Rope {
        let (scale, freq_scale) = (
            self.float(Param::RopeScale),
            self.float(Param::RopeFreqScale),
        );
        Rope {
            scaling: self.unless(Param::RopeScaling, "model"),
            freq_base: self.float(Param::RopeFreqBase),
            freq_scale: if freq_scale == 0.0 && scale > 0.0 {
                1.0 / scale
            } else {
                freq_scale
            },
            yarn_orig_ctx: self.uint32(Param::YarnOrigCtx),
            yarn_ext_factor: self.float(Param::YarnExtFactor),
            yarn_attn_factor: self.float(Param::YarnAttnFactor),
            yarn_beta_slow: self.float(Param::YarnBetaSlow),
            yarn_beta_fast: self.float(Param::YarnBetaFast),
        }
    }

    fn thread_params(&self) -> ThreadParams {
        ThreadParams {
            n_threads: self.int32(Param::Threads),
            n_threads_batch: self.int32(Param::ThreadsBatch),
        }
    }

    // Every layer holds checked values only, so that each parameter has its own kind of value.

    fn int(&self, param: Param) -> i64 {
        if let Value::Int(number) = self.get(param) {
            number
        } else {
            0
        }
    }

    fn int32(&self, param: Param) -> i32 {
        self.int(param)
            .clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }

    /// Negative numbers, which are words such as `auto`, become 0.
    /// MiB in bytes; negative = no limit.
    fn bytes_of(&self, param: Param) -> u64 {
        u64::try_from(self.int(param)).map_or(u64::MAX, |mib| mib.saturating_mul(MIB))
    }

    fn uint32(&self, param: Param) -> u32 {
        self.int(param).clamp(0, i64::from(u32::MAX)) as u32
    }

    fn float(&self, param: Param) -> f32 {
        if let Value::Float(number) = self.get(param) {
            number as f32
        } else {
            0.0
        }
    }

    fn bool(&self, param: Param) -> bool {
        self.get(param) == Value::Bool(true)
    }

    fn text(&self, param: Param) -> String {
        if let Value::Text(text) = self.get(param) {
            text
        } else {
            String::new()
        }
    }

    /// The text, or nothing where it is the word for "not set".
    fn unless(&self, param: Param, unset: &str) -> String {
        let text = self.text(param);
        if text == unset { String::new() } else { text }
    }
}

impl Default for LoadParams {
    /// The table's defaults.
    fn default() -> Self {
        Params::default().load()
    }
}

impl Default for SamplingParams {
    /// The table's defaults.
    fn default() -> Self {
        Params::default().sampling()
    }
}

impl Default for ReplyParams {
    /// The table's defaults.
    fn default() -> Self {
        Params::default().reply()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{SamplerKind, Source, spec};

    fn with(values: &[(Param, &str)]) -> Params {
        let mut params = Params::default();
        for (param, text) in values {
            params
                .set(Source::Session, *param, spec(*param).parse(text).unwrap())
                .unwrap();
        }
        params
    }

    #[test]
    fn defaults_are_llama_cpps() {
        let load = LoadParams::default();
        assert_eq!(load.model.n_gpu_layers, GpuLayers::Auto);
        assert_eq!(load.model.fit_target, 1024 * MIB);
        assert!(load.model.fit && load.context.kv_unified && load.context.offload_kqv);
        assert_eq!(
            (
                load.context.n_ctx,
                load.context.n_batch,
                load.context.n_ubatch
            ),
            (0, 2048, 512)
        );
        assert_eq!(
            (load.context.type_k.as_str(), load.context.n_seq_max),
            ("f16", 0)
        );
        assert_eq!(load.context.rope.scaling, "");
        assert_eq!(
            (
                load.context.rope.freq_scale,
                load.context.rope.yarn_ext_factor
            ),
            (0.0, -1.0)
        );
        assert_eq!(
            (load.threads.n_threads, load.threads.n_threads_batch),
            (-1, -1)
        );

        let sampling = SamplingParams::default();
        assert_eq!(
            (sampling.seed, sampling.temp, sampling.top_k),
            (None, 0.8, 40)
        );
        assert_eq!(
            (sampling.top_p, sampling.min_p, sampling.typ_p),
            (0.95, 0.05, 1.0)
        );
        assert_eq!(
            (sampling.top_n_sigma, sampling.adaptive_target),
            (-1.0, -1.0)
        );
        assert_eq!(
            (sampling.penalty_last_n, sampling.dry_penalty_last_n),
            (64, 64)
        );
        assert_eq!(sampling.dry_sequence_breakers, ["\n", ":", "\"", "*"]);
        assert_eq!(sampling.order.len(), 9);
        assert_eq!(sampling.order.last(), Some(&SamplerKind::Temperature));

        let reply = ReplyParams::default();
        assert_eq!(
            (reply.max_tokens, reply.thinking, reply.keep),
            (None, None, 0)
        );
        assert_eq!(reply.reasoning_effort, "");
    }

    #[test]
    fn words_and_texts_become_types() {
        let params = with(&[
            (Param::NGpuLayers, "all"),
            (Param::TensorSplit, "3,1"),
            (Param::OverrideTensor, "exps=CPU"),
            (Param::Device, "CUDA0, CUDA1"),
            (Param::RopeScale, "4"),
            (Param::LoadMode, "mmap+mlock"),
            (Param::FlashAttn, "off"),
            (Param::Mirostat, "2"),
            (Param::Seed, "7"),
            (Param::LogitBias, "5-1"),
            (Param::Stop, r"\nUser:"),
            (Param::Reasoning, "off"),
            (Param::ReasoningEffort, "low"),
            (Param::NPredict, "12"),
        ]);
        let load = params.load();
        assert_eq!(load.model.n_gpu_layers, GpuLayers::All);
        assert_eq!(load.model.tensor_split, [3.0, 1.0]);
        assert_eq!(
            load.model.override_tensor,
            [("exps".to_owned(), "CPU".to_owned())]
        );
        assert_eq!(load.model.devices, ["CUDA0", "CUDA1"]);
        assert_eq!(load.model.load_mode, LoadMode::MmapMlock);
        assert_eq!(load.context.rope.freq_scale, 0.25);
        assert_eq!(load.context.flash_attn, FlashAttention::Off);
        assert_eq!(params.sampling().mirostat, Mirostat::V2);
        assert_eq!(params.sampling().seed, Some(7));
        assert_eq!(params.sampling().logit_bias, [(5, -1.0)]);
        let reply = params.reply();
        assert_eq!(
            (reply.stop, reply.thinking),
            (vec!["\nUser:".to_owned()], Some(false))
        );
        assert_eq!(
            (reply.reasoning_effort.as_str(), reply.max_tokens),
            ("low", Some(12))
        );
    }

    #[test]
    fn freq_scale_wins_over_scale() {
        let params = with(&[(Param::RopeScale, "4"), (Param::RopeFreqScale, "0.5")]);
        assert_eq!(params.load().context.rope.freq_scale, 0.5);
    }

    #[test]
    fn thread_changes_leave_model_and_context_alone() {
        let (before, after) = (
            Params::default().load(),
            with(&[(Param::Threads, "3")]).load(),
        );
        assert_eq!(
            (&before.model, &before.context),
            (&after.model, &after.context)
        );
        assert_ne!(before.threads, after.threads);
    }
}
