use proptest::prelude::*;

use super::*;
use crate::app::{Reply, ReplyState};
use crate::engine::{RequestId, StopReason};

const PAGE: Page = Page {
    width: 40,
    glyphs: GlyphSet::Unicode,
};

/// Questions and replies in turn.
fn chat(texts: &[String]) -> ChatState {
    let mut chat = ChatState::new(ConversationId(1));
    for (number, text) in texts.iter().enumerate() {
        chat.entries.push(if number % 2 == 0 {
            Entry::User(text.clone())
        } else {
            let mut reply = Reply::new(RequestId(number as u64), String::new());
            reply.text.clone_from(text);
            reply.state = ReplyState::Done(StopReason::EndOfTurn);
            Entry::Reply(reply)
        });
    }
    chat
}

fn long_chat(messages: usize) -> ChatState {
    let texts = (0..messages).map(|number| {
        let words = "goes on and ".repeat(10 + number % 60);
        format!("# Message {number}\n\n{words}\n\n- one\n- two\n\n```rust\nlet x = {number};\n```")
    });
    chat(&texts.collect::<Vec<_>>())
}

/// A frame: what is in view, and the state told of it.
fn frame(cache: &mut TranscriptCache, chat: &mut ChatState, page: Page, height: usize) -> View {
    cache.update(chat, page);
    let view = cache.view(chat, height);
    chat.viewed(crate::app::Viewport {
        width: page.width,
        height,
        top: view.anchor,
        is_at_end: view.is_at_end,
    });
    view
}

fn lines(cache: &TranscriptCache, lines: Range<usize>) -> Vec<TranscriptLine> {
    lines.map(|line| cache.line(line)).collect()
}

/// Everything laid out.
fn whole(chat: &ChatState, page: Page) -> TranscriptCache {
    let mut cache = TranscriptCache::default();
    cache.update(chat, page);
    for (slot, entry) in cache.slots.iter_mut().zip(&chat.entries) {
        let laid_out = LaidOut::new(entry, *slot.key(), page);
        *slot = Slot::LaidOut(Box::new(laid_out));
    }
    cache.sum_up(0);
    cache
}

#[derive(Clone, Debug)]
enum Move {
    By(isize),
    ToEntry(usize),
    ToEnd,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (-15..15_isize).prop_map(Move::By),
        1 => (0..20_usize).prop_map(Move::ToEntry),
        1 => Just(Move::ToEnd),
    ];
    prop::collection::vec(one, 1..20)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let text = "((a word|[*]{2}b[*]{2}|`c`|- d|# e|[|] f [|]|```| |\n|\n\n){0,30})";
    prop::collection::vec(text, 1..20)
}

proptest! {
    #[test]
    fn what_is_in_view_is_what_a_layout_of_everything_has_there(
        texts in texts(), moves in moves(), height in 1..12_usize, left_out in 0..4_usize
    ) {
        let mut chat = chat(&texts);
        chat.left_out = left_out;
        let all = whole(&chat, PAGE);
        let last_top = all.total().saturating_sub(height);
        let mut cache = TranscriptCache::default();
        let mut top = last_top;
        frame(&mut cache, &mut chat, PAGE, height);
        for step in moves {
            match step {
                Move::By(by) => {
                    chat.scroll_by(by);
                    top = top.saturating_add_signed(by).min(last_top);
                }
                Move::ToEntry(entry) => {
                    let entry = entry.min(texts.len() - 1);
                    chat.scroll = Scroll::to_entry(entry);
                    top = all.lines_of(entry).start.min(last_top);
                }
                Move::ToEnd => {
                    chat.scroll = Scroll::End;
                    top = last_top;
                }
            }
            let view = frame(&mut cache, &mut chat, PAGE, height);
            let seen = lines(&cache, view.top..cache.total().min(view.top + height));
            prop_assert_eq!(seen, lines(&all, top..all.total().min(top + height)));
            prop_assert_eq!(view.is_at_end, top == last_top);
            prop_assert_eq!(all.start(view.anchor.entry) + view.anchor.line, top);
        }
        if cache.is_exact_from(0) {
            prop_assert_eq!(cache.total(), all.total());
        }
    }
}

#[test]
fn only_what_comes_into_view_is_laid_out() {
    let mut chat = long_chat(1_000);
    let mut cache = TranscriptCache::default();
    let count = |cache: &TranscriptCache| (0..1_000).filter(|at| cache.is_laid_out(*at)).count();
    assert!(frame(&mut cache, &mut chat, PAGE, 30).is_at_end);
    assert!(cache.is_laid_out(999) && count(&cache) < 10);
    chat.scroll = Scroll::to_entry(0);
    assert_eq!(frame(&mut cache, &mut chat, PAGE, 30).top, 0);
    assert!(cache.is_laid_out(0) && count(&cache) < 20);
    assert!(!cache.is_exact_from(0));
}

#[test]
fn another_width_keeps_the_place_in_its_entry() {
    let mut chat = long_chat(1_000);
    let mut cache = TranscriptCache::default();
    frame(&mut cache, &mut chat, PAGE, 30);
    chat.scroll = Scroll::From(
        Anchor {
            entry: 459,
            line: 10,
        },
        0,
    );
    frame(&mut cache, &mut chat, PAGE, 30);
    let wide = Page { width: 80, ..PAGE };
    let view = frame(&mut cache, &mut chat, wide, 30);
    let height = cache.lines_of(459).len();
    assert_eq!(view.anchor.entry, 459);
    assert!((1..10).contains(&view.anchor.line) && view.anchor.line < height);
    assert_eq!(
        frame(&mut cache, &mut chat, wide, 30),
        view,
        "and stays there"
    );
}

#[test]
fn a_picked_block_far_up_comes_into_view() {
    let mut chat = long_chat(1_000);
    let mut cache = TranscriptCache::default();
    frame(&mut cache, &mut chat, PAGE, 30);
    let picked = PickedCode {
        entry: 11,
        block: 0,
    };
    chat.code = Some(picked);
    chat.scroll = Scroll::Code;
    let view = frame(&mut cache, &mut chat, PAGE, 30);
    let code = cache.code(picked).unwrap();
    assert_eq!(code.start, view.top + CONTEXT);
    assert_eq!(code.len(), 3);
}

#[test]
fn a_reply_that_grows_is_the_same_as_one_that_came_at_once() {
    let mut chat = long_chat(2);
    let mut cache = TranscriptCache::default();
    let text = "Some *text*,\n\n1. a list\n2. more of it\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    let mut reply = Reply::new(RequestId(99), String::new());
    reply.state = ReplyState::Streaming;
    chat.entries.push(Entry::Reply(reply));
    for (at, _) in text.char_indices().step_by(3) {
        if let Some(Entry::Reply(reply)) = chat.entries.last_mut() {
            text[..at].clone_into(&mut reply.text);
        }
        cache.update(&chat, PAGE);
        let fresh = whole(&chat, PAGE);
        assert_eq!(cache.lines_of(2).len(), fresh.lines_of(2).len());
        let shown = |cache: &TranscriptCache| -> Vec<Option<markdown::Line>> {
            (0..40)
                .map(|line| cache.markdown(2, line).cloned())
                .collect()
        };
        assert_eq!(shown(&cache), shown(&fresh));
    }
}
