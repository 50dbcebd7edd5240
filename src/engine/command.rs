//! What the engine can be asked to do.

use std::path::PathBuf;

use crate::chat::Message;
use crate::params::{LoadParams, ReplyParams, SamplingParams};

/// Names one load or retune; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoadId(pub u64);

/// Names one reply being made; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a conversation, so that the engine finds the KV cache it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(pub u64);

/// Names one measurement; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BenchId(pub u64);

/// Names one counting of tokens; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountId(pub u64);

/// A command; each is answered by events that carry the same id.
#[derive(Clone, Debug)]
pub enum Command {
    /// Loads a model in place of the present one, which stays if the load fails where memory
    /// allows both, and is loaded again otherwise. If the load succeeds it is held where memory
    /// and `models-max` allow that. A model that is held runs again without being loaded.
    /// Answers: `LetGo`?, `Loading`*, `Held`?, then `Loaded` or `LoadFailed`.
    Load(Box<LoadRequest>),
    /// Brings the running model to other load parameters; every conversation and every reply
    /// in progress goes on. Answers: `LetGo`?, `Loading`* when the model is reloaded, then `Retuned` or
    /// `RetuneFailed` (what ran before runs again); or `Merged` when a newer one waits already.
    Retune { id: LoadId, params: Box<LoadParams> },
    /// Tells what a [`Command::Retune`] with these parameters would do, and does nothing.
    /// Answers: `Foreseen`.
    Foresee { id: LoadId, params: Box<LoadParams> },
    /// Stops a load or a retune in progress. Answers: `LoadFailed` or `RetuneFailed` with
    /// [`super::ErrorKind::Cancelled`].
    CancelLoad(LoadId),
    /// Frees the model, and the one that is held. Answers: `LetGo`?, then `Unloaded`.
    Unload,
    /// Frees the model that is held. Answers: `LetGo`, or nothing where none is.
    LetGo,
    /// Makes a reply. Answers: `Queued`, `Prefill`*, `Tokens`*, then `Finished` or `Failed`.
    Generate(Box<GenerateRequest>),
    /// Other sampling for a reply in progress, from its next token on. No answer.
    Resample {
        request: RequestId,
        sampling: Box<SamplingParams>,
    },
    /// Tells what a sampler chain would do to the distribution after the last token of a
    /// conversation; nothing is generated. While a reply of it is made, it is the next token's.
    /// Answers: `Previewed`.
    Preview(Box<PreviewRequest>),
    /// Ends a reply within one step. Answers: `Finished` with [`super::StopReason::Cancelled`].
    Cancel(RequestId),
    /// Measures the running model. Conversations survive it and replies in progress wait for it,
    /// as does every other command but the two that end it. Answers: `BenchSample` for each
    /// repetition, then `BenchDone` or `BenchFailed`.
    Bench(BenchRequest),
    /// Ends a measurement within one step. Answers: `BenchFailed` with
    /// [`super::ErrorKind::Cancelled`].
    CancelBench(BenchId),
    /// Tells how many tokens each text has, and how much of it there is room for, in tokens.
    /// Answers: `Counted`; without a model every text has none.
    Count {
        id: CountId,
        texts: Vec<String>,
        room: u32,
    },
    /// Shows the prompt that a reply was made from, or else the one that this request would give.
    /// Answers: `PromptShown`.
    ShowPrompt(Box<GenerateRequest>),
    /// Ends the thread. Answers: `Stopped`, the last event.
    Stop,
}

#[derive(Clone, Debug)]
pub struct LoadRequest {
    pub id: LoadId,
    pub path: PathBuf,
    pub params: LoadParams,
}

#[derive(Clone, Debug)]
pub struct GenerateRequest {
    pub id: RequestId,
    pub conversation: ConversationId,
    /// The whole conversation, oldest first, without the system prompt of `reply`.
    pub messages: Vec<Message>,
    /// The beginning of the reply, when one is continued; its text is not sent again.
    pub reply_so_far: String,
    /// The prompt as tokens, in place of `messages` and `reply_so_far`.
    pub exact: Option<Exact>,
    pub sampling: SamplingParams,
    pub reply: ReplyParams,
}

/// A prompt given as tokens, so that a reply can be made again or leave another one's path: text
/// does not always come back as the tokens that it was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exact {
    pub prompt: Vec<i32>,
    /// The tokens that the reply begins with; their text is sent as the reply's first.
    pub reply: Vec<i32>,
    /// The tokens that are taken after those, one by one, whatever the chain would draw: so that a
    /// reply is recorded after it was made.
    pub forced: Vec<i32>,
}

#[derive(Clone, Debug)]
pub struct PreviewRequest {
    pub conversation: ConversationId,
    /// The chain; of its `n_probs` likeliest candidates the answer tells.
    pub sampling: SamplingParams,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchRequest {
    pub id: BenchId,
    pub test: BenchTest,
    /// How often it is measured.
    pub repetitions: u32,
    /// Whether a run that is not measured goes first: the prompt once, or one token.
    pub warmup: bool,
}

/// What is measured, in tokens: `n_prompt` of prefill, then `n_gen` decoded one by one, after
/// `n_depth` that fill the KV cache before the clock starts. The parts of llama-bench's tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BenchTest {
    pub n_prompt: u32,
    pub n_gen: u32,
    pub n_depth: u32,
}

impl BenchTest {
    /// Tokens the context must hold.
    pub fn n_ctx(&self) -> u32 {
        self.n_depth
            .saturating_add(self.n_prompt)
            .saturating_add(self.n_gen)
    }
}
