//! One long reply, through the engine and in a plain `llama-cpp-2` loop.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llmdeck::chat::{Message, Role};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, EngineHandle, GenerateRequest, RequestId, Timings,
};
use llmdeck::params::Params;
use tokio::sync::mpsc::Receiver;

pub const N_CTX: u32 = 1024;
/// Tokens generated a round.
pub const N_PREDICT: u32 = 128;
/// Beside busy processes ggml's threads may come to a token a second.
const DECODES_FOR: Duration = Duration::from_secs(20);
/// Words of the prompt; about as many tokens.
const N_WORDS: usize = 400;

/// Tokens per second.
pub struct Speed {
    pub prefill: f64,
    pub decode: f64,
}

impl From<&Timings> for Speed {
    fn from(timings: &Timings) -> Self {
        Self {
            prefill: timings.prompt_per_second,
            decode: timings.predicted_per_second,
        }
    }
}

/// One reply; every round is the first message of the conversation written anew, different from its
/// first word on, so that nothing but the head of the template is reused.
pub fn through_engine(
    engine: &EngineHandle,
    events: &mut Receiver<EngineEvent>,
    round: u64,
) -> Timings {
    let start = char::from(b'a' + (round % 26) as u8);
    let params = Params::default();
    let mut sampling = params.sampling();
    sampling.temp = 0.0;
    sampling.ignore_eos = true;
    let mut reply = params.reply();
    reply.max_tokens = Some(N_PREDICT);
    let content = format!("{start}{}", " the".repeat(N_WORDS));
    let request = GenerateRequest {
        id: RequestId(round),
        // One conversation, so that the cache holds no other, which llama.cpp would look at too.
        conversation: ConversationId(1),
        messages: vec![Message::new(Role::User, content)],
        reply_so_far: String::new(),
        exact: None,
        sampling,
        reply,
    };
    engine
        .send(Command::Generate(Box::new(request)))
        .expect("the engine");
    loop {
        match events.blocking_recv().expect("the engine") {
            EngineEvent::Finished { timings, .. } => return timings,
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

/// A plain loop with llama.cpp's defaults, except for the number of threads.
pub struct Bare {
    backend: LlamaBackend,
    model: LlamaModel,
    threads: i32,
}

impl Bare {
    pub fn load(path: &Path, threads: i32) -> Self {
        let backend = LlamaBackend::init().expect("the backend of llama-cpp-2");
        let model = LlamaModel::load_from_file(&backend, path, &LlamaModelParams::default())
            .expect("the model");
        Self {
            backend,
            model,
            threads,
        }
    }

    pub fn reply(&self, n_prompt: usize) -> Speed {
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(N_CTX))
            .with_n_threads(self.threads)
            .with_n_threads_batch(self.threads);
        let mut context = self
            .model
            .new_context(&self.backend, params)
            .expect("a context");
        let mut sampler = LlamaSampler::greedy();
        let mut batch = LlamaBatch::new(N_CTX as usize, 1);
        for position in 0..n_prompt {
            batch
                .add(
                    LlamaToken(300),
                    position as i32,
                    &[0],
                    position + 1 == n_prompt,
                )
                .expect("room");
        }
        let began = Instant::now();
        context.decode(&mut batch).expect("prefill");
        let mut token = sampler.sample(&context, n_prompt as i32 - 1);
        let prefill = n_prompt as f64 / began.elapsed().as_secs_f64();
        let began = Instant::now();
        let mut made = 0;
        while made < N_PREDICT - 1 && began.elapsed() < DECODES_FOR {
            batch.clear();
            batch
                .add(token, n_prompt as i32 + made as i32, &[0], true)
                .expect("room");
            context.decode(&mut batch).expect("decode");
            token = sampler.sample(&context, 0);
            // What any chat has to do as well.
            std::hint::black_box(token);
            made += 1;
        }
        Speed {
            prefill,
            decode: f64::from(made) / began.elapsed().as_secs_f64(),
        }
    }
}
