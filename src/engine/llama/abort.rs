//! Ends of the process that nothing can stop: ggml's abort, and signals of a fault.

use std::ffi::{c_char, c_int};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, mem, ptr};

use llama_cpp_sys_2 as sys;

use super::backend::text;

/// The signals of a fault, and what to say of each.
const FAULTS: [(c_int, &str); 5] = [
    (
        libc::SIGBUS,
        "llmdeck was ended by SIGBUS: a file that is mapped into memory became shorter or could not be \
         read, most likely the model's; --load-mode none reads models into memory instead",
    ),
    (
        libc::SIGSEGV,
        "llmdeck was ended by SIGSEGV, a fault in llmdeck or in llama.cpp",
    ),
    (
        libc::SIGILL,
        "llmdeck was ended by SIGILL: this program may have been built for another processor",
    ),
    (
        libc::SIGFPE,
        "llmdeck was ended by SIGFPE, a fault in llmdeck or in llama.cpp",
    ),
    (libc::SIGABRT, "llmdeck was ended by SIGABRT"),
];

// Neither ggml's callback nor a signal's handler carries user data, so the hook has to be found from a
// static.
static HOOK: OnceLock<fn(&str)> = OnceLock::new();
/// ggml has said why it aborts; the signal that follows says nothing more.
static ABORTS: AtomicBool = AtomicBool::new(false);

/// Calls `hook` with a message when ggml aborts the process and when a signal of a fault ends it, so
/// that the terminal can be restored. The process ends after it returns. The first hook stays.
///
/// `hook` runs on any thread, in the middle of anything: it must take no lock and allocate nothing.
///
/// # Errors
/// When the system refuses a handler.
pub fn set_abort_hook(hook: fn(&str)) -> io::Result<()> {
    if HOOK.set(hook).is_err() {
        return Ok(());
    }
    // SAFETY: the callback is a plain function that lives as long as the program.
    unsafe { sys::ggml_set_abort_callback(Some(on_abort)) };
    for (signal, _) in FAULTS {
        handle(signal)?;
    }
    Ok(())
}

fn handle(signal: c_int) -> io::Result<()> {
    // SAFETY: an all-zero struct of plain fields is valid; its mask is emptied as the interface asks.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // The default action is back before the handler runs, which uses the stack that Rust's threads have
    // for signals: their own may be what overflowed.
    action.sa_flags = libc::SA_RESETHAND | libc::SA_ONSTACK;
    action.sa_sigaction = on_fault as extern "C" fn(c_int) as usize;
    // SAFETY: both structs live during the calls; the handler is a plain function that only does what
    // is allowed in one, by the contract of `set_abort_hook`.
    let refused = unsafe {
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, ptr::null_mut()) != 0
    };
    if refused {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

unsafe extern "C" fn on_abort(message: *const c_char) {
    ABORTS.store(true, Ordering::Relaxed);
    // SAFETY: ggml passes a zero-terminated string that lives during this call.
    let message = unsafe { text(message) };
    if let Some(hook) = HOOK.get() {
        // The process ends anyway; a panic must not cross into C before that.
        let _ = std::panic::catch_unwind(|| hook(&message));
    }
}

extern "C" fn on_fault(signal: c_int) {
    let said = ABORTS.load(Ordering::Relaxed);
    let message = FAULTS.iter().find(|(fault, _)| *fault == signal);
    if let (false, Some(hook), Some((_, message))) = (said, HOOK.get(), message) {
        hook(message);
    }
    // SAFETY: allowed in a handler. The signal stays blocked until this returns and then ends the
    // process by its default action, also where somebody outside had sent it.
    unsafe { libc::raise(signal) };
}
