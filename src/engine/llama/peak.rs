//! How fast a device multiplies matrices, and how fast it reads its memory while it does: the bounds
//! of prefill, where every weight is used for many tokens at once, and of decoding, where it is used
//! for one.
//!
//! ggml's own kernels are measured, on 8-bit weights in a shape that models have, so that the figure
//! is what a model could reach at most and not what a datasheet promises. What the processor reads
//! is measured without ggml (`telemetry::measure_bandwidth`).

use std::ptr::NonNull;
use std::time::{Duration, Instant};

use llama_cpp_sys_2 as sys;

use super::backend::{self, init};
use super::threads::Threads;
use crate::plan::Peak;

/// Columns of the weights.
const WIDTH: i64 = 2048;
/// A layer of a model of a few billion parameters, and a prompt.
const PROMPT: Shape = Shape {
    rows: 2048,
    tokens: 512,
    times: 1,
};
/// More than any cache holds, for one token; several times, so that starting weighs little.
const STREAM: Shape = Shape {
    rows: 1 << 17,
    tokens: 1,
    times: 8,
};
/// Free bytes without which a device is left alone: some three times what is taken for a moment.
const ROOM: u64 = 1 << 30;
/// Passes, and how long all of them take at most; the fastest counts.
const PASSES: u32 = 8;
const AT_MOST: Duration = Duration::from_millis(600);

/// Operations per second (an addition or a multiplication each) that so many threads of the
/// processor reach together; `None` where ggml gives no memory.
pub fn measure_compute(n_threads: u32) -> Option<f64> {
    let product = Product::new(Backend::processor(n_threads)?, PROMPT)?;
    fastest(&product).map(|took| PROMPT.operations() / took)
}

/// What a device other than the processor reaches, by llama.cpp's name; `None` where there is no
/// such device, too little of its memory is free, or it cannot compute that.
pub fn measure_device(name: &str) -> Option<Peak> {
    let about = backend::devices()
        .into_iter()
        .find(|one| one.name == name)?;
    if about.memory_free < ROOM {
        return None;
    }
    let took = fastest(&Product::new(Backend::of(name)?, STREAM)?)?;
    let operations = Product::new(Backend::of(name)?, PROMPT)
        .and_then(|product| fastest(&product))
        .map(|took| PROMPT.operations() / took);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and far below 2^63"
    )]
    let bytes_per_second = (STREAM.bytes() / took) as u64;
    Some(Peak {
        device: name.to_owned(),
        bytes_per_second,
        operations_per_second: operations,
    })
}

/// Seconds that the fastest pass took.
fn fastest(product: &Product) -> Option<f64> {
    let started = Instant::now();
    let mut best: Option<Duration> = None;
    for _ in 0..PASSES {
        let began = Instant::now();
        product.compute()?;
        let took = began.elapsed();
        best = Some(best.map_or(took, |best| best.min(took)));
        if started.elapsed() > AT_MOST {
            break;
        }
    }
    best.filter(|best| !best.is_zero())
        .map(|best| best.as_secs_f64())
}

/// Which matrices are multiplied.
#[derive(Clone, Copy)]
struct Shape {
    /// Of the weights.
    rows: i64,
    /// Columns of the other matrix.
    tokens: i64,
    /// Products in one pass.
    times: u16,
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
impl Shape {
    fn operations(self) -> f64 {
        (2 * WIDTH * self.rows * self.tokens) as f64 * f64::from(self.times)
    }

    /// Bytes of weights that are read: 34 for 32 numbers of 8 bits.
    fn bytes(self) -> f64 {
        (WIDTH * self.rows / 32 * 34) as f64 * f64::from(self.times)
    }
}

/// Where it is computed; freed when dropped.
struct Backend(NonNull<sys::ggml_backend>);

impl Backend {
    fn processor(n_threads: u32) -> Option<Self> {
        init();
        // SAFETY: returns null or a backend of our own; no options are given.
        let backend = NonNull::new(unsafe {
            sys::ggml_backend_init_by_type(sys::GGML_BACKEND_DEVICE_TYPE_CPU, std::ptr::null())
        })?;
        let n_threads = Threads::same(n_threads).granted().single;
        // SAFETY: the backend is alive and the processor's.
        unsafe { sys::ggml_backend_cpu_set_n_threads(backend.as_ptr(), n_threads) };
        Some(Self(backend))
    }

    fn of(device: &str) -> Option<Self> {
        let device = backend::device_by_name(device)?;
        // SAFETY: the handle comes from the registry; no options are given; returns null or a
        // backend of our own.
        NonNull::new(unsafe { sys::ggml_backend_dev_init(device, std::ptr::null()) }).map(Self)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // SAFETY: made by ggml for us and freed once, after what uses it.
        unsafe { sys::ggml_backend_free(self.0.as_ptr()) };
    }
}

/// Products of two matrices that can be computed again and again.
struct Product {
    tensors: NonNull<sys::ggml_context>,
    graph: NonNull<sys::ggml_cgraph>,
    memory: NonNull<sys::ggml_backend_buffer>,
    /// Dropped last: `Drop` frees the others.
    backend: Backend,
}

impl Product {
    fn new(backend: Backend, shape: Shape) -> Option<Self> {
        let count = usize::from(shape.times) + 2;
        // SAFETY: both only tell sizes.
        let size = unsafe { count * sys::ggml_tensor_overhead() + sys::ggml_graph_overhead() };
        let params = sys::ggml_init_params {
            mem_size: size,
            mem_buffer: std::ptr::null_mut(),
            no_alloc: true,
        };
        // SAFETY: returns null or a context of our own, with room for the tensors below.
        let tensors = NonNull::new(unsafe { sys::ggml_init(params) })?;
        let context = tensors.as_ptr();
        // SAFETY: the context is alive and has room for these tensors and a graph; ggml aborts
        // over a product that the backend cannot compute, so it is asked first.
        let (graph, memory) = unsafe {
            let weights = sys::ggml_new_tensor_2d(context, sys::GGML_TYPE_Q8_0, WIDTH, shape.rows);
            let tokens = sys::ggml_new_tensor_2d(context, sys::GGML_TYPE_F32, WIDTH, shape.tokens);
            let graph = sys::ggml_new_graph(context);
            let mut supported = true;
            for _ in 0..shape.times {
                let product = sys::ggml_mul_mat(context, weights, tokens);
                supported &= sys::ggml_backend_supports_op(backend.0.as_ptr(), product);
                sys::ggml_build_forward_expand(graph, product);
            }
            let memory = match supported {
                true => sys::ggml_backend_alloc_ctx_tensors(context, backend.0.as_ptr()),
                false => std::ptr::null_mut(),
            };
            (NonNull::new(graph), NonNull::new(memory))
        };
        let (Some(graph), Some(memory)) = (graph, memory) else {
            // SAFETY: made above, used by nothing.
            unsafe { sys::ggml_free(context) };
            return None;
        };
        // SAFETY: the buffer is alive. Zeros are numbers in both types; a product of zeros takes as
        // long as any other.
        unsafe { sys::ggml_backend_buffer_clear(memory.as_ptr(), 0) };
        Some(Self {
            tensors,
            graph,
            memory,
            backend,
        })
    }

    fn compute(&self) -> Option<()> {
        // SAFETY: backend, graph and the memory of its tensors are alive, and nobody else has them.
        let status = unsafe {
            sys::ggml_backend_graph_compute(self.backend.0.as_ptr(), self.graph.as_ptr())
        };
        (status == sys::GGML_STATUS_SUCCESS).then_some(())
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // SAFETY: both were made in `new` and are freed once, before the backend.
        unsafe {
            sys::ggml_backend_buffer_free(self.memory.as_ptr());
            sys::ggml_free(self.tensors.as_ptr());
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
        assert_eq!(measure_device("no such device"), None);
    }
}
