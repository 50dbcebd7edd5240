//! What saving and finding costs: a message made durable, a piece of a streaming reply, a long chat
//! opened, words found among a million messages.
//!
//! The store of a million messages takes a minute or two to make and about a gigabyte in the
//! temporary folder; a part of a name leaves it out: `cargo bench --bench store -- durable`.

use std::cell::OnceCell;
use std::hint::black_box;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use llmdeck::app::{self, State};
use llmdeck::chat::Role;
use llmdeck::store::exchange::{Archive, Node};
use llmdeck::store::{Command, ConversationId, Event, Said, Settings, Store, StoreHandle};
use llmdeck::theme::Theme;
use llmdeck::ui::{self, TranscriptCache};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tempfile::TempDir;

/// Words of the made-up language; the n-th is n times rarer than the first, as in real ones.
const VOCABULARY: u32 = 50_000;
/// Words of a message.
const WORDS: usize = 60;

/// A series of numbers that looks random and is always the same.
struct Series(u64);

impl Series {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A word by Zipf's law: the logarithm of its rank is spread evenly.
    fn word(&mut self) -> String {
        let even = self.next() as f64 / f64::from(1u32 << 31);
        let rank = f64::from(VOCABULARY).powf(even) as u32;
        format!("word{rank}")
    }

    fn text(&mut self) -> String {
        (0..WORDS)
            .map(|_| self.word())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn chat(messages: usize, series: &mut Series) -> Archive {
    let nodes: Vec<Node> = (0..messages)
        .map(|index| {
            let role = if index % 2 == 0 {
                Role::User
            } else {
                Role::Assistant
            };
            Node {
                parent: index.checked_sub(1),
                said: Said::new(role, series.text()),
            }
        })
        .collect();
    Archive {
        leaf: nodes.len().checked_sub(1),
        nodes,
        ..Archive::default()
    }
}

fn empty() -> (TempDir, Store) {
    let place = tempfile::tempdir().expect("a folder");
    let store = Store::open(&place.path().join("sessions"))
        .expect("a store")
        .store;
    (place, store)
}

fn durable(criterion: &mut Criterion) {
    let mut series = Series(1);
    let (_place, mut store) = empty();
    let id = store.create(&Settings::default()).expect("written");
    let mut parent = None;
    criterion.bench_function("a user's message made durable", |bencher| {
        bencher.iter(|| {
            let said = Said::new(Role::User, series.text());
            parent = Some(store.append(id, parent, &said).expect("written"));
        });
    });
    let reply = store
        .begin_reply(id, parent, &Said::new(Role::Assistant, ""))
        .expect("written");
    criterion.bench_function("a second of a streaming reply made durable", |bencher| {
        bencher.iter(|| store.add_piece(reply, &series.text(), "").expect("written"));
    });
}

fn opening(criterion: &mut Criterion) {
    let (place, mut store) = empty();
    let id: ConversationId = store
        .import(&chat(10_000, &mut Series(2)))
        .expect("written");
    criterion.bench_function("a chat of 10,000 messages opened", |bencher| {
        bencher.iter(|| {
            let leaf = store.conversation(id).expect("read").leaf;
            black_box(store.tree(id).expect("read").path(leaf).len())
        });
    });
    drop(store);
    let (tell, told) = std::sync::mpsc::channel();
    let handle = StoreHandle::inline(place.path().join("sessions"), move |event| {
        let _ = tell.send(event);
    });
    let size = (120, 40);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("in memory");
    criterion.bench_function(
        "the same, read, taken in and drawn by the deck",
        |bencher| {
            bencher.iter(|| {
                let mut state = State::new(size);
                let chat = state.chat.conversation;
                handle.send(Command::Open { chat, id }).expect("it runs");
                let is_opened = |event: &Event| matches!(event, Event::Opened { .. });
                let opened = told.iter().find(is_opened).expect("an answer");
                app::update(&mut state, app::Event::Store(opened));
                let mut cache = TranscriptCache::default();
                terminal
                    .draw(|frame| {
                        ui::draw(frame, &state, &Theme::default(), &mut cache);
                    })
                    .expect("in memory");
                assert_eq!(state.chat.entries.len(), 10_000);
            });
        },
    );
}

fn searching(criterion: &mut Criterion) {
    let made: OnceCell<(TempDir, Store)> = OnceCell::new();
    let million = || {
        made.get_or_init(|| {
            let (place, mut store) = empty();
            let mut series = Series(3);
            for _ in 0..10_000 {
                store.import(&chat(100, &mut series)).expect("written");
            }
            (place, store)
        })
    };
    let mut group = criterion.benchmark_group("1,000,000 messages");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    for (name, words) in [
        ("the commonest word", "word1"),
        ("a rare word", "word40000"),
        ("two common words", "word2 word3"),
        ("three words of different rarity", "word5 word300 word4000"),
        ("a phrase", "\"word1 word2\""),
        ("a beginning", "word49*"),
        ("a beginning of one letter", "w*"),
        ("a long beginning", "word4900*"),
        ("a word nobody said", "nothing"),
    ] {
        group.bench_function(name, |bencher| {
            let (_, store) = million();
            bencher.iter(|| black_box(store.search(words, 50).expect("read").len()));
        });
    }
    group.bench_function("the list of 500 chats", |bencher| {
        let (_, store) = million();
        let which = llmdeck::store::Which::Kept;
        bencher.iter(|| black_box(store.list(&which, 500).expect("read").len()));
    });
    group.finish();
}

criterion_group!(benches, durable, opening, searching);
criterion_main!(benches);
