//! The guard in a real terminal: this binary starts itself in one.
//!
//! Without the argument `--play` it runs the cases; with it, it is the program under test (see
//! [`play`]), because only a process of its own can panic or abort with the terminal in its hands.

mod cases;
#[path = "../pty/harness.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of the program, which use all of it"
)]
mod harness;
mod play;

use std::panic::catch_unwind;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [play, log] = arguments.as_slice()
        && play == "--play"
    {
        return play::run(log.as_ref());
    }
    // As in other test binaries: names given on the command line choose the cases.
    let names: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen: Vec<_> = cases::ALL
        .iter()
        .filter(|(name, _)| {
            names.is_empty() || names.iter().any(|part| name.contains(part.as_str()))
        })
        .collect();
    println!("\nrunning {} tests", chosen.len());
    let mut failed = 0;
    for (name, case) in &chosen {
        let passed = catch_unwind(case).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        chosen.len() - failed,
        cases::ALL.len() - chosen.len()
    );
    ExitCode::from(u8::from(failed > 0))
}
