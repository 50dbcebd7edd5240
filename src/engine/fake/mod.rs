//! An engine with virtual time behind the same commands and events.
//!
//! It runs as a task on tokio's clock, so a test with a paused clock sees exact rates and waits
//! for nothing. A token is a word; what is in its KV cache is remembered per conversation, so
//! reuse, a full context and retunes come out as with the real engine.

mod looks;
mod model;
mod reply;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, channel, unbounded_channel};
use tokio::time::sleep;

use self::looks::size;
use super::handle::Commands;
use super::trace::Ids;
use super::{
    BenchRequest, BenchSample, Command, ConversationId, EngineError, EngineEvent, EngineHandle,
    ErrorKind, LetGo, ModelInfo,
};
use crate::params::LoadParams;

/// What every model of the fake engine is known by.
const FINGERPRINT: &str = "fake";

/// How the fake engine behaves.
#[derive(Clone, Debug)]
pub struct Script {
    pub load_time: Duration,
    /// Tokens per second.
    pub prefill_rate: f64,
    /// Tokens per second.
    pub decode_rate: f64,
    /// The answer to every message, word by word.
    pub answer: String,
    /// Tokens that fit when ctx-size is left to the model.
    pub n_ctx: u32,
    /// A retune to more tokens than this fails for want of memory.
    pub max_ctx: u32,
    /// Models that memory has room for.
    pub models: u32,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            load_time: Duration::from_millis(500),
            prefill_rate: 200.0,
            decode_rate: 20.0,
            answer: "It is bound by memory bandwidth.".into(),
            n_ctx: 4096,
            max_ctx: 65536,
            models: 2,
        }
    }
}

/// Starts the fake engine as a task of the present tokio runtime.
pub fn start(script: Script) -> (EngineHandle, Receiver<EngineEvent>) {
    let (commands, received) = unbounded_channel();
    let (events, sent) = channel(1024);
    let engine = Fake {
        script,
        events,
        received,
        waiting: VecDeque::new(),
        model: None,
        held: None,
        caches: HashMap::new(),
        vocabulary: Vec::new(),
        ids: Ids::default(),
    };
    tokio::spawn(engine.run());
    let handle = EngineHandle {
        commands: Commands::Task(commands),
        interrupts: Arc::new(AtomicU64::new(0)),
        thread: None,
    };
    (handle, sent)
}

struct Fake {
    script: Script,
    events: Sender<EngineEvent>,
    received: UnboundedReceiver<Command>,
    /// Commands that came while another was being answered.
    waiting: VecDeque<Command>,
    model: Option<Loaded>,
    /// The model that ran before, with its caches.
    held: Option<(Loaded, Caches)>,
    /// The words in the KV cache of each conversation.
    caches: Caches,
    /// Words by their token ids.
    vocabulary: Vec<String>,
    /// Of the reply being made.
    ids: Ids,
}

type Caches = HashMap<ConversationId, Vec<String>>;

#[derive(Clone)]
struct Loaded {
    info: ModelInfo,
    params: LoadParams,
    n_ctx: u32,
}

impl Fake {
    async fn run(mut self) {
        loop {
            let command = match self.waiting.pop_front() {
                Some(command) => command,
                None => match self.received.recv().await {
                    Some(command) => command,
                    None => return,
                },
            };
            match command {
                Command::Load(request) => {
                    self.load(request.id, &request.path, request.params).await
                }
                Command::Retune { id, params } => self.retune(id, *params).await,
                Command::Foresee { id, params } => self.foresee(id, *params).await,
                Command::LetGo => self.let_go(LetGo::Asked).await,
                Command::Unload => {
                    self.let_go(LetGo::Asked).await;
                    self.model = None;
                    self.tell(EngineEvent::Unloaded).await;
                }
                Command::Generate(request) => self.generate(*request).await,
                Command::Bench(request) => self.bench(request).await,
                Command::Count { id, texts, room } => {
                    let sizes = texts.iter().map(|text| size(text, room)).collect();
                    self.tell(EngineEvent::Counted { id, sizes }).await;
                }
                Command::ShowPrompt(request) => self.show_prompt(&request).await,
                Command::Stop => {
                    self.tell(EngineEvent::Stopped).await;
                    return;
                }
                Command::Preview(request) => self.preview(*request).await,
                Command::CancelLoad(_)
                | Command::Resample { .. }
                | Command::Cancel(_)
                | Command::CancelBench(_) => {}
            }
        }
    }

    async fn tell(&self, event: EngineEvent) {
        // The receiver goes first only when the program ends.
        let _ = self.events.send(event).await;
    }

    /// Waits, unless a command that this predicate knows ends the wait; others are kept in order.
    async fn wait(&mut self, time: Duration, ends: impl Fn(&Command) -> bool) -> bool {
        let until = sleep(time);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => return true,
                command = self.received.recv() => match command {
                    Some(command) if ends(&command) => return false,
                    Some(command) => self.waiting.push_back(command),
                    None => return false,
                },
            }
        }
    }

    /// Each repetition takes what the rates of the script say.
    async fn bench(&mut self, request: BenchRequest) {
        let BenchRequest { id, test, .. } = request;
        let what = || "measuring the model".to_owned();
        let fits = |n_ctx| test.n_ctx() <= n_ctx;
        let refused = match &self.model {
            None => Some(error(ErrorKind::NoModel, what(), "no model is loaded")),
            Some(model) if !fits(model.n_ctx) => {
                let why = format!("the context holds {}", model.n_ctx);
                Some(error(ErrorKind::BadParameter, what(), &why))
            }
            Some(_) => None,
        };
        if let Some(error) = refused {
            return self.tell(EngineEvent::BenchFailed { id, error }).await;
        }
        let prefill = rate_time(test.n_prompt, self.script.prefill_rate);
        let decode = rate_time(test.n_gen, self.script.decode_rate);
        let first_token = if test.n_prompt > 0 {
            prefill
        } else {
            rate_time(1, self.script.decode_rate)
        };
        for _ in 0..request.repetitions {
            let ends =
                |command: &Command| matches!(command, Command::CancelBench(other) if *other == id);
            if !self.wait(prefill + decode, ends).await {
                let error = error(ErrorKind::Cancelled, what(), "it was stopped");
                return self.tell(EngineEvent::BenchFailed { id, error }).await;
            }
            let sample = BenchSample {
                took: prefill + decode,
                first_token,
            };
            self.tell(EngineEvent::BenchSample { id, sample }).await;
        }
        self.tell(EngineEvent::BenchDone {
            id,
            cores_taken: None,
        })
        .await;
    }
}

fn error(kind: ErrorKind, what: String, why: &str) -> EngineError {
    EngineError {
        kind,
        what,
        why: why.to_owned(),
        hint: String::new(),
    }
}

fn rate_time(tokens: u32, per_second: f64) -> Duration {
    Duration::from_secs_f64(f64::from(tokens) / per_second)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
