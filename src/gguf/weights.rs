//! Which part of a model each tensor belongs to, as far as that decides where it goes.

use std::sync::Arc;

use super::Tensor;

/// A tensor that is loaded, with its place in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    pub name: Arc<str>,
    pub bytes: u64,
    pub part: ModelPart,
}

/// The parts that llama.cpp places as one (`llm_tensor_info::layer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelPart {
    /// Tables that rows are taken from; always in system memory.
    Input,
    /// A layer, by its number.
    Layer(u32),
    /// The last norm and the output matrix.
    Output,
}

impl ModelPart {
    /// Its number among the layers, with the output as the last one of `n_layer`; `None` for the
    /// input.
    pub fn index(self, n_layer: usize) -> Option<usize> {
        match self {
            Self::Input => None,
            Self::Layer(layer) => Some(layer as usize),
            Self::Output => Some(n_layer),
        }
    }
}

impl Weight {
    /// `None` for what llama.cpp leaves in the file: layers from `loaded` on.
    pub(super) fn new(tensor: &Tensor, loaded: u32) -> Option<Self> {
        let part = match tensor.layer() {
            Some(layer) if layer >= loaded => return None,
            Some(layer) => ModelPart::Layer(layer),
            None => part(&tensor.name),
        };
        Some(Self {
            name: tensor.name.as_str().into(),
            bytes: tensor.bytes,
            part,
        })
    }

    /// Whether it is one matrix an expert, of which a token uses some only.
    pub fn is_of_experts(&self) -> bool {
        self.name.contains("_exps.") || self.name.contains("_chexps.")
    }

    /// Whether rows of it are taken instead of all of it being read.
    pub fn is_table(&self) -> bool {
        self.part == ModelPart::Input
    }
}

/// `LLM_TENSOR_INFOS` in `llama-arch.cpp`, for tensors of no layer.
fn part(name: &str) -> ModelPart {
    const TABLES: [&str; 4] = [
        "token_embd.weight",
        "position_embd.weight",
        "token_types.weight",
        "per_layer_token_embd.weight",
    ];
    // Used by layers, so they come with the first.
    const FIRST: [&str; 4] = [
        "token_embd_norm.",
        "rope_freqs.",
        "rope_factors_",
        "per_layer_",
    ];
    if TABLES.contains(&name) {
        ModelPart::Input
    } else if FIRST.iter().any(|start| name.starts_with(start)) {
        ModelPart::Layer(0)
    } else {
        ModelPart::Output
    }
}
