//! What one more token costs: the transcript brought up to date and the code in view coloured, without
//! drawing.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use llmdeck::app::{ChatState, Entry, Reply, ReplyState};
use llmdeck::engine::{ConversationId, RequestId};
use llmdeck::theme::GlyphSet;
use llmdeck::ui::{Page, TranscriptCache};

const PAGE: Page = Page {
    width: 110,
    glyphs: GlyphSet::Unicode,
};

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

/// A text as tokens of four bytes, without end.
fn tokens(text: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = text.chars().collect();
    let tokens: Vec<String> = characters
        .chunks(4)
        .map(|token| token.iter().collect())
        .collect();
    tokens.into_iter().cycle()
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
        ("prose of 200,000 tokens", 10, "", PROSE, LONG),
        ("one line of 200,000 tokens", 10, "", PARAGRAPH, LONG),
        ("a list of 200,000 tokens", 10, "", LIST, LONG),
        ("code of 200,000 tokens", 10, "```rust\n", CODE, LONG),
        ("a table of 1,000 tokens", 10, table.as_str(), TABLE, 4_000),
        ("a table of 200,000 tokens", 10, table.as_str(), TABLE, LONG),
    ] {
        let mut chat = streaming(messages, begin, text, bytes);
        let mut cache = TranscriptCache::default();
        let total = cache.update(&chat, PAGE);
        cache.highlight(total.saturating_sub(60)..total);
        let mut more = tokens(text);
        criterion.bench_function(&format!("one more token: {name}"), |bencher| {
            bencher.iter(|| {
                if let Some(Entry::Reply(reply)) = chat.entries.last_mut() {
                    reply.text.extend(more.next());
                }
                let total = cache.update(&chat, PAGE);
                cache.highlight(total.saturating_sub(60)..total);
                black_box(total)
            });
        });
    }
}

criterion_group!(benches, one_more_token);
criterion_main!(benches);
