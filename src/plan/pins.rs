//! Tensors that the user sends to a device of his choice: `cpu-moe`, `n-cpu-moe`, `n-cpu-ffn`,
//! `override-tensor`.

use regex::Regex;

use crate::gguf::{Facts, ModelPart};

/// Tensors that match go to a GPU by its index, or to system memory.
#[derive(Clone, Debug)]
pub struct Override {
    pattern: Regex,
    gpu: Option<usize>,
}

/// Bytes of one part of a model that lie elsewhere than the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub part: ModelPart,
    pub bytes: u64,
    /// Bytes of them that computing one token reads.
    pub read: u64,
    /// `None` = system memory.
    pub gpu: Option<usize>,
}

impl Override {
    /// `pattern` is searched for in the tensor's name, as llama.cpp does.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(pattern: &str, gpu: Option<usize>) -> Result<Self, String> {
        let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
        Ok(Self { pattern, gpu })
    }

    /// The patterns of llama.cpp's own options (`common/common.h`): experts of all layers, or of
    /// the first `n_cpu_moe`; the dense part of the first `n_cpu_ffn`.
    pub fn cpu_options(cpu_moe: bool, n_cpu_moe: u32, n_cpu_ffn: u32) -> Vec<Self> {
        const EXPERTS: &str = r"\.ffn_(up|down|gate|gate_up)_(ch|)exps";
        const DENSE: &str = r"\.ffn_(up|down|gate)\.";
        let all = cpu_moe.then(|| EXPERTS.to_owned());
        let first = |count: u32, what: &'static str| {
            let most = u32::from(u16::MAX).min(count);
            (0..most).map(move |layer| format!(r"blk\.{layer}{what}"))
        };
        let patterns = all
            .into_iter()
            .chain(first(n_cpu_moe, EXPERTS))
            .chain(first(n_cpu_ffn, DENSE));
        patterns
            .filter_map(|pattern| Self::new(&pattern, None).ok())
            .collect()
    }
}

/// What the overrides send where; the first that matches counts.
pub fn pins(facts: &Facts, overrides: &[Override]) -> Vec<Pin> {
    let mut pins: Vec<Pin> = Vec::new();
    if overrides.is_empty() {
        return pins;
    }
    for weight in &*facts.weights {
        let found = overrides
            .iter()
            .find(|one| one.pattern.is_match(&weight.name));
        let Some(Override { gpu, .. }) = found else {
            continue;
        };
        let known = pins
            .iter_mut()
            .find(|pin| pin.part == weight.part && pin.gpu == *gpu);
        match known {
            Some(pin) => {
                pin.bytes += weight.bytes;
                pin.read += facts.read_of(weight);
            }
            None => pins.push(Pin {
                part: weight.part,
                bytes: weight.bytes,
                read: facts.read_of(weight),
                gpu: *gpu,
            }),
        }
    }
    pins
}
