//! A real engine on the built-in model, driven step by step.

use std::path::{Path, PathBuf};

use llmdeck::chat::{Message, Role};
use llmdeck::engine::{
    Command, ContextInfo, ConversationId, EngineError, EngineEvent, EngineHandle, GenerateRequest,
    LoadId, LoadRequest, ModelInfo, RequestId, StopReason, Timings, llama,
};
use llmdeck::params::{LoadParams, ReplyParams, SamplingParams};
use tokio::sync::mpsc::Receiver;

pub struct Engine {
    handle: Option<EngineHandle>,
    pub events: Receiver<EngineEvent>,
    next_id: u64,
}

/// A reply from its first event to its last.
#[derive(Debug)]
pub struct Reply {
    pub text: String,
    /// Tokens that the events counted.
    pub tokens: u32,
    pub reason: StopReason,
    pub timings: Timings,
    pub context_used: u32,
}

/// The built-in model.
pub fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/guide.gguf")
}

/// A model whose keys and values share one cache. llama.cpp refuses to keep them in two types, and
/// says so only when it makes a context.
pub fn latent(folder: &Path) -> PathBuf {
    let path = folder.join("latent.gguf");
    let arguments = [
        "--arch",
        "deepseek2",
        "--layers",
        "3",
        path.to_str().unwrap(),
    ];
    crate::fixture::run(&arguments).unwrap();
    path
}

/// Small and quick: two sequences of a context that the tests can fill.
pub fn small() -> LoadParams {
    let mut params = LoadParams::default();
    params.context.n_ctx = 512;
    params.context.n_seq_max = 2;
    params.context.kv_unified = true;
    params.threads.n_threads = 1;
    params.threads.n_threads_batch = 1;
    params
}

pub fn greedy() -> SamplingParams {
    SamplingParams {
        temp: 0.0,
        ..SamplingParams::default()
    }
}

/// Greedy, and it never ends by itself: for tests that need a reply of a known length.
pub fn endless() -> SamplingParams {
    SamplingParams {
        ignore_eos: true,
        ..greedy()
    }
}

pub fn user(text: &str) -> Message {
    Message::new(Role::User, text)
}

pub fn assistant(text: &str) -> Message {
    Message::new(Role::Assistant, text)
}

impl Engine {
    pub fn start() -> Self {
        Self::new(llama::start().unwrap())
    }

    /// An engine that keeps KV caches in that folder.
    pub fn keeping(folder: &Path) -> Self {
        Self::new(llama::start_keeping(folder.to_owned()).unwrap())
    }

    fn new((handle, events): (EngineHandle, Receiver<EngineEvent>)) -> Self {
        Self {
            handle: Some(handle),
            events,
            next_id: 1,
        }
    }

    /// An engine that runs the built-in model.
    pub fn loaded(params: LoadParams) -> Self {
        let mut engine = Self::start();
        engine.load(&guide(), params).unwrap();
        engine
    }

    pub fn send(&self, command: Command) {
        self.handle.as_ref().unwrap().send(command).unwrap();
    }

    pub fn event(&mut self) -> EngineEvent {
        self.events
            .blocking_recv()
            .expect("the engine thread ended")
    }

    pub fn load_id(&mut self) -> LoadId {
        self.next_id += 1;
        LoadId(self.next_id)
    }

    pub fn load(
        &mut self,
        path: &Path,
        params: LoadParams,
    ) -> Result<(ModelInfo, ContextInfo), (EngineError, bool)> {
        let id = self.load_id();
        self.send(Command::Load(Box::new(LoadRequest {
            id,
            path: path.to_owned(),
            params,
        })));
        loop {
            match self.event() {
                EngineEvent::Loaded { model, context, .. } => return Ok((*model, *context)),
                EngineEvent::LoadFailed { error, running, .. } => return Err((error, running)),
                _ => {}
            }
        }
    }

    pub fn retune(&mut self, params: LoadParams) -> LoadId {
        let id = self.load_id();
        self.send(Command::Retune {
            id,
            params: Box::new(params),
        });
        id
    }

    /// Asks for a reply and gives its id.
    pub fn ask(
        &mut self,
        conversation: u64,
        messages: &[Message],
        sampling: SamplingParams,
        reply: ReplyParams,
    ) -> RequestId {
        self.next_id += 1;
        let id = RequestId(self.next_id);
        self.send(Command::Generate(Box::new(GenerateRequest {
            id,
            conversation: ConversationId(conversation),
            messages: messages.to_vec(),
            reply_so_far: String::new(),
            exact: None,
            sampling,
            reply,
        })));
        id
    }

    /// Collects a reply to its end.
    pub fn reply(&mut self, id: RequestId) -> Result<Reply, EngineError> {
        self.reply_and(id, |_, _| {})
    }

    /// As [`Self::reply`], with a look at every event.
    pub fn reply_and(
        &mut self,
        id: RequestId,
        mut look: impl FnMut(&mut Self, &EngineEvent),
    ) -> Result<Reply, EngineError> {
        let (mut text, mut tokens) = (String::new(), 0);
        loop {
            let event = self.event();
            look(self, &event);
            match event {
                EngineEvent::Tokens {
                    request,
                    text: more,
                    ids,
                    ..
                } if request == id => {
                    text.push_str(&more);
                    tokens += ids.len() as u32;
                }
                EngineEvent::Finished {
                    request,
                    reason,
                    context_used,
                    timings,
                } if request == id => {
                    return Ok(Reply {
                        text,
                        tokens,
                        reason,
                        timings,
                        context_used,
                    });
                }
                EngineEvent::Failed { request, error } if request == id => return Err(error),
                _ => {}
            }
        }
    }

    /// One question, one reply.
    pub fn answer(
        &mut self,
        conversation: u64,
        messages: &[Message],
        sampling: SamplingParams,
        reply: ReplyParams,
    ) -> Reply {
        let id = self.ask(conversation, messages, sampling, reply);
        self.reply(id).unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        let _ = handle.send(Command::Stop);
        let mut last = None;
        while let Some(event) = self.events.blocking_recv() {
            last = Some(event);
        }
        let joined = handle.join();
        if !std::thread::panicking() {
            assert!(joined, "the engine thread panicked");
            assert!(matches!(last, Some(EngineEvent::Stopped)), "{last:?}");
        }
    }
}

pub fn at_most(tokens: u32) -> ReplyParams {
    ReplyParams {
        max_tokens: Some(tokens),
        ..ReplyParams::default()
    }
}
