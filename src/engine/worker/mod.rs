//! The engine thread: takes commands, runs steps, sends events.

mod admit;
mod bench;
mod forecast;
mod held;
mod load;
mod mail;
mod missed;
mod origin;
mod prefix;
mod preview;
mod prompt;
mod recover;
mod replies;
mod retune;
mod room;
mod shelf;
mod step;
mod threads;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use self::mail::{Mail, Next};
use self::preview::After;
use self::recover::Answering;
use super::carry::{Cache, Capacity};
use super::groups::Groups;
use super::handle::{Arrived, Commands};
use super::llama::{self, Batch, Context, Interrupt, OpenModel};
use super::missed::Lost;
use super::reply::{Reply, Waiting, count_of};
use super::scheduler::{StepBudget, Steps};
use super::shelf::Shelf;
use super::{
    Command, ContextInfo, ConversationId, EngineEvent, EngineHandle, LetGo, PreviewRequest,
};
use crate::params::LoadParams;

/// Events that can wait before steps are merged.
const EVENTS: usize = 256;

/// Starts the thread; KV caches are kept in that folder.
pub(super) fn start(
    kv_folder: Option<PathBuf>,
) -> std::io::Result<(EngineHandle, tokio::sync::mpsc::Receiver<EngineEvent>)> {
    llama::install_logging();
    let (commands, command_queue) = mpsc::channel();
    let (event_queue, events) = tokio::sync::mpsc::channel(EVENTS);
    let interrupts = Arc::new(AtomicU64::new(0));
    let interrupt = Arc::new(Interrupt::new(Arc::clone(&interrupts)));
    let thread = std::thread::Builder::new()
        .name("engine".into())
        .spawn(move || {
            let mail = Mail::new(command_queue, event_queue);
            Worker::new(mail, interrupt, Shelf::new(kv_folder)).run();
        })?;
    Ok((
        EngineHandle {
            commands: Commands::Thread(commands),
            interrupts,
            thread: Some(thread),
        },
        events,
    ))
}

/// A model that runs.
#[derive(Debug)]
struct Running {
    path: PathBuf,
    /// The parameters as they were asked for, before fitting.
    asked: LoadParams,
    context: Context,
    context_info: ContextInfo,
    open: OpenModel,
}

impl Running {
    fn capacity(&self) -> Capacity {
        Capacity {
            n_sequences: self.context_info.n_seq_max as usize,
            n_ctx: self.context_info.n_ctx as usize,
            shared: llama::is_unified(&self.asked.context),
        }
    }
}

/// One sequence of the KV cache; its index is llama.cpp's sequence id.
#[derive(Debug, Default)]
struct Slot {
    /// All tokens of the sequence; position = index.
    tokens: Vec<i32>,
    /// How many of them are in the KV cache.
    n_cached: usize,
    conversation: Option<ConversationId>,
    last_used: u64,
    /// Cells of the cache are shared with another sequence, so they must not be moved.
    shares: bool,
    /// Its middle was forgotten when the context was full.
    shifted: bool,
    reply: Option<Reply>,
    /// Where the last step has the logits after its last token.
    logits_at: Option<i32>,
    /// The same logits, kept when a reply ended.
    after: Option<After>,
    /// The token after which a reply was cut off: drawn and not yet decoded.
    drawn: Option<i32>,
}

impl Slot {
    fn cache(&self) -> Cache {
        Cache {
            n_cached: self.n_cached,
            busy: self.reply.is_some(),
            last_used: self.last_used,
        }
    }

    /// The cache holds nothing of this sequence any more.
    fn forget_cache(&mut self) {
        self.n_cached = 0;
        self.shares = false;
        self.shifted = false;
        self.after = None;
        self.drawn = None;
        if self.reply.is_none() {
            self.tokens.clear();
            self.conversation = None;
        }
    }
}

struct Worker {
    mail: Mail,
    interrupt: Arc<Interrupt>,
    running: Option<Running>,
    /// The model that ran before, where it could stay.
    held: Option<held::Held>,
    slots: Vec<Slot>,
    queue: VecDeque<Waiting>,
    batch: Batch,
    budget: StepBudget,
    groups: Groups,
    watch: threads::Watch,
    shelf: Shelf,
    /// Caches that left the context.
    lost: Lost,
    /// Forgotten with the model whose tokens it has.
    last_prompt: Option<prompt::LastPrompt>,
    /// Waits for the next logits of a reply.
    preview: Option<Box<PreviewRequest>>,
    /// Counts replies and uses.
    clock: u64,
    answering: Option<Answering>,
}

/// Whether the thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    GoOn,
    Stop,
}

impl Worker {
    fn new(mail: Mail, interrupt: Arc<Interrupt>, shelf: Shelf) -> Self {
        Self {
            mail,
            interrupt,
            running: None,
            held: None,
            slots: Vec::new(),
            queue: VecDeque::new(),
            batch: Batch::default(),
            budget: StepBudget::new(None, Steps::RunToEnd),
            groups: Groups::default(),
            watch: threads::Watch::default(),
            shelf,
            lost: Lost::default(),
            last_prompt: None,
            preview: None,
            clock: 0,
            answering: None,
        }
    }

    fn run(mut self) {
        llama::init();
        loop {
            // A mistake in one command or step must not cost the program its model and its chats.
            match std::panic::catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(Flow::GoOn) => {}
                Ok(Flow::Stop) => break,
                Err(panic) => self.recover(panic.as_ref()),
            }
        }
        self.free_held();
        self.shelve_all();
        self.shelf.put_away();
        self.running = None;
        self.mail.outbox.push(EngineEvent::Stopped);
        self.mail.drain();
    }

    /// Commands first, then a step if there is work.
    fn turn(&mut self) -> Flow {
        loop {
            // Before every look, because the look may wait long for a command that raises it.
            self.interrupt.arm();
            if !self.has_work() {
                self.rest();
            }
            let Next::Command(arrived) = self.mail.next(self.has_work()) else {
                break;
            };
            let began = Instant::now();
            if self.obey(arrived) == Flow::Stop {
                return Flow::Stop;
            }
            self.pause_replies(began.elapsed());
        }
        if self.mail.is_orphaned() && !self.has_work() {
            return Flow::Stop;
        }
        self.step();
        self.preview_late();
        self.mail.outbox.flush();
        Flow::GoOn
    }

    /// What a command took is no part of any reply's speed.
    fn pause_replies(&mut self, time: Duration) {
        for reply in self.slots.iter_mut().filter_map(|slot| slot.reply.as_mut()) {
            reply.clock.pause(time);
        }
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.slots.iter().any(|slot| slot.reply.is_some())
    }

    fn obey(&mut self, arrived: Arrived) -> Flow {
        let Arrived { command, at } = arrived;
        match command {
            Command::Load(request) => {
                self.answering = Some(Answering::Load(request.id));
                self.load(&request);
                self.turn_shelf();
            }
            Command::Retune { id, params } => {
                let (id, params) = self.mail.newest_retune(id, params);
                self.answering = Some(Answering::Retune(id));
                self.retune(id, *params);
                self.turn_shelf();
            }
            Command::Foresee { id, params } => {
                self.answering = Some(Answering::Foresee(id));
                self.foresee(id, &params);
            }
            // The load it means has ended.
            Command::CancelLoad(id) => tracing::debug!(?id, "nothing to cancel"),
            Command::Unload => {
                self.end_all();
                self.let_go(LetGo::Asked);
                self.shelve_all();
                self.running = None;
                self.last_prompt = None;
                self.slots.clear();
                self.turn_shelf();
                self.mail.outbox.push(EngineEvent::Unloaded);
            }
            Command::LetGo => self.let_go(LetGo::Asked),
            Command::Generate(request) => {
                self.answering = Some(Answering::Generate(request.id));
                self.generate(request, at);
            }
            Command::Resample { request, sampling } => self.resample(request, &sampling),
            Command::Preview(request) => {
                self.answering = Some(Answering::Preview(request.conversation));
                self.preview(request);
            }
            Command::Cancel(request) => self.cancel(request),
            Command::Bench(request) => {
                self.answering = Some(Answering::Bench(request.id));
                self.bench(request);
            }
            Command::Count { id, texts, room } => {
                self.answering = Some(Answering::Count(id, texts.len()));
                self.count(id, &texts, room);
            }
            Command::ShowPrompt(request) => {
                self.answering = Some(Answering::ShowPrompt(request.id));
                self.show_prompt(&request);
            }
            // The measurement it means has ended.
            Command::CancelBench(id) => tracing::debug!(?id, "nothing to cancel"),
            Command::Stop => {
                self.end_all();
                return Flow::Stop;
            }
        }
        self.answering = None;
        Flow::GoOn
    }
}

/// A slot's index as llama.cpp's sequence id.
fn sequence(slot: usize) -> i32 {
    i32::try_from(slot).unwrap_or(i32::MAX)
}
