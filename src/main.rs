//! The `llmdeck` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Without its hook panics are reported plainly; that is no reason to end.
    let _ = color_eyre::install();
    let code = std::panic::catch_unwind(|| llmdeck::cli::main(std::env::args_os()));
    // The hook has already told of the panic.
    code.unwrap_or(llmdeck::cli::ExitCode::Software).into()
}
