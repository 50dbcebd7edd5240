//! What a change under a running conversation costs: another ctx-size against prefilling again,
//! another load against the load alone, and memory over a hundred changes.
//!
//! `cargo bench --bench retune` measures the built-in model; `LLMDECK_BENCH_MODEL=FILE` another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use llmdeck::chat::{Message, Role};
use llmdeck::engine::{
    Command, ConversationId, EngineEvent, EngineHandle, GenerateRequest, KvOutcome, LoadId,
    LoadRequest, RequestId, Timings,
};
use llmdeck::params::{LoadMode, LoadParams, Params};
use tokio::sync::mpsc::Receiver;

/// Words of the conversation; about as many tokens.
const N_WORDS: usize = 400;
const ROUNDS: usize = 7;
const CHANGES: usize = 100;

fn main() {
    let path = std::env::var_os("LLMDECK_BENCH_MODEL")
        .map_or_else(|| PathBuf::from("models/guide.gguf"), PathBuf::from);
    let (handle, events) = llmdeck::engine::llama::start().expect("a thread");
    let mut engine = Engine {
        handle,
        events,
        next: 0,
    };
    let load = engine.load(&path, params(1024));
    let prefill = engine.reply();
    println!(
        "{}: {} tokens, medians of {ROUNDS}",
        path.display(),
        prefill.prompt_n
    );
    let mut prefills = vec![prefill.prompt_ms];
    let mut sizes = Vec::new();
    for round in 0..ROUNDS {
        sizes.push(milliseconds(engine.retune(params([2048, 1024][round % 2]))));
        assert_eq!(engine.reply().prompt_n, 1, "the conversation was lost");
        let mut other = params([2048, 1024][round % 2]);
        other.context.type_k = "f32".into();
        engine.prefill_again(other);
        prefills.push(engine.reply().prompt_ms);
        engine.prefill_again(params([2048, 1024][round % 2]));
        prefills.push(engine.reply().prompt_ms);
    }
    let (size, prefill) = (median(sizes), median(prefills));
    println!(
        "ctx-size change {size:.1} ms, prefill {prefill:.1} ms: {:.0} times faster",
        prefill / size
    );

    let mut loads = vec![milliseconds(load)];
    let mut reloads = Vec::new();
    for round in 0..ROUNDS {
        let mut other = params(1024);
        other.model.load_mode = [LoadMode::None, LoadMode::Mmap][round % 2];
        reloads.push(milliseconds(engine.retune(other.clone())));
        assert_eq!(engine.reply().prompt_n, 1, "the conversation was lost");
        loads.push(milliseconds(engine.load(&path, other)));
        engine.reply();
    }
    let (load, reload) = (median(loads), median(reloads));
    println!(
        "reload with the conversation {reload:.0} ms, load alone {load:.0} ms: {:.0} ms more",
        reload - load
    );

    engine.change_often(CHANGES / 4);
    let before = resident();
    engine.change_often(CHANGES);
    let after = resident();
    println!(
        "resident after {CHANGES} changes: {after:.1} MiB, before {before:.1} MiB: {:+.2} %",
        (after / before - 1.0) * 100.0
    );
    assert_eq!(engine.reply().prompt_n, 1, "the conversation was lost");
    let _ = engine.handle.send(Command::Stop);
    engine.handle.join();
}

struct Engine {
    handle: EngineHandle,
    events: Receiver<EngineEvent>,
    next: u64,
}

impl Engine {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn send(&self, command: Command) {
        self.handle.send(command).expect("the engine");
    }

    fn event(&mut self) -> EngineEvent {
        self.events.blocking_recv().expect("the engine")
    }

    fn load(&mut self, path: &Path, params: LoadParams) -> Duration {
        let id = LoadId(self.id());
        self.send(Command::Load(Box::new(LoadRequest {
            id,
            path: path.to_owned(),
            params,
        })));
        loop {
            match self.event() {
                EngineEvent::Loaded { took, .. } => return took,
                EngineEvent::LoadFailed { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }

    fn retuned(&mut self, params: LoadParams) -> (Duration, KvOutcome) {
        let id = LoadId(self.id());
        self.send(Command::Retune {
            id,
            params: Box::new(params),
        });
        loop {
            match self.event() {
                EngineEvent::Retuned { took, kv, .. } => return (took, kv),
                EngineEvent::RetuneFailed { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }

    fn retune(&mut self, params: LoadParams) -> Duration {
        let (took, kv) = self.retuned(params);
        assert!(!matches!(kv, KvOutcome::Prefill { .. }), "{kv:?}");
        took
    }

    fn prefill_again(&mut self, params: LoadParams) {
        let (_, kv) = self.retuned(params);
        assert!(matches!(kv, KvOutcome::Prefill { .. }), "{kv:?}");
    }

    fn change_often(&mut self, count: usize) {
        for change in 0..count {
            let mut other = params([1024, 2048, 1536][change % 3]);
            other.context.n_ubatch = [512, 128][change % 2];
            self.retune(other);
        }
    }

    fn reply(&mut self) -> Timings {
        let params = Params::default();
        let mut sampling = params.sampling();
        sampling.temp = 0.0;
        let mut reply = params.reply();
        reply.max_tokens = Some(4);
        let id = RequestId(self.id());
        self.send(Command::Generate(Box::new(GenerateRequest {
            id,
            conversation: ConversationId(1),
            messages: vec![Message::new(
                Role::User,
                format!("a{}", " the".repeat(N_WORDS)),
            )],
            reply_so_far: String::new(),
            exact: None,
            sampling,
            reply,
        })));
        loop {
            match self.event() {
                EngineEvent::Finished { timings, .. } => return timings,
                EngineEvent::Failed { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }
}

/// Nothing but the context itself may hold a conversation here.
fn params(n_ctx: u32) -> LoadParams {
    let mut params = Params::default().load();
    params.context.n_ctx = n_ctx;
    params.shelf.ram = 0;
    params
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Memory of this process, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
