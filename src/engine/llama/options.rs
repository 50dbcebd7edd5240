//! Load parameters in llama.cpp's form, checked before anything that runs is touched.

use std::ffi::CString;
use std::ptr;

use llama_cpp_sys_2 as sys;

use super::backend;
use crate::engine::{EngineError, ErrorKind};
use crate::params::{LazyMode, LoadMode, ModelParams, SplitMode};

/// Model parameters with the lists that llama.cpp's struct points to.
#[derive(Debug)]
pub(crate) struct ModelOptions {
    native: sys::llama_model_params,
    /// Ends with null; `None` = all devices.
    devices: Option<Vec<sys::ggml_backend_dev_t>>,
    /// Ends with a null pattern; the patterns' text is owned by `_patterns`.
    overrides: Vec<sys::llama_model_tensor_buft_override>,
    _patterns: Vec<CString>,
    tensor_split: Vec<f32>,
}

impl ModelOptions {
    /// Checks the parameters; `n_gpu_layers` is the number after fitting, negative = all.
    pub(crate) fn new(params: &ModelParams, n_gpu_layers: i32) -> Result<Self, EngineError> {
        backend::init();
        // SAFETY: returns a plain struct.
        let mut native = unsafe { sys::llama_model_default_params() };
        native.n_gpu_layers = n_gpu_layers;
        native.main_gpu = params.main_gpu;
        native.split_mode = match params.split_mode {
            SplitMode::None => sys::LLAMA_SPLIT_MODE_NONE,
            SplitMode::Layer => sys::LLAMA_SPLIT_MODE_LAYER,
            SplitMode::Row => sys::LLAMA_SPLIT_MODE_ROW,
            SplitMode::Tensor => sys::LLAMA_SPLIT_MODE_TENSOR,
        };
        native.load_mode = match params.load_mode {
            LoadMode::Auto => sys::LLAMA_LOAD_MODE_AUTO,
            LoadMode::None => sys::LLAMA_LOAD_MODE_NONE,
            LoadMode::Mmap => sys::LLAMA_LOAD_MODE_MMAP,
            LoadMode::Mlock => sys::LLAMA_LOAD_MODE_MLOCK,
            LoadMode::MmapMlock => sys::LLAMA_LOAD_MODE_MMAP_MLOCK,
            LoadMode::DirectIo => sys::LLAMA_LOAD_MODE_DIRECT_IO,
        };
        native.lazy_mode = match params.lazy_mode {
            LazyMode::Off => sys::LLAMA_LAZY_MODE_OFF,
            LazyMode::Auto => sys::LLAMA_LAZY_MODE_AUTO,
            LazyMode::On => sys::LLAMA_LAZY_MODE_ON,
        };
        let (patterns, overrides) = overrides(params)?;
        Ok(Self {
            native,
            devices: device_list(&params.devices)?,
            overrides,
            _patterns: patterns,
            tensor_split: tensor_split(&params.tensor_split)?,
        })
    }

    /// For the vocabulary and the metadata alone: no weights are read.
    pub(crate) fn vocabulary() -> Self {
        backend::init();
        // SAFETY: returns a plain struct.
        let mut native = unsafe { sys::llama_model_default_params() };
        native.vocab_only = true;
        Self {
            native,
            devices: None,
            overrides: Vec::new(),
            _patterns: Vec::new(),
            tensor_split: Vec::new(),
        }
    }

    /// llama.cpp's struct; its pointers lead into `self`.
    pub(super) fn native(&self) -> sys::llama_model_params {
        let mut native = self.native;
        native.devices = self
            .devices
            .as_ref()
            .map_or(ptr::null_mut(), |list| list.as_ptr().cast_mut());
        native.tensor_buft_overrides = if self.overrides.is_empty() {
            ptr::null()
        } else {
            self.overrides.as_ptr()
        };
        native.tensor_split = if self.tensor_split.is_empty() {
            ptr::null()
        } else {
            self.tensor_split.as_ptr()
        };
        native
    }
}

fn device_list(names: &[String]) -> Result<Option<Vec<sys::ggml_backend_dev_t>>, EngineError> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut list = Vec::with_capacity(names.len() + 1);
    if names != ["none"] {
        for name in names {
            let device = backend::device_by_name(name).ok_or_else(|| {
                let known: Vec<String> = backend::devices()
                    .into_iter()
                    .map(|device| device.name)
                    .collect();
                bad(
                    format!("device {name}"),
                    "llama.cpp has no such device here".into(),
                    format!("it lists: {}", known.join(", ")),
                )
            })?;
            list.push(device);
        }
    }
    list.push(ptr::null_mut());
    Ok(Some(list))
}

fn tensor_split(shares: &[f32]) -> Result<Vec<f32>, EngineError> {
    // SAFETY: a plain query.
    let most = unsafe { sys::llama_max_devices() };
    if shares.len() > most {
        return Err(bad(
            "tensor-split".into(),
            format!("{} shares for at most {most} devices", shares.len()),
            String::new(),
        ));
    }
    if let Some(share) = shares
        .iter()
        .find(|share| !share.is_finite() || **share < 0.0)
    {
        return Err(bad(
            "tensor-split".into(),
            format!("{share} is no share"),
            "give numbers of zero or more".into(),
        ));
    }
    let mut list = shares.to_vec();
    if !list.is_empty() {
        list.resize(most, 0.0);
    }
    Ok(list)
}

type Overrides = (Vec<CString>, Vec<sys::llama_model_tensor_buft_override>);

/// Where single tensors go; the patterns for experts and feed-forward layers are those of
/// llama.cpp's own options (`common/common.h`).
fn overrides(params: &ModelParams) -> Result<Overrides, EngineError> {
    const EXPERTS: &str = "\\.ffn_(up|down|gate|gate_up)_(ch|)exps";
    const DENSE: &str = "\\.ffn_(up|down|gate)\\.";
    let mut wanted: Vec<(String, sys::ggml_backend_buffer_type_t)> = Vec::new();
    for (pattern, name) in &params.override_tensor {
        let buffer = backend::buffer_type_by_name(name).ok_or_else(|| {
            bad(
                format!("override-tensor {pattern}={name}"),
                "no device has that buffer type".into(),
                String::new(),
            )
        })?;
        wanted.push((pattern.clone(), buffer));
    }
    // SAFETY: returns a static handle.
    let cpu = unsafe { sys::ggml_backend_cpu_buffer_type() };
    if params.cpu_moe {
        wanted.push((EXPERTS.to_owned(), cpu));
    }
    wanted.extend((0..params.n_cpu_moe).map(|layer| (format!("blk\\.{layer}{EXPERTS}"), cpu)));
    wanted.extend((0..params.n_cpu_ffn).map(|layer| (format!("blk\\.{layer}{DENSE}"), cpu)));
    if wanted.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut patterns = Vec::with_capacity(wanted.len());
    let mut list = Vec::with_capacity(wanted.len() + 1);
    for (pattern, buft) in wanted {
        let pattern = CString::new(pattern).map_err(|_| {
            bad(
                "override-tensor".into(),
                "the pattern holds a zero byte".into(),
                String::new(),
            )
        })?;
        // The text of a `CString` stays in place when the `CString` moves.
        list.push(sys::llama_model_tensor_buft_override {
            pattern: pattern.as_ptr(),
            buft,
        });
        patterns.push(pattern);
    }
    list.push(sys::llama_model_tensor_buft_override {
        pattern: ptr::null(),
        buft: ptr::null_mut(),
    });
    Ok((patterns, list))
}

/// A parameter that cannot be used here.
pub(super) fn bad(what: String, why: String, hint: String) -> EngineError {
    EngineError {
        kind: ErrorKind::BadParameter,
        what,
        why,
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::LoadParams;

    #[test]
    fn unknown_names_are_refused_with_what_is_known() {
        let mut params = LoadParams::default().model;
        params.devices = vec!["CUDA9".into()];
        let error = ModelOptions::new(&params, 0).unwrap_err();
        assert!(
            error.to_string().contains("CUDA9") && error.to_string().contains("CPU"),
            "{error}"
        );
    }
}
