//! What one more token costs: the transcript brought up to date, without drawing.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use llmdeck::app::{ChatState, Entry, Reply, ReplyState};
use llmdeck::engine::{ConversationId, RequestId, Timings};
use llmdeck::theme::GlyphSet;
use llmdeck::ui::{Page, TranscriptCache};

const PAGE: Page = Page {
    width: 110,
    glyphs: GlyphSet::Unicode,
};

fn streaming(messages: usize, reply_bytes: usize) -> ChatState {
    let mut chat = ChatState::new(ConversationId(1));
    for number in 0..messages {
        chat.entries.push(Entry::User(format!(
            "Question {number}: what is a mutex, and when is it needed?"
        )));
    }
    chat.entries.push(Entry::Reply(Reply {
        request: RequestId(1),
        text: "a word and another ".repeat(reply_bytes / 19),
        state: ReplyState::Streaming,
        timings: Timings::default(),
        model: String::new(),
        seed: None,
    }));
    chat
}

fn one_more_token(criterion: &mut Criterion) {
    for (name, messages, bytes) in [
        ("token after 10 messages, in a paragraph of 1 kB", 10, 1_000),
        (
            "token after 10 messages, in a paragraph of 100 kB",
            10,
            100_000,
        ),
        (
            "token after 5,000 messages, in a paragraph of 1 kB",
            5_000,
            1_000,
        ),
    ] {
        let mut chat = streaming(messages, bytes);
        let mut cache = TranscriptCache::default();
        cache.update(&chat, PAGE);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                if let Some(Entry::Reply(reply)) = chat.entries.last_mut() {
                    reply.text.push_str(" token");
                    if reply.text.len() > bytes * 2 {
                        reply.text.truncate(bytes / 19 * 19);
                    }
                }
                black_box(cache.update(&chat, PAGE))
            });
        });
    }
}

criterion_group!(benches, one_more_token);
criterion_main!(benches);
