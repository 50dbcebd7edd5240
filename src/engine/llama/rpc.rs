//! llama.cpp's RPC backend: a device that is another process, here or on another machine.
//!
//! It has no authentication: for the loopback interface and trusted networks only. Present where
//! llama.cpp was built with `GGML_RPC`. On the loopback interface it gives any machine a device of
//! kind GPU, so that the placement of layers can be tested without one.

use std::ffi::{CStr, CString, c_char, c_void};

use llama_cpp_sys_2 as sys;

use super::backend;
use crate::engine::{EngineError, ErrorKind};

type StartServer = unsafe extern "C" fn(
    endpoint: *const c_char,
    cache_dir: *const c_char,
    n_threads: usize,
    n_devices: usize,
    devices: *mut sys::ggml_backend_dev_t,
);
type AddServer = unsafe extern "C" fn(endpoint: *const c_char) -> sys::ggml_backend_reg_t;

/// Offers this machine's CPU under `host:port`; returns only when that fails.
///
/// # Errors
/// When llama.cpp has no RPC backend; an address in use only shows in its log.
pub fn serve(endpoint: &str, n_threads: usize) -> Result<(), EngineError> {
    let address = c_address(endpoint)?;
    let function = function(c"ggml_backend_rpc_start_server", endpoint)?;
    // SAFETY: ggml documents this name's type (`ggml-rpc.h`), which `StartServer` repeats.
    let start = unsafe { std::mem::transmute::<*mut c_void, StartServer>(function) };
    // SAFETY: a plain query of the registry.
    let cpu = unsafe { sys::ggml_backend_dev_by_type(sys::GGML_BACKEND_DEVICE_TYPE_CPU) };
    let mut devices = [cpu];
    // SAFETY: the address and the list of one device live during the call; no cache is asked for.
    unsafe {
        start(
            address.as_ptr(),
            std::ptr::null(),
            n_threads.max(1),
            devices.len(),
            devices.as_mut_ptr(),
        );
    }
    Ok(())
}

/// Adds the devices offered under `host:port` to those that models can be loaded on.
///
/// # Errors
/// When llama.cpp has no RPC backend or nobody answers at the address.
pub fn connect(endpoint: &str) -> Result<(), EngineError> {
    let address = c_address(endpoint)?;
    let function = function(c"ggml_backend_rpc_add_server", endpoint)?;
    // SAFETY: ggml documents this name's type (`ggml-rpc.h`), which `AddServer` repeats.
    let add = unsafe { std::mem::transmute::<*mut c_void, AddServer>(function) };
    // SAFETY: the address lives during the call.
    let registry = unsafe { add(address.as_ptr()) };
    if registry.is_null() {
        return Err(failed(endpoint, "nobody answers there"));
    }
    // SAFETY: the registry entry is valid and lives as long as the process.
    unsafe { sys::ggml_backend_register(registry) };
    Ok(())
}

/// A function of the RPC backend, which the static library does not declare.
fn function(name: &CStr, endpoint: &str) -> Result<*mut c_void, EngineError> {
    backend::init();
    // SAFETY: the names are zero-terminated; an unknown one gives null.
    let function = unsafe {
        let registry = sys::ggml_backend_reg_by_name(c"RPC".as_ptr());
        if registry.is_null() {
            return Err(failed(endpoint, "llama.cpp was built without RPC"));
        }
        sys::ggml_backend_reg_get_proc_address(registry, name.as_ptr())
    };
    if function.is_null() {
        return Err(failed(endpoint, "llama.cpp's RPC backend lacks a function"));
    }
    Ok(function)
}

fn c_address(endpoint: &str) -> Result<CString, EngineError> {
    CString::new(endpoint).map_err(|_| failed(endpoint, "the address holds a zero byte"))
}

fn failed(endpoint: &str, why: &str) -> EngineError {
    EngineError {
        kind: ErrorKind::BadParameter,
        what: format!("using the RPC device {endpoint}"),
        why: why.to_owned(),
        hint: String::new(),
    }
}
