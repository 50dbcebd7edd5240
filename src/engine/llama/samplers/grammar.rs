//! A grammar that a reply keeps to.

use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::rc::Rc;

use llama_cpp_sys_2 as sys;

use super::native::Native;
use super::{SamplingFailed, bad};
use crate::engine::EngineError;
use crate::engine::llama::logs;
use crate::engine::llama::model::Model;
use crate::params::SamplingParams;

#[derive(Debug)]
pub(super) struct Grammar {
    pub native: Native,
    /// GBNF, to build it again for a model loaded again.
    source: CString,
    /// The tokens that brought it where it is. The reply's own are no help there: the context may
    /// have shifted some away, and the grammar may have been changed on the way.
    accepted: Vec<i32>,
}

/// A grammar without the model it was compiled for.
#[derive(Debug)]
pub(crate) struct DetachedGrammar {
    source: CString,
    accepted: Vec<i32>,
}

impl Grammar {
    pub(super) fn new(source: CString, model: &Rc<Model>) -> Result<Self, EngineError> {
        let root: *const c_char = c"root".as_ptr();
        logs::clear();
        // SAFETY: both strings are zero-terminated; the wrapper catches C++ exceptions and gives null.
        let pointer = unsafe {
            sys::llama_rs_sampler_init_grammar(model.vocab().as_ptr(), source.as_ptr(), root)
        };
        match NonNull::new(pointer) {
            Some(pointer) => Ok(Self {
                native: Native::new(pointer, Some(Rc::clone(model))),
                source,
                accepted: Vec::new(),
            }),
            None => {
                let why = logs::failure_reason();
                let why = why.as_deref().unwrap_or("llama.cpp does not say where");
                Err(bad("grammar", &format!("it does not compile: {why}")))
            }
        }
    }

    /// Lets go of the model.
    pub(super) fn detach(self) -> DetachedGrammar {
        DetachedGrammar {
            source: self.source,
            accepted: self.accepted,
        }
    }

    /// Goes on where it was with the model loaded again.
    ///
    /// # Errors
    /// When it does not compile or go there any more.
    pub(super) fn attach(grammar: DetachedGrammar, model: &Rc<Model>) -> Result<Self, EngineError> {
        let mut attached = Self::new(grammar.source, model)?;
        for token in grammar.accepted {
            attached
                .accept(token)
                .map_err(|SamplingFailed(why)| bad("grammar", why))?;
        }
        Ok(attached)
    }

    /// Whether the token may come next.
    pub(super) fn allows(&self, token: i32) -> bool {
        let mut single = sys::llama_token_data {
            id: token,
            logit: 1.0,
            p: 0.0,
        };
        let mut view = sys::llama_token_data_array {
            data: &raw mut single,
            size: 1,
            selected: -1,
            sorted: false,
        };
        // SAFETY: the view describes one candidate that lives during the call.
        unsafe { sys::llama_sampler_apply(self.native.as_ptr(), &raw mut view) };
        single.logit != f32::NEG_INFINITY
    }

    /// Moves on by a token.
    pub(super) fn accept(&mut self, token: i32) -> Result<(), SamplingFailed> {
        // SAFETY: the grammar is alive; the wrapper catches C++ exceptions.
        let status = unsafe { sys::llama_rs_sampler_accept(self.native.as_ptr(), token) };
        if status != sys::LLAMA_RS_STATUS_OK {
            return Err(SamplingFailed("the grammar cannot go on from here"));
        }
        self.accepted.push(token);
        Ok(())
    }
}

/// The grammar that the parameters ask for, as GBNF.
pub(super) fn grammar_source(params: &SamplingParams) -> Result<Option<CString>, EngineError> {
    let source = if !params.grammar.is_empty() {
        params.grammar.clone()
    } else if !params.json_schema.is_empty() {
        llama_cpp_2::json_schema_to_grammar(&params.json_schema).map_err(|error| {
            bad(
                "json-schema",
                &format!(
                    "llama.cpp cannot turn it into a grammar ({error}): \
                     it is no JSON schema, or uses a type or a $ref that is not supported"
                ),
            )
        })?
    } else {
        return Ok(None);
    };
    CString::new(source)
        .map(Some)
        .map_err(|_| bad("grammar", "it holds a zero byte"))
}
