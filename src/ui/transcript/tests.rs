use super::*;
use crate::app::Reply;
use crate::engine::{RequestId, StopReason};

const PAGE: Page = Page {
    width: 40,
    glyphs: GlyphSet::Unicode,
};
const HEIGHT: usize = 20;

fn long_chat(replies: u64) -> ChatState {
    let mut chat = ChatState::new(ConversationId(1));
    for number in 0..replies {
        chat.entries.push(Entry::User(format!("Question {number}")));
        let mut reply = Reply::new(RequestId(number + 1), String::new());
        reply.text = format!(
            "**{number}** is a number that {}.\n\n- one\n- two\n\n```rust\nlet x = {number};\n```",
            "goes on and ".repeat(10 + number as usize % 60)
        );
        reply.state = ReplyState::Done(StopReason::EndOfTurn);
        chat.entries.push(Entry::Reply(reply));
    }
    chat
}

/// What stands in view, and the first line of it.
fn seen(cache: &mut TranscriptCache, chat: &mut ChatState) -> (Vec<TranscriptLine>, usize) {
    cache.update(chat, PAGE);
    let (top, moved) = cache.view(chat, HEIGHT);
    if let Scroll::Line(line) = chat.scroll {
        chat.scroll = Scroll::Line(line.saturating_add_signed(moved));
    }
    (
        (top..top + HEIGHT).map(|line| cache.line(line)).collect(),
        top,
    )
}

#[test]
fn only_the_end_of_a_long_chat_is_laid_out_and_scrolling_up_does_not_jump() {
    let mut chat = long_chat(1_000);
    let mut cache = TranscriptCache::default();
    let (mut before, mut top) = seen(&mut cache, &mut chat);
    assert!(matches!(cache.entries[0].body, Body::Unseen(_)));
    assert!(matches!(cache.entries[1999].body, Body::Markdown(_)));
    let mut last_entry = chat.entries.len();
    while top > 0 && last_entry > 1_000 {
        chat.scroll = Scroll::Line(top.saturating_sub(7));
        let (now, at) = seen(&mut cache, &mut chat);
        assert_eq!(now[7..], before[..HEIGHT - 7]);
        assert!(now.iter().any(|line| *line != TranscriptLine::Blank));
        last_entry = cache.ends.partition_point(|end| *end <= at);
        (before, top) = (now, at);
    }
}

#[test]
fn a_jump_to_the_beginning_shows_the_beginning() {
    let mut chat = long_chat(1_000);
    let mut cache = TranscriptCache::default();
    seen(&mut cache, &mut chat);
    chat.scroll = Scroll::Line(0);
    let (lines, top) = seen(&mut cache, &mut chat);
    assert_eq!(top, 0);
    assert!(matches!(
        lines[0],
        TranscriptLine::Body {
            entry: 0,
            first: true,
            ..
        }
    ));
    assert!(matches!(
        lines[2],
        TranscriptLine::Markdown {
            entry: 1,
            line: 0,
            first: true
        }
    ));
}

#[test]
fn a_picked_block_far_up_comes_into_view() {
    let mut chat = long_chat(1_000);
    let mut cache = TranscriptCache::default();
    seen(&mut cache, &mut chat);
    chat.code = Some(PickedCode {
        entry: 11,
        block: 0,
    });
    chat.scroll = Scroll::Code;
    let (lines, top) = seen(&mut cache, &mut chat);
    let code = cache
        .code(PickedCode {
            entry: 11,
            block: 0,
        })
        .unwrap();
    assert!((top..top + HEIGHT).contains(&code.start));
    assert!(
        lines
            .iter()
            .any(|line| matches!(line, TranscriptLine::Markdown { entry: 11, .. }))
    );
}

#[test]
fn a_reply_that_grows_is_the_same_as_one_that_came_at_once() {
    let mut chat = long_chat(2);
    let mut cache = TranscriptCache::default();
    cache.update(&chat, PAGE);
    let text = "Some *text*,\n\n1. a list\n2. more of it\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    let mut reply = Reply::new(RequestId(99), String::new());
    reply.state = ReplyState::Streaming;
    chat.entries.push(Entry::Reply(reply));
    for (at, _) in text.char_indices().step_by(3) {
        if let Some(Entry::Reply(reply)) = chat.entries.last_mut() {
            text[..at].clone_into(&mut reply.text);
        }
        let mut fresh = TranscriptCache::default();
        assert_eq!(cache.update(&chat, PAGE), fresh.update(&chat, PAGE));
        let lines = |cache: &TranscriptCache| -> Vec<Option<markdown::Line>> {
            (0..40)
                .map(|line| cache.markdown(4, line).cloned())
                .collect()
        };
        assert_eq!(lines(&cache), lines(&fresh));
    }
}
