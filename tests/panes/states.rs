//! States to draw: a program in every situation a user meets.

use std::path::PathBuf;

use llmdeck::app::{
    self, Action, Anchor, Ask, Attached, ChatQuestion, ContextFullChoice, Cursor, Download,
    DownloadsPart, Effect, Entry, Event, Folding, Foresight, LineEdit, LoadPhase, LogLevel,
    LogLine, Marking, Notice, Offers, Origin, Overlay, Pane, ParamEdit, Phase, PickList,
    PromptOverlay, Reading, Reply, ReplyState, Resume, Scroll, State, Thought, View, update,
};
use llmdeck::attach::File;
use llmdeck::chat::{Segment, SegmentKind};
use llmdeck::engine::{
    Change, Command, ContextInfo, DeviceForecast, DeviceMemory, EngineError, EngineEvent,
    ErrorKind, Forecast, HeldModel, KvOutcome, LoadId, ModelInfo, Prompt, PromptOf, PromptToken,
    RequestId, StopReason, TextSize, Timings,
};
use llmdeck::hub::{
    self, FilePath, MayFit, Offer, Pick, Progress, Rate, RepoId, Size, Status, Wanted,
};
use llmdeck::params::{Param, Source, TABLE, Value};
use llmdeck::plan::{HOST, Peak, Reads};
use llmdeck::store::{ConversationId, ThoughtTimings};
use llmdeck::telemetry::history::{MarkKind, Work};
use llmdeck::telemetry::{
    CpuSample, GpuMemory, GpuSample, MemorySample, Moment, Pool, Sample, Throttle, Vendor,
};

const GIB: u64 = 1 << 30;

/// Just started, nothing loaded.
pub fn empty(size: (u16, u16)) -> State {
    let mut state = State::new(size);
    state.params.visible = TABLE.iter().map(|spec| spec.param).collect();
    state
}

pub fn loading(size: (u16, u16)) -> State {
    let mut state = empty(size);
    let path = Some(PathBuf::from("/models/qwen2.5-0.5b-instruct-q8_0.gguf"));
    state.model.loading = Some(LoadPhase {
        id: LoadId(1),
        path,
        progress: Some(0.42),
    });
    state
}

pub fn load_failed(size: (u16, u16)) -> State {
    let mut state = empty(size);
    state.model.error = Some(
        "loading /models/half.gguf: the file ends at byte 1,024, inside tensor data (download it again)".to_owned(),
    );
    state
}

/// A model runs, nothing was said.
pub fn ready(size: (u16, u16)) -> State {
    let mut state = empty(size);
    let model = ModelInfo {
        name: "Qwen2.5 0.5B Instruct".to_owned(),
        quant: "Q8_0".to_owned(),
        n_params: 494_032_768,
        size_bytes: 531_068_096,
        ..ModelInfo::default()
    };
    let device = DeviceMemory {
        name: "CPU".to_owned(),
        weights: 531_068_096,
        kv: 50_331_648,
        compute: 330_301_440,
    };
    let context = ContextInfo {
        n_ctx: 4096,
        devices: vec![device],
        ..ContextInfo::default()
    };
    state.model.running = Some((Box::new(model), Box::new(context)));
    state.gauges.latest = Some(sample());
    state
}

pub fn sample() -> Sample {
    Sample {
        cpu: CpuSample {
            load: Ok(92.4),
            cores: vec![90.0, 95.0],
            temperature: Ok(71.5),
            ..CpuSample::missing("not reported by this system")
        },
        memory: MemorySample {
            total: Ok(16 * GIB),
            used: Ok(5 * GIB + GIB / 4),
            swap_total: Err("none configured"),
            swap_used: Err("none configured"),
            process: Ok(1_288_490_188),
            ..MemorySample::missing("not reported by this system")
        },
        gpus: Err("no GPU found".to_owned()),
        ..Sample::default()
    }
}

pub fn gpu() -> GpuSample {
    GpuSample {
        load: Ok(63.0),
        memory_used: Ok(21 * GIB),
        memory_total: Ok(22 * GIB + GIB / 2),
        temperature: Ok(58.0),
        power: Ok(61.4),
        ..GpuSample::silent(0, Vendor::Nvidia, "NVIDIA L4", "not reported by this GPU")
    }
}

fn reply(text: &str, state: ReplyState, timings: impl Into<Option<Timings>>) -> Entry {
    Entry::Reply(Reply {
        text: text.to_owned(),
        state,
        timings: timings.into(),
        seed: Some(42),
        ..Reply::new(RequestId(1), "Qwen2.5 0.5B Instruct".to_owned())
    })
}

const QUESTION: &str = "What is a mutex? Show me one in Rust.";

const ANSWER: &str = "A mutex is a lock: one thread at a time holds it, the others wait. The data it protects \
    is reached through the lock only, so nobody forgets to take it.\n\n```rust\nlet counter = Mutex::new(0);\n\
    *counter.lock().unwrap() += 1; // released at the end of the statement, when the guard is dropped\n```\n\n\
    It also works in 日本語 and with 👩\u{200d}🚀.";

pub fn prefilling(size: (u16, u16)) -> State {
    let mut state = ready(size);
    let timings = Timings {
        prompt_n: 724,
        cache_n: 300,
        prompt_per_second: 188.0,
        ..Timings::default()
    };
    state.chat.entries.push(Entry::User(QUESTION.to_owned()));
    let prefill = ReplyState::Prefilling {
        done: 1024,
        total: 2048,
        reused: 300,
    };
    state.chat.entries.push(reply("", prefill, timings));
    state.speed.prefill = Some((1024, 2048));
    state.speed.timings = timings;
    state.speed.context_used = 1024;
    state
}

fn timings() -> Timings {
    Timings {
        ttft_ms: 312.4,
        cache_n: 300,
        prompt_n: 512,
        prompt_ms: 2723.0,
        prompt_per_second: 188.0,
        predicted_n: 120,
        predicted_ms: 4979.0,
        predicted_per_second: 23.9,
        recent_per_second: 24.9,
        ..Timings::default()
    }
}

pub fn streaming(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.gauges.peaks = vec![Peak {
        device: HOST.to_owned(),
        bytes_per_second: 27_300_000_000,
        operations_per_second: None,
    }];
    if let Some((_, context)) = &mut state.model.running {
        context.reads = vec![Reads {
            device: HOST.to_owned(),
            weights: 530_000_000,
            output: 0,
            per_token: 12_288,
        }];
    }
    state.chat.entries.push(Entry::User(QUESTION.to_owned()));
    state
        .chat
        .entries
        .push(reply(&ANSWER[..180], ReplyState::Streaming, timings()));
    state.speed.timings = timings();
    state.speed.context_used = 1234;
    state.speed.history = (0..48).map(|step| 20.0 + f64::from(step % 7)).collect();
    state.speed.total_prompt = 812;
    state.speed.total_predicted = 120;
    state
}

pub fn finished(size: (u16, u16)) -> State {
    let mut state = streaming(size);
    state.chat.entries.pop();
    state.chat.entries.push(reply(
        ANSWER,
        ReplyState::Done(StopReason::MaxTokens(120)),
        timings(),
    ));
    state.chat.entries.push(Entry::Note {
        text: "The reply was cut at max-tokens.".to_owned(),
        is_error: false,
    });
    state.speed.stop = Some(StopReason::MaxTokens(120));
    state
}

/// A finished reply with everything that Markdown has, in the focus.
pub fn markdown(size: (u16, u16)) -> State {
    const TEXT: &str = include_str!("markdown.md");
    let mut state = ready(size);
    let done = ReplyState::Done(StopReason::EndOfTurn);
    state.chat.entries.push(reply(TEXT, done, timings()));
    state.focus = Pane::Chat;
    state
}

/// A reply that was made elsewhere: nothing was measured.
pub fn imported(size: (u16, u16)) -> State {
    let mut state = ready(size);
    let done = ReplyState::Done(StopReason::EndOfTurn);
    let mut said = reply("A lock.", done, None);
    if let Entry::Reply(reply) = &mut said {
        reply.seed = None;
    }
    state.chat.entries.push(said);
    state
}

/// The same as it was written.
pub fn markdown_raw(size: (u16, u16)) -> State {
    let mut state = markdown(size);
    state.chat.reading = Reading::Raw;
    state
}

/// A reply that thought before it answered.
pub fn thought(size: (u16, u16)) -> State {
    let mut state = ready(size);
    let mut said = reply(
        "Yes: **31** is prime.",
        ReplyState::Done(StopReason::EndOfTurn),
        timings(),
    );
    if let Entry::Reply(reply) = &mut said {
        let text = "Is 31 divisible by 2, 3 or 5? It is not, and 7 * 7 is more than 31.\n\nSo it is prime.";
        let took = ThoughtTimings {
            tokens: 41,
            ms: 1712.0,
        };
        *reply.thought = Thought::saved(text.to_owned(), &reply.text, Some(took));
    }
    state
        .chat
        .entries
        .push(Entry::User("Is 31 prime?".to_owned()));
    state.chat.entries.push(said);
    state.focus = Pane::Chat;
    state
}

pub fn thought_unfolded(size: (u16, u16)) -> State {
    let mut state = thought(size);
    state.chat.thoughts = Folding::Unfolded;
    state
}

/// A conversation longer than the screen, scrolled to its beginning.
pub fn scrolled(size: (u16, u16)) -> State {
    let mut state = finished(size);
    for round in 0..12 {
        state
            .chat
            .entries
            .push(Entry::User(format!("Question {round}")));
        state.chat.entries.push(reply(
            ANSWER,
            ReplyState::Done(StopReason::EndOfTurn),
            timings(),
        ));
    }
    state.chat.scroll = Scroll::to_entry(0);
    state.focus = Pane::Chat;
    state
}

/// Lines of the last reply and of the question after it are marked.
pub fn marking(size: (u16, u16)) -> State {
    let mut state = finished(size);
    let from = Anchor { entry: 1, line: 1 };
    state.focus = Pane::Chat;
    state.chat.marking = Some(Marking {
        from,
        cursor: Cursor::From(from, 4),
    });
    state
}

pub fn error_note(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.chat.entries.push(Entry::User("hello".to_owned()));
    let failed = ReplyState::Failed(
        "decoding: llama.cpp returned 1 (no room in the KV cache; raise ctx-size)".to_owned(),
    );
    state
        .chat
        .entries
        .push(reply("I was about to", failed, timings()));
    let text =
        "loading /models/half.gguf: the file ends at byte 1,024, inside tensor data".to_owned();
    state.chat.entries.push(Entry::Note {
        text,
        is_error: true,
    });
    state.notice = Some(Notice {
        number: 1,
        text: "presets/creative.toml: line 3: no parameter 'tmp'".to_owned(),
        is_error: true,
    });
    state
}

pub fn params(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.focus = Pane::Parameters;
    state.side = Some(Pane::Parameters);
    state.params.preset = Some("creative".to_owned());
    state
        .params
        .values
        .set(Source::Preset, Param::Temp, Value::Float(1.1))
        .unwrap();
    state
        .params
        .values
        .set(Source::Session, Param::CtxSize, Value::Int(4096))
        .unwrap();
    state
        .params
        .pending
        .insert(Param::CtxSize, Value::Int(8192));
    state.params.selected = position(&state, Param::CtxSize);
    state
}

/// With the engine's word about the pending change.
pub fn params_foreseen(size: (u16, u16)) -> State {
    let mut state = params(size);
    let device = |name: &str, before: u64, after: u64, total: u64| DeviceForecast {
        name: name.to_owned(),
        before: DeviceMemory {
            weights: before,
            ..DeviceMemory::default()
        },
        after: DeviceMemory {
            weights: after,
            ..DeviceMemory::default()
        },
        total,
    };
    state.speed.prefill_rate = Some(188.0);
    state.params.foresight = Some(Foresight {
        id: LoadId(99),
        outcome: Some(Ok(Box::new(Forecast {
            change: Change::Reload,
            n_ctx: 8192,
            n_gpu_layers: 12,
            devices: vec![
                device("CPU", 5 << 30, 3 << 30, 16 << 30),
                device("CUDA0", 0, 2 << 30, 24 << 30),
            ],
            kv: KvOutcome::Kept { tokens: 1234 },
            fits: true,
            notes: vec![
                "n-gpu-layers: 12 of 25 layers fit on the GPUs; 1.0 GiB stay free on each"
                    .to_owned(),
            ],
        }))),
    });
    state
}

/// With a refusal instead.
pub fn params_refused(size: (u16, u16)) -> State {
    let mut state = params(size);
    state.params.foresight = Some(Foresight {
        id: LoadId(99),
        outcome: Some(Err(EngineError {
            kind: ErrorKind::BadParameter,
            what: "ctx-size 256".to_owned(),
            why: "the conversation uses 400 tokens".to_owned(),
            hint: "choose a larger ctx-size".to_owned(),
        })),
    });
    state
}

pub fn params_filtered(size: (u16, u16)) -> State {
    let mut state = params(size);
    state.params.filter = LineEdit::new("temp");
    state.params.filtering = true;
    state.params.visible = vec![Param::Temp, Param::DynatempRange, Param::DynatempExp];
    state.params.selected = 0;
    state
}

pub fn params_editing(size: (u16, u16)) -> State {
    let mut state = params(size);
    state.params.selected = position(&state, Param::TopP);
    let error = Some("top-p: 1.5 is outside 0 to 1".to_owned());
    state.params.edit = Some(ParamEdit {
        param: Param::TopP,
        line: LineEdit::new("1.5"),
        error,
    });
    state
}

fn position(state: &State, param: Param) -> usize {
    state
        .params
        .visible
        .iter()
        .position(|one| *one == param)
        .unwrap()
}

pub fn gauges(size: (u16, u16)) -> State {
    let mut state = streaming(size);
    state.focus = Pane::Gauges;
    state.side = Some(Pane::Gauges);
    state
}

pub fn gauges_with_gpu(size: (u16, u16)) -> State {
    let mut state = gauges(size);
    let mut sample = sample();
    sample.gpus = Ok(vec![gpu()]);
    sample.cpu.temperature = Err("no sensor");
    state.gauges.latest = Some(sample);
    state
}

/// A model that ran before is held.
pub fn hold(state: &mut State, path: &str, name: &str) {
    let device = DeviceMemory {
        name: "CPU".to_owned(),
        weights: GIB,
        kv: GIB / 4,
        compute: 0,
    };
    let held = HeldModel {
        model: ModelInfo {
            path: path.into(),
            name: name.to_owned(),
            ..ModelInfo::default()
        },
        context: ContextInfo {
            devices: vec![device],
            ..ContextInfo::default()
        },
        asked: state.params.values.load(),
        tokens: 1_234,
    };
    update(state, Event::Engine(EngineEvent::Held(Box::new(held))));
}

pub fn gauges_with_held(size: (u16, u16)) -> State {
    let mut state = gauges(size);
    hold(&mut state, "/models/small.gguf", "Small 1B");
    state
}

pub fn speed(size: (u16, u16)) -> State {
    let mut state = finished(size);
    state.focus = Pane::Speed;
    state.side = Some(Pane::Speed);
    state
}

pub fn log(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.focus = Pane::Log;
    state.side = Some(Pane::Log);
    let levels = [
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Warn,
        LogLevel::Error,
    ];
    for (second, level) in (0..60u32).zip(levels.into_iter().cycle()) {
        let target = if second % 3 == 0 {
            "llama.cpp"
        } else {
            "engine"
        }
        .to_owned();
        let message = format!(
            "load_tensors: layer {second} of 60, \u{1b}[31mred\u{1b}[0m and \u{202e}turned"
        );
        state.log.lines.push_back(LogLine {
            level,
            time: format!("12:34:{second:02}"),
            target,
            message,
        });
    }
    state
}

pub fn help(size: (u16, u16)) -> State {
    let mut state = finished(size);
    state.overlay = Some(Overlay::Help { top: 0 });
    state
}

pub fn palette(size: (u16, u16)) -> State {
    let mut state = finished(size);
    let item = |action, label: &str, about: &str| (action, label.to_owned(), about.to_owned());
    let items = vec![
        item(Action::LoadModel, "Load a model", "Ctrl-O"),
        item(Action::ChoosePreset, "Choose a preset", "F5"),
        item(Action::ChooseTheme, "Choose a theme", "F6"),
        item(Action::NewChat, "New chat", "Ctrl-N"),
    ];
    let list = PickList {
        filter: "cho".to_owned(),
        items,
        matches: vec![1, 2],
        selected: 1,
    };
    state.overlay = Some(Overlay::Palette(list));
    state
}

pub fn load_model(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.overlay = Some(Overlay::LoadModel(PromptOverlay {
        line: LineEdit::new("/models/qw"),
        completions: vec![
            "/models/qwen2.5-0.5b-q8_0.gguf".to_owned(),
            "/models/qwen3-8b-q4_k_m.gguf".to_owned(),
        ],
        selected: Some(1),
        error: Some("/models/qw: no such file".to_owned()),
    }));
    state
}

pub fn context_full(size: (u16, u16)) -> State {
    let mut state = finished(size);
    let item = |choice, label: &str, about: &str| (choice, label.to_owned(), about.to_owned());
    let items = vec![
        item(
            ContextFullChoice::Raise(8192),
            "Raise ctx-size to 8,192",
            "keeps the KV cache, takes 48.0 MiB more",
        ),
        item(
            ContextFullChoice::DropOldest,
            "Drop the oldest turns",
            "prefills the rest again",
        ),
        item(ContextFullChoice::Leave, "Leave it as it is", ""),
    ];
    let list = PickList {
        filter: String::new(),
        items,
        matches: vec![0, 1, 2],
        selected: 0,
    };
    state.overlay = Some(Overlay::ContextFull(list));
    state
}

/// Saved chats: one found by its title, one by what was said in it.
pub fn sessions(size: (u16, u16)) -> State {
    let mut state = ready(size);
    let item =
        |id, title: &str, about: &str| (ConversationId(id), title.to_owned(), about.to_owned());
    let mut list = PickList::new(vec![
        item(
            3,
            "What is a KV cache?",
            "pinned, 2 h ago, 6 messages [rust]",
        ),
        item(
            2,
            "Flash attention",
            "keys and values lie in the cache, and",
        ),
        item(1, "Two\u{1b}[31m words", "12 d ago, 2 messages"),
    ]);
    list.filter = "cache".to_owned();
    list.matches = vec![0, 1];
    state.overlay = Some(Overlay::Sessions(list));
    state
}

/// The start after a program died with a chat.
pub fn left_open(size: (u16, u16)) -> State {
    let mut state = ready(size);
    let items = vec![
        (
            Resume::Open(ConversationId(3)),
            "Go on with \"What is a KV cache?\"".to_owned(),
            "6 messages".to_owned(),
        ),
        (
            Resume::New,
            "Begin a new chat".to_owned(),
            "they stay in the list of chats".to_owned(),
        ),
    ];
    state.overlay = Some(Overlay::Resume(PickList::new(items).with_selected(Some(1))));
    state
}

/// The oldest turn is left out of the prompt.
pub fn left_out(size: (u16, u16)) -> State {
    let mut state = finished(size);
    state.chat.entries.pop();
    state
        .chat
        .entries
        .push(Entry::User("And a rwlock?".to_owned()));
    state.chat.left_out = 2;
    state
}

/// The model that comes with the program, and a note before anything was said.
pub fn guide(size: (u16, u16)) -> State {
    let mut state = ready(size);
    if let Some((model, _)) = &mut state.model.running {
        model.name = "guide".to_owned();
    }
    state.chat.entries.push(Entry::Note {
        text: "presets/creative.toml line 3: there is no parameter 'tmp'".to_owned(),
        is_error: true,
    });
    state
}

/// The context is full, and raising it has a price that one row cannot tell.
pub fn context_full_beyond(size: (u16, u16)) -> State {
    let mut state = context_full(size);
    if let Some(Overlay::ContextFull(list)) = &mut state.overlay {
        list.items[0].2 = "a new context; the KV cache is carried over; the model was trained with 4096, quality may drop beyond it".to_owned();
    }
    state
}

pub fn composing(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.composer.area.insert_str("A first line\nand a second one that is long enough to be wrapped in a narrow terminal, twice over even");
    state
}

/// Everything untrusted at once: names, replies, errors, log lines with sequences and overrides in them.
pub fn hostile(size: (u16, u16)) -> State {
    let evil = "a\u{1b}]0;x\u{7}b\u{1b}[2Jc\u{9b}31md\u{202e}e\u{200b}f\u{0}g\r";
    let mut state = log(size);
    if let Some((model, _)) = &mut state.model.running {
        model.name = evil.to_owned();
        model.quant = evil.to_owned();
    }
    state.side = None;
    state.focus = Pane::Composer;
    state.chat.entries.push(Entry::User(evil.repeat(9)));
    state
        .chat
        .entries
        .push(reply(evil, ReplyState::Failed(evil.to_owned()), timings()));
    state.notice = Some(Notice {
        number: 1,
        text: evil.to_owned(),
        is_error: true,
    });
    state.composer.area.insert_str(evil);
    state
}

/// Two versions of the question and of the answer; the second question's answer is selected.
pub fn versions(size: (u16, u16)) -> State {
    let mut state = ready(size);
    let done = || ReplyState::Done(StopReason::EndOfTurn);
    state.chat.push(Entry::User(QUESTION.to_owned()));
    state.chat.push(reply(ANSWER, done(), timings()));
    state.chat.rewind(0);
    state.chat.push(Entry::User(
        "What is a mutex, and when is a channel the better choice? Explain it with a queue of jobs that \
         several threads work on, please."
            .to_owned(),
    ));
    state.chat.push(reply("A lock.", done(), timings()));
    state.chat.rewind(1);
    let text = "A lock that one thread at a time holds. A channel hands data over instead.";
    let answer = state.chat.push(reply(text, done(), timings()));
    state.chat.selected = Some(answer);
    state.focus = Pane::Chat;
    state
}

pub fn tree(size: (u16, u16)) -> State {
    let mut state = versions(size);
    press(&mut state, "alt+v");
    state
}

/// A message is edited.
pub fn editing(size: (u16, u16)) -> State {
    let mut state = versions(size);
    press(&mut state, "K");
    press(&mut state, "e");
    state
}

/// A command is being typed.
pub fn completing(size: (u16, u16)) -> State {
    let mut state = finished(size);
    state.composer.set("/");
    press(&mut state, "r");
    press(&mut state, "e");
    press(&mut state, "down");
    state
}

/// A system prompt that no persona has, and a preset.
pub fn with_settings(size: (u16, u16)) -> State {
    let mut state = finished(size);
    let system = Value::Text("Be brief.".to_owned());
    let values = &mut state.params.values;
    values.set(Source::Session, Param::System, system).unwrap();
    state.params.preset = Some("precise".to_owned());
    state
}

/// The tags of a chat are asked for.
pub fn asking(size: (u16, u16)) -> State {
    let mut state = finished(size);
    state.overlay = Some(Overlay::Ask(Ask {
        question: ChatQuestion::Tags(ConversationId(1)),
        line: LineEdit::new("rust llm"),
        list: None,
    }));
    state
}

/// The list of good first models in the view of downloads.
pub fn first_models(size: (u16, u16)) -> State {
    let mut state = ready(size);
    state.view = View::Downloads;
    let offer = |name: &str, bytes: u64, fits: Option<MayFit>, about: &str| Offer::Model {
        name: name.to_owned(),
        wanted: Wanted::parse(name).unwrap(),
        size: Size::Estimated(bytes),
        fits,
        about: about.to_owned(),
    };
    let fits = |fits, on_gpu| {
        Some(MayFit {
            fits,
            layers: Some((on_gpu, 37)),
        })
    };
    state.downloads.find.list = Offers::Here(vec![
        offer(
            "Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M",
            400 << 20,
            fits(true, 37),
            "tiny",
        ),
        offer(
            "Qwen/Qwen3-8B-GGUF:Q4_K_M",
            5 * GIB,
            fits(true, 12),
            "a good all-rounder for 8 GiB",
        ),
        offer(
            "bartowski/Llama-3.3-70B-Instruct-GGUF:Q4_K_M",
            40 * GIB,
            fits(false, 0),
            "for 48 GiB",
        ),
        offer(
            "ggml-org/gpt-oss-120b-GGUF:MXFP4",
            58 * GIB,
            None,
            "a mixture of experts",
        ),
    ]);
    state.downloads.find.selected = 1;
    state
}

/// What a search found, with downloads in every phase below it.
pub fn downloads(size: (u16, u16)) -> State {
    let mut state = first_models(size);
    let repo = |name: &str, downloads: u64, gated: bool| Offer::Repo {
        repo: RepoId::parse(name).unwrap(),
        downloads,
        license: "apache-2.0".to_owned(),
        gated,
    };
    state.downloads.find.line = LineEdit::new("qwen3 \u{1b}[31mcoder");
    press(&mut state, "enter");
    state.downloads.find.list = Offers::Here(vec![
        repo("Qwen/Qwen3-8B-GGUF", 1_234_567, false),
        repo(
            "someone/a-repository-with-a-long-name-that-says-much-GGUF",
            12,
            true,
        ),
    ]);
    let mut rate = Rate::default();
    rate.note(0, 0);
    rate.note(10_000, GIB);
    let download = |id: u64, file: &str, phase: Phase, status: Status| Download {
        id,
        wanted: Wanted::Repo {
            repo: RepoId::parse("Qwen/Qwen3-8B-GGUF").unwrap(),
            pick: Pick::File(FilePath::parse(file).unwrap()),
        },
        phase,
        progress: Progress {
            here: GIB,
            total: Some(4 * GIB),
            files: (0, 1),
            status,
        },
        rate: rate.clone(),
    };
    let cut = Status::Retrying("the connection ended; try 2 of 8 in 1 s".to_owned());
    let failed =
        Phase::Failed("downloading: its SHA-256 is \u{1b}]0;evil\u{7}ab\ntry again".to_owned());
    state.downloads.queue.all = vec![
        download(1, "Qwen3-8B-Q4_K_M.gguf", Phase::Running, Status::Fetching),
        download(2, "Qwen3-8B-Q5_K_M.gguf", Phase::Running, cut),
        download(3, "Qwen3-8B-Q6_K.gguf", Phase::Paused, Status::Queued),
        download(4, "Qwen3-8B-Q8_0.gguf", Phase::Waiting, Status::Queued),
        download(5, "Qwen3-8B-F16.gguf", failed, Status::Queued),
        download(
            6,
            "Qwen3-8B-Q2_K.gguf",
            Phase::Done("/m.gguf".into()),
            Status::Done,
        ),
    ];
    state.downloads.part = DownloadsPart::Queue;
    state
}

/// The models of one repository, after a download that failed.
pub fn models_of_a_repository(size: (u16, u16)) -> State {
    let mut state = downloads(size);
    let repo = RepoId::parse("Qwen/Qwen3-8B-GGUF").unwrap();
    state.downloads.part = DownloadsPart::Find;
    let effects = press(&mut state, "enter");
    let [Effect::Hub(hub::Command::Ask { number, .. })] = effects[..] else {
        panic!("{effects:?}")
    };
    let offer = |quant: &str, bytes: u64, fits: bool| {
        let file = format!("Qwen3-8B-{quant}.gguf");
        Offer::Model {
            name: quant.to_owned(),
            wanted: Wanted::Repo {
                repo: repo.clone(),
                pick: Pick::File(FilePath::parse(&file).unwrap()),
            },
            size: Size::Known(bytes),
            fits: Some(MayFit { fits, layers: None }),
            about: file,
        }
    };
    let rows = vec![
        offer("Q4_K_M", 5 * GIB, true),
        offer("BF16", 16 * GIB, false),
    ];
    let answer = hub::Event::Answer {
        number,
        rows: Ok(rows),
    };
    app::update(&mut state, Event::Hub(answer));
    state.downloads.queue.selected = 4;
    state
}

/// The Hub could not be reached.
pub fn hub_refused(size: (u16, u16)) -> State {
    let mut state = first_models(size);
    let why = "reaching https://huggingface.co: the host is not known\ncheck the connection";
    state.downloads.find.list = Offers::Failed(why.to_owned());
    state
}

fn press(state: &mut State, key: &str) -> Vec<Effect> {
    app::update(state, Event::Key(key.parse().unwrap()))
}

/// The answer to a request for a prompt.
fn shown(effects: &[Effect]) -> Event {
    let request = effects.iter().find_map(|effect| match effect {
        Effect::Engine(Command::ShowPrompt(request)) => Some(request.id),
        _ => None,
    });
    let part = |kind, text: &str| Segment {
        kind,
        text: text.to_owned(),
    };
    let token = |id, piece: &str| PromptToken {
        id,
        piece: piece.into(),
        is_special: piece.starts_with("<|"),
    };
    let prompt = Prompt {
        segments: vec![
            part(SegmentKind::Template, "<|im_start|>user\n"),
            part(
                SegmentKind::Content,
                "What is <|im_end|>?\nAnd a 互斥锁\u{1b}[31m?",
            ),
            part(SegmentKind::Template, "<|im_end|>\n<|im_start|>assistant\n"),
        ],
        tokens: vec![
            token(151_644, "<|im_start|>"),
            token(872, "user"),
            token(198, "\n"),
            token(3838, "What"),
            token(151_645, "<|im_end|>"),
        ],
    };
    app::Event::Engine(EngineEvent::PromptShown {
        request: request.unwrap(),
        of: PromptOf::Reply,
        prompt: Ok(Box::new(prompt)),
    })
}

/// The prompt that the last reply was made from.
pub fn prompt(size: (u16, u16)) -> State {
    let mut state = finished(size);
    state.focus = Pane::Chat;
    let effects = press(&mut state, "p");
    app::update(&mut state, shown(&effects));
    state
}

pub fn prompt_tokens(size: (u16, u16)) -> State {
    let mut state = prompt(size);
    press(&mut state, "t");
    state
}

/// What fills the context.
pub fn context(size: (u16, u16)) -> State {
    let mut state = finished(size);
    let effects = press(&mut state, "alt+x");
    let effects = app::update(&mut state, shown(&effects));
    let Some(Effect::Engine(Command::Count { id, .. })) = effects.first() else {
        panic!("the parts are counted: {effects:?}");
    };
    let sizes = [1200, 100, 700, 150].map(|tokens| TextSize { tokens, fitting: 0 });
    let counted = EngineEvent::Counted {
        id: *id,
        sizes: sizes.to_vec(),
    };
    app::update(&mut state, Event::Engine(counted));
    state
}

/// A file that was read and is too large.
pub fn attach(size: (u16, u16)) -> State {
    let mut state = ready(size);
    let file = File {
        name: "docs/architecture.md".to_owned(),
        text: "a line of text\n".repeat(2000),
        note: String::new(),
    };
    let read = Event::Files {
        typed: "docs/architecture.md".to_owned(),
        origin: Origin::Command,
        read: Ok(vec![file]),
    };
    let effects = app::update(&mut state, read);
    let Some(Effect::Engine(Command::Count { id, .. })) = effects.first() else {
        panic!("its tokens are counted: {effects:?}");
    };
    let sizes = vec![TextSize {
        tokens: 10_000,
        fitting: 10_000,
    }];
    let counted = EngineEvent::Counted { id: *id, sizes };
    app::update(&mut state, Event::Engine(counted));
    state
}

/// Files beside the composer.
pub fn attached(size: (u16, u16)) -> State {
    let mut state = ready(size);
    for (name, tokens) in [("notes.md", Some(1234)), ("src/main.rs", None)] {
        state.attach.files.push(Attached {
            file: File {
                name: name.to_owned(),
                ..File::default()
            },
            tokens,
        });
    }
    state.composer.set("What do they have in common?");
    state
}

/// The chat template failed, and others are offered.
pub fn template_failed(size: (u16, u16)) -> State {
    let mut state = prefilling(size);
    let error = EngineError {
        kind: ErrorKind::Template { like: "llama3" },
        what: "making the prompt".to_owned(),
        why: "the chat template failed at line 4: roles must alternate".to_owned(),
        hint: "chat-template llama3 uses one of the same kind instead".to_owned(),
    };
    let failed = EngineEvent::Failed {
        request: RequestId(1),
        error,
    };
    app::update(&mut state, Event::Engine(failed));
    state
}

/// Three minutes on a machine with a GPU: a model is loaded, two replies, a parameter between them.
pub fn metrics(size: (u16, u16)) -> State {
    let mut state = finished(size);
    state.view = View::Metrics;
    for half in 0..360_u32 {
        let load = if half % 120 > 40 { 95.0 } else { 3.0 };
        let busy = load > 50.0;
        let wave = f64::from(half % 7) / 2.0;
        let mut gpu = gpu();
        gpu.load = Ok(load);
        gpu.clock = Ok(if busy { 2040.0 } else { 210.0 });
        gpu.clock_max = Ok(2100.0);
        gpu.power = Ok(if busy { 68.0 } else { 17.0 });
        gpu.power_limit = Ok(72.0);
        gpu.temperature = Ok(40.0 + half as f32 / 20.0);
        let mut sample = sample();
        sample.at = Moment {
            ms: u64::from(half) * 500,
            unix_ms: 1_700_000_000_000 + i64::from(half) * 500,
        };
        // A sensor that is gone for a while leaves a gap.
        sample.cpu.load = if half > 300 { Err("gone") } else { Ok(30.0) };
        sample.gpus = Ok(vec![gpu]);
        let work = Work {
            decode: busy.then_some(24.0 + wave),
            prompt: (half % 120 == 41).then_some(1880.0),
            bandwidth: busy.then_some((24.0 + wave) * 0.55e9),
        };
        let history = &mut state.metrics.history;
        match half {
            10 => history.mark(MarkKind::Model, "Qwen2.5 0.5B Instruct Q8_0"),
            41 | 161 => history.mark(MarkKind::Reply, "a reply began, 812 prompt tokens"),
            150 => history.mark(MarkKind::Parameter, "temp 0.8 -> 0.2"),
            _ => {}
        }
        history.record(&sample, &work);
        state.gauges.latest = Some(sample);
    }
    state
}

/// The same, looked at where the parameter was changed.
pub fn metrics_at_a_mark(size: (u16, u16)) -> State {
    let mut state = metrics(size);
    state.metrics.window.cursor = Some(74_500);
    state.metrics.window.frozen = Some(150_000);
    state
}

/// Everything a full machine tells.
pub fn gauges_with_everything(size: (u16, u16)) -> State {
    let mut state = gauges(size);
    let mut sample = sample();
    sample.cpu.quota = Ok(4.0);
    sample.cpu.steal = Ok(7.0);
    sample.cpu.clock = Ok(3400.0);
    sample.cpu.power = Ok(88.0);
    sample.memory.swap_total = Ok(8 * GIB);
    sample.memory.swap_used = Ok(GIB);
    sample.memory.swap_in = Ok(30e6);
    sample.process.major_faults = Ok(1200.0);
    sample.process.disk_read = Ok(2.4e9);
    sample.memory.pool = Ok(Pool {
        used: 60 * GIB,
        total: 128 * GIB,
    });
    let mut gpu = GpuSample::silent(
        0,
        Vendor::Amd,
        "AMD Radeon 8060S",
        "not reported by this GPU",
    );
    gpu.memory = GpuMemory::Shared;
    gpu.load = Ok(97.0);
    gpu.memory_used = Ok(40 * GIB);
    gpu.memory_total = Ok(110 * GIB);
    gpu.memory_process = Ok(38 * GIB);
    gpu.temperature = Ok(93.0);
    gpu.power = Ok(119.0);
    gpu.power_limit = Ok(120.0);
    gpu.clock = Ok(2210.0);
    gpu.throttle = Ok(vec![Throttle::PowerLimit, Throttle::Heat]);
    gpu.fan = Ok(80.0);
    sample.gpus = Ok(vec![gpu]);
    state.gauges.latest = Some(sample);
    state
}
