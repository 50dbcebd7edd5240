//! Ownership of llama.cpp's sampler objects.

use std::ptr::NonNull;
use std::rc::Rc;

use llama_cpp_sys_2 as sys;

use crate::engine::llama::model::Model;

/// A sampler object of llama.cpp; freed when dropped.
#[derive(Debug)]
pub(super) struct Native {
    pointer: NonNull<sys::llama_sampler>,
    /// Kept where the sampler points into the vocabulary.
    _model: Option<Rc<Model>>,
}

impl Native {
    /// Takes ownership. `model` is kept where the sampler points into the vocabulary.
    pub(super) fn new(pointer: NonNull<sys::llama_sampler>, model: Option<Rc<Model>>) -> Self {
        Self {
            pointer,
            _model: model,
        }
    }

    /// An empty chain.
    pub(super) fn chain() -> Option<Self> {
        // SAFETY: plain construction of an empty chain.
        let pointer = unsafe {
            let mut params = sys::llama_sampler_chain_default_params();
            params.no_perf = true;
            sys::llama_sampler_chain_init(params)
        };
        NonNull::new(pointer).map(|pointer| Self::new(pointer, None))
    }

    /// Keeps the model alive as long as this sampler.
    pub(super) fn keep(&mut self, model: &Rc<Model>) {
        self._model = Some(Rc::clone(model));
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_sampler {
        self.pointer.as_ptr()
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: this object owns the sampler; a chain frees its parts with itself.
        unsafe { sys::llama_sampler_free(self.as_ptr()) };
    }
}
