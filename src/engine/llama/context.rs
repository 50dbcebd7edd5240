//! A context: the KV cache and the compute buffers of a model.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use llama_cpp_sys_2 as sys;

use super::batch::Batch;
use super::logs;
use super::model::Model;
use super::threads::{Pools, Threads};

/// Tells a decode step in progress that a command waits which cannot wait for its end.
#[derive(Debug)]
pub(crate) struct Interrupt {
    raised: Arc<AtomicU64>,
    seen: AtomicU64,
    muted: AtomicBool,
}

impl Interrupt {
    /// `raised` counts up with every urgent command.
    pub(crate) fn new(raised: Arc<AtomicU64>) -> Self {
        Self {
            raised,
            seen: AtomicU64::new(0),
            muted: AtomicBool::new(false),
        }
    }

    /// Takes notice of all commands so far; call before looking at the queue, so that one that
    /// arrives in between is noticed.
    pub(crate) fn arm(&self) {
        self.seen
            .store(self.raised.load(Ordering::Acquire), Ordering::Release);
    }

    fn is_raised(&self) -> bool {
        !self.muted.load(Ordering::Acquire)
            && self.raised.load(Ordering::Acquire) != self.seen.load(Ordering::Acquire)
    }
}

/// What a decode step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decode {
    Done,
    /// The KV cache has no room for the batch; nothing changed.
    NoSpace,
    /// An [`Interrupt`] was raised; part of the batch may be in the cache.
    Aborted,
    /// llama.cpp's error code; part of the batch may be in the cache.
    Failed(i32),
}

/// A context; freed when dropped, before the model it holds.
#[derive(Debug)]
pub(crate) struct Context {
    pointer: NonNull<sys::llama_context>,
    n_vocab: usize,
    /// The next decode first turns the keys that were moved, which must not stop half-way.
    shifted: bool,
    pools: Pools,
    /// Pools that were replaced: the backend lets go of one only when it computes with the next.
    replaced: Vec<Pools>,
    // Both kept alive for the pointers llama.cpp holds.
    interrupt: Arc<Interrupt>,
    _model: Rc<Model>,
}

/// llama.cpp gave no context; its log says why.
#[derive(Debug)]
pub(crate) struct NoContext;

impl Context {
    pub(crate) fn new(
        model: &Rc<Model>,
        mut native: sys::llama_context_params,
        threads: Threads,
        interrupt: &Arc<Interrupt>,
    ) -> Result<Self, NoContext> {
        native.abort_callback = Some(on_step);
        native.abort_callback_data = Arc::as_ptr(interrupt).cast_mut().cast::<c_void>();
        // SAFETY: the model is alive and this context keeps it so; the interrupt's address is
        // stable in its `Arc`, which this context keeps too.
        let pointer = unsafe { sys::llama_init_from_model(model.as_ptr(), native) };
        let pointer = NonNull::new(pointer).ok_or(NoContext)?;
        let mut context = Self {
            pointer,
            n_vocab: model.vocab().len(),
            shifted: false,
            pools: Pools::start(threads),
            replaced: Vec::new(),
            interrupt: Arc::clone(interrupt),
            _model: Rc::clone(model),
        };
        context.attach_pools();
        Ok(context)
    }

    fn as_ptr(&self) -> *mut sys::llama_context {
        self.pointer.as_ptr()
    }

    /// Tokens that all sequences can hold together.
    pub(crate) fn n_ctx(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_ctx(self.as_ptr()) }
    }

    /// Tokens that one sequence can hold.
    pub(crate) fn n_ctx_seq(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_ctx_seq(self.as_ptr()) }
    }

    pub(crate) fn n_batch(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_batch(self.as_ptr()) }
    }

    pub(crate) fn n_ubatch(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_ubatch(self.as_ptr()) }
    }

    pub(crate) fn n_seq_max(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_seq_max(self.as_ptr()) }
    }

    /// Computes with that many threads from now on, or with as many as the system gives.
    pub(crate) fn set_threads(&mut self, threads: Threads) {
        let before = std::mem::replace(&mut self.pools, Pools::start(threads));
        self.replaced.push(before);
        self.attach_pools();
    }

    /// Those that run.
    pub(crate) fn threads(&self) -> Threads {
        self.pools.threads()
    }

    /// Those that were asked for.
    pub(crate) fn asked_threads(&self) -> Threads {
        self.pools.asked()
    }

    fn attach_pools(&mut self) {
        let (pools, threads) = (&self.pools, self.pools.threads());
        // SAFETY: the context is alive and not in a decode, which needs `&mut` too; pools are kept
        // until the backend has computed with others or the context is freed.
        unsafe {
            sys::llama_attach_threadpool(self.as_ptr(), pools.single(), pools.batch());
            sys::llama_set_n_threads(self.as_ptr(), threads.single.max(1), threads.batch.max(1));
        }
    }

    /// Computes a batch; where that fails, [`super::failure_reason`] tells why.
    pub(crate) fn decode(&mut self, batch: &mut Batch) -> Decode {
        let shifted = std::mem::take(&mut self.shifted);
        self.interrupt.muted.store(shifted, Ordering::Release);
        logs::clear();
        logs::hold();
        // SAFETY: the batch's lists live and stay in place during the call.
        let outcome = match unsafe { sys::llama_decode(self.as_ptr(), batch.native()) } {
            0 => {
                self.replaced.clear();
                Decode::Done
            }
            1 => Decode::NoSpace,
            2 => Decode::Aborted,
            code => Decode::Failed(code),
        };
        // llama.cpp calls errors what is meant: an interrupted step, and a cache that is full.
        logs::release(match outcome {
            Decode::Aborted | Decode::NoSpace => logs::Level::Debug,
            Decode::Done | Decode::Failed(_) => logs::Level::Error,
        });
        outcome
    }

    /// The logits after the token at that index of the last batch, one for each token of the
    /// vocabulary; `None` when none were asked for there.
    pub(crate) fn logits(&mut self, index: i32) -> Option<&[f32]> {
        // SAFETY: the context is alive; a wrong index gives null.
        let logits = unsafe { sys::llama_get_logits_ith(self.as_ptr(), index) };
        // SAFETY: a row of logits has the vocabulary's length and lives until the next decode,
        // which needs `&mut`.
        (!logits.is_null()).then(|| unsafe { std::slice::from_raw_parts(logits, self.n_vocab) })
    }

    /// Removes positions `from..to` of a sequence; false when this kind of memory cannot.
    pub(crate) fn remove(&mut self, sequence: i32, from: usize, to: Option<usize>) -> bool {
        // SAFETY: the context and its memory are alive; positions are checked by llama.cpp.
        unsafe {
            sys::llama_memory_seq_rm(
                self.memory(),
                sequence,
                position(from),
                to.map_or(-1, position),
            )
        }
    }

    /// Removes a whole sequence.
    pub(crate) fn clear(&mut self, sequence: i32) {
        // SAFETY: as in `remove`; removing a whole sequence never fails.
        unsafe { sys::llama_memory_seq_rm(self.memory(), sequence, -1, -1) };
    }

    /// Lets a sequence share the first `to` positions of another; only in a unified cache.
    pub(crate) fn share(&mut self, from: i32, into: i32, to: usize) {
        // SAFETY: as in `remove`.
        unsafe { sys::llama_memory_seq_cp(self.memory(), from, into, 0, position(to)) };
    }

    /// Moves positions from `from` on down by `by`.
    pub(crate) fn shift(&mut self, sequence: i32, from: usize, by: usize) {
        self.shifted = true;
        // SAFETY: as in `remove`; callers ask `can_shift` first.
        unsafe {
            sys::llama_memory_seq_add(self.memory(), sequence, position(from), -1, -position(by))
        };
    }

    pub(crate) fn can_shift(&self) -> bool {
        // SAFETY: as in `remove`.
        unsafe { sys::llama_memory_can_shift(self.memory()) }
    }

    /// The first position that is in memory; `None` when the sequence is empty.
    pub(crate) fn first_position(&self, sequence: i32) -> Option<usize> {
        // SAFETY: as in `remove`.
        usize::try_from(unsafe { sys::llama_memory_seq_pos_min(self.memory(), sequence) }).ok()
    }

    /// The memory of one sequence, to be put into another context.
    pub(crate) fn save(&mut self, sequence: i32) -> Option<Vec<u8>> {
        // SAFETY: the context is alive.
        let size = unsafe { sys::llama_state_seq_get_size(self.as_ptr(), sequence) };
        let mut state = vec![0; size];
        // SAFETY: the buffer is as long as it is said to be.
        let written = unsafe {
            sys::llama_state_seq_get_data(self.as_ptr(), state.as_mut_ptr(), size, sequence)
        };
        (written > 0 && written <= size).then(|| {
            state.truncate(written);
            state
        })
    }

    /// Puts a saved memory into a sequence; false when this context cannot take it, and
    /// [`super::failure_reason`] tells why.
    pub(crate) fn restore(&mut self, sequence: i32, state: &[u8]) -> bool {
        logs::clear();
        // SAFETY: the buffer is as long as it is said to be; llama.cpp checks its content.
        unsafe {
            sys::llama_state_seq_set_data(self.as_ptr(), state.as_ptr(), state.len(), sequence) > 0
        }
    }

    fn memory(&self) -> sys::llama_memory_t {
        // SAFETY: the context is alive; its memory lives as long.
        unsafe { sys::llama_get_memory(self.as_ptr()) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `llama_init_from_model` and is freed once; the model is still alive.
        unsafe { sys::llama_free(self.as_ptr()) };
    }
}

unsafe extern "C" fn on_step(data: *mut c_void) -> bool {
    // SAFETY: the pointer comes from the `Arc<Interrupt>` that the context keeps alive.
    unsafe { &*data.cast::<Interrupt>() }.is_raised()
}

fn position(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
