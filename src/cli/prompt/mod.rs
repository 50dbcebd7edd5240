//! `llmdeck prompt`: the prompt that a model would see for a conversation, without its weights.

mod report;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{ExitCode, Failure, Prepared, model, print_result};
use crate::chat::Conversation;
use crate::engine::llama::Vocabulary;
use report::Report;

/// The longest conversation that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// Renders a conversation with the model's chat template (or another: --chat-template-file,
/// --chat-template) and tokenises it, without loading the weights. --system, --reasoning and
/// --reasoning-effort count as they do in a chat.
#[derive(Args, Clone, Debug, Default)]
pub struct PromptArgs {
    /// The conversation as JSON, - for standard input: a list of messages as OpenAI has them, or an
    /// object with "messages" and, where wanted, "tools", "documents", "chat_template_kwargs"
    #[arg(long, value_name = "FILE")]
    pub messages: PathBuf,
    /// Print one JSON object: text, segments (kind: template or content), tokens
    #[arg(long)]
    pub json: bool,
}

/// Shows the prompt.
///
/// # Errors
/// When the conversation, the model or the template cannot be used.
pub(super) fn run(args: &PromptArgs, prepared: &Prepared) -> Result<ExitCode, Failure> {
    let conversation = read(&args.messages)?;
    let path = model::resolve(prepared)?;
    let mut vocabulary = Vocabulary::open(&path)?;
    let reply = prepared.params_of(&path).reply();
    let prompt = vocabulary.prompt(conversation, &reply)?;
    let report = Report::new(&path, &reply.template, &vocabulary, prompt);
    let text = if args.json {
        serde_json::to_string(&report)
            .map(|text| text + "\n")
            .map_err(|error| {
                Failure::new(ExitCode::Software, "writing the prompt as JSON", error)
            })?
    } else {
        report.text()
    };
    print_result(io::stdout().write_all(text.as_bytes()))?;
    Ok(ExitCode::Ok)
}

fn read(path: &Path) -> Result<Conversation, Failure> {
    let what = || format!("reading the conversation {}", path.display());
    let failed = |error: io::Error| {
        let hint = "--messages takes the path of a JSON file, or - for standard input";
        Failure::new(ExitCode::NoInput, what(), error).hint(hint)
    };
    let mut json = Vec::new();
    let taken = if path == Path::new("-") {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut json)
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(LONGEST + 1).read_to_end(&mut json)
    };
    taken.map_err(failed)?;
    let unusable = |why: String| {
        Failure::new(ExitCode::Data, what(), why)
            .hint(r#"a conversation is [{"role": "user", "content": "Hello"}]"#)
    };
    if json.len() as u64 > LONGEST {
        return Err(unusable(format!("it is longer than {LONGEST} bytes")));
    }
    let json = String::from_utf8(json).map_err(|error| unusable(error.to_string()))?;
    Conversation::read(&json).map_err(unusable)
}
