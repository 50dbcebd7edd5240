//! What was asked for and the running model does not give, in words.

use super::{ContextInfo, ModelInfo};
use crate::params::{GpuLayers, LoadParams};

/// What of the parameters asked for comes to nothing, or to less than one may think; a line each.
pub fn unmet(asked: &LoadParams, model: &ModelInfo, context: &ContextInfo) -> Vec<String> {
    let layers = match context.n_gpu_layers {
        0 => without_gpu(asked.model.n_gpu_layers),
        _ => None,
    };
    let beyond = beyond_training(context.n_ctx, model.n_ctx_train);
    beyond.into_iter().chain(layers).collect()
}

/// A context of more tokens than the model was trained for, where that is known (more than 0).
pub fn beyond_training(n_ctx: u32, n_ctx_train: u32) -> Option<String> {
    (n_ctx_train > 0 && n_ctx > n_ctx_train).then(|| {
        format!("ctx-size: the model was trained for {n_ctx_train} tokens; beyond them its replies may get worse")
    })
}

/// Layers asked for on GPUs, where there is none.
pub fn without_gpu(asked: GpuLayers) -> Option<String> {
    let asked = match asked {
        GpuLayers::Auto | GpuLayers::Count(0) => return None,
        GpuLayers::Count(count) => count.to_string(),
        GpuLayers::All => "all".to_owned(),
    };
    Some(format!(
        "n-gpu-layers: {asked} asked for, but there is no GPU to put layers on"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn only_what_comes_to_nothing_is_told() {
        let model = ModelInfo {
            n_ctx_train: 1024,
            ..ModelInfo::default()
        };
        let said = |n_ctx: u32, asked: GpuLayers, n_gpu_layers: u32| {
            let context = ContextInfo {
                n_ctx,
                n_gpu_layers,
                ..ContextInfo::default()
            };
            let mut params = Params::default().load();
            params.model.n_gpu_layers = asked;
            unmet(&params, &model, &context).join("\n")
        };
        assert_eq!(said(1024, GpuLayers::Auto, 0), "");
        assert_eq!(said(1024, GpuLayers::All, 5), "");
        insta::assert_snapshot!(said(8192, GpuLayers::Count(99), 0), @"
        ctx-size: the model was trained for 1024 tokens; beyond them its replies may get worse
        n-gpu-layers: 99 asked for, but there is no GPU to put layers on
        ");
        assert_eq!(beyond_training(8192, 0), None);
    }
}
