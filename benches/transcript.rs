//! What one more token, opening a long chat and scrolling in it cost: the transcript brought up to date and
//! the code in view coloured, without drawing.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use llmdeck::app::{Anchor, ChatState, Entry, Reply, ReplyState, Scroll};
use llmdeck::engine::{ConversationId, RequestId, StopReason};
use llmdeck::theme::GlyphSet;
use llmdeck::ui::{Page, TranscriptCache};

const PAGE: Page = Page {
    width: 110,
    glyphs: GlyphSet::Unicode,
};

const HEIGHT: usize = 60;

/// Bytes of 200,000 tokens.
const LONG: usize = 800_000;

/// What a reply is made of, again and again.
const PARAGRAPH: &str = "a word and another ";
const PROSE: &str = "A **mutex** is a lock: one thread at a time holds it, the others `wait`.\n\n";
const LIST: &str = "- one item with *emphasis* in it\n  - and one below\n";
const CODE: &str = "    let counter = Mutex::new(0); // shared by all threads\n";
const TABLE: &str = "| `Mutex` | one at a time | 1 |\n";

/// A conversation whose reply streams: what it begins with, and what it goes on with.
fn streaming(messages: usize, begin: &str, text: &str, bytes: usize) -> ChatState {
    let mut chat = ChatState::new(ConversationId(1));
    for number in 0..messages {
        chat.entries.push(Entry::User(format!(
            "Question {number}: what is a mutex, and when is it needed?"
        )));
    }
    let mut reply = Reply::new(RequestId(1), String::new());
    reply.text = format!("{begin}{}", text.repeat(bytes / text.len()));
    reply.text.reserve(bytes);
    reply.state = ReplyState::Streaming;
    chat.entries.push(Entry::Reply(reply));
    chat
}

/// Makes the transcript ready to be drawn, as a frame does; returns the first line in view.
fn draw_from(cache: &mut TranscriptCache, chat: &ChatState) -> usize {
    cache.update(chat, PAGE);
    let view = cache.view(chat, HEIGHT);
    cache.highlight(view.top..view.top + HEIGHT);
    view.top
}

/// A text as tokens of four bytes, without end.
fn tokens(text: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = text.chars().collect();
    let tokens: Vec<String> = characters
        .chunks(4)
        .map(|token| token.iter().collect())
        .collect();
    tokens.into_iter().cycle()
}

/// The longest of so many tokens, which a mean hides: what is open is laid out anew at some of them.
fn worst_token(criterion: &mut Criterion) {
    let table = format!("| kind | how many | writers |\n|---|---|---|\n{TABLE}");
    for (name, begin, text, bytes) in [
        (
            "a table of 20,000 rows",
            table.as_str(),
            TABLE,
            20_000 * TABLE.len(),
        ),
        (
            "a table of 20 rows",
            table.as_str(),
            TABLE,
            20 * TABLE.len(),
        ),
        ("prose of 200,000 tokens", "", PROSE, LONG),
        ("one line of 200,000 tokens", "", PARAGRAPH, LONG),
        ("a list of 200,000 tokens", "", LIST, LONG),
        ("code of 200,000 tokens", "```rust\n", CODE, LONG),
    ] {
        let mut chat = streaming(10, begin, text, bytes);
        let mut cache = TranscriptCache::default();
        draw_from(&mut cache, &chat);
        let mut more = tokens(text);
        let mut token = || {
            let start = Instant::now();
            if let Some(Entry::Reply(reply)) = chat.entries.last_mut() {
                reply.text.extend(more.next());
            }
            black_box(draw_from(&mut cache, &chat));
            start.elapsed()
        };
        criterion.bench_function(&format!("the longest of 1,000 tokens: {name}"), |bencher| {
            bencher.iter_custom(|times| {
                let longest = |_| (0..1_000).map(|_| token()).max().unwrap_or_default();
                (0..times).map(longest).sum()
            });
        });
    }
}

fn one_more_token(criterion: &mut Criterion) {
    let table = format!("| kind | how many | writers |\n|---|---|---|\n{TABLE}");
    for (name, messages, begin, text, bytes) in [
        ("prose of 1 kB after 10 messages", 10, "", PROSE, 1_000),
        (
            "prose of 1 kB after 5,000 messages",
            5_000,
            "",
            PROSE,
            1_000,
        ),
        ("prose of 1,000 tokens", 10, "", PROSE, 4_000),
        ("prose of 20,000 tokens", 10, "", PROSE, 80_000),
        ("prose of 200,000 tokens", 10, "", PROSE, LONG),
        ("one line of 200,000 tokens", 10, "", PARAGRAPH, LONG),
        ("a list of 1,000 tokens", 10, "", LIST, 4_000),
        ("a list of 20,000 tokens", 10, "", LIST, 80_000),
        ("a list of 200,000 tokens", 10, "", LIST, LONG),
        ("code of 1,000 tokens", 10, "```rust\n", CODE, 4_000),
        ("code of 20,000 tokens", 10, "```rust\n", CODE, 80_000),
        ("code of 200,000 tokens", 10, "```rust\n", CODE, LONG),
        ("a table of 1,000 tokens", 10, table.as_str(), TABLE, 4_000),
        (
            "a table of 20,000 tokens",
            10,
            table.as_str(),
            TABLE,
            80_000,
        ),
        ("a table of 200,000 tokens", 10, table.as_str(), TABLE, LONG),
    ] {
        let mut chat = streaming(messages, begin, text, bytes);
        let mut cache = TranscriptCache::default();
        draw_from(&mut cache, &chat);
        let mut more = tokens(text);
        criterion.bench_function(&format!("one more token: {name}"), |bencher| {
            bencher.iter(|| {
                if let Some(Entry::Reply(reply)) = chat.entries.last_mut() {
                    reply.text.extend(more.next());
                }
                black_box(draw_from(&mut cache, &chat))
            });
        });
    }
}

/// A chat of so many messages as it is when it was just opened.
fn saved(messages: usize) -> ChatState {
    let mut chat = ChatState::new(ConversationId(1));
    for number in 0..messages {
        chat.entries.push(if number % 2 == 0 {
            Entry::User(format!(
                "Question {number}: what is a mutex, and when is it needed?"
            ))
        } else {
            let mut reply = Reply::new(RequestId(number as u64), String::new());
            reply.text = format!(
                "{}\n\n{}\n```rust\n{CODE}```\n",
                PROSE.repeat(5),
                LIST.repeat(5)
            );
            reply.state = ReplyState::Done(StopReason::EndOfTurn);
            Entry::Reply(reply)
        });
    }
    chat
}

/// From a chat in memory to its first and to its next frame. `benches/store.rs` has the whole way, from the disk.
fn opening(criterion: &mut Criterion) {
    let mut chat = saved(10_000);
    criterion.bench_function("10,000 messages: the first frame", |bencher| {
        bencher.iter(|| draw_from(&mut TranscriptCache::default(), &chat));
    });
    let mut cache = TranscriptCache::default();
    draw_from(&mut cache, &chat);
    criterion.bench_function("10,000 messages: a page further up", |bencher| {
        bencher.iter(|| {
            let anchor = Anchor {
                entry: 5_000,
                line: 0,
            };
            chat.scroll = Scroll::From(anchor, -(HEIGHT as isize));
            draw_from(&mut cache, &chat)
        });
    });
}

/// A long reply whose chat is opened.
fn long_reply(criterion: &mut Criterion) {
    let mut chat = streaming(10, "", PROSE, LONG);
    if let Some(Entry::Reply(reply)) = chat.entries.last_mut() {
        reply.state = ReplyState::Done(StopReason::EndOfTurn);
    }
    criterion.bench_function("a reply of 200,000 tokens: the first frame", |bencher| {
        bencher.iter(|| draw_from(&mut TranscriptCache::default(), &chat));
    });
    let mut cache = TranscriptCache::default();
    draw_from(&mut cache, &chat);
    criterion.bench_function("a reply of 200,000 tokens: a page further up", |bencher| {
        bencher.iter(|| {
            let anchor = Anchor {
                entry: 10,
                line: 5_000,
            };
            chat.scroll = Scroll::From(anchor, -(HEIGHT as isize));
            draw_from(&mut cache, &chat)
        });
    });
}

criterion_group!(benches, one_more_token, opening, long_reply);
criterion_group! {
    name = worst;
    config = Criterion::default().sample_size(10);
    targets = worst_token
}
criterion_main!(benches, worst);
