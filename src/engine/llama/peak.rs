//! How fast this machine multiplies matrices: the bound of prefill, where every weight is used for
//! many tokens at once.
//!
//! ggml's own kernels are measured, on 8-bit weights in a shape that models have, so that the figure
//! is what a prompt could reach at most and not what a datasheet promises.

use std::ptr::NonNull;
use std::time::{Duration, Instant};

use llama_cpp_sys_2 as sys;

use super::backend::init;

/// Columns and rows of the weights, and tokens at once: a layer of a model of a few billion parameters.
const WIDTH: i64 = 2048;
const ROWS: i64 = 2048;
const TOKENS: i64 = 512;
/// Passes, and how long all of them take at most; the fastest counts.
const PASSES: u32 = 8;
const AT_MOST: Duration = Duration::from_millis(600);

/// Operations per second (an addition or a multiplication each) that so many threads of the
/// processor reach together; `None` where ggml gives no memory.
pub fn measure_compute(n_threads: u32) -> Option<f64> {
    init();
    let bench = Product::new(n_threads)?;
    let started = Instant::now();
    let mut best: Option<Duration> = None;
    for _ in 0..PASSES {
        let began = Instant::now();
        bench.compute()?;
        let took = began.elapsed();
        best = Some(best.map_or(took, |best| best.min(took)));
        if started.elapsed() > AT_MOST {
            break;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let operations = (2 * WIDTH * ROWS * TOKENS) as f64;
    best.filter(|best| !best.is_zero())
        .map(|best| operations / best.as_secs_f64())
}

/// A product of two matrices that can be computed again and again.
struct Product {
    backend: NonNull<sys::ggml_backend>,
    tensors: NonNull<sys::ggml_context>,
    graph: NonNull<sys::ggml_cgraph>,
    memory: NonNull<sys::ggml_backend_buffer>,
}

impl Product {
    fn new(n_threads: u32) -> Option<Self> {
        // SAFETY: returns null or a backend of our own; no options are given.
        let backend = NonNull::new(unsafe {
            sys::ggml_backend_init_by_type(sys::GGML_BACKEND_DEVICE_TYPE_CPU, std::ptr::null())
        })?;
        let n_threads = i32::try_from(n_threads.max(1)).unwrap_or(1);
        // SAFETY: the backend is alive and the processor's.
        unsafe { sys::ggml_backend_cpu_set_n_threads(backend.as_ptr(), n_threads) };
        // SAFETY: both only tell sizes.
        let size = unsafe { 8 * sys::ggml_tensor_overhead() + sys::ggml_graph_overhead() };
        let params = sys::ggml_init_params {
            mem_size: size,
            mem_buffer: std::ptr::null_mut(),
            no_alloc: true,
        };
        // SAFETY: returns null or a context of our own, with room for the tensors below.
        let Some(tensors) = NonNull::new(unsafe { sys::ggml_init(params) }) else {
            // SAFETY: made above, used by nothing.
            unsafe { sys::ggml_backend_free(backend.as_ptr()) };
            return None;
        };
        let context = tensors.as_ptr();
        // SAFETY: the context is alive and has room for three tensors and a graph.
        let (graph, memory) = unsafe {
            let weights = sys::ggml_new_tensor_2d(context, sys::GGML_TYPE_Q8_0, WIDTH, ROWS);
            let tokens = sys::ggml_new_tensor_2d(context, sys::GGML_TYPE_F32, WIDTH, TOKENS);
            let product = sys::ggml_mul_mat(context, weights, tokens);
            let graph = sys::ggml_new_graph(context);
            sys::ggml_build_forward_expand(graph, product);
            let memory = sys::ggml_backend_alloc_ctx_tensors(context, backend.as_ptr());
            (NonNull::new(graph), NonNull::new(memory))
        };
        let (Some(graph), Some(memory)) = (graph, memory) else {
            // SAFETY: made above, used by nothing.
            unsafe {
                sys::ggml_free(context);
                sys::ggml_backend_free(backend.as_ptr());
            }
            return None;
        };
        // SAFETY: the buffer is alive. Zeros are numbers in both types; a product of zeros takes as
        // long as any other.
        unsafe { sys::ggml_backend_buffer_clear(memory.as_ptr(), 0) };
        Some(Self {
            backend,
            tensors,
            graph,
            memory,
        })
    }

    fn compute(&self) -> Option<()> {
        // SAFETY: backend, graph and the memory of its tensors are alive, and nobody else has them.
        let status =
            unsafe { sys::ggml_backend_graph_compute(self.backend.as_ptr(), self.graph.as_ptr()) };
        (status == sys::GGML_STATUS_SUCCESS).then_some(())
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // SAFETY: each was made in `new` and is freed once, users before what they use.
        unsafe {
            sys::ggml_backend_buffer_free(self.memory.as_ptr());
            sys::ggml_free(self.tensors.as_ptr());
            sys::ggml_backend_free(self.backend.as_ptr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_computes() {
        let rate = measure_compute(1).expect("a few MiB");
        assert!(rate > 1e8, "{rate}");
    }
}
