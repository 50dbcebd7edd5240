//! An engine with virtual time behind the same commands and events.
//!
//! It runs as a task on tokio's clock, so a test with a paused clock sees exact rates and waits
//! for nothing. A token is a word; what is in its KV cache is remembered per conversation, so
//! reuse, a full context and retunes come out as with the real engine.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep};

use super::handle::Commands;
use super::trace::{CandidateTrace, Ids, Stage, StageTrace, TokenTrace, Trace};
use super::{
    BenchRequest, BenchSample, Change, Command, ContextInfo, ConversationId, DeviceForecast,
    EngineError, EngineEvent, EngineHandle, ErrorKind, Forecast, GenerateRequest, KvOutcome,
    LoadId, ModelInfo, Origin, PreviewRequest, Prompt, PromptOf, PromptToken, RequestId,
    StopReason, TextSize, Timings,
};
use crate::chat::{Segment, SegmentKind};
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
        }
    }
}

/// Starts the fake engine as a task of the present tokio runtime.
pub fn start(script: Script) -> (EngineHandle, Receiver<EngineEvent>) {
    let (commands, received) = channel(64);
    let (events, sent) = channel(1024);
    let engine = Fake {
        script,
        events,
        received,
        waiting: VecDeque::new(),
        model: None,
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
    received: Receiver<Command>,
    /// Commands that came while another was being answered.
    waiting: VecDeque<Command>,
    model: Option<Loaded>,
    /// The words in the KV cache of each conversation.
    caches: HashMap<ConversationId, Vec<String>>,
    /// Words by their token ids.
    vocabulary: Vec<String>,
    /// Of the reply being made.
    ids: Ids,
}

#[derive(Clone)]
struct Loaded {
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
                Command::Unload => {
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

    async fn load(&mut self, id: LoadId, path: &Path, params: LoadParams) {
        let running = self.model.is_some();
        for step in 1..=4u8 {
            self.tell(EngineEvent::Loading {
                id,
                progress: f32::from(step) / 4.0,
            })
            .await;
            let cancels =
                |command: &Command| matches!(command, Command::CancelLoad(other) if *other == id);
            if !self.wait(self.script.load_time / 4, cancels).await {
                let error = error(
                    ErrorKind::Cancelled,
                    format!("loading {}", path.display()),
                    "it was stopped",
                );
                self.tell(EngineEvent::LoadFailed { id, error, running })
                    .await;
                return;
            }
        }
        if path.extension().is_none_or(|extension| extension != "gguf") {
            let error = error(
                ErrorKind::BadData,
                format!("loading {}", path.display()),
                "the file is no GGUF",
            );
            self.tell(EngineEvent::LoadFailed { id, error, running })
                .await;
            return;
        }
        self.caches.clear();
        let loaded = self.place(params);
        let model = ModelInfo {
            path: path.into(),
            fingerprint: FINGERPRINT.into(),
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            arch: "fake".into(),
            quant: "Q8_0".into(),
            n_params: 500_000_000,
            size_bytes: 530_000_000,
            n_ctx_train: 32_768,
            n_layer: 24,
            n_vocab: 2_000,
            has_chat_template: true,
            ..ModelInfo::default()
        };
        let context = Box::new(context_info(&loaded));
        self.model = Some(loaded);
        self.tell(EngineEvent::Loaded {
            id,
            model: Box::new(model),
            context,
            took: self.script.load_time,
        })
        .await;
    }

    async fn retune(&mut self, id: LoadId, params: LoadParams) {
        let Some(before) = self.model.clone() else {
            let error = error(
                ErrorKind::NoModel,
                "applying parameters".into(),
                "no model is loaded",
            );
            self.tell(EngineEvent::RetuneFailed {
                id,
                error,
                running: false,
            })
            .await;
            return;
        };
        let took = if before.params.model == params.model {
            Duration::from_millis(50)
        } else {
            self.script.load_time
        };
        sleep(took).await;
        let loaded = self.place(params);
        if loaded.n_ctx > self.script.max_ctx {
            let why = format!("there is room for {} tokens", self.script.max_ctx);
            let error = error(
                ErrorKind::NoMemory,
                format!("a context of {} tokens", loaded.n_ctx),
                &why,
            );
            self.tell(EngineEvent::RetuneFailed {
                id,
                error,
                running: true,
            })
            .await;
            return;
        }
        let tokens = self.caches.values().map(Vec::len).sum::<usize>() as u32;
        let context = Box::new(context_info(&loaded));
        self.model = Some(loaded);
        self.tell(EngineEvent::Retuned {
            id,
            context,
            kv: KvOutcome::Kept { tokens },
            took,
        })
        .await;
    }

    async fn foresee(&mut self, id: LoadId, params: LoadParams) {
        let Some(before) = self.model.clone() else {
            return;
        };
        let change = if before.params.model != params.model {
            Change::Reload
        } else if before.params.context != params.context {
            Change::NewContext
        } else {
            Change::Live
        };
        let loaded = self.place(params);
        let outcome = if loaded.n_ctx > self.script.max_ctx {
            let why = format!("there is room for {} tokens", self.script.max_ctx);
            let what = format!("a context of {} tokens", loaded.n_ctx);
            Err(error(ErrorKind::NoMemory, what, &why))
        } else {
            let (now, then) = (context_info(&before), context_info(&loaded));
            let devices = now.devices.into_iter().zip(then.devices);
            let devices = devices.map(|(before, after)| DeviceForecast {
                name: after.name.clone(),
                before,
                after,
                total: 16 << 30,
            });
            Ok(Box::new(Forecast {
                change,
                n_ctx: then.n_ctx,
                n_gpu_layers: then.n_gpu_layers,
                devices: devices.collect(),
                kv: KvOutcome::Kept {
                    tokens: self.caches.values().map(Vec::len).sum::<usize>() as u32,
                },
                fits: true,
                notes: Vec::new(),
            }))
        };
        self.tell(EngineEvent::Foreseen { id, outcome }).await;
    }

    fn place(&self, params: LoadParams) -> Loaded {
        let n_ctx = if params.context.n_ctx == 0 {
            self.script.n_ctx
        } else {
            params.context.n_ctx
        };
        Loaded { params, n_ctx }
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
        self.tell(EngineEvent::BenchDone { id }).await;
    }

    async fn show_prompt(&mut self, request: &GenerateRequest) {
        let mut seen = Prompt::default();
        for word in prompt(request) {
            seen.tokens.push(PromptToken {
                id: i32::try_from(word.len()).unwrap_or(0),
                piece: word.clone().into_bytes(),
                is_special: false,
            });
            let text = word;
            let kind = SegmentKind::Content;
            seen.segments.push(Segment { kind, text });
        }
        self.tell(EngineEvent::PromptShown {
            request: request.id,
            of: PromptOf::Reply,
            prompt: Ok(Box::new(seen)),
        })
        .await;
    }

    fn prompt(&self, request: &GenerateRequest) -> Vec<String> {
        let Some(exact) = &request.exact else {
            return prompt(request);
        };
        let tokens = exact.prompt.iter().chain(&exact.reply);
        tokens
            .map(|token| self.word(*token).trim().to_owned())
            .collect()
    }

    /// The token of a word, a new one where it has none.
    fn token(&mut self, word: &str) -> i32 {
        if self.vocabulary.is_empty() {
            self.vocabulary = vec!["perhaps ".into(), "never ".into()];
        }
        let found = self.vocabulary.iter().position(|known| known == word);
        let at = found.unwrap_or_else(|| {
            self.vocabulary.push(word.to_owned());
            self.vocabulary.len() - 1
        });
        at as i32
    }

    fn word(&self, token: i32) -> String {
        let at = usize::try_from(token).unwrap_or(usize::MAX);
        self.vocabulary.get(at).cloned().unwrap_or_default()
    }

    fn trace(&self, token: i32) -> Trace {
        let piece = |token| (token, self.word(token).into_bytes().into());
        Trace {
            tokens: vec![fake_trace(token)],
            pieces: [token, OTHER, NEVER].into_iter().map(piece).collect(),
        }
    }

    async fn preview(&mut self, request: PreviewRequest) {
        let conversation = request.conversation;
        let outcome = match self.caches.get(&conversation) {
            Some(words) if !words.is_empty() => {
                let token = self.token("next ");
                Ok(Box::new(self.trace(token)))
            }
            _ => Err(error(
                ErrorKind::Internal,
                "looking at the next token".into(),
                "nothing of this chat is in the KV cache",
            )),
        };
        self.tell(EngineEvent::Previewed {
            conversation,
            outcome,
        })
        .await;
    }

    async fn generate(&mut self, request: GenerateRequest) {
        let id = request.id;
        let Some(Loaded { n_ctx, .. }) = self.model.clone() else {
            let error = error(ErrorKind::NoModel, "answering".into(), "no model is loaded");
            self.tell(EngineEvent::Failed { request: id, error }).await;
            return;
        };
        let seed = request.sampling.seed.unwrap_or(1);
        self.tell(EngineEvent::Queued { request: id, seed }).await;
        let began = Instant::now();
        let prompt = self.prompt(&request);
        self.ids = Ids {
            prompt: prompt.iter().map(|word| self.token(word)).collect(),
            chosen: Vec::new(),
        };
        if let Some(exact) = &request.exact {
            self.ids.prompt.clone_from(&exact.prompt);
            self.ids.chosen.clone_from(&exact.reply);
        }
        let total = prompt.len() as u32;
        if total >= n_ctx {
            let kind = ErrorKind::PromptTooLong {
                n_prompt: total,
                n_ctx,
            };
            let error = error(
                kind,
                format!("a prompt of {total} tokens"),
                &format!("the context holds {n_ctx}"),
            );
            self.tell(EngineEvent::Failed { request: id, error }).await;
            return;
        }
        let cache = self.caches.entry(request.conversation).or_default();
        // The last prompt token is decoded anew, as its logits are needed.
        let common = cache
            .iter()
            .zip(&prompt)
            .take_while(|(a, b)| a == b)
            .count();
        let reused = common.min(prompt.len().saturating_sub(1)) as u32;
        let mut timings = Timings {
            cache_n: reused,
            prompt_n: total - reused,
            ..Timings::default()
        };
        self.tell(EngineEvent::Prefill {
            request: id,
            done: reused,
            total,
            reused,
            timings,
        })
        .await;
        if !self
            .wait(
                rate_time(total - reused, self.script.prefill_rate),
                |command| stops(command, id),
            )
            .await
        {
            self.finish(id, StopReason::Cancelled, reused, timings)
                .await;
            return;
        }
        timings.prompt_ms = milliseconds(began.elapsed());
        timings.ttft_ms = timings.prompt_ms;
        timings.prompt_per_second = f64::from(timings.prompt_n) * 1e3 / timings.prompt_ms;
        self.tell(EngineEvent::Prefill {
            request: id,
            done: total,
            total,
            reused,
            timings,
        })
        .await;
        self.caches.insert(request.conversation, prompt);
        self.stream(&request, n_ctx, timings).await;
    }

    async fn stream(&mut self, request: &GenerateRequest, mut n_ctx: u32, mut timings: Timings) {
        let id = request.id;
        let first = Instant::now();
        let answer = self.script.answer.clone();
        let mut said = request.reply_so_far.split_inclusive(' ').count();
        if let Some(exact) = &request.exact {
            said = exact.reply.len();
            let text = exact.reply.iter().map(|token| self.word(*token)).collect();
            self.tell(EngineEvent::Tokens {
                request: id,
                text,
                ids: Vec::new(),
                context_used: timings.cache_n + timings.prompt_n,
                timings,
            })
            .await;
        }
        let forced: Vec<String> = match &request.exact {
            Some(exact) => exact.forced.iter().map(|token| self.word(*token)).collect(),
            None => Vec::new(),
        };
        let drawn = answer.split_inclusive(' ').skip(said + forced.len());
        for word in forced.iter().map(String::as_str).chain(drawn) {
            let used = self.caches.get(&request.conversation).map_or(0, Vec::len) as u32;
            if let Some(model) = &self.model {
                n_ctx = model.n_ctx;
            }
            if used >= n_ctx {
                return self
                    .finish(id, StopReason::ContextFull { n_ctx }, used, timings)
                    .await;
            }
            if let Some(max) = request
                .reply
                .max_tokens
                .filter(|max| timings.predicted_n >= *max)
            {
                return self
                    .finish(id, StopReason::MaxTokens(max), used, timings)
                    .await;
            }
            if timings.predicted_n > 0
                && !self
                    .wait(rate_time(1, self.script.decode_rate), |c| stops(c, id))
                    .await
            {
                return self.finish(id, StopReason::Cancelled, used, timings).await;
            }
            // A change of parameters takes effect between two tokens, and the reply goes on.
            while let Some(at) = self
                .waiting
                .iter()
                .position(|command| matches!(command, Command::Retune { .. }))
            {
                if let Some(Command::Retune { id, params }) = self.waiting.remove(at) {
                    self.retune(id, *params).await;
                }
            }
            timings.predicted_n += 1;
            timings.predicted_ms = milliseconds(first.elapsed());
            if timings.predicted_n > 1 {
                timings.predicted_per_second =
                    f64::from(timings.predicted_n - 1) * 1e3 / timings.predicted_ms;
                timings.recent_per_second = timings.predicted_per_second;
            }
            if let Some(cache) = self.caches.get_mut(&request.conversation) {
                cache.push(word.trim().to_owned());
            }
            let text = word.to_owned();
            let token = self.token(word);
            if timings.predicted_n == 1 {
                self.tell(EngineEvent::Making {
                    request: id,
                    origin: origin(),
                    ids: self.ids.clone(),
                })
                .await;
            }
            self.ids.chosen.push(token);
            self.tell(EngineEvent::Tokens {
                request: id,
                text,
                ids: vec![token],
                context_used: used + 1,
                timings,
            })
            .await;
            if request.sampling.n_probs > 0 {
                let mut trace = self.trace(token);
                trace.tokens[0].at = self.ids.chosen.len() as u32 - 1;
                self.tell(EngineEvent::Traced { request: id, trace }).await;
            }
        }
        let used = self.caches.get(&request.conversation).map_or(0, Vec::len) as u32;
        self.finish(id, StopReason::EndOfTurn, used, timings).await;
    }

    async fn finish(
        &self,
        request: RequestId,
        reason: StopReason,
        context_used: u32,
        timings: Timings,
    ) {
        self.tell(EngineEvent::Made {
            request,
            origin: origin(),
            ids: self.ids.clone(),
        })
        .await;
        self.tell(EngineEvent::Finished {
            request,
            reason,
            context_used,
            timings,
        })
        .await;
    }
}

fn origin() -> Box<Origin> {
    Box::new(Origin {
        fingerprint: FINGERPRINT.into(),
        program: "fake".into(),
        ..Origin::default()
    })
}

/// A token is a word here, too.
fn size(text: &str, room: u32) -> TextSize {
    let words = || text.split_inclusive(char::is_whitespace);
    TextSize {
        tokens: words().count() as u32,
        fitting: words().take(room as usize).map(str::len).sum(),
    }
}

fn stops(command: &Command, id: RequestId) -> bool {
    matches!(command, Command::Cancel(other) if *other == id)
}

/// One token of a chain with one stage: the word with four fifths, another with the rest.
fn fake_trace(token: i32) -> TokenTrace {
    let candidate = |token, p, after: &[f32]| CandidateTrace {
        token,
        p,
        after: after.to_vec(),
    };
    TokenTrace {
        at: 0,
        token,
        rank: 0,
        entropy: 0.92,
        stages: vec![StageTrace {
            stage: Stage::MinP,
            kept: 2,
            mass: 1.0,
        }],
        candidates: vec![
            candidate(token, 0.75, &[0.8]),
            candidate(OTHER, 0.2, &[0.2]),
            candidate(NEVER, 0.05, &[]),
        ],
    }
}

/// Tokens that every fake distribution has.
const OTHER: i32 = 0;
const NEVER: i32 = 1;

fn prompt(request: &GenerateRequest) -> Vec<String> {
    let mut words: Vec<String> = request
        .reply
        .system
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    for message in &request.messages {
        words.extend(message.content.split_whitespace().map(str::to_owned));
    }
    words.extend(request.reply_so_far.split_whitespace().map(str::to_owned));
    words
}

fn context_info(loaded: &Loaded) -> ContextInfo {
    ContextInfo {
        params: loaded.params.clone(),
        n_ctx: loaded.n_ctx,
        n_batch: 2048,
        n_ubatch: 512,
        n_seq_max: 4,
        n_threads: 2,
        n_threads_batch: 2,
        ..ContextInfo::default()
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
