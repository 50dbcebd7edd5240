//! `llmdeck replay`: makes a stored reply again and tells whether it comes out the same.
//!
//! ```text
//! store ─► recall (message, its parameters, tokens, origin) ─► session (engine: load, generate)
//!       ─► compare ─► report: identical, or the first token that is another and what differed
//! ```

mod compare;
mod report;
mod session;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::engine::with_engine;
use super::{ExitCode, Failure, Prepared, model, print_result};
use crate::engine::{Exact, Origin};
use crate::params::{Overrides, Param, Params, ReplyParams, SamplingParams, Source, Value};
use crate::store::{Kept, Message, MessageId, MessageState, Store, StoreError};
use session::Session;

/// Candidates recorded of each token, so that a difference can be looked into.
const CANDIDATES: u32 = 10;

/// Equal tokens are no promise: other hardware and other batches round differently. The exit code
/// is 0 when the reply came out the same and 1 when it did not. Load parameters given here count
/// in place of the reply's own; what belongs to a model's name today does not.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// The reply's number, as the token view shows it
    #[arg(value_name = "ID")]
    pub id: i64,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What the command line names in place of the reply's own.
pub(super) struct Given {
    pub model: Option<PathBuf>,
    pub parameters: Overrides,
}

/// Makes the reply again.
///
/// # Errors
/// When there is no such reply, nothing is known of how it was made, or the model cannot be run.
pub(super) fn run(
    args: &ReplayArgs,
    prepared: &Prepared,
    given: Given,
) -> Result<ExitCode, Failure> {
    let (message, kept) = recall(args.id, prepared)?;
    let cut = cut(&message);
    let path = model_of(&kept.origin, given.model.as_ref())?;
    if kept.ids.chosen.len() <= kept.origin.begun_with as usize {
        let what = format!("making reply {} again", args.id);
        let why = "it was cut off before a token of it was kept";
        return Err(Failure::new(ExitCode::NoInput, what, why));
    }
    let params = params_of(&message, &kept.origin, given.parameters);
    let (sampling, reply) = settings(&params, &kept);
    let begun_with = kept.origin.begun_with as usize;
    let exact = Exact {
        prompt: kept.ids.prompt.clone(),
        reply: kept.ids.chosen.get(..begun_with).unwrap_or_default().into(),
        forced: Vec::new(),
    };
    let again = with_engine(async |engine| {
        Session::new(engine)
            .make(path, params.load(), exact, sampling, reply)
            .await
    })??;
    let outcome = compare::compare(&kept, &again, cut);
    let text = if args.json {
        let text = serde_json::to_string(&report::json(args.id, &outcome));
        text.map(|text| format!("{text}\n")).map_err(|error| {
            Failure::new(ExitCode::Software, "writing the report as JSON", error)
        })?
    } else {
        report::text(args.id, &outcome)
    };
    print_result(io::stdout().write_all(text.as_bytes()))?;
    Ok(match outcome.divergence {
        None => ExitCode::Ok,
        Some(_) => ExitCode::General,
    })
}

/// The reply and how it came about.
fn recall(id: i64, prepared: &Prepared) -> Result<(Message, Kept), Failure> {
    let what = || format!("making reply {id} again");
    let refused = |error: StoreError| Failure::new(ExitCode::Io, what(), error);
    let store = Store::open(&prepared.folders.sessions_dir).map_err(refused)?;
    let store = store.store;
    let id = MessageId(id);
    let message = store.message(id).map_err(refused)?.ok_or_else(|| {
        Failure::new(
            ExitCode::NoInput,
            what(),
            "there is no message of this number",
        )
        .hint("the token view (Alt+T) shows the number of a reply")
    })?;
    let kept = store.trace(id).map_err(refused)?.ok_or_else(|| {
        Failure::new(
            ExitCode::NoInput,
            what(),
            "how it was made is not stored with it",
        )
        .hint("only replies that were made here have that; people's messages and imported chats do not")
    })?;
    Ok((message, kept))
}

/// Why a reply did not come to its end, if so.
fn cut(message: &Message) -> Option<String> {
    (message.said.state == MessageState::Interrupted).then(|| match message.said.stop.as_str() {
        "" => "the program ended before it did".to_owned(),
        stop => stop.to_owned(),
    })
}

/// The model given, else the one the reply was made with.
fn model_of(origin: &Origin, given: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    match given {
        Some(path) => Ok(path.clone()),
        None => model::check(&origin.model)
            .map(|()| origin.model.clone())
            .map_err(|failure| failure.hint("it may have moved; --model names it where it is now")),
    }
}

/// The reply's own values under those given now. What the context came out as is asked for again.
fn params_of(message: &Message, origin: &Origin, given: Overrides) -> Params {
    let mut params = Params::written(&message.said.params);
    if origin.n_ctx > 0 {
        // A size that today's table does not take is the reply's own then.
        let n_ctx = Value::Int(i64::from(origin.n_ctx));
        let _ = params.set(Source::Preset, Param::CtxSize, n_ctx);
    }
    params.replace(Source::Session, given);
    params
}

fn settings(params: &Params, kept: &Kept) -> (SamplingParams, ReplyParams) {
    let begun_with = kept.origin.begun_with as usize;
    let drawn = kept.ids.chosen.len().saturating_sub(begun_with);
    let sampling = SamplingParams {
        seed: Some(kept.origin.seed),
        n_probs: params.sampling().n_probs.max(CANDIDATES),
        ..params.sampling()
    };
    let reply = ReplyParams {
        // As far as it went, and not further.
        max_tokens: u32::try_from(drawn).ok(),
        ..params.reply()
    };
    (sampling, reply)
}
