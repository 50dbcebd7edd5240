//! The process-wide part of llama.cpp: its backends and devices.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char};
use std::sync::Once;

use llama_cpp_sys_2 as sys;

use super::logs;
use crate::engine::{Device, DeviceKind};

/// Starts llama.cpp's backends; again is harmless. They live until the process ends.
pub(crate) fn init() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        logs::install_logging();
        // SAFETY: called once, before any other use of llama.cpp by this program.
        unsafe { sys::llama_backend_init() };
    });
}

/// The devices llama.cpp can compute on, in its order.
pub fn devices() -> Vec<Device> {
    native_devices().map(describe).collect()
}

/// What llama.cpp says of itself: instruction sets, backends.
pub fn system_info() -> String {
    init();
    // SAFETY: returns a zero-terminated string that llama.cpp owns.
    unsafe { text(sys::llama_print_system_info()) }
}

/// llama.cpp's version.
pub fn version() -> String {
    // SAFETY: returns a zero-terminated string that llama.cpp owns.
    unsafe { text(sys::llama_version()) }
}

/// The registered devices' handles; they live as long as the process.
pub(crate) fn native_devices() -> impl Iterator<Item = sys::ggml_backend_dev_t> {
    init();
    // SAFETY: the registry is filled by `init` and only grows.
    let count = unsafe { sys::ggml_backend_dev_count() };
    // SAFETY: the index is below the count.
    (0..count).map(|index| unsafe { sys::ggml_backend_dev_get(index) })
}

/// What tells one piece of hardware from another, such as its place on the PCI bus, by device name;
/// backends that do not know it leave their devices out.
pub(crate) fn hardware_ids() -> HashMap<String, String> {
    let ids = native_devices().filter_map(|device| {
        // SAFETY: an all-zero struct of plain fields is valid, and the query fills it in; names
        // are zero-terminated strings that ggml owns.
        unsafe {
            let mut about: sys::ggml_backend_dev_props = std::mem::zeroed();
            sys::ggml_backend_dev_get_props(device, &raw mut about);
            let id = text(about.device_id);
            (!id.is_empty()).then(|| (text(sys::ggml_backend_dev_name(device)), id))
        }
    });
    ids.collect()
}

/// The device of that name, as llama.cpp lists it.
pub(crate) fn device_by_name(name: &str) -> Option<sys::ggml_backend_dev_t> {
    let name = CString::new(name).ok()?;
    init();
    // SAFETY: the name is zero-terminated and lives during the call.
    let device = unsafe { sys::ggml_backend_dev_by_name(name.as_ptr()) };
    (!device.is_null()).then_some(device)
}

/// The buffer type of that name: `CPU`, `CUDA0` …
pub(crate) fn buffer_type_by_name(name: &str) -> Option<sys::ggml_backend_buffer_type_t> {
    native_devices()
        // SAFETY: the handles come from the registry; a buffer type lives as long as its device.
        .map(|device| unsafe { sys::ggml_backend_dev_buffer_type(device) })
        // SAFETY: a buffer type's name is a zero-terminated string that ggml owns.
        .find(|&buffer| {
            !buffer.is_null() && unsafe { text(sys::ggml_backend_buft_name(buffer)) } == name
        })
}

fn describe(device: sys::ggml_backend_dev_t) -> Device {
    let (mut free, mut total) = (0, 0);
    // SAFETY: the handle comes from the registry; names are zero-terminated strings that ggml
    // owns, and the memory query writes to the two integers.
    unsafe {
        sys::ggml_backend_dev_memory(device, &raw mut free, &raw mut total);
        Device {
            name: text(sys::ggml_backend_dev_name(device)),
            description: text(sys::ggml_backend_dev_description(device)),
            backend: text(sys::ggml_backend_reg_name(
                sys::ggml_backend_dev_backend_reg(device),
            )),
            kind: match sys::ggml_backend_dev_type(device) {
                sys::GGML_BACKEND_DEVICE_TYPE_CPU => DeviceKind::Cpu,
                sys::GGML_BACKEND_DEVICE_TYPE_IGPU => DeviceKind::IntegratedGpu,
                sys::GGML_BACKEND_DEVICE_TYPE_GPU => DeviceKind::Gpu,
                _ => DeviceKind::Accelerator,
            },
            memory_total: total as u64,
            memory_free: free as u64,
        }
    }
}

/// # Safety
/// `pointer` is null or a zero-terminated string.
pub(super) unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: not null, and zero-terminated by this function's contract.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}
