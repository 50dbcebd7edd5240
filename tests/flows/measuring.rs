//! Measurements made from the deck, under a conversation.

use llmdeck::bench::history;
use llmdeck::engine::fake::Script;

use crate::harness::Deck;

#[tokio::test(start_paused = true)]
async fn a_measurement_shows_bars_is_kept_and_leaves_the_chat_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut deck = Deck::start_measuring(Script::default(), folder.path()).await;
    deck.see("guide").await;
    deck.say("hello").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.press("f12").await;
    deck.see("No results are kept").await;
    deck.press("enter").await;
    deck.see("test 1 of 2 pp512").await;
    // What the fake engine's clock makes.
    deck.see("200.00 ± 0.00 tok/s").await;
    deck.see("20.00 ± 0.00 tok/s").await;
    deck.see("done").await;
    deck.see("Kept results").await;
    deck.press("esc").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.say("and now?").await;
    deck.see_times("It is bound by memory bandwidth.", 2).await;
    deck.quit().await;
    let kept = history::read(&history::file(folder.path())).unwrap();
    assert_eq!(kept.records.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn escape_ends_a_measurement_and_the_values_in_force_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut deck = Deck::start_measuring(Script::default(), folder.path()).await;
    deck.see("ready").await;
    deck.press("f12").await;
    deck.press("down").await;
    deck.press("enter").await;
    deck.see("over context depth · test 1").await;
    deck.press("esc").await;
    deck.see("stopped").await;
    deck.press("esc").await;
    deck.say("hello").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.quit().await;
}
