//! `llmdeck run`: one prompt, one reply, no screen.
//!
//! ```text
//! --prompt, --file, stdin ─► prompt ─► session (engine: load, generate) ─► stdout, or JSON at the end
//! ```
//! Ctrl-C ends the reply within a step and prints what there is; a second one, or an engine
//! that does not answer the first, ends the process.

mod interrupts;
mod output;
mod prompt;
mod report;
mod session;

use std::io::{self, Write};

use super::args::RunArgs;
use super::{ExitCode, Failure, Prepared, model, print_result};
use crate::engine::{self, Command, StopReason};
use output::Output;
use report::Report;
use session::{Reader, Reply, Session};

/// Answers one prompt.
///
/// # Errors
/// When there is no prompt or model, or the reply cannot be made or written.
pub(super) fn run(args: &RunArgs, prepared: Prepared) -> Result<ExitCode, Failure> {
    let prompt = prompt::read(args)?;
    let model = model::resolve(&prepared)?;
    let mut output = if args.json {
        Output::Quiet
    } else {
        Output::for_text()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Os, "starting", error))?;
    let (handle, mut events) = engine::llama::start()
        .map_err(|error| Failure::new(ExitCode::Os, "starting the engine", error))?;
    let mut stdout = io::stdout();
    let result = runtime.block_on(async {
        let mut interrupts = interrupts::listen();
        let mut session = Session {
            send: &|command| handle.send(command),
            events: &mut events,
            interrupts: &mut interrupts,
            sink: &mut |text| output.write(&mut stdout, text),
        };
        session.reply(model, prepared.params, prompt).await
    });
    // A stopped engine takes no commands, and then there is nothing to stop. The events' end has
    // to go first: the thread would wait for room to tell its last ones.
    let _ = handle.send(Command::Stop);
    drop(events);
    if !handle.join() {
        tracing::error!("the engine thread panicked");
    }
    let finished = output.finish(&mut stdout);
    let reply = result?;
    print_result(finished)?;
    finish(args, reply, &mut stdout)
}

fn finish(args: &RunArgs, reply: Reply, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let code = match (&reply.stop, reply.reader) {
        (StopReason::Cancelled, Reader::Listening) => ExitCode::Interrupted,
        _ => ExitCode::Ok,
    };
    if let (StopReason::ContextFull { n_ctx }, false) = (&reply.stop, args.json) {
        eprintln!(
            "note: the context of {n_ctx} tokens is full, so the reply ends here; -c gives it more"
        );
    }
    if args.json {
        let text = serde_json::to_string(&Report::from(reply)).map_err(|error| {
            Failure::new(ExitCode::Software, "writing the reply as JSON", error)
        })?;
        print_result(writeln!(out, "{text}"))?;
    }
    Ok(code)
}
