//! Chores of this repository: `cargo run -p xtask --release -- docs`.

mod docs;
mod fixture;
mod screenshot;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo run -p xtask --release -- TASK
  docs                          write the generated pages of docs/
  docs --check                  fail when a generated page is out of date
  fixture [--layers N …] OUT    write a model of random weights, of any shape
  screenshot                    write docs/screenshot.svg from the running deck";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.split_first() {
        Some((&"docs", rest)) => docs::run(rest),
        Some((&"fixture", rest)) => fixture::run(rest),
        Some((&"screenshot", rest)) => screenshot::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
