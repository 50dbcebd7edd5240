//! `llmdeck run`: one prompt, one reply, no screen.
//!
//! ```text
//! --prompt, --file, stdin ─► prompt ─► session (engine: load, generate) ─► show: stdout, or JSON at the end
//! ```
//! Ctrl-C ends the reply within a step and prints what there is; a second one, or an engine
//! that does not answer the first, ends the process.

mod output;
mod prompt;
mod report;
mod session;
mod show;

use std::io::{self, Write};

use super::args::RunArgs;
use super::engine::{Engine, with_engine};
use super::{ExitCode, Failure, Prepared, model, print_result, sanitise};
use crate::engine::StopReason;
use output::Output;
use report::Report;
use session::{Reader, Reply, Session};
use show::Show;

/// Answers one prompt.
///
/// # Errors
/// When there is no prompt or model, or the reply cannot be made or written.
pub(super) fn run(args: &RunArgs, prepared: Prepared) -> Result<ExitCode, Failure> {
    let prompt = prompt::read(args)?;
    let model = model::resolve(&prepared)?;
    let (answer, thoughts) = if args.json {
        (Output::Quiet, Output::Quiet)
    } else {
        (Output::for_text(), Output::for_thoughts())
    };
    let mut show = Show::new(answer, io::stdout(), thoughts, io::stderr());
    let result = with_engine(
        async |Engine {
                   handle,
                   events,
                   interrupts,
               }| {
            let mut session = Session {
                send: &|command| handle.send(command),
                events,
                interrupts,
                // Where standard error cannot be written, nobody reads along.
                note: &mut |text| {
                    let _ = writeln!(io::stderr(), "note: {}", sanitise::line(text));
                },
                sink: &mut |parts| show.write(parts),
            };
            let params = prepared.params_of(&model);
            session.reply(model, params, prompt).await
        },
    )?;
    let finished = show.finish();
    let reply = result?;
    print_result(finished)?;
    finish(args, reply, &mut io::stdout())
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
