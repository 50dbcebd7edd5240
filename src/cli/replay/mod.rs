//! `llmdeck replay`: makes a stored reply again and tells whether it comes out the same.
//!
//! ```text
//! store ─► recall (message, its parameters, tokens, origin) ─► session (engine: load, generate)
//!       ─► compare ─► report: identical, or the first token that is another and what differed
//!             └─► session: the old candidates at that token, where they were not recorded
//! ```

mod compare;
mod report;
mod session;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::engine::with_engine;
use super::{ExitCode, Failure, Prepared, model, print_result};
use crate::chat::Role;
use crate::engine::trace::Trace;
use crate::engine::{Exact, Origin};
use crate::gguf;
use crate::params::{Overrides, Param, Params, ReplyParams, SamplingParams, Source, Value, spec};
use crate::store::{Kept, Message, MessageId, MessageState, Store, StoreError};
use session::Session;

/// Candidates recorded of each token, so that a difference can be looked into.
const CANDIDATES: u32 = 10;

/// Equal tokens are no promise: other hardware and other batches round differently. The exit code
/// is 0 when the reply came out the same and 1 when it did not. Load and sampling parameters given
/// here count in place of the reply's own; what belongs to a model's name today does not. Its seed,
/// length and prompt are what is made again: what would change them is refused.
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
    pub preset: Option<String>,
    pub parameters: Overrides,
}

/// What the reply's seed, its length and the tokens of its prompt stand for already.
const FIXED: [Param; 8] = [
    Param::Seed,
    Param::NPredict,
    Param::System,
    Param::Reasoning,
    Param::ReasoningEffort,
    Param::ChatTemplate,
    Param::ChatTemplateFile,
    Param::ChatTemplateKwargs,
];

/// Makes the reply again.
///
/// # Errors
/// When what is given cannot count, there is no such reply, nothing is known of how it was made, or
/// the model cannot be run.
pub(super) fn run(
    args: &ReplayArgs,
    prepared: &Prepared,
    given: Given,
) -> Result<ExitCode, Failure> {
    refuse(args.id, &given)?;
    let (message, kept) = recall(args.id, prepared)?;
    let cut = cut(&message);
    if kept.ids.chosen.len() <= kept.origin.begun_with as usize {
        let why = "it was cut off before a token of it was drawn and kept";
        return Err(Failure::new(ExitCode::NoInput, doing(args.id), why)
            .hint("a reply with one token at least can be compared"));
    }
    let path = match given.model {
        Some(path) => path,
        None => own_model(args.id, &kept.origin)?,
    };
    let own = params_of(&message, &kept.origin);
    let mut params = own.clone();
    params.replace(Source::Session, given.parameters);
    let (again, computed) = with_engine(async |engine| {
        let mut session = Session::load(engine, path, params.load()).await?;
        let (sampling, reply) = settings(&params, &kept);
        let again = session.make(exact(&kept), sampling, reply).await?;
        let unknown = compare::diverges_at(&kept, &again)
            .filter(|&at| compare::recorded(&kept.trace, at).is_none());
        let computed = match unknown {
            Some(at) => Some(candidates_at(&mut session, at, &own, &kept).await?),
            None => None,
        };
        Ok::<_, Failure>((again, computed))
    })??;
    let mut outcome = compare::compare(&kept, &again, computed.as_ref(), cut);
    let changed = compare::changed(&own, &params);
    outcome.differences.splice(..0, changed);
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

/// What is tried, for an error.
fn doing(id: i64) -> String {
    format!("making reply {id} again")
}

/// Says what is given and could not count.
fn refuse(id: i64, given: &Given) -> Result<(), Failure> {
    let fixed = FIXED
        .iter()
        .filter(|param| given.parameters.contains_key(*param))
        .map(|param| format!("--{}", spec(*param).name));
    let preset = given.preset.iter().map(|_| "--preset".to_owned());
    let refused: Vec<String> = preset.chain(fixed).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let why = format!(
        "{} cannot count: the reply's own values, seed, length and prompt are made again",
        refused.join(", ")
    );
    Err(Failure::new(ExitCode::Usage, doing(id), why)
        .hint("single load and sampling parameters can be given, such as --threads or --temp"))
}

/// The reply's candidates at that place, by taking the tokens it has up to there with the values it
/// was made with.
async fn candidates_at(
    session: &mut Session<'_>,
    at: usize,
    own: &Params,
    kept: &Kept,
) -> Result<Trace, Failure> {
    let begun_with = kept.origin.begun_with as usize;
    let (sampling, reply) = settings(own, kept);
    let exact = Exact {
        forced: kept
            .ids
            .chosen
            .iter()
            .take(at + 1)
            .skip(begun_with)
            .copied()
            .collect(),
        ..exact(kept)
    };
    let reply = ReplyParams {
        max_tokens: u32::try_from((at + 1).saturating_sub(begun_with)).ok(),
        stop: Vec::new(),
        ..reply
    };
    Ok(session.make(exact, sampling, reply).await?.trace)
}

/// The prompt and what the reply began with.
fn exact(kept: &Kept) -> Exact {
    let begun_with = kept.origin.begun_with as usize;
    Exact {
        prompt: kept.ids.prompt.clone(),
        reply: kept.ids.chosen.get(..begun_with).unwrap_or_default().into(),
        forced: Vec::new(),
    }
}

/// The reply and how it came about.
fn recall(id: i64, prepared: &Prepared) -> Result<(Message, Kept), Failure> {
    let no_input = |why: &str| Failure::new(ExitCode::NoInput, doing(id), why);
    let refused = |error: StoreError| Failure::new(ExitCode::Io, doing(id), error);
    let store = Store::open(&prepared.folders.sessions_dir).map_err(refused)?;
    let store = store.store;
    let message = store.message(MessageId(id)).map_err(refused)?;
    let message = message.ok_or_else(|| {
        no_input("there is no message of this number")
            .hint("the token view (Alt+T) shows the number of a reply; what is not saved has none")
    })?;
    if message.said.role != Role::Assistant {
        return Err(
            no_input("the message of this number is no reply of a model")
                .hint("the token view (Alt+T) shows the number of a reply"),
        );
    }
    let kept = store.trace(MessageId(id)).map_err(refused)?;
    let kept = kept.ok_or_else(|| {
        no_input("how it was made is not stored with it")
            .hint("only replies that were made here have that; those of imported chats do not")
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

/// The file of the model that the reply was made with, if it still is that.
fn own_model(id: i64, origin: &Origin) -> Result<PathBuf, Failure> {
    let path = &origin.model;
    model::check(path).map_err(|failure| {
        let hint =
            format!("reply {id} was made with it; if it moved, --model names it where it is now");
        failure.hint(hint)
    })?;
    let now = gguf::fingerprint(path).map_err(|error| {
        Failure::new(ExitCode::Io, format!("reading {}", path.display()), error)
    })?;
    if origin.fingerprint.is_empty() || now == origin.fingerprint {
        return Ok(path.clone());
    }
    let short = |hash: &str| hash.get(..8).unwrap_or(hash).to_owned();
    let why = format!(
        "{} is another file now: its hash is {}, the reply's model had {}",
        path.display(),
        short(&now),
        short(&origin.fingerprint)
    );
    Err(Failure::new(ExitCode::NoInput, doing(id), why)
        .hint("--model names the reply's model where it is now, or any other to compare with"))
}

/// The reply's own values. What the context came out as is asked for again.
fn params_of(message: &Message, origin: &Origin) -> Params {
    let mut params = Params::written(&message.said.params);
    if origin.n_ctx > 0 {
        // A size that today's table does not take is the reply's own then.
        let n_ctx = Value::Int(i64::from(origin.n_ctx));
        let _ = params.set(Source::Preset, Param::CtxSize, n_ctx);
    }
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
