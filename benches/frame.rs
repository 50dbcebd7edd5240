//! What a whole frame costs: 200x60, 5,000 messages, the end in view.

use criterion::{Criterion, criterion_group, criterion_main};
use llmdeck::app::{Entry, Reply, ReplyState, State};
use llmdeck::engine::{RequestId, StopReason};
use llmdeck::params::TABLE;
use llmdeck::theme::Theme;
use llmdeck::ui::{self, TranscriptCache};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const MESSAGES: u64 = 5_000;
const TEXT: &str = "A mutex is a lock: one thread at a time holds it, the others wait for their turn. \
    The data it protects is reached through the lock only.\n\n```rust\nlet counter = Mutex::new(0);\n```\n\n\
    It also works in 日本語, and that takes wider characters.";

fn long_chat() -> State {
    let mut state = State::new((200, 60));
    state.params.visible = TABLE.iter().map(|spec| spec.param).collect();
    for number in 0..MESSAGES / 2 {
        state
            .chat
            .entries
            .push(Entry::User(format!("Question {number}: what is a mutex?")));
        state.chat.entries.push(Entry::Reply(Reply {
            text: TEXT.to_owned(),
            state: ReplyState::Done(StopReason::EndOfTurn),
            seed: Some(1),
            ..Reply::new(RequestId(number), String::new())
        }));
    }
    state
}

fn frame(criterion: &mut Criterion) {
    let state = long_chat();
    let theme = Theme::default();
    let mut terminal = match Terminal::new(TestBackend::new(200, 60)) {
        Ok(terminal) => terminal,
        Err(error) => match error {},
    };
    let mut cache = TranscriptCache::default();
    let mut draw = |cache: &mut TranscriptCache| {
        terminal
            .draw(|frame| {
                ui::draw(frame, &state, &theme, cache);
            })
            .map(|_| ())
    };
    criterion.bench_function("frame 200x60 over 5,000 messages", |bencher| {
        bencher.iter(|| draw(&mut cache))
    });
    criterion.bench_function("first frame 200x60 over 5,000 messages", |bencher| {
        bencher.iter(|| draw(&mut TranscriptCache::default()));
    });
}

criterion_group!(benches, frame);
criterion_main!(benches);
