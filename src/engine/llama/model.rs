//! The weights: loading them, and what the file says of them.

use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use super::options::ModelOptions;
use super::vocab::Vocab;

/// A loaded model; freed when dropped.
#[derive(Debug)]
pub(crate) struct Model {
    pointer: NonNull<sys::llama_model>,
}

/// llama.cpp gave no model; its log says why.
#[derive(Debug)]
pub(crate) struct NoModelLoaded;

impl Model {
    /// Loads a file. `progress` gets 0 to 1 and stops the load by returning false.
    pub(crate) fn load(
        path: &Path,
        options: &ModelOptions,
        progress: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Self, NoModelLoaded> {
        let path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| NoModelLoaded)?;
        let mut progress = progress;
        let mut native = options.native();
        native.progress_callback = Some(on_progress);
        native.progress_callback_user_data = (&raw mut progress).cast::<c_void>();
        // SAFETY: the path is zero-terminated; `options` owns the lists that `native` points to,
        // and `progress` lives until the call returns, which is the last use of the callback.
        let pointer = unsafe { sys::llama_model_load_from_file(path.as_ptr(), native) };
        NonNull::new(pointer)
            .map(|pointer| Self { pointer })
            .ok_or(NoModelLoaded)
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_model {
        self.pointer.as_ptr()
    }

    pub(crate) fn vocab(&self) -> Vocab<'_> {
        // SAFETY: the model lives as long as the borrow that `Vocab` keeps; the vocabulary is part of it.
        unsafe { Vocab::from_raw(sys::llama_model_get_vocab(self.as_ptr())) }
    }

    /// A metadata value as text; `None` when the key is missing or the value is a list.
    pub(crate) fn meta(&self, key: &str) -> Option<String> {
        let key = CString::new(key).ok()?;
        let mut buffer = vec![0_u8; 256];
        loop {
            // SAFETY: the key is zero-terminated; llama.cpp writes at most the length given.
            let length = unsafe {
                sys::llama_model_meta_val_str(
                    self.as_ptr(),
                    key.as_ptr(),
                    buffer.as_mut_ptr().cast::<c_char>(),
                    buffer.len(),
                )
            };
            let length = usize::try_from(length).ok()?;
            if length < buffer.len() {
                buffer.truncate(length);
                return Some(String::from_utf8_lossy(&buffer).into_owned());
            }
            buffer.resize(length + 1, 0);
        }
    }

    /// A metadata value of the model's architecture: `{arch}.{key}`.
    pub(crate) fn arch_meta(&self, key: &str) -> Option<String> {
        self.meta(&format!("{}.{key}", self.meta("general.architecture")?))
    }

    /// The Jinja template the file brings.
    pub(crate) fn chat_template(&self) -> Option<String> {
        // SAFETY: returns null or a zero-terminated string that the model owns.
        let template = unsafe { sys::llama_model_chat_template(self.as_ptr(), std::ptr::null()) };
        if template.is_null() {
            return None;
        }
        // SAFETY: not null and zero-terminated.
        Some(
            unsafe { CStr::from_ptr(template) }
                .to_string_lossy()
                .into_owned(),
        )
    }

    pub(crate) fn facts(&self) -> ModelFacts {
        let model = self.as_ptr();
        let mut description = vec![0_u8; 256];
        // SAFETY: the model is alive; llama.cpp writes at most the length it is told, zero included.
        unsafe {
            sys::llama_model_desc(model, description.as_mut_ptr().cast(), description.len());
        }
        let description = CStr::from_bytes_until_nul(&description).unwrap_or_default();
        // SAFETY: plain queries of a live model; the type name is a zero-terminated static string.
        unsafe {
            ModelFacts {
                description: description.to_string_lossy().into_owned(),
                n_params: sys::llama_model_n_params(model),
                size_bytes: sys::llama_model_size(model),
                n_ctx_train: count(sys::llama_model_n_ctx_train(model)),
                n_layer: count(sys::llama_model_n_layer(model)),
                n_swa: count(sys::llama_model_n_swa(model)),
                file_type: CStr::from_ptr(sys::llama_ftype_name(sys::llama_model_ftype(model)))
                    .to_string_lossy()
                    .into_owned(),
                has_decoder: sys::llama_model_has_decoder(model),
                has_encoder: sys::llama_model_has_encoder(model),
                is_diffusion: sys::llama_model_is_diffusion(model),
                is_recurrent: sys::llama_model_is_recurrent(model)
                    || sys::llama_model_is_hybrid(model),
            }
        }
    }
}

/// Numbers of a model.
#[derive(Clone, Debug)]
pub(crate) struct ModelFacts {
    pub n_params: u64,
    /// All tensors.
    pub size_bytes: u64,
    pub n_ctx_train: u32,
    pub n_layer: u32,
    /// The sliding window in tokens; 0 = none.
    pub n_swa: u32,
    /// llama.cpp's own words: `qwen2 7B Q4_K - Medium`
    pub description: String,
    /// `Q8_0`, `Q4_K - Medium` …
    pub file_type: String,
    pub has_decoder: bool,
    pub has_encoder: bool,
    pub is_diffusion: bool,
    /// Recurrent or partly so: its memory cannot be cut anywhere.
    pub is_recurrent: bool,
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a load and is freed once; contexts and samplers that
        // need the model hold a counted reference to it, so they are gone by now.
        unsafe { sys::llama_model_free(self.as_ptr()) };
    }
}

unsafe extern "C" fn on_progress(progress: f32, user_data: *mut c_void) -> bool {
    // SAFETY: `Model::load` passes a pointer to its `progress`, which lives during the load, and
    // llama.cpp calls back on the thread that loads, one call at a time.
    let callback = unsafe { &mut *user_data.cast::<&mut dyn FnMut(f32) -> bool>() };
    // A panic must not cross into C; it stops the load.
    std::panic::catch_unwind(AssertUnwindSafe(|| callback(progress))).unwrap_or(false)
}

fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
